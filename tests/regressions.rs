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

/// A cancel of an order that a test named itself.
async fn cancel(app: &TestApp, sample: Sample, id: &str) -> Value {
    let mut message = app.cancel_of(sample);
    message.order = id.to_owned();
    let reply = app.send(&message).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    app.callback(&message.message).await.json()
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

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_taken_in_can_be_changed_and_cancelled_whatever_its_fulfilments_look_like()
 {
    let app = TestApp::start().await;
    for (number, (given, expected)) in [
        (json!(null), json!(null)),
        (json!({"id": "F"}), json!({"id": "F"})),
        (json!([7]), json!([7])),
        (json!([{"state": null}]), cancelled_fulfillment()),
        (json!([{"state": "X"}]), cancelled_fulfillment()),
        (
            json!([{"state": {"descriptor": null}}]),
            cancelled_fulfillment(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut order = document(&app, O1);
        let id = format!("odd-{number}");
        order["message"]["order"]["id"] = json!(id);
        order["message"]["order"]["fulfillments"] = given.clone();
        assert_eq!(put(&app, &id, &order).await.status, 201, "{given}");
        let change = json!({"status": "Confirmed"});
        let path = format!("/orders/{id}");
        let changed = app.admin("PATCH", &path, Some(&change)).await;
        assert_eq!(changed.status, 200, "{given}: {}", changed.text);
        let callback = cancel(&app, O1, &id).await;
        assert_eq!(callback["message"]["order"]["fulfillments"], expected);
    }
    app.stop().await;
}

fn cancelled_fulfillment() -> Value {
    json!([{"state": {"descriptor": {"code": "CANCELLED"}}}])
}

#[tokio::test(flavor = "multi_thread")]
async fn news_without_a_time_is_not_ignored_when_the_providers_clock_is_ahead_of_ours() {
    let app = TestApp::start().await;
    let mut order = document(&app, TRIP_1);
    let ahead = chrono::Utc::now() + chrono::TimeDelta::minutes(2);
    order["context"]["timestamp"] = json!(ahead.to_rfc3339());
    assert_eq!(put(&app, "trip_1", &order).await.status, 201);
    let started = json!({"status": "InProgress"});
    let changed = app.admin("PATCH", "/orders/trip_1", Some(&started)).await;
    assert_eq!(changed.body["applied"], true, "{}", changed.text);
    let answer = cancel(&app, TRIP_1, "trip_1").await;
    assert_eq!(answer["error"]["code"], "50001", "a started ride: {answer}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_message_without_a_booking_block_keeps_the_block_and_the_terms() {
    let policy =
        "[[policy.half.rule]]\npercent = \"50\"\n[[policy.default.rule]]\npercent = \"100\"";
    let app = TestApp::start_with(policy).await;
    let mut order = document(&app, TRIP_1);
    order["booking"] = json!({"external_id": "X-1", "policy": "half",
        "status": "AwaitingProvider", "starts_at": "2099-01-01T00:00:00Z"});
    assert_eq!(put(&app, "trip_1", &order).await.status, 201);
    order.as_object_mut().expect("an object").remove("booking");
    assert_eq!(
        put(&app, "trip_1", &order).await.body["result"],
        "unchanged"
    );
    order["context"]["timestamp"] = json!("2021-03-23T10:05:00.000Z");
    assert_eq!(put(&app, "trip_1", &order).await.body["result"], "updated");

    let kept = app.get("/orders/trip_1").await.body;
    assert_eq!(kept["state"], "Confirmed");
    assert_eq!(kept["booking"]["external_id"], "X-1");
    assert_eq!(kept["booking"]["starts_at"], "2099-01-01T00:00:00Z");
    assert_eq!(kept["policy"]["name"], "half");
    let callback = cancel(&app, TRIP_1, "trip_1").await;
    assert_eq!(
        callback["message"]["order"]["quote"]["price"]["value"],
        "90"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_were_agreed_do_not_vanish_with_a_message_that_does_not_repeat_them() {
    let app = TestApp::start().await;
    let mut order = document(&app, O1);
    assert_eq!(put(&app, "O1", &order).await.status, 201);
    let content = order["message"]["order"].as_object_mut().expect("an order");
    content.remove("cancellation_terms");
    content.insert("updated_at".to_owned(), json!("2026-03-02T06:30:00Z"));
    assert_eq!(put(&app, "O1", &order).await.body["result"], "updated");
    let callback = cancel(&app, O1, "O1").await;
    assert_eq!(
        callback["message"]["order"]["quote"]["price"]["value"],
        "30"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_network_that_was_left_is_not_cancelled_behind_its_bap() {
    let mut app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let text = std::fs::read_to_string(app.config_file()).expect("read");
    let renamed = text.replace("[network.mobility]", "[network.rides]");
    std::fs::write(app.config_file(), renamed).expect("written");
    app.restart().await;
    let asked = json!({"by": "provider"});
    let path = "/orders/trip_1/cancel?network=mobility";
    let answer = app.admin("POST", path, Some(&asked)).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let kept = app.get("/orders/trip_1?network=mobility").await.body;
    assert_eq!(kept["state"], "Confirmed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_where_nothing_is_served_has_a_request_id_too() {
    let app = TestApp::start().await;
    for path in ["/cancel/", "/elsewhere/cancel"] {
        let answer = app::answer(app.http.post(app.url(path))).await;
        assert_eq!(answer.status, 404);
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ride_of_two_legs_is_not_over_with_the_first() {
    let app = TestApp::start().await;
    let mut order = document(&app, O1);
    order["message"]["order"]["fulfillments"] = json!([{"id": "F1"}, {"id": "F2"}]);
    assert_eq!(put(&app, "O1", &order).await.status, 201);
    for (leg, state) in [("F1", "InProgress"), ("F2", "Completed")] {
        let ended = json!({"fulfillments": [{"id": leg, "state": "RIDE_ENDED"}]});
        let changed = app.admin("PATCH", "/orders/O1", Some(&ended)).await;
        assert_eq!(
            (changed.status, &changed.body["state"]),
            (200, &json!(state))
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_use_up_the_lookups_do_not_shut_out_a_known_caller() {
    let app = TestApp::start_with("registry_cache_ttl = \"1ms\"").await;
    app.hand_over(TRIP_1).await;
    let key = include_str!("../keys/cli-bap.signing");
    assert_eq!(app.send(&app.cancel_of(TRIP_1)).await.status, 200);
    let mut shut_out = false;
    for number in 0..100 {
        let mut message = app.cancel_of(TRIP_1);
        message.bap_id = format!("stranger-{number}.example");
        let text = message.to_json().to_string();
        let signer = app::signer(&message.bap_id, key);
        let header = signer.authorization(text.as_bytes(), chrono::Utc::now().timestamp());
        let request = app.http.post(app.url("/cancel"));
        let request = request.header("Content-Type", "application/json");
        let answer = app::answer(request.header("Authorization", header).body(text)).await;
        shut_out |= answer.status == 503;
    }
    assert!(shut_out, "the strangers' lookups are used up");
    assert_eq!(app.send(&app.cancel_of(TRIP_1)).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_quote_does_not_make_a_cancellation_free() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let mut status = document(&app, O1);
    let order = status["message"]["order"]
        .as_object_mut()
        .expect("an order");
    order.remove("quote");
    order["updated_at"] = json!("2026-03-02T06:05:00Z");
    let answer = put(&app, "O1", &status).await;
    assert_eq!(
        (answer.status, &answer.body["result"]),
        (200, &json!("updated"))
    );
    let message = app.cancel_of(O1);
    assert_eq!(app.send(&message).await.status, 200);
    app.callback(&message.message).await;
    let cancelled = app.get("/orders/O1").await.body;
    assert_eq!(cancelled["cancellation"]["charge"]["fee"]["value"], "30.00");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_the_longest_amounts_comes_back_from_the_store_and_can_be_cancelled() {
    let app = TestApp::start().await;
    let mut order = document(&app, O1);
    let longest = json!({"currency": "INR", "value": "999999999999999999"});
    order["message"]["order"]["id"] = json!("longest");
    order["message"]["order"]["quote"] = json!({"price": longest});
    order["message"]["order"]["payments"] = json!([{"status": "PAID"}, {"status": "PAID"}]);
    assert_eq!(put(&app, "longest", &order).await.status, 201);
    let shown = app.admin("GET", "/orders/longest", None).await;
    assert_eq!(shown.body["price"]["value"], "999999999999999999.00");
    assert_eq!(shown.body["paid"]["value"], "1999999999999999998.00");
    let order = cancel(&app, O1, "longest").await["message"]["order"].clone();
    assert_eq!(order["status"], "CANCELLED");
    app.stop().await;
}
