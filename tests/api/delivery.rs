//! How callbacks get there, seen from outside: retries, the dead and their return, holds.
//!
//! The BAP misbehaves and the admin API is asked what the server made of it. The unit tests of
//! delivery try more kinds of failure; here it is the whole server that keeps its promises.

use std::time::Duration;

use beckn_bpp::crypto::signature::Header;
use beckn_bpp::mock::bap::{self, Answer, Received};
use beckn_bpp::mock::orders::{O1, TRIP_1};
use serde_json::{Value, json};

use crate::app::{TestApp, WAIT, listener, signer};
use crate::rides::{Ride, text};
use crate::setup::{callback_in, callback_when, callbacks, outcomes, patient};

/// Cancels a new ride of this BAP; its message id.
async fn cancelled(app: &TestApp, version: &str, id: &str) -> String {
    let ride = Ride::placed_by(&app.bap, version, id);
    ride.hand_over(app).await;
    let request = ride.cancel();
    request.send(app).await;
    request.id().to_owned()
}

/// Cancels a new ride of the other BAP; its message id.
async fn other_cancelled(app: &TestApp, id: &str) -> String {
    let ride = Ride::placed_by(&app.other_bap, "1.1.0", id);
    ride.hand_over(app).await;
    let request = ride.cancel();
    request.send_as(app, &app.other_bap).await;
    request.id().to_owned()
}

fn nack() -> Answer {
    Answer::Nack(json!({"code": "30010", "message": "we never had that order"}))
}

fn broken() -> Answer {
    let body = "<h1>Oops</h1>".into();
    Answer::Raw { status: 500, body }
}

async fn attempts(app: &TestApp, message: &str, count: usize) -> Vec<Received> {
    let received = app.bap.received_times(message, count, WAIT).await;
    let received = received.expect("enough attempts in time");
    assert!(
        received.iter().all(|one| one.verdict == Ok(())),
        "every signature holds"
    );
    received
}

fn header(received: &Received) -> Header {
    let mut headers = received.headers.iter();
    let found = headers.find(|(name, _)| name == "authorization");
    let (_, value) = found.expect("an Authorization header");
    Header::parse(value).expect("a signature")
}

