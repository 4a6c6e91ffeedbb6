//! Each way of writing a cancelled quote, and that all of them add up.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tickets::reversed;
use super::*;

fn inr(text: &str) -> Money {
    Money::parse(text, Currency::parse("INR").expect("a code")).expect("an amount")
}

fn shop() -> Value {
    let line = |about: &str, kind: &str, value: &str| {
        json!({"@ondc/org/item_id": about, "@ondc/org/title_type": kind, "title": "t",
            "price": {"currency": "INR", "value": value}})
    };
    let mut item = line("I1", "item", "340.00");
    item["@ondc/org/item_quantity"] = json!({"count": 2});
    json!({"price": {"currency": "INR", "value": "415.00"}, "breakup": [
        item, line("F1", "delivery", "50.00"), line("F1", "packing", "25.00"),
        line("I1", "tax", "10.00"), line("I1", "discount", "-10.00")]})
}

fn values(quote: &str) -> Vec<String> {
    let quote: Value = serde_json::from_str(quote).expect("JSON");
    let lines = quote["breakup"].as_array().expect("lines");
    let value = |price: &Value| price["price"]["value"].as_str().expect("text").to_owned();
    std::iter::once(value(&quote))
        .chain(lines.iter().map(value))
        .collect()
}

fn zero(fee: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (quote, changes) =
        zeroed(&shop().to_string(), &Share::all(), inr(fee), Some("F1")).expect("written");
    let changes = changes
        .into_iter()
        .map(|change| (change.kind, change.value));
    (values(&quote), changes.collect())
}

#[test]
fn a_shop_keeps_its_charges_as_far_as_the_fee_reaches() {
    let (charges_alone, trail) = zero("75");
    assert_eq!(
        charges_alone,
        ["75.00", "0.00", "50.00", "25.00", "0.00", "0.00"]
    );
    let trail: Vec<_> = trail
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        trail,
        [
            ("item", "-340.00"),
            ("tax", "-10.00"),
            ("discount", "10.00")
        ]
    );
    assert_eq!(
        zero("60").0,
        ["60.00", "0.00", "50.00", "10.00", "0.00", "0.00"]
    );
    assert_eq!(
        zero("0").0,
        ["0.00", "0.00", "0.00", "0.00", "0.00", "0.00"]
    );
    let (beyond, trail) = zero("100");
    assert_eq!(beyond.last().map(String::as_str), Some("25.00"));
    assert_eq!(trail.last(), Some(&("misc".to_owned(), "25.00".to_owned())));
}

#[test]
fn an_item_is_for_none_of_it_and_keeps_everything_else() {
    let (quote, _) = zeroed(&shop().to_string(), &Share::all(), inr("75"), None).expect("written");
    let quote: Value = serde_json::from_str(&quote).expect("JSON");
    assert_eq!(
        quote["breakup"][0]["@ondc/org/item_quantity"],
        json!({"count": 0})
    );
    assert_eq!(quote["breakup"][1], shop()["breakup"][1]);
}

#[test]
fn trade_shows_a_refund_behind_each_line() {
    let quote = refunded(&shop().to_string(), inr("50"), Some("F1")).expect("written");
    assert_eq!(
        values(&quote),
        [
            "50.00", "340.00", "-340.00", "50.00", "25.00", "-25.00", "10.00", "-10.00", "-10.00",
            "10.00"
        ]
    );
}

#[test]
fn a_ticket_has_a_refund_for_each_fare_and_one_for_the_rest() {
    let quote = json!({"price": {"value": "125", "currency": "INR"}, "breakup": [
        {"title": "BASE_FARE", "item": {"id": "I1", "price": {"currency": "INR", "value": "60"}},
            "price": {"currency": "INR", "value": "120"}},
        {"title": "TOLL", "price": {"currency": "INR", "value": "5"}}]});
    let changed = returned(&quote.to_string(), inr("12.50")).expect("written");
    assert_eq!(
        values(&changed),
        ["12.50", "120", "5", "-120", "-5", "12.50"]
    );
    let changed: Value = serde_json::from_str(&changed).expect("JSON");
    assert_eq!(changed["breakup"][2]["title"], "REFUND");
    assert_eq!(changed["breakup"][2]["item"]["price"]["value"], "-60");
}

#[test]
fn a_sign_is_turned_round_and_zero_has_none() {
    for (value, turned) in [
        ("60", "-60"),
        ("-60.50", "60.50"),
        ("0.00", "0.00"),
        ("+1", "-1"),
    ] {
        assert_eq!(reversed(value), turned);
    }
}

proptest! {
    #[test]
    fn however_it_is_written_the_lines_add_up_to_the_fee(
        lines in proptest::collection::vec((-100_000_i64..1_000_000, 0_usize..5, any::<bool>()), 1..8),
        fee in 0_i64..2_000_000,
    ) {
        let rupees = |paise: i64| inr("0").with_minor(i128::from(paise)).to_string();
        let breakup: Vec<Value> = lines.iter().map(|(paise, kind, is_ticket)| {
            let kind = ["item", "delivery", "packing", "misc", "tax"][*kind];
            let mut line = json!({"@ondc/org/title_type": kind,
                "price": {"currency": "INR", "value": rupees(*paise)}});
            if *is_ticket {
                line["item"] = json!({"id": "I1"});
            }
            line
        }).collect();
        let total = lines.iter().map(|(paise, ..)| paise).sum();
        let quote = json!({"price": {"currency": "INR", "value": rupees(total)}, "breakup": breakup});
        let (quote, fee) = (quote.to_string(), inr("0").with_minor(i128::from(fee)));
        let (shop, trail) = zeroed(&quote, &Share::all(), fee, None).expect("written");
        let moved: i128 = trail.iter().map(|change| change.amount.minor).sum();
        prop_assert_eq!(i128::from(total) + moved, fee.minor);
        for written in [shop, refunded(&quote, fee, None).expect("written"),
            returned(&quote, fee).expect("written")] {
            let values = values(&written);
            let sum: i128 = values[1..].iter().map(|value| inr(value).minor).sum();
            prop_assert_eq!(sum, fee.minor);
            prop_assert_eq!(inr(&values[0]).minor, fee.minor);
        }
    }
}
