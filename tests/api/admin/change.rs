//! News of an order from the provider's dispatch.
//!
//! They come late, twice and out of order; and they race with cancels, which the dispatch must
//! learn of. What a state means for the fee is tried with the domain.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use serde_json::json;

use super::{cancel, check_problem, patch};
use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn news_are_applied_in_the_order_in_which_they_happened() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let at = |time: &str, state: &str| json!({"fulfillments": [{"id": "F1", "state": state}], "occurred_at": time});
    let answer = patch(
        &app,
        "O1",
        at("2026-03-02T06:20:00Z", "RIDE_ARRIVED_PICKUP"),
    )
    .await;
    assert_eq!(
        (answer.status, &answer.body["applied"]),
        (200, &json!(true))
    );
    assert_eq!(answer.body["version"], 2);
    let late = patch(&app, "O1", at("2026-03-02T06:10:00Z", "RIDE_ASSIGNED")).await;
    assert_eq!((late.status, &late.body["applied"]), (200, &json!(false)));
    assert_eq!(late.body["version"], 2);
    let shown = app.get("/orders/O1").await.body;
    assert_eq!(shown["fulfillments"][0]["state"], "RIDE_ARRIVED_PICKUP");
    // Without a time it has just happened.
    let now = patch(&app, "O1", json!({"status": "InProgress"})).await;
    assert_eq!(
        (now.status, &now.body["state"]),
        (200, &json!("InProgress"))
    );
    let late = patch(
        &app,
        "O1",
        json!({"status": "Confirmed", "occurred_at": "2026-03-02T07:00:00Z"}),
    )
    .await;
    assert_eq!(late.body["state"], "InProgress");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilments_state_shows_in_later_answers_and_sets_the_price() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let change = json!({"fulfillments": [{"id": "F1", "state": "RIDE_ARRIVED_PICKUP"}]});
    assert_eq!(patch(&app, "O1", change).await.status, 200);
    let mut soft = app.cancel_of(O1);
    soft.intent = Some("SOFT_CANCEL".to_owned());
    app.send(&soft).await;
    let order = app.callback(&soft.message).await.json()["message"]["order"].clone();
    assert_eq!(order["status"], "SOFT_CANCEL");
    let fulfillment = &order["fulfillments"][0];
    assert_eq!(
        fulfillment["state"],
        json!({"descriptor": {"code": "RIDE_ARRIVED_PICKUP"}})
    );
    assert_eq!(fulfillment["vehicle"]["registration"], "KA01AB1234");
    assert_eq!(order["quote"]["price"]["value"], "50");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_ride_can_no_longer_be_cancelled() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let change = json!({"fulfillments": [{"state": "RIDE_STARTED"}]});
    let answer = patch(&app, "O1", change).await;
    assert_eq!(answer.body["state"], "InProgress");
    let message = app.cancel_of(O1);
    app.send(&message).await;
    let told = app.callback(&message.message).await.json();
    assert_eq!(told["error"]["code"], "50001");
    assert!(told.get("message").is_none());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    app.hand_over(TRIP_1).await;
    let before = app.kept().await;
    for (change, status) in [
        (json!({"status": "Cancelled"}), 422),
        (
            json!({"fulfillments": [{"id": "F9", "state": "RIDE_STARTED"}]}),
            422,
        ),
        (json!({"status": "Gone"}), 400),
        (json!({"status": 1}), 400),
        (json!({"state": "InProgress"}), 400),
        (json!({"fulfillments": [{"id": "F1"}]}), 400),
        (json!({"fulfillments": {"id": "F1", "state": "X"}}), 400),
        (json!({"status": "NoShow", "occurred_at": "yesterday"}), 400),
        (json!([]), 400),
    ] {
        check_problem(&patch(&app, "O1", change).await, status);
    }
    check_problem(&patch(&app, "O9", json!({"status": "NoShow"})).await, 404);
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dispatch_learns_that_it_lost_the_race() {
    let app = TestApp::start().await;
    app.cancelled(O1).await;
    let before = app.kept().await;
    for change in [
        json!({"status": "InProgress"}),
        json!({"status": "Completed"}),
        json!({"fulfillments": [{"id": "F1", "state": "RIDE_STARTED"}]}),
        json!({"status": "InProgress", "occurred_at": "2026-03-02T06:00:00Z"}),
    ] {
        let answer = patch(&app, "O1", change).await;
        check_problem(&answer, 409);
        let cancellation = &answer.body["cancellation"];
        assert_eq!(cancellation["by"], "customer");
        assert_eq!(cancellation["reason"]["id"], "001");
        assert_eq!(cancellation["charge"]["fee"]["value"], "30.00");
        assert!(cancellation["at"].is_string());
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_order_stays_completed_and_is_not_cancelled_by_anybody() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    assert_eq!(
        patch(&app, "O1", json!({"status": "Completed"}))
            .await
            .status,
        200
    );
    let again = patch(&app, "O1", json!({"status": "Completed"})).await;
    assert_eq!((again.status, &again.body["applied"]), (200, &json!(false)));
    let back = patch(&app, "O1", json!({"status": "Confirmed"})).await;
    check_problem(&back, 409);
    assert!(back.body.get("cancellation").is_none());
    check_problem(&cancel(&app, "O1", json!({"by": "provider"})).await, 409);
    assert_eq!(app.get("/orders/O1").await.body["version"], 2);
    app.stop().await;
}
