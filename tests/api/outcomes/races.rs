//! Many at once: whatever the order of arrival, an order has one outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{THIRTY, events, order, placed};
use crate::app::{Answer, TestApp};
use crate::rides::{Request, Ride, text};

/// Enough for every interleaving of the two commits to happen; `RACES=1000` runs more.
fn orders() -> usize {
    let asked = std::env::var("RACES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// So many orders at a time.
const WAVE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cancels_at_once_make_one_cancellation() {
    let app = TestApp::start_with(THIRTY).await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    let requests: Vec<_> = (0..200).map(|_| ride.cancel()).collect();
    join_all(requests.iter().map(|request| insist(&app, request))).await;
    let mut answers = BTreeSet::new();
    for request in &requests {
        let callback = app.callback(request.id()).await;
        let body = text(&callback);
        let at = body.find(r#""message":{"order""#).expect("an order");
        answers.insert(body[at..].to_owned());
    }
    assert_eq!(answers.len(), 1, "all carry the same cancellation");
    assert_eq!(events(&app).await.len(), 1);
    assert_eq!(order(&app, "R-1").await["version"], 2);
    app.settled().await;
    let ids: BTreeSet<_> = app
        .bap
        .all()
        .into_iter()
        .map(|one| one.message_id)
        .collect();
    assert_eq!(ids.len(), 200, "one callback for each");
    app.stop().await;
}

/// Sends it until it is acknowledged: on a machine that is too busy for two hundred connections
/// at once some hear 408, 503 or nothing, and the same bytes again are the same request.
async fn insist(app: &TestApp, request: &Request) {
    loop {
        let reply = app
            .bap
            .sign_and_post(&app.url("/cancel"), request.text())
            .await;
        match reply {
            Ok(reply) if reply.status == 200 => {
                let ack = json!({"message": {"ack": {"status": "ACK"}}});
                return assert_eq!(reply.json(), ack);
            }
            Ok(reply) => assert!(matches!(reply.status, 408 | 503), "{reply:?}"),
            Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_racing_a_completion_makes_one_outcome() {
    let app = TestApp::start().await;
    let mut rides = Vec::new();
    let orders = orders();
    for number in 0..orders {
        let version = super::VERSIONS[number % 2];
        rides.push(placed(&app, version, &format!("R-{number}")).await);
    }
    let requests: Vec<_> = rides.iter().map(Ride::cancel).collect();
    let mut patched = Vec::new();
    for wave in requests.iter().zip(&rides).collect::<Vec<_>>().chunks(WAVE) {
        let races = wave.iter().enumerate();
        let races = races.map(|(number, (request, ride))| race(&app, number, request, ride));
        patched.extend(join_all(races).await);
    }
    let events = events(&app).await;
    let mut completed = 0;
    for ((request, ride), patched) in requests.iter().zip(&rides).zip(patched) {
        let told: Vec<_> = events
            .iter()
            .filter(|event| event["order_id"] == ride.id)
            .collect();
        let callback = app.callback(request.id()).await.json();
        let order = order(&app, &ride.id).await;
        match patched.status {
            200 => {
                check_completed(&callback, &order, &told);
                completed += 1;
            }
            409 => check_cancelled(&callback, &order, &told, &patched),
            status => panic!("{status}: {}", patched.text),
        }
    }
    assert_eq!(events.len(), orders - completed);
    app.stop().await;
}

/// Both at once. The completions are spread over the time that the cancels take, so that either
/// side wins some; nothing asserted depends on which.
async fn race(app: &TestApp, number: usize, request: &Request, ride: &Ride) -> Answer {
    let path = format!("/orders/{}", ride.id);
    let completed = json!({"status": "Completed"});
    let later = Duration::from_millis(10 * number as u64);
    let patch = async {
        tokio::time::sleep(later).await;
        app.admin("PATCH", &path, Some(&completed)).await
    };
    tokio::join!(request.send(app), patch).1
}

fn check_completed(callback: &Value, order: &Value, told: &[&Value]) {
    assert_eq!(callback["error"]["code"], "50001");
    assert!(callback.get("message").is_none());
    assert_eq!(
        (&order["state"], &order["version"]),
        (&json!("Completed"), &json!(2))
    );
    assert_eq!(order["cancellation"], Value::Null);
    assert!(told.is_empty());
}

fn check_cancelled(callback: &Value, order: &Value, told: &[&Value], patched: &Answer) {
    let answered = &callback["message"]["order"];
    let word = answered["status"].as_str().or(answered["state"].as_str());
    assert!(
        word.is_some_and(|word| word.eq_ignore_ascii_case("cancelled")),
        "{callback}"
    );
    assert_eq!(
        (&order["state"], &order["version"]),
        (&json!("Cancelled"), &json!(2))
    );
    assert_eq!(patched.body["cancellation"], order["cancellation"]);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["at"], order["cancellation"]["at"]);
}
