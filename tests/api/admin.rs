//! The provider's door: orders, their changes and cancellations, events, callbacks, and what an
//! operator looks at. Everything over HTTP with the admin token, as the provider's system does.

mod audit;
mod callbacks;
mod cancel;
mod change;
mod erase;
mod events;
mod ids;
mod import;
mod operate;
mod orders;
mod retention;
mod token;

use beckn_bpp::mock::orders::Sample;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::app::{Answer, BPP, TestApp};

/// The failure is told as problem details (RFC 9457) and nothing else.
fn check_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let content_type = &answer.headers["content-type"];
    assert_eq!(content_type, "application/problem+json", "{}", answer.text);
    assert_eq!(answer.body["status"], status);
    for member in ["title", "detail"] {
        let text = answer.body[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{member} in {}", answer.text);
    }
}

/// The sample as the provider hands it over, placed by `bap.example.org`.
fn document(app: &TestApp, sample: Sample) -> Value {
    let bap = ("bap.example.org", app.bap.url.as_str());
    let text = sample.placed_by(bap, (BPP, "http://bpp.example.org"));
    serde_json::from_str(&text.expect("a sample")).expect("JSON")
}

/// The same under another id.
fn renamed(app: &TestApp, sample: Sample, id: &str) -> Value {
    let mut document = document(app, sample);
    document["message"]["order"]["id"] = json!(id);
    document
}

async fn put(app: &TestApp, id: &str, document: &Value) -> Answer {
    app.admin("PUT", &format!("/orders/{id}"), Some(document))
        .await
}

async fn patch(app: &TestApp, id: &str, change: Value) -> Answer {
    app.admin("PATCH", &format!("/orders/{id}"), Some(&change))
        .await
}

async fn cancel(app: &TestApp, id: &str, body: Value) -> Answer {
    app.admin("POST", &format!("/orders/{id}/cancel"), Some(&body))
        .await
}

async fn events(app: &TestApp) -> Vec<Value> {
    let events = app.get("/events?after=0&limit=1000").await.body;
    events["events"].as_array().expect("a list").clone()
}

async fn callbacks(app: &TestApp) -> Vec<Value> {
    let callbacks = app.get("/callbacks?limit=1000").await.body;
    callbacks["callbacks"].as_array().expect("a list").clone()
}

fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().expect("a time");
    text.parse().expect("RFC 3339")
}
