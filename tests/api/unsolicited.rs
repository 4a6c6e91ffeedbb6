//! Callbacks that no request asked for go where the registry says, and nowhere else.

use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::mock::registry;
use serde_json::json;

use crate::app::{BPP, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_unsolicited_on_cancel_goes_only_where_the_registry_says_its_bap_lives() {
    let app = TestApp::start().await;
    let elsewhere = app.other_bap.url.as_str();
    let text = TRIP_1.placed_by(
        ("bap.example.org", elsewhere),
        (BPP, "http://bpp.example.org"),
    );
    let document = serde_json::from_str(&text.expect("a sample")).expect("JSON");
    assert_eq!(
        app.admin("PUT", "/orders/trip_1", Some(&document))
            .await
            .status,
        201
    );
    let cancel = json!({"by": "provider"});
    assert_eq!(
        app.admin("POST", "/orders/trip_1/cancel", Some(&cancel))
            .await
            .status,
        200
    );
    app.settled().await;
    let callbacks = app.get("/callbacks").await.body;
    assert_eq!(callbacks["callbacks"][0]["state"], "dead");
    let outcome = &callbacks["callbacks"][0]["attempts"][0]["outcome"];
    assert_eq!(outcome, "callback_url_mismatch");
    assert!(app.other_bap.all().is_empty(), "nothing was sent");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsolicited_on_cancel_waits_for_a_registry_that_is_down() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    // Any answer but rows; a 5xx would also make the server rest between its questions.
    app.registry.behave(registry::Behaviour::Status(403));
    let cancel = json!({"by": "provider", "reason": "013"});
    let answer = app
        .admin("POST", "/orders/trip_1/cancel", Some(&cancel))
        .await;
    assert_eq!(
        answer.status, 200,
        "the order is cancelled, whoever can hear of it"
    );
    app.settled().await;
    let callback = &app.get("/callbacks").await.body["callbacks"][0];
    assert_eq!(callback["attempts"][0]["outcome"], "registry_unavailable");
    app.registry.behave(registry::Behaviour::Filtered);
    let id = callback["id"].as_u64().expect("a number");
    let redriven = app
        .admin("POST", &format!("/callbacks/{id}/redrive"), None)
        .await;
    assert_eq!(redriven.status, 200);
    let message = callback["message"].as_str().expect("a message id");
    assert_eq!(
        app.callback(message).await.json()["message"]["order"]["state"],
        "Cancelled"
    );
    app.stop().await;
}
