use proptest::prelude::*;

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a code")
}

fn inr(text: &str) -> Money {
    Money::parse(text, currency("INR")).expect("an amount")
}

#[test]
fn amounts_are_read_as_minor_units_of_their_currency() {
    assert_eq!(inr("180").minor, 18_000);
    assert_eq!(inr("12.5").minor, 1_250);
    assert_eq!(inr("-146").minor, -14_600);
    assert_eq!(inr(".5").minor, 50);
    assert_eq!(inr("1.500").minor, 150, "trailing zeros are no finer");
    assert_eq!(
        Money::parse("500", currency("JPY")).map(|m| m.minor),
        Ok(500)
    );
    assert_eq!(
        Money::parse("1.234", currency("KWD")).map(|m| m.minor),
        Ok(1_234)
    );
}

#[test]
fn what_is_not_a_decimal_is_refused() {
    for bad in [
        "", "-", "1e3", "NaN", "1.", "0x1", " 1", "1,000", "--1", "\u{664}",
    ] {
        assert!(Money::parse(bad, currency("INR")).is_err(), "{bad:?}");
    }
    assert!(matches!(
        Money::parse("1.005", currency("INR")),
        Err(Error::TooFine { .. })
    ));
    for long in [
        "12345678901234567890",
        "1234567890123456789",
        "12345678901234567.89",
    ] {
        let read = Money::parse(long, currency("INR"));
        assert!(matches!(read, Err(Error::TooManyDigits(_))), "{long}");
    }
}

#[test]
fn amounts_are_written_the_way_the_order_writes_them() {
    assert_eq!(inr("30").display_like("146"), "30");
    assert_eq!(inr("30").display_like("146.00"), "30.00");
    assert_eq!(inr("30.5").display_like("146"), "30.50");
    assert_eq!(inr("-146").display_like("146"), "-146");
    assert_eq!(inr("-0.05").to_string(), "-0.05");
    assert_eq!(Money::zero(currency("JPY")).to_string(), "0");
}

#[test]
fn half_a_minor_unit_rounds_up() {
    let percentage = |text| Percentage::parse(text).expect("a percentage");
    assert_eq!(inr("0.01").percent(percentage("50")).minor, 1);
    assert_eq!(inr("0.01").percent(percentage("49.9999")).minor, 0);
    assert_eq!(inr("180").percent(percentage("12.5")).minor, 2_250);
    assert_eq!(inr("180").percent(percentage("100")).minor, 18_000);
    for written in ["0", "12.5", "33.3333", "100"] {
        assert_eq!(percentage(written).to_string(), written);
    }
    assert!(Percentage::parse("100.1").is_err());
    assert!(Percentage::parse("-1").is_err());
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(minor in -1_000_000_000_i128..1_000_000_000) {
        let money = Money { minor, currency: currency("INR") };
        prop_assert_eq!(Money::parse(&money.to_string(), money.currency), Ok(money));
        prop_assert_eq!(Money::parse(&money.display_like("1"), money.currency), Ok(money));
    }
}
