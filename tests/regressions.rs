//! Faults that were found by reading and must not come back, seen from outside.

#[path = "common/app.rs"]
mod app;

use app::TestApp;
use beckn_bpp::mock::orders::{O1, Sample, TRIP_1};
use serde_json::{Value, json};

/// A sample as the provider hands it over, to be changed by a test.
fn document(app: &TestApp, sample: Sample) -> Value {
    let bap = ("bap.example.org", app.bap.url.as_str());
    let text = sample.placed_by(bap, (app::BPP, "http://bpp.example.org"));
    serde_json::from_str(&text.expect("a sample")).expect("JSON")
}

async fn put(app: &TestApp, id: &str, document: &Value) -> app::Answer {
    app.admin("PUT", &format!("/orders/{id}"), Some(document))
        .await
}

/// The order in the callback that answers a cancel of a sample in another version.
async fn cancelled_in(app: &TestApp, sample: Sample, version: &str) -> Value {
    app.hand_over(sample).await;
    let mut message = app.cancel_of(sample);
    message.version = version.to_owned();
    assert_eq!(app.send(&message).await.status, 200);
    app.callback(&message.message).await.json()["message"]["order"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_asked_for_in_another_version_says_in_all_its_words_that_it_is_cancelled() {
    let app = TestApp::start().await;
    let old = cancelled_in(&app, TRIP_1, "1.1.0").await;
    assert_eq!(
        (&old["state"], &old["status"]),
        (&json!("Cancelled"), &Value::Null)
    );
    let new = cancelled_in(&app, O1, "0.9.4").await;
    assert_eq!(
        (&new["state"], &new["status"]),
        (&Value::Null, &json!("CANCELLED"))
    );
    let code = &new["fulfillments"][0]["state"]["descriptor"]["code"];
    assert_eq!(code, "RIDE_CANCELLED");
    app.stop().await;
}
