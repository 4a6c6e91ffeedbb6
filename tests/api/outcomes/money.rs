//! Amounts at the edges: currencies without and with three decimals, bare numbers, rounding.

use serde_json::json;

use super::{THIRTY, VERSIONS, events};
use crate::app::TestApp;
use crate::rides::{Ride, text};

/// A ride quoted like this, in either dialect.
fn quoted(app: &TestApp, version: &str, id: &str, quote: &str) -> Ride {
    Ride::placed_by(&app.bap, version, id).with("quote", quote)
}

/// One policy for each share, named by it: `p12_5` takes 12.5 per cent.
fn shares(percents: &[&str]) -> String {
    let one = |percent: &&str| {
        let name = named(percent);
        format!("[policy.{name}]\n[[policy.{name}.rule]]\npercent = \"{percent}\"\n")
    };
    percents.iter().map(one).collect()
}

fn named(percent: &str) -> String {
    format!("p{}", percent.replace('.', "_"))
}

/// A quote with one line.
fn quote(currency: &str, total: &str) -> String {
    format!(
        r#"{{"price":{{"currency":"{currency}","value":{total}}},"breakup":[{{"title":"Fare","price":{{"currency":"{currency}","value":{total}}}}}]}}"#
    )
}

/// The same once cancelled: what the line says stays, what we add are strings.
fn cancelled(currency: &str, total: &str, fee: &str, back: &str) -> String {
    let price = |value: &str| format!(r#""price":{{"currency":"{currency}","value":{value}}}"#);
    let (fee, back) = (format!("\"{fee}\""), format!("\"{back}\""));
    format!(
        r#""quote":{{{},"breakup":[{{"title":"Fare",{}}},{{"title":"CANCELLATION_CHARGES",{}}},{{"title":"REFUND",{}}}]}}"#,
        price(&fee),
        price(total),
        price(&fee),
        price(&back)
    )
}

/// Share, currency, total as written; fee and reversal as we write them, fee of the event.
const FEES: [[&str; 6]; 10] = [
    ["12.5", "JPY", r#""1000""#, "125", "-1000", "125"],
    ["12.5", "JPY", r#""1004""#, "126", "-1004", "126"],
    ["12.4", "JPY", "1004", "124", "-1004", "124"],
    ["50", "KWD", r#""10.005""#, "5.003", "-10.005", "5.003"],
    ["50", "KWD", r#""10""#, "5", "-10", "5.000"],
    ["33", "KWD", r#""10""#, "3.300", "-10", "3.300"],
    ["50", "INR", "146.55", "73.28", "-146.55", "73.28"],
    ["100", "INR", "146.50", "146.50", "-146.50", "146.50"],
    ["0.01", "INR", r#""1""#, "0", "-1", "0.00"],
    [
        "100",
        "INR",
        r#""999999999999999.99""#,
        "999999999999999.99",
        "-999999999999999.99",
        "999999999999999.99",
    ],
];

#[tokio::test(flavor = "multi_thread")]
async fn fees_are_rounded_half_up_to_the_minor_unit_of_their_currency() {
    let policies = shares(&["12.5", "12.4", "50", "33", "100", "0.01"]);
    let app = TestApp::start_with(&policies).await;
    for version in VERSIONS {
        for (number, row) in FEES.iter().enumerate() {
            check_fee(&app, version, &format!("R-{version}-{number}"), row).await;
        }
    }
    app.stop().await;
}

async fn check_fee(app: &TestApp, version: &str, id: &str, row: &[&str; 6]) {
    let [percent, currency, total, fee, back, told] = *row;
    let ride = quoted(app, version, id, &quote(currency, total));
    let ride = ride.booking(json!({"policy": named(percent)}));
    ride.hand_over(app).await;
    let callback = ride.cancel().answered(app).await;
    let expected = match (version, fee) {
        ("0.9.1", "0") => format!(r#""quote":{}"#, quote(currency, total)),
        _ => cancelled(currency, total, fee, back),
    };
    assert!(
        text(&callback).contains(&expected),
        "{expected}\n{}",
        text(&callback)
    );
    let event = events(app).await.pop().expect("an event");
    assert_eq!(event["fee"], json!({"value": told, "currency": currency}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_number_stays_as_written_where_nothing_is_charged() {
    let app = TestApp::start_with(THIRTY).await;
    let bare = r#"{ "price" : {"currency":"INR","value":146.50,"x_listed_value": 1.4650e2}, "x": 146.50, "ttl":"PT200S"}"#;
    for version in VERSIONS {
        let ride = quoted(&app, version, &format!("R-{version}"), bare);
        ride.hand_over(&app).await;
        let callback = ride.cancel().answered(&app).await;
        let quote = r#""quote":{"price":{"currency":"INR","value":"30.00","x_listed_value":1.4650e2},"x":146.50,"ttl":"PT200S","breakup":[{"title":"CANCELLATION_CHARGES","price":{"currency":"INR","value":"30.00"}}]}"#;
        assert!(text(&callback).contains(quote), "{}", text(&callback));
        let items = format!(r#""items":{}"#, ride.order.raw("items"));
        assert!(items.contains("146.50") && text(&callback).contains(&items));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_a_price_is_cancelled_without_a_charge() {
    let app = TestApp::start_with(THIRTY).await;
    for version in VERSIONS {
        let mut ride = Ride::placed_by(&app.bap, version, &format!("R-{version}"));
        ride.order = ride.order.without("quote");
        ride.hand_over(&app).await;
        let callback = ride.cancel().answered(&app).await;
        assert!(callback.json()["message"]["order"].get("quote").is_none());
        let event = events(&app).await.pop().expect("an event");
        assert!(event.get("fee").is_none() && event["type"] == "order.cancelled");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_calculated_with_is_refused_at_intake() {
    let app = TestApp::start_with(THIRTY).await;
    let before = app.kept().await;
    for (currency, total) in [
        ("JPY", r#""100.5""#),
        ("JPY", r#""1000""#),
        ("KWD", "0.0005"),
        ("INR", r#""1e3""#),
        ("INR", "1e3"),
        ("INR", r#""1,000""#),
        ("INR", r#""1000000000000000000""#),
        ("inr", r#""10""#),
    ] {
        for version in VERSIONS {
            let ride = quoted(&app, version, "R-1", &quote(currency, total));
            let answer = ride.put(&app).await;
            assert_eq!(answer.status, 422, "{currency} {total}: {}", answer.text);
        }
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}
