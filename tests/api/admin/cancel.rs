//! The provider cancels, and the BAP that placed the order hears of it unasked.
//!
//! Whoever asks, by whichever door, an order is cancelled once: later askers are told of the
//! first cancellation. Terms and money are tried with the domain.

use beckn_bpp::mock::orders::{O1, O2, TRIP_1};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{callbacks, cancel, check_problem, events, put, time};
use crate::app::TestApp;

/// The one callback that the BAP has received.
async fn only_callback(app: &TestApp) -> Value {
    app.settled().await;
    let received = app.bap.all();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].verdict, Ok(()), "its signature holds");
    received[0].json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bap_gets_an_unsolicited_on_cancel() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let asked = json!({"by": "provider", "reason": "901", "note": "The driver had an accident"});
    let answer = cancel(&app, "O1", asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["already_cancelled"], false);
    assert_eq!(answer.body["version"], 2);
    let cancellation = &answer.body["cancellation"];
    assert_eq!(cancellation["by"], "provider");
    // The order's terms speak of its customer alone.
    assert_eq!(cancellation["charge"]["fee"]["value"], "0.00");

    let told = only_callback(&app).await;
    let context = &told["context"];
    assert_eq!(context["action"], "on_cancel");
    assert_eq!(
        context["transaction_id"],
        O1.transaction().expect("a sample")
    );
    assert_eq!(context["bap_id"], "bap.example.org");
    assert_eq!(context["bpp_id"], "bpp.example.org");
    let message = context["message_id"].as_str().expect("an id");
    assert!(Uuid::parse_str(message).is_ok());
    assert_ne!(message, "00000000-0000-4000-8000-000000000001");
    assert!(context.get("ttl").is_none());
    let order = &told["message"]["order"];
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["cancellation"]["cancelled_by"], "PROVIDER");
    assert_eq!(order["cancellation"]["reason"]["id"], "901");
    assert_eq!(order["quote"]["price"]["value"], "0");

    let events = events(&app).await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event["type"], "order.cancelled");
    assert_eq!(event["sequence"], 1);
    assert_eq!(
        (&event["network"], &event["order_id"]),
        (&json!("mobility"), &json!("O1"))
    );
    assert_eq!(
        (&event["by"], &event["version"]),
        (&json!("provider"), &json!(2))
    );
    assert_eq!(event["reason"]["id"], "901");
    assert_eq!(event["fee"]["value"], "0.00");
    assert_eq!(time(&event["at"]), time(&cancellation["at"]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_0_9_only_the_state_changes() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let before = app.get("/orders/trip_1").await.body["document"]["order"].clone();
    assert_eq!(
        cancel(&app, "trip_1", json!({"by": "provider"}))
            .await
            .status,
        200
    );
    let told = only_callback(&app).await;
    let mut wanted = before;
    wanted["state"] = json!("Cancelled");
    assert_eq!(told["message"]["order"], wanted);
    assert_eq!(told["context"]["core_version"], "0.9.1");
    assert_eq!(told["context"]["transaction_id"], "1209849124");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_call_is_told_of_the_first_and_does_nothing() {
    let mut app = TestApp::start().await;
    app.hand_over(O1).await;
    let first = cancel(&app, "O1", json!({"by": "customer", "reason": "001"})).await;
    assert_eq!(
        first.body["cancellation"]["charge"]["fee"]["value"],
        "30.00"
    );
    app.settled().await;
    let before = app.kept().await;
    for asked in [
        json!({"by": "customer", "reason": "001"}),
        json!({"by": "provider", "reason": "901"}),
    ] {
        let again = cancel(&app, "O1", asked.clone()).await;
        assert_eq!(
            (again.status, &again.body["already_cancelled"]),
            (200, &json!(true))
        );
        assert_eq!(again.body["cancellation"], first.body["cancellation"]);
        app.restart().await;
        let later = cancel(&app, "O1", asked).await;
        assert_eq!(later.body, again.body);
    }
    assert_eq!(app.kept().await, before);
    let told = only_callback(&app).await;
    let order = &told["message"]["order"];
    assert_eq!(order["cancellation"]["cancelled_by"], "CONSUMER");
    assert_eq!(order["quote"]["price"]["value"], "30");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_cancel_once() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let calls = (0..20).map(|_| cancel(&app, "O1", json!({"by": "provider"})));
    let answers = join_all(calls).await;
    let first = |answer: &&crate::app::Answer| answer.body["already_cancelled"] == false;
    assert_eq!(answers.iter().filter(first).count(), 1);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["cancellation"], answers[0].body["cancellation"]);
    }
    only_callback(&app).await;
    assert_eq!(
        (events(&app).await.len(), callbacks(&app).await.len()),
        (1, 1)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bap_that_cancels_after_the_provider_hears_what_was_decided_then() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let decided = cancel(&app, "O1", json!({"by": "provider", "reason": "901"})).await;
    let message = app.cancel_of(O1);
    app.send(&message).await;
    let told = app.callback(&message.message).await.json();
    let block = &told["message"]["order"]["cancellation"];
    assert_eq!(block["cancelled_by"], "PROVIDER");
    let at = time(&decided.body["cancellation"]["at"]).timestamp_millis();
    assert_eq!(time(&block["time"]).timestamp_millis(), at);
    assert_eq!(events(&app).await.len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_has_started_is_not_cancelled() {
    let app = TestApp::start().await;
    app.hand_over(O2).await;
    let before = app.kept().await;
    for by in ["provider", "customer"] {
        let answer = cancel(&app, "O2", json!({"by": by})).await;
        check_problem(&answer, 409);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("started"), "{detail}");
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_no_network_is_cancelled_without_a_callback() {
    let app = TestApp::start().await;
    let booking = json!({"booking": {"status": "Confirmed", "external_id": "v-7"}});
    put(&app, "B1", &booking).await;
    let answer = cancel(&app, "B1", json!({"by": "customer", "note": "Ill"})).await;
    assert_eq!(
        (answer.status, &answer.body["network"]),
        (200, &json!("none"))
    );
    assert_eq!(callbacks(&app).await, Vec::<Value>::new());
    let events = events(&app).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["external_id"], "v-7");
    assert_eq!(events[0]["reason"], json!({"text": "Ill"}));
    assert!(events[0].get("fee").is_none(), "it has no price");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let before = app.kept().await;
    for wrong in [
        json!({}),
        json!({"by": "nobody"}),
        json!({"by": "Provider"}),
        json!({"by": "provider", "reason": 1}),
        json!({"by": "provider", "force": true}),
        json!([]),
        json!("provider"),
    ] {
        check_problem(&cancel(&app, "O1", wrong).await, 400);
    }
    check_problem(&cancel(&app, "O9", json!({"by": "provider"})).await, 404);
    assert_eq!(app.kept().await, before);
    app.stop().await;
}