async fn redrive(app: &TestApp, callback: &Value) -> (u16, Value) {
    let path = format!("/callbacks/{}/redrive", callback["id"]);
    let answer = app.admin("POST", &path, None).await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nack_is_tried_three_more_times_and_kept_with_the_baps_error() {
    let app = patient(20, "20ms", "").await;
    app.bap.answer(nack());
    for version in ["0.9.1", "1.1.0"] {
        let message = cancelled(&app, version, &format!("R-{version}")).await;
        let dead = callback_in(&app, &message, "dead").await;
        assert_eq!(outcomes(&dead), ["nack"; 4]);
        let last = &dead["attempts"][3];
        assert_eq!(last["status"], 200);
        let detail = last["detail"].as_str().expect("a text");
        assert!(detail.contains("we never had that order"), "{detail}");
        let bodies = attempts(&app, &message, 4).await;
        assert_eq!(bodies.len(), 4);
    }
    let listed = callbacks(&app, "&state=dead").await;
    assert_eq!(listed.len(), 2);
    let shown = app.get(&format!("/callbacks/{}", listed[0]["id"])).await;
    assert_eq!(shown.body["body"]["context"]["action"], "on_cancel");
    let metrics = app.get("/health/ready").await;
    assert_eq!(
        metrics.status, 200,
        "what a BAP refuses makes nobody unready"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_followed_by_success_with_the_same_bytes() {
    let app = patient(20, "20ms", "").await;
    let redirect = Answer::Raw {
        status: 307,
        body: "".into(),
    };
    let unavailable = Answer::Raw {
        status: 503,
        body: "{}".into(),
    };
    let not_json = Answer::Raw {
        status: 200,
        body: "OK".into(),
    };
    app.bap.answer_next([
        broken(),
        unavailable,
        redirect,
        not_json,
        Answer::Close,
        nack(),
    ]);
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let delivered = callback_in(&app, &message, "delivered").await;
    let expected = [
        "http_status",
        "http_status",
        "redirect",
        "not_json",
        "transport",
        "nack",
        "delivered",
    ];
    assert_eq!(outcomes(&delivered), expected);
    let received = attempts(&app, &message, 7).await;
    assert!(received.iter().all(|one| one.body == received[0].body));
    assert!(
        received
            .iter()
            .all(|one| one.message_id.as_deref() == Some(message.as_str()))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_signed_anew() {
    let app = patient(3, "1500ms", "").await;
    app.bap.answer_next([broken()]);
    let message = cancelled(&app, "0.9.1", "R-1").await;
    let received = attempts(&app, &message, 2).await;
    let [first, second] = [header(&received[0]), header(&received[1])];
    assert!(first.created < second.created && first.expires < second.expires);
    assert_eq!(received[0].body, received[1].body);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_wants_it_gets_a_new_timestamp_and_the_rest_as_it_was() {
    let app = patient(20, "20ms", "restamp = true").await;
    app.bap.answer_next([broken()]);
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let received = attempts(&app, &message, 2).await;
    let stamp = |one: &Received| {
        let json = one.json();
        json["context"]["timestamp"]
            .as_str()
            .expect("a time")
            .to_owned()
    };
    let [first, second] = [stamp(&received[0]), stamp(&received[1])];
    assert!(first < second, "{first} {second}");
    let restamped = text(&received[0]).replacen(&first, &second, 1);
    assert_eq!(text(&received[1]), restamped);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bap_that_is_not_there_gets_its_callback_when_it_comes_back() {
    let app = patient(500, "20ms", "callback_url = \"host\"").await;
    let port = listener().local_addr().expect("bound").port();
    let mut ride = Ride::placed_by(&app.bap, "1.1.0", "R-1");
    ride.hand_over(&app).await;
    let elsewhere = format!("http://127.0.0.1:{port}/beckn");
    ride.context = ride.context.text("bap_uri", &elsewhere);
    let request = ride.cancel();
    request.send(&app).await;
    let failed = |one: &Value| one["attempts_in_run"].as_u64() > Some(1);
    let waiting = callback_when(&app, request.id(), failed).await;
    assert_eq!(outcomes(&waiting)[..2], ["transport"; 2]);
    let address = ("127.0.0.1", port);
    let listener = std::net::TcpListener::bind(address).expect("the port is free again");
    let key = include_str!("../../keys/bap.signing");
    let bap = bap::start(
        listener,
        signer("bap.example.org", key),
        &app.registry.url,
        "/beckn",
    );
    let bap = bap.expect("a BAP");
    let received = bap.received(request.id(), WAIT).await.expect("in time");
    assert_eq!(received.verdict, Ok(()));
    app.settled().await;
    bap.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owed_callback_outlives_a_restart() {
    let mut app = patient(500, "20ms", "").await;
    app.bap.answer(broken());
    let message = cancelled(&app, "0.9.1", "R-1").await;
    let before = attempts(&app, &message, 1).await;
    app.restart().await;
    app.bap.answer(Answer::Ack);
    let delivered = callback_in(&app, &message, "delivered").await;
    assert!(outcomes(&delivered).len() > 1);
    let all = app.bap.all();
    assert!(all.iter().all(|one| one.body == before[0].body));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_callback_is_redriven_with_the_bytes_it_had() {
    let app = TestApp::start().await;
    app.bap.answer(nack());
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let dead = callback_in(&app, &message, "dead").await;
    app.bap.answer(Answer::Ack);
    let redriven = (200, json!({"redriven": [dead["id"]]}));
    assert_eq!(redrive(&app, &dead).await, redriven);
    let delivered = callback_in(&app, &message, "delivered").await;
    assert_eq!(
        outcomes(&delivered),
        ["nack", "nack", "nack", "nack", "delivered"]
    );
    let received = attempts(&app, &message, 5).await;
    assert!(received.iter().all(|one| one.body == received[0].body));
    assert_eq!(redrive(&app, &dead).await.0, 409, "it is delivered now");
    assert_eq!(redrive(&app, &json!({"id": 4711})).await.0, 404);
    assert_eq!(callbacks(&app, "&state=dead").await, Vec::<Value>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_fails_again_is_dead_again() {
    let app = TestApp::start().await;
    app.bap.answer(nack());
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let dead = callback_in(&app, &message, "dead").await;
    assert_eq!(redrive(&app, &dead).await.0, 200);
    let again = |one: &Value| one["state"] == "dead" && outcomes(one).len() == 8;
    callback_when(&app, &message, again).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_by_filter_shows_first_what_it_would_do() {
    let app = TestApp::start().await;
    app.bap.answer(nack());
    app.other_bap.answer(nack());
    let mut ids = Vec::new();
    for number in 0..3 {
        let message = cancelled(&app, "1.1.0", &format!("R-{number}")).await;
        ids.push(callback_in(&app, &message, "dead").await["id"].clone());
    }
    let other = other_cancelled(&app, "O-1").await;
    let other_id = callback_in(&app, &other, "dead").await["id"].clone();
    app.bap.answer(Answer::Ack);
    let path = "/callbacks/redrive?subscriber=bap.example.org";
    let dry = app
        .admin("POST", &format!("{path}&dry_run=true"), None)
        .await;
    assert_eq!(dry.body["would_redrive"], json!(ids));
    assert_eq!(
        callbacks(&app, "&state=dead").await.len(),
        4,
        "nothing was done"
    );
    let done = app.admin("POST", path, None).await;
    assert_eq!(done.body["redriven"], json!(ids));
    app.settled().await;
    let dead = callbacks(&app, "&state=dead").await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["id"], other_id);
    let nothing = app.admin("POST", path, None).await;
    assert_eq!(nothing.body["redriven"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_on_one_subscriber_survives_restarts_and_ends_with_its_release() {
    let mut app = TestApp::start().await;
    let whom = json!({"subscriber": "bap.example.org"});
    let held = app.admin("POST", "/callbacks/hold", Some(&whom)).await;
    assert_eq!(
        (held.status, &held.body),
        (200, &json!({"holds": ["bap.example.org"]}))
    );
    let message = cancelled(&app, "1.1.0", "R-1").await;
    for round in 0..2 {
        // The other's callback is younger, so the held one had its chance before it.
        let other = other_cancelled(&app, &format!("O-{round}")).await;
        callback_in(&app, &other, "delivered").await;
        let waiting = callback_in(&app, &message, "pending").await;
        assert_eq!(outcomes(&waiting), [""; 0]);
        app.restart().await;
        assert_eq!(app.get("/callbacks/holds").await.body, held.body);
    }
    assert!(app.bap.all().is_empty());
    let released = app.admin("POST", "/callbacks/release", Some(&whom)).await;
    assert_eq!(released.body, json!({"holds": []}));
    callback_in(&app, &message, "delivered").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_on_all_stops_everything_but_the_acks() {
    let mut app = TestApp::start().await;
    let held = app.admin("POST", "/callbacks/hold", None).await;
    assert_eq!(held.body, json!({"holds": ["*"]}));
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let other = other_cancelled(&app, "O-1").await;
    app.restart().await;
    assert_eq!(callbacks(&app, "&state=pending").await.len(), 2);
    app.admin("POST", "/callbacks/release", None).await;
    for id in [&message, &other] {
        let delivered = callback_in(&app, id, "delivered").await;
        assert_eq!(outcomes(&delivered), ["delivered"]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_cancellation_is_pushed_to_the_bap_that_placed_the_order() {
    let app = patient(20, "20ms", "").await;
    for sample in [TRIP_1, O1] {
        app.hand_over(sample).await;
        app.bap.answer_next([broken(), nack()]);
        let path = format!("/orders/{}/cancel", sample.id);
        let asked = json!({"by": "provider", "reason": "013"});
        let answer = app.admin("POST", &path, Some(&asked)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        app.settled().await;
        let last = callbacks(&app, "").await.pop().expect("a callback");
        assert_eq!(outcomes(&last), ["http_status", "nack", "delivered"]);
        let message = last["message"].as_str().expect("an id");
        let received = attempts(&app, message, 3).await;
        assert!(received.iter().all(|one| one.body == received[0].body));
        let context = &received[0].json()["context"];
        assert_eq!(
            context["transaction_id"],
            sample.transaction().expect("a sample")
        );
        assert_eq!(context["message_id"], message);
        assert!(uuid::Uuid::parse_str(message).is_ok_and(|id| id.get_version_num() == 4));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_no_network_is_cancelled_without_a_callback() {
    let app = TestApp::start().await;
    let booking = json!({"id": "B-1", "booking": {"external_id": "X-1",
        "price": {"value": "500", "currency": "INR"}}});
    let answer = app.admin("PUT", "/orders/B-1", Some(&booking)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let asked = json!({"by": "provider"});
    let answer = app.admin("POST", "/orders/B-1/cancel", Some(&asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(callbacks(&app, "").await, Vec::<Value>::new());
    let event = &app.get("/events?after=0").await.body["events"][0];
    assert_eq!(
        (&event["external_id"], &event["network"]),
        (&json!("X-1"), &json!("none"))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_keeps_failing_is_spared_and_then_tried_once() {
    let mut app = patient(100, "10ms", "").await;
    let rest = "breaker_failures = 3\nbreaker_open = \"400ms\"";
    app.reconfigure(|text| text.replace("breaker_failures = 1000000", rest))
        .await;
    app.bap.answer(broken());
    let message = cancelled(&app, "1.1.0", "R-1").await;
    let received = attempts(&app, &message, 5).await;
    let rest = |one: usize| {
        (received[one].at - received[one - 1].at)
            .to_std()
            .expect("later")
    };
    assert!(rest(3) >= Duration::from_millis(300), "{:?}", rest(3));
    assert!(rest(4) >= Duration::from_millis(300), "{:?}", rest(4));
    app.bap.answer(Answer::Ack);
    callback_in(&app, &message, "delivered").await;
    app.stop().await;
}
