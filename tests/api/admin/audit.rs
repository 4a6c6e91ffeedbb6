//! Who asked for what: the name of the token is kept with what it did, and shown.

use beckn_bpp::app::config::{hex, sha256};
use beckn_bpp::mock::bap;
use beckn_bpp::mock::orders::{O1, TRIP_1, TRIP_2};
use serde_json::{Value, json};

use super::check_problem;
use crate::app::{Answer, TestApp, answer};

/// The token of whoever works at night.
const NIGHT: &str = "the token of the night shift";

async fn start() -> TestApp {
    let section = format!(
        "[admin_token.night]\nsha256 = {:?}\nscopes = [\"orders\", \"read\", \"operate\"]\n",
        hex(&sha256(NIGHT))
    );
    TestApp::start_with(&section).await
}

async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    let request = app.http.post(app.admin_url(path)).bearer_auth(NIGHT);
    answer(request.body(body.to_string())).await
}

/// Every audit entry as `token action network target`.
async fn audit(app: &TestApp) -> Vec<String> {
    let listed = app.get("/audit?limit=1000").await.body;
    let entries = listed["audit"].as_array().expect("a list");
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap_or("-").to_owned();
    let line = |entry: &Value| {
        ["token", "action", "network", "target"]
            .map(|member| text(entry, member))
            .join(" ")
    };
    entries.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_by_a_token_carries_its_name_and_one_from_the_network_carries_none() {
    let mut app = start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(O1).await;
    let cancelled = post(&app, "/orders/trip_1/cancel", json!({"by": "provider"})).await;
    assert_eq!(cancelled.body["cancellation"]["token"], "night");
    app.send(&app.cancel_of(O1)).await;
    app.settled().await;
    app.restart().await;
    for (id, token) in [("trip_1", json!("night")), ("O1", Value::Null)] {
        let order = app.get(&format!("/orders/{id}")).await.body;
        assert_eq!(order["state"], "Cancelled");
        assert_eq!(order["cancellation"]["token"], token, "{id}");
    }
    let events = app.get("/events?after=0").await.body;
    assert_eq!(events["events"][0]["token"], "night");
    assert_eq!(events["events"][1].get("token"), None);
    for told in app.bap.all() {
        assert!(
            !String::from_utf8_lossy(&told.body).contains("night"),
            "the BAP is not told"
        );
    }
    let by_provider = json!({"by": "provider"});
    let again = app.admin("POST", "/orders/trip_1/cancel", Some(&by_provider));
    let again = again.await.body;
    assert_eq!(again["cancellation"]["token"], "night", "the first stays");
    assert_eq!(
        audit(&app).await,
        [
            "night order.cancel mobility trip_1",
            "admin order.cancel mobility trip_1"
        ]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_is_told_on_the_callback_and_on_the_timeline() {
    let app = start().await;
    app.hand_over(TRIP_1).await;
    let refusal = json!({"code": "23001", "message": "broken"});
    app.bap.answer(bap::Answer::Nack(refusal));
    app.send(&app.cancel_of(TRIP_1)).await;
    app.settled().await;
    app.bap.answer(bap::Answer::Ack);
    let redriven = post(&app, "/callbacks/1/redrive", json!({})).await;
    assert_eq!(redriven.status, 200, "{}", redriven.text);
    app.settled().await;
    let shown = app.get("/callbacks/1").await.body;
    assert_eq!(shown["state"], "delivered");
    assert_eq!(shown["redrives"][0]["token"], "night");
    let timeline = app.get("/transactions/1209849124").await.body;
    let entries = timeline["timeline"].as_array().expect("a list");
    let redrive = entries
        .iter()
        .find(|entry| entry["what"] == "callback redriven");
    assert_eq!(redrive.expect("an entry")["token"], "night");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_written_down_with_its_token_and_its_object() {
    let mut app = start().await;
    app.hand_over(TRIP_1).await;
    app.hand_over(TRIP_2).await;
    let message = app.cancel_of(TRIP_1);
    app.send(&message).await;
    app.settled().await;
    let other = json!({"subscriber": "other-bap.example.org"});
    for (path, body) in [
        ("/callbacks/hold", other.clone()),
        ("/callbacks/release", other),
        ("/callbacks/hold", json!({})),
        ("/callbacks/release", json!({})),
        ("/callbacks/redrive?subscriber=bap.example.org", json!({})),
        ("/callbacks/redrive?dry_run=true", json!({})),
        ("/orders/trip_1/erase", json!({})),
        ("/orders/trip_2/erase", json!({})),
        ("/orders/nowhere/erase", json!({})),
    ] {
        post(&app, path, body).await;
    }
    let evidence = format!("/transactions/{}/evidence", message.transaction);
    let request = app.http.get(app.admin_url(&evidence)).bearer_auth(NIGHT);
    assert_eq!(answer(request).await.status, 200);
    app.get("/orders").await;
    let expected = [
        "night callback.hold - other-bap.example.org".to_owned(),
        "night callback.release - other-bap.example.org".to_owned(),
        "night callback.hold - -".to_owned(),
        "night callback.release - -".to_owned(),
        "night callback.redrive - bap.example.org".to_owned(),
        "night order.erase mobility trip_1".to_owned(),
        // Not final, so it was not done; that it was asked for is told all the same.
        "night order.erase mobility trip_2".to_owned(),
        format!("night evidence.export mobility {}", message.transaction),
    ];
    assert_eq!(audit(&app).await, expected);
    app.restart().await;
    assert_eq!(audit(&app).await, expected, "it survives a restart");
    let page = app.get("/audit?after=2&limit=2").await.body;
    assert_eq!(page["audit"][0]["sequence"], 3);
    assert_eq!(page["next"], 4);
    check_problem(&app.get("/audit?after=x").await, 400);
    app.stop().await;
}
