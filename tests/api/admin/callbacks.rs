//! What is owed, what became of it, and doing it again: the operator's view of the outbox.
//!
//! When callbacks are sent and when they are given up is tried with delivery itself.

use beckn_bpp::mock::bap;
use beckn_bpp::mock::orders::{O1, O3, TRIP_1};
use serde_json::{Value, json};

use super::{callbacks, cancel, check_problem};
use crate::app::{TestApp, WAIT};

/// A refusal leaves the host's breaker alone: the next callback is sent at once.
fn refusing() -> bap::Answer {
    bap::Answer::Nack(json!({"code": "23001", "message": "broken"}))
}

/// A dead callback for `trip_1`, a delivered one for `O1`.
async fn one_dead_one_delivered() -> TestApp {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(O1).await;
    app.bap.answer(refusing());
    cancel(&app, "trip_1", json!({"by": "provider"})).await;
    app.settled().await;
    app.bap.answer(bap::Answer::Ack);
    let message = app.cancel_of(O1);
    app.send(&message).await;
    app.settled().await;
    app
}

fn ids(callbacks: &Value) -> Vec<u64> {
    let list = callbacks["callbacks"].as_array().expect("a list");
    list.iter()
        .filter_map(|callback| callback["id"].as_u64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_listed_by_state_and_subscriber_a_page_at_a_time() {
    let app = one_dead_one_delivered().await;
    let all = app.get("/callbacks").await.body;
    let both = ids(&all);
    assert_eq!(both.len(), 2);
    assert_eq!(all["callbacks"][0]["state"], "dead");
    assert_eq!(all["callbacks"][1]["state"], "delivered");
    assert_eq!(all["next"], Value::Null);
    for (query, wanted) in [
        ("state=dead", vec![both[0]]),
        ("state=delivered", vec![both[1]]),
        ("state=pending", vec![]),
        ("state=superseded", vec![]),
        ("subscriber=bap.example.org", both.clone()),
        ("subscriber=https://bap.example.org/", both.clone()),
        ("subscriber=other-bap.example.org", vec![]),
        ("subscriber=bap.example.org&state=dead", vec![both[0]]),
    ] {
        let found = app.get(&format!("/callbacks?{query}")).await;
        assert_eq!(ids(&found.body), wanted, "{query}");
    }
    let first = app.get("/callbacks?limit=1").await.body;
    assert_eq!(
        (ids(&first), &first["next"]),
        (vec![both[0]], &json!(both[0]))
    );
    let rest = app
        .get(&format!("/callbacks?limit=5&after={}", both[0]))
        .await
        .body;
    assert_eq!((ids(&rest), &rest["next"]), (vec![both[1]], &Value::Null));
    for wrong in ["state=lost", "limit=x", "after=x", "subscriber=a%20b"] {
        check_problem(&app.get(&format!("/callbacks?{wrong}")).await, 400);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_shown_with_its_body_and_every_attempt() {
    let app = one_dead_one_delivered().await;
    let both = ids(&app.get("/callbacks").await.body);
    let dead = app.get(&format!("/callbacks/{}", both[0])).await.body;
    let attempts = dead["attempts"].as_array().expect("a list");
    assert_eq!(
        attempts.len(),
        4,
        "a refused callback is tried three more times"
    );
    for attempt in attempts {
        assert_eq!(
            (&attempt["outcome"], &attempt["status"]),
            (&json!("nack"), &json!(200))
        );
        assert!(
            attempt["detail"]
                .as_str()
                .is_some_and(|text| text.contains("broken"))
        );
    }
    let delivered = app.get(&format!("/callbacks/{}", both[1])).await.body;
    assert_eq!(delivered["attempts"][0]["outcome"], "delivered");
    let message = delivered["message"].as_str().expect("an id");
    let received = app.callback(message).await;
    assert_eq!(delivered["body"], received.json());
    check_problem(&app.get("/callbacks/999").await, 404);
    check_problem(&app.get("/callbacks/x").await, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_callback_is_redriven_with_the_same_body() {
    let app = one_dead_one_delivered().await;
    let both = ids(&app.get("/callbacks").await.body);
    let path = format!("/callbacks/{}/redrive", both[1]);
    check_problem(&app.admin("POST", &path, None).await, 409);
    check_problem(
        &app.admin("POST", "/callbacks/999/redrive", None).await,
        404,
    );
    let path = format!("/callbacks/{}/redrive", both[0]);
    let answer = app.admin("POST", &path, None).await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!({"redriven": [both[0]]}))
    );
    app.settled().await;
    let shown = app.get(&format!("/callbacks/{}", both[0])).await.body;
    assert_eq!(shown["state"], "delivered");
    let message = shown["message"].as_str().expect("an id");
    let attempts = app
        .bap
        .received_times(message, 5, WAIT)
        .await
        .expect("five");
    assert!(
        attempts
            .iter()
            .all(|one| one.body == attempts[0].body && one.verdict == Ok(()))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_callbacks_are_redriven_by_filter_after_a_dry_run() {
    let app = one_dead_one_delivered().await;
    let dead = ids(&app.get("/callbacks?state=dead").await.body);
    let before = callbacks(&app).await;
    let dry = app
        .admin("POST", "/callbacks/redrive?dry_run=true", None)
        .await;
    let none: [u64; 0] = [];
    assert_eq!(
        dry.body,
        json!({"dry_run": true, "would_redrive": dead, "skipped": none, "next": null})
    );
    let others = "/callbacks/redrive?subscriber=other-bap.example.org";
    let nothing = app.admin("POST", others, None).await;
    assert_eq!(
        nothing.body,
        json!({"redriven": none, "skipped": none, "next": null})
    );
    assert_eq!(callbacks(&app).await, before);
    let ours = "/callbacks/redrive?subscriber=bap.example.org";
    let redriven = app.admin("POST", ours, None).await;
    assert_eq!(
        redriven.body,
        json!({"redriven": dead, "skipped": none, "next": null})
    );
    app.settled().await;
    let dead = ids(&app.get("/callbacks?state=dead").await.body);
    assert_eq!(dead, Vec::<u64>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_may_not_be_sent_again_are_named_and_hold_up_no_page() {
    let app = TestApp::start().await;
    app.bap.answer(refusing());
    for sample in [TRIP_1, O1] {
        app.hand_over(sample).await;
        app.send(&app.cancel_of(sample)).await;
        app.settled().await;
    }
    app.bap.answer(bap::Answer::Ack);
    let dead = ids(&app.get("/callbacks?state=dead").await.body);
    let erased = app.admin("POST", "/orders/trip_1/erase", None).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    let none: [u64; 0] = [];
    for (dry_run, name) in [(true, "would_redrive"), (false, "redriven")] {
        let page = async |after: u64| {
            let path = format!("/callbacks/redrive?limit=1&after={after}&dry_run={dry_run}");
            app.admin("POST", &path, None).await.body
        };
        let first = page(0).await;
        assert_eq!(
            (&first[name], &first["skipped"]),
            (&json!(none), &json!([dead[0]]))
        );
        assert_eq!(first["next"], dead[0]);
        let second = page(dead[0]).await;
        assert_eq!(
            (&second[name], &second["skipped"]),
            (&json!([dead[1]]), &json!(none))
        );
    }
    app.settled().await;
    assert_eq!(ids(&app.get("/callbacks?state=dead").await.body), [dead[0]]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_sending_until_released_and_survives_a_restart() {
    let mut app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(O3).await;
    let whom = json!({"subscriber": "bap.example.org"});
    let held = app.admin("POST", "/callbacks/hold", Some(&whom)).await;
    assert_eq!(
        (held.status, held.body),
        (200, json!({"holds": ["bap.example.org"]}))
    );
    for sample in [TRIP_1, O3] {
        app.send(&app.cancel_of(sample)).await;
    }
    app.restart().await;
    assert_eq!(
        app.get("/callbacks/holds").await.body,
        json!({"holds": ["bap.example.org"]})
    );
    assert_eq!(
        ids(&app.get("/callbacks?state=pending").await.body).len(),
        2
    );
    assert_eq!(app.bap.all().len(), 0);
    let everybody = app.admin("POST", "/callbacks/hold", None).await;
    assert_eq!(everybody.body["holds"].as_array().map(Vec::len), Some(2));
    let released = app.admin("POST", "/callbacks/release", None).await;
    assert_eq!(released.body, json!({"holds": []}));
    app.settled().await;
    assert_eq!(app.bap.all().len(), 2);
    for wrong in [
        json!({"whom": "x"}),
        json!({"subscriber": "a b"}),
        json!([1]),
    ] {
        check_problem(
            &app.admin("POST", "/callbacks/hold", Some(&wrong)).await,
            400,
        );
        check_problem(
            &app.admin("POST", "/callbacks/release", Some(&wrong)).await,
            400,
        );
    }
    app.stop().await;
}
