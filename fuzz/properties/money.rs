//! Amounts: read exactly where a regular expression and the currency's decimals allow, kept and
//! written without loss, and every fee between nothing and the price, rounded by half a unit.
//!
//! One a line: currency, price, another amount, percentage, the amount paid.

use std::sync::LazyLock;

use beckn_bpp::domain::money::{Currency, Money, Percentage};
use beckn_bpp::domain::policy::{Charge, Fee};
use regex::Regex;

use super::lines;

static DECIMAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([+-]?)([0-9]*)(?:\.([0-9]+))?$").expect("an expression"));

/// Holds for every text of each.
pub fn holds(data: &[u8]) {
    let Some([code, price, amount, share, paid]) = lines::<5>(data) else {
        return;
    };
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    let currency = Currency::parse(code);
    assert_eq!(currency.is_ok(), is_code, "{code:?}");
    let Ok(currency) = currency else {
        return;
    };
    assert_eq!(currency.to_string(), code);
    let [price, amount, paid] = [price, amount, paid].map(|text| read(text, currency));
    let share = percentage(share);
    let Some(price) = price else {
        return;
    };
    share_is_rounded_half_up(&price, share);
    for (floor, cap) in [(None, None), (amount, None), (None, amount), (paid, amount)] {
        let fee = Fee {
            amount: amount.filter(|_| floor.is_none() && cap.is_none()),
            percentage: share.map(|(share, _)| share),
            floor,
            cap,
        };
        let charge = Charge::of(fee.on(&price), paid);
        assert!((0..=price.minor.max(0)).contains(&charge.fee.minor));
        assert!(charge.refund.minor >= 0 && charge.due.minor >= 0);
        let paid = paid.map_or(0, |paid| paid.minor);
        assert_eq!(
            paid - charge.refund.minor + charge.due.minor,
            charge.fee.minor
        );
    }
}

fn read(text: &str, currency: Currency) -> Option<Money> {
    let read = Money::parse(text, currency).ok();
    let expected = minor(text, currency.exponent());
    assert_eq!(
        read.map(|money| money.minor),
        expected,
        "{text:?} {currency}"
    );
    let money = read?;
    // The store keeps it as it prints.
    let kept = serde_json::to_string(&money).expect("JSON");
    let back = serde_json::from_str::<Money>(&kept).map_err(|error| error.to_string());
    assert_eq!(back, Ok(money), "{kept}");
    for like in ["1", "1.00"] {
        let shown = money.display_like(like);
        assert_eq!(
            minor_of_any_length(&shown, currency.exponent()),
            Some(money.minor)
        );
    }
    Some(money)
}

/// Minor units of at most 18 digits, none of them finer than the currency has.
fn minor(text: &str, exponent: u32) -> Option<i128> {
    let written = DECIMAL.captures(text)?;
    let digits = written[2].len() + written.get(3).map_or(0, |part| part.len());
    (1..=18)
        .contains(&digits)
        .then(|| minor_of_any_length(text, exponent))?
}

fn minor_of_any_length(text: &str, exponent: u32) -> Option<i128> {
    let written = DECIMAL.captures(text)?;
    let part = written.get(3).map_or("", |part| part.as_str());
    let width = exponent as usize;
    let part = format!("{:0<width$}", part.trim_end_matches('0'));
    let digits = format!("{}0{}{part}", &written[1], &written[2]);
    (part.len() == width).then(|| digits.parse().expect("few digits"))
}

/// The percentage, and how many millionths of the whole it is.
fn percentage(text: &str) -> Option<(Percentage, i128)> {
    let read = Percentage::parse(text).ok();
    let millionths = minor(text, 4).filter(|share| (0..=1_000_000).contains(share));
    assert_eq!(read.is_some(), millionths.is_some(), "{text:?}");
    read.zip(millionths)
}

fn share_is_rounded_half_up(price: &Money, share: Option<(Percentage, i128)>) {
    let Some((share, millionths)) = share else {
        return;
    };
    let (size, got) = (price.minor.abs(), price.percent(share).minor.abs());
    let off = got * 1_000_000 - size * millionths;
    assert!((-499_999..=500_000).contains(&off), "{price} {share:?}");
}
