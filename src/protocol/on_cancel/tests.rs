//! The context and each dialect's order, as they leave.

use serde_json::{Value, json};

use super::*;
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Party, Reason};
use crate::domain::policy::Charge;

const US: Us<'static> = Us {
    bpp_id: "bpp.example.org",
    bpp_uri: "https://bpp.example.org",
    ttl_seconds: None,
};

fn at() -> DateTime<Utc> {
    "2026-03-02T06:11:25Z".parse().expect("a time")
}

fn cancellation(fee: i128) -> Cancellation {
    let inr = |minor| Money {
        minor,
        currency: Currency::parse("INR").expect("a code"),
    };
    let reason = Reason {
        id: Some("001".into()),
        text: Some("Driver is \"lost\"".into()),
    };
    let charge = Some(Charge::of(inr(fee), None));
    Cancellation {
        by: Party::Customer,
        reason,
        charge,
        at: at(),
        terms: None,
        portion: None,
        rto: None,
        token: None,
    }
}

const STYLE: Style<'static> = Style {
    kind: Kind::Beckn,
    bpp_id: "bpp.example.org",
    cancelled_word: "Cancelled",
    text_tag: None,
    sends_pin: false,
};

fn encoded(dialect: Dialect, order: &str, content: Content<'_>) -> String {
    let document = format!(r#"{{"context":{{}},"order":{order}}}"#);
    encode(dialect, "{}", &document, content, &STYLE).expect("writable")
}

#[test]
fn the_context_keeps_what_it_does_not_know_and_its_order() {
    let from = r#"{"domain":"mobility","x":1.10,"action":"cancel","key":"k","bpp_id":"?",
        "bpp_uri":"?","message_id":"m1","timestamp":"old","ttl":"PT30S","y":"\u00e9"}"#;
    let text = context(from, US, None, at()).expect("writable");
    let wanted = concat!(
        r#"{"domain":"mobility","x":1.10,"action":"on_cancel","bpp_id":"bpp.example.org","#,
        r#""bpp_uri":"https://bpp.example.org","message_id":"m1","#,
        r#""timestamp":"2026-03-02T06:11:25.000Z","y":"\u00e9"}"#
    );
    assert_eq!(text, wanted);
    let message = MessageId::parse("m2").expect("valid");
    let unsolicited = context(from, US, Some(&message), at()).expect("writable");
    assert!(unsolicited.contains(r#""message_id":"m2""#));
}

#[test]
fn a_free_cancellation_changes_nothing_but_the_state_in_0_9() {
    let order = r#"{"id":"trip_1","state":"Confirmed","n":1.50,"quote":{"price":{"currency":"INR","value":"180"}}}"#;
    let text = encoded(Dialect::V0_9, order, Content::Cancelled(&cancellation(0)));
    let wanted = order.replace("Confirmed", "Cancelled");
    assert_eq!(
        text,
        format!(r#"{{"context":{{}},"message":{{"order":{wanted}}}}}"#)
    );
}

#[test]
fn an_order_is_cancelled_in_the_dialect_it_was_handed_over_in() {
    let cancellation = cancellation(0);
    let encoded = |asked, document: &str| {
        let content = Content::Cancelled(&cancellation);
        encode(asked, "{}", document, content, &STYLE).expect("writable")
    };
    let old = r#"{"context":{"core_version":"0.9.1"},"order":{"state":"Confirmed"}}"#;
    assert_eq!(
        encoded(Dialect::V1, old),
        r#"{"context":{},"message":{"order":{"state":"Cancelled"}}}"#
    );
    let new = r#"{"context":{"version":"1.1.0"},"order":{"status":"ACTIVE"}}"#;
    let text = encoded(Dialect::V0_9, new);
    assert!(text.contains(r#""status":"CANCELLED","cancellation":"#) && !text.contains("state\""));
}

#[test]
fn a_fee_adds_lines_in_0_9() {
    let order = r#"{"id":"t","state":"Confirmed","quote":{"price":{"currency":"INR","value":"180"},"breakup":[{"title":"Fare","price":{"currency":"INR","value":"180"}}]}}"#;
    let text = encoded(
        Dialect::V0_9,
        order,
        Content::Cancelled(&cancellation(2_000)),
    );
    let body: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(body["message"]["order"]["quote"]["price"]["value"], "20");
    assert_eq!(
        body["message"]["order"]["quote"]["breakup"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}

#[test]
fn a_cancelled_1_x_order_has_status_state_block_and_quote() {
    let order = r#"{"id":"O1","status":"ACTIVE","fulfillments":[{"id":"F1","z":1.0,"state":{"descriptor":{"code":"RIDE_ASSIGNED","name":"On the way"}}}],"quote":{"price":{"currency":"INR","value":"146"}},"updated_at":"x"}"#;
    let text = encoded(Dialect::V1, order, Content::Cancelled(&cancellation(3_000)));
    assert!(text.contains(r#""z":1.0"#), "numbers stay as written");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let order = &body["message"]["order"];
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(
        order["fulfillments"][0]["state"],
        json!({"descriptor": {"code": "RIDE_CANCELLED"}})
    );
    assert_eq!(order["quote"]["price"]["value"], "30");
    assert_eq!(order["updated_at"], "2026-03-02T06:11:25.000Z");
    assert_eq!(
        order["cancellation"],
        json!({"cancelled_by": "CONSUMER", "time": "2026-03-02T06:11:25.000Z", "reason":
            {"id": "001", "descriptor": {"code": "001", "short_desc": "Driver is \"lost\""}}})
    );
}

#[test]
fn a_preview_is_priced_and_changes_no_state() {
    let order = r#"{"id":"O1","status":"ACTIVE","fulfillments":[{"state":{"descriptor":{"code":"RIDE_ASSIGNED"}}}],"quote":{"price":{"currency":"INR","value":"146"}}}"#;
    let text = encoded(Dialect::V1, order, Content::Quoted(&cancellation(3_000)));
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let order = &body["message"]["order"];
    assert_eq!(order["status"], "SOFT_CANCEL");
    assert_eq!(
        order["fulfillments"][0]["state"]["descriptor"]["code"],
        "RIDE_ASSIGNED"
    );
    assert!(order.get("cancellation").is_none());
}

#[test]
fn a_denial_is_an_error_without_a_message() {
    let text = encoded(
        Dialect::V1,
        "{}",
        Content::Denied(&Denial::Terms(Some("The ride has started".to_owned()))),
    );
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let error = json!({"code": "50001", "message": "The ride has started"});
    assert_eq!(body, json!({"context": {}, "error": error}));
}
