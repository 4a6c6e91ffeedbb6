//! What leaves after an ACK: the table of outcomes row by row, what it costs, and the races.
//!
//! Every row is asserted whole: the bytes of the callback, its signature, the provider's event,
//! and the order as the admin API shows it afterwards.

mod expected;
mod lines;
mod money;
mod policies;
mod races;
mod rows;

use beckn_bpp::mock::bap::Received;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rides::{Request, Ride, text};

/// One version of each dialect.
const VERSIONS: [&str; 2] = ["0.9.1", "1.1.0"];

/// Every cancellation costs 30 rupees.
const THIRTY: &str = r#"
[policy.default]
[[policy.default.rule]]
amount = "30"
currency = "INR"
"#;

/// A new ride of this version, handed over.
async fn placed(app: &TestApp, version: &str, id: &str) -> Ride {
    let ride = Ride::placed_by(&app.bap, version, id);
    ride.hand_over(app).await;
    ride
}

/// All events so far.
async fn events(app: &TestApp) -> Vec<Value> {
    let answer = app.get("/events?after=0&limit=1000").await;
    answer.body["events"].as_array().expect("a list").clone()
}

/// The order as it stands.
async fn order(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/orders/{id}")).await.body
}

/// Version and state of an order.
async fn standing(app: &TestApp, id: &str) -> (Value, Value) {
    let order = order(app, id).await;
    (order["version"].clone(), order["state"].clone())
}

/// Orders and events as they are: what a question or a refusal must leave alone.
async fn unchanged(app: &TestApp) -> Value {
    let kept = app.kept().await;
    json!({"orders": kept["orders"], "events": kept["events"]})
}

/// The callback answers the request byte for byte with this behind its context.
fn check(request: &Request, callback: &Received, rest: &str) {
    assert_eq!(text(callback), request.callback_body(callback, rest));
}

fn inr(value: &str) -> Value {
    json!({"value": value, "currency": "INR"})
}
