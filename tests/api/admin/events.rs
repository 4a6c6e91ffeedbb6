//! What the provider reads of the changes made here.
//!
//! Events are numbered without gaps and can be read again from any place; a reader that waits
//! is woken. Changes that the provider itself made are no events.

use std::time::{Duration, Instant};

use beckn_bpp::mock::orders::{O1, O2, TRIP_1};
use serde_json::{Value, json};

use super::{cancel, check_problem, put, renamed};
use crate::app::TestApp;

/// Cancelled orders `r0`, `r1`, ...
async fn with_events(count: usize) -> TestApp {
    let app = TestApp::start().await;
    for number in 0..count {
        let id = format!("r{number}");
        put(&app, &id, &renamed(&app, TRIP_1, &id)).await;
        cancel(&app, &id, json!({"by": "provider"})).await;
    }
    app
}

fn sequences(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().expect("a list");
    events
        .iter()
        .filter_map(|event| event["sequence"].as_u64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_in_order_a_page_at_a_time_and_again() {
    let mut app = with_events(5).await;
    let mut after = 0;
    for wanted in [vec![1, 2], vec![3, 4], vec![5], vec![]] {
        let page = app
            .get(&format!("/events?after={after}&limit=2"))
            .await
            .body;
        assert_eq!(sequences(&page), wanted);
        after = page["next"].as_u64().expect("a number");
    }
    assert_eq!(after, 5, "an empty page keeps the place");
    let all = app.get("/events").await.body;
    assert_eq!(sequences(&all), [1, 2, 3, 4, 5]);
    let orders = all["events"].as_array().expect("a list");
    let orders: Vec<_> = orders
        .iter()
        .filter_map(|event| event["order_id"].as_str())
        .collect();
    assert_eq!(orders, ["r0", "r1", "r2", "r3", "r4"]);
    app.restart().await;
    assert_eq!(app.get("/events").await.body, all);
    let far = app.get("/events?after=1000").await.body;
    assert_eq!(far, json!({"events": [], "next": 1000}));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_reader_is_woken_by_the_event() {
    let app = with_events(1).await;
    let begun = Instant::now();
    let waiting = app.get("/events?after=1&wait=60");
    let cancelling = async {
        app.hand_over(O1).await;
        let message = app.cancel_of(O1);
        app.send(&message).await;
    };
    let (page, ()) = tokio::join!(waiting, cancelling);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "not by its timeout"
    );
    assert_eq!(sequences(&page.body), [2]);
    assert_eq!(page.body["events"][0]["order_id"], "O1");
    assert_eq!(page.body["events"][0]["by"], "customer");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_does_not_hold_up_a_stop_and_gets_its_empty_page() {
    let mut app = with_events(1).await;
    let waiting = app.http.get(app.admin_url("/events?after=1&wait=60"));
    let waiting = tokio::spawn(waiting.bearer_auth(&app.token).send());
    // Asked later on the one worker there is, so the reader waits by then.
    for _ in 0..3 {
        app.get("/events?after=1").await;
    }
    let begun = Instant::now();
    app.halt().await;
    // Less than requests in hand are waited for.
    assert!(begun.elapsed() < Duration::from_secs(8));
    let page = waiting.await.expect("no panic").expect("an answer");
    assert_eq!(page.status(), 200);
    app.resume().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_waits_in_vain_gets_an_empty_page() {
    let app = with_events(1).await;
    let begun = Instant::now();
    let page = app.get("/events?after=1&wait=1").await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        (page.status, page.body),
        (200, json!({"events": [], "next": 1}))
    );
    // Where there is an event already, nobody waits.
    let begun = Instant::now();
    let page = app.get("/events?after=0&wait=60").await;
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(sequences(&page.body), [1]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changes_made_here_are_events() {
    let app = TestApp::start().await;
    app.hand_over(O2).await;
    app.hand_over(O1).await;
    let change = json!({"fulfillments": [{"id": "F1", "state": "RIDE_ARRIVED_PICKUP"}]});
    app.admin("PATCH", "/orders/O1", Some(&change)).await;
    let mut soft = app.cancel_of(O1);
    soft.intent = Some("SOFT_CANCEL".to_owned());
    let too_late = app.cancel_of(O2);
    for message in [soft, too_late] {
        app.send(&message).await;
        app.callback(&message.message).await;
    }
    assert_eq!(
        app.get("/events").await.body,
        json!({"events": [], "next": 0})
    );
    for wrong in ["after=x", "after=-1", "limit=x", "wait=1s"] {
        check_problem(&app.get(&format!("/events?{wrong}")).await, 400);
    }
    app.stop().await;
}
