use serde_json::json;

use super::*;

fn term(state: Option<&str>, fee: Value) -> Value {
    let mut term = json!({"cancellation_fee": fee, "reason_required": true});
    if let Some(state) = state {
        term["fulfillment_state"] = json!({"descriptor": {"code": state}});
    }
    term
}

fn by(cancel_by: Value, percentage: &str) -> Value {
    json!({"cancel_by": cancel_by, "cancellation_fee": {"percentage": percentage}})
}

fn policy(order: &Value) -> Policy {
    read(order).expect("readable").expect("terms")
}

#[test]
fn a_ride_state_without_a_term_takes_the_nearest_earlier_one() {
    let policy = policy(&json!({"cancellation_terms": [
        term(None, json!({"percentage": "5"})),
        term(Some("RIDE_ASSIGNED"), json!({"percentage": "0"})),
        term(Some("RIDE_ARRIVED_PICKUP"), json!({"amount": {"currency": "INR", "value": "50"}})),
    ]}));
    let states: Vec<_> = policy
        .rules
        .iter()
        .map(|r| r.fulfillment_states.clone())
        .collect();
    assert_eq!(states[0], ["RIDE_ASSIGNED", "RIDE_ENROUTE_PICKUP"]);
    assert_eq!(
        states[1],
        ["RIDE_ARRIVED_PICKUP", "RIDE_STARTED", "RIDE_ENDED"]
    );
    assert!(states[2].is_empty(), "the general term comes last");
    assert!(policy.rules.iter().all(|rule| rule.reason_required));
}

#[test]
fn a_state_outside_the_sequence_covers_only_itself() {
    let policy = policy(&json!({"cancellation_terms": [term(Some("PACKED"), json!({}))]}));
    assert_eq!(policy.rules[0].fulfillment_states, ["PACKED"]);
}

#[test]
fn a_term_that_cannot_be_read_is_refused_by_number() {
    let refused = |order: Value| read(&order).expect_err("unreadable").to_string();
    let fee = refused(json!({"cancellation_terms": [
        term(None, json!({"percentage": "0"})), term(None, json!({"percentage": "a lot"}))]}));
    assert!(fee.starts_with("cancellation_terms[1]: "), "{fee}");
    let time = refused(json!({"cancellation_terms": [by(json!({"duration": "an hour"}), "0")]}));
    assert!(
        time.contains("cancellation_terms[0]") && time.contains("duration"),
        "{time}"
    );
    let time = refused(json!({"cancellation_terms": [by(json!({"timestamp": 7}), "0")]}));
    assert!(time.contains("timestamp"), "{time}");
    let refund = refused(json!({"refund_terms": [{"refund_amount": {"value": "1"}}]}));
    assert!(refund.starts_with("refund_terms[0]: "), "{refund}");
    assert_eq!(read(&json!({})), Ok(None));
    assert_eq!(
        read(&json!({"cancellation_terms": [], "refund_terms": []})),
        Ok(None)
    );
}

#[test]
fn the_earliest_cancel_by_comes_first_and_the_latest_goes_on() {
    let policy = policy(
        &json!({"created_at": "2026-03-02T06:00:00Z", "cancellation_terms": [
            by(json!({"duration": "PT2H"}), "50"),
            by(json!({"timestamp": "2026-03-02T09:00:00+01:00"}), "20"),
            by(json!({"duration": "PT60M"}), "0"),
            by(json!({"range": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T12:00:00Z"}}), "80"),
        ]}),
    );
    let read = |rule: &Rule| {
        let share = rule.fee.percentage.map(|share| share.to_string());
        (
            share.unwrap_or_default(),
            rule.since_booking_seconds,
            rule.not_after,
        )
    };
    let read: Vec<_> = policy.rules.iter().map(read).collect();
    let eight = "2026-03-02T08:00:00Z".parse().ok();
    assert_eq!(read[0], ("0".into(), Some(3_600), None));
    // At eight both end: that of the document's earlier place comes first.
    assert_eq!(read[1], ("50".into(), Some(7_200), None));
    assert_eq!(read[2], ("20".into(), None, eight));
    assert_eq!(read[3], ("80".into(), None, None), "nothing follows it");
}

#[test]
fn a_term_without_an_end_follows_those_that_have_one() {
    let policy = policy(&json!({"cancellation_terms": [
        {"external_ref": {"url": "https://bpp.example.org/terms"}},
        by(json!({"duration": "PT60M"}), "0"),
    ]}));
    assert_eq!(policy.rules[0].since_booking_seconds, Some(3_600));
    assert!(policy.rules[1].leaves_price_open() && !policy.rules[0].leaves_price_open());
    assert!(policy.rules[1].by.contains(&Party::Provider));
    assert!(!policy.rules[0].by.contains(&Party::Provider));
}

#[test]
fn refund_terms_stand_alone_or_beside_and_take_both_shapes_of_a_state() {
    let policy = policy(&json!({"refund_terms": [
        {"refund_eligible": true, "refund_amount": {"currency": "INR", "value": "40"}},
        {"fulfillment_state": {"code": "RIDE_ARRIVED_PICKUP"}, "refund_eligible": false},
        {"fulfillment_state": {"descriptor": {"code": "RIDE_ASSIGNED"}},
            "refund_within": {"duration": "P5D"}},
    ]}));
    assert!(policy.rules[0].leaves_price_open());
    let [arrived, assigned, general] = &policy.refunds[..] else {
        panic!("{:?}", policy.refunds)
    };
    assert_eq!(
        arrived.fulfillment_states,
        ["RIDE_ARRIVED_PICKUP", "RIDE_STARTED", "RIDE_ENDED"]
    );
    assert!(!arrived.eligible && assigned.eligible);
    assert_eq!(assigned.within.as_deref(), Some("P5D"));
    assert_eq!(general.amount.map(|amount| amount.minor), Some(4_000));
}

#[test]
fn the_version_is_that_of_the_terms_whatever_their_spelling() {
    let version = |share: Value| {
        policy(&json!({"cancellation_terms": [{"cancellation_fee": {"percentage": share}}]}))
            .version
    };
    assert_eq!(version(json!("50")), version(json!("50.0")));
    assert_eq!(version(json!("50")), version(json!(50)));
    assert_ne!(version(json!("50")), version(json!("51")));
    assert_eq!(version(json!("50")).len(), 12);
}
