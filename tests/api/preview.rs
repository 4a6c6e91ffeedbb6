//! `GET /orders/{id}/cancellation-preview`: what it would cost, now and at each coming step.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rides::Ride;

const STEPS: &str = r#"
[policy.default]
[[policy.default.rule]]
since_booking = "5m"
percent = "0"
[[policy.default.rule]]
before_start = "2h"
percent = "25"
[[policy.default.rule]]
before_start = "0s"
percent = "50"
floor = "80"
currency = "INR"
[[policy.default.rule]]
allowed = false
text = "Not after the start"
"#;

const OWN: &str = r#"[{"fulfillment_state":{"descriptor":{"code":"RIDE_ASSIGNED"}},"cancellation_fee":{"percentage":"0"}},
    {"fulfillment_state":{"descriptor":{"code":"RIDE_ARRIVED_PICKUP"}},"reason_required":true,
     "cancellation_fee":{"amount":{"currency":"INR","value":"50"}}}]"#;

/// State, end and fee of each step.
fn steps(answer: &Value) -> Vec<(Value, Value, Value)> {
    let steps = answer["steps"].as_array().expect("a list").iter();
    let cell = |step: &Value| {
        let state = match &step["fulfillment_state"] {
            Value::Null => step["state"].clone(),
            code => code.clone(),
        };
        (state, step["until"].clone(), step["fee"]["value"].clone())
    };
    steps.map(cell).collect()
}

async fn preview(app: &TestApp, id: &str, query: &str) -> Value {
    let path = format!("/orders/{id}/cancellation-preview{query}");
    let answer = app.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

async fn booked(app: &TestApp, id: &str) {
    let order = json!({"id": id, "booking": {"status": "Confirmed",
        "starts_at": "2036-03-02T10:00:00Z", "price": {"value": "146.00", "currency": "INR"}}});
    let answer = app
        .admin("PUT", &format!("/orders/{id}"), Some(&order))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_border_of_time_is_a_step_and_counts_for_the_customer() {
    let app = TestApp::start_with(STEPS).await;
    booked(&app, "B-1").await;
    let kept = app.kept().await;
    let answer = preview(&app, "B-1", "?at=2036-03-01T00:00:00Z").await;
    assert_eq!(
        steps(&answer),
        [
            (
                json!("Confirmed"),
                json!("2036-03-02T08:00:00.000Z"),
                json!("36.50")
            ),
            (
                json!("Confirmed"),
                json!("2036-03-02T10:00:00.000Z"),
                json!("80.00")
            ),
            (json!("Confirmed"), json!(null), json!(null)),
        ]
    );
    let last = &answer["steps"][2];
    assert_eq!(
        (&last["allowed"], &last["why_not"]),
        (&json!(false), &json!("Not after the start"))
    );
    assert_eq!(answer["steps"][1]["due"]["value"], "80.00");
    let sentence = answer["steps"][1]["terms"]["sentence"]
        .as_str()
        .expect("a sentence");
    assert!(
        sentence.contains("50 % of the price, at least 80.00 INR"),
        "{sentence}"
    );
    // Exactly at the border, and just behind it.
    let at = preview(&app, "B-1", "?at=2036-03-02T08:00:00Z").await;
    assert_eq!(steps(&at)[0].2, "36.50");
    let behind = preview(&app, "B-1", "?at=2036-03-02T08:00:00.001Z").await;
    assert_eq!(steps(&behind)[0].2, "80.00");
    // Without a time it is now, which is within five minutes of the booking.
    assert_eq!(steps(&preview(&app, "B-1", "").await)[0].2, "0.00");
    assert_eq!(steps(&preview(&app, "B-1", "?by=provider").await).len(), 1);
    assert_eq!(app.kept().await, kept, "a preview changes nothing");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_of_a_ride_to_come_is_a_step_until_it_has_begun() {
    let app = TestApp::start().await;
    let ride = Ride::placed_by(&app.bap, "1.1.0", "R-1").with("cancellation_terms", OWN);
    ride.hand_over(&app).await;
    let answer = preview(&app, "R-1", "").await;
    let states: Vec<_> = steps(&answer)
        .into_iter()
        .map(|(state, _, fee)| (state, fee))
        .collect();
    assert_eq!(
        states,
        [
            (json!("RIDE_ASSIGNED"), json!("0.00")),
            (json!("RIDE_ENROUTE_PICKUP"), json!("0.00")),
            (json!("RIDE_ARRIVED_PICKUP"), json!("50.00")),
            (json!("RIDE_STARTED"), json!(null)),
        ]
    );
    let required = answer["steps"].as_array().expect("a list").iter();
    let required: Vec<_> = required
        .map(|step| step["reason_required"].clone())
        .collect();
    assert_eq!(required, [false, false, true, false].map(Value::from));
    assert_eq!(answer["policy"]["name"], "order");
    ride.cancel().answered(&app).await;
    let over = preview(&app, "R-1", "").await;
    assert_eq!(over["steps"], json!([]));
    assert_eq!(over["cancellation"]["charge"]["fee"]["value"], "0.00");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_has_the_terms_of_the_nearest_earlier_state_and_its_states_to_come() {
    let terms = r#"[{"fulfillment_state":{"descriptor":{"code":"Pending"}},"cancellation_fee":{"percentage":"0"}},
        {"fulfillment_state":{"descriptor":{"code":"Packed"}},"cancellation_fee":{"percentage":"30"}},
        {"fulfillment_state":{"descriptor":{"code":"Order-picked-up"}},"cancellation_fee":{"percentage":"100"}}]"#;
    let app = TestApp::start().await;
    let steps_to_come = [
        (json!("Pending"), json!("0.00")),
        (json!("Packed"), json!("43.80")),
        (json!("Agent-assigned"), json!("43.80")),
        (json!("Order-picked-up"), json!(null)),
    ];
    for (from, state) in [(0, "Pending"), (2, "Agent-assigned")] {
        let fulfillments =
            format!(r#"[{{"id":"F1","state":{{"descriptor":{{"code":"{state}"}}}}}}]"#);
        let ride = Ride::placed_by(&app.bap, "1.1.0", state)
            .with("cancellation_terms", terms)
            .with("fulfillments", &fulfillments);
        ride.hand_over(&app).await;
        let answer = preview(&app, state, "").await;
        let steps = steps(&answer).into_iter();
        let steps: Vec<_> = steps.map(|(state, _, fee)| (state, fee)).collect();
        assert_eq!(steps, steps_to_come[from..], "{state}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilment_that_is_cancelled_says_nothing_of_the_fee() {
    let app = TestApp::start().await;
    let one = |id: &str, state: &str| {
        format!(r#"{{"id":"{id}","state":{{"descriptor":{{"code":"{state}"}}}}}}"#)
    };
    for (id, gone) in [("R-1", "RIDE_CANCELLED"), ("R-2", "RTO-Initiated")] {
        let (gone, left) = (one("F1", gone), one("F2", "RIDE_ARRIVED_PICKUP"));
        let ride = Ride::placed_by(&app.bap, "1.1.0", id)
            .with("cancellation_terms", OWN)
            .with("fulfillments", &format!("[{gone},{left}]"));
        ride.hand_over(&app).await;
        let first = steps(&preview(&app, id, "").await)[0].clone();
        let expected = (json!("RIDE_ARRIVED_PICKUP"), json!(null), json!("50.00"));
        assert_eq!(first, expected, "{id}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_previewed_is_what_it_costs() {
    let app = TestApp::start_with(STEPS).await;
    for by in ["customer", "partner", "provider"] {
        let id = format!("B-{by}");
        booked(&app, &id).await;
        let seen = preview(&app, &id, &format!("?by={by}")).await["steps"][0].clone();
        let path = format!("/orders/{id}/cancel");
        let answer = app.admin("POST", &path, Some(&json!({"by": by}))).await;
        let charge = &answer.body["cancellation"]["charge"];
        for part in ["fee", "refund", "due"] {
            assert_eq!(charge[part], seen[part], "{by} {part}");
        }
        assert_eq!(answer.body["cancellation"]["terms"], seen["terms"]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_nothing_or_for_nobody_is_refused() {
    let app = TestApp::start().await;
    booked(&app, "B-1").await;
    let status = async |path: &str| app.get(path).await.status;
    assert_eq!(status("/orders/nope/cancellation-preview").await, 404);
    for query in ["by=nobody", "at=tomorrow", "door=window"] {
        let path = format!("/orders/B-1/cancellation-preview?{query}");
        assert_eq!(status(&path).await, 400, "{query}");
    }
    app.stop().await;
}
