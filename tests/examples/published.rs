//! The published examples of mobility, message by message.

use std::path::PathBuf;

use beckn_bpp::mock::bap::{self, BapHandle, Received};
use beckn_bpp::mock::orders::{O1, O2, Sample, TRIP_1};
use beckn_bpp::mock::registry;
use chrono::Utc;
use serde_json::{Value, json};

use crate::app::{TestApp, listener, signer};
use crate::official::{example, protocol_dir};
use crate::rides::written;

/// Where the examples are, when they are.
fn examples(folder: &str) -> Option<PathBuf> {
    Some(protocol_dir()?.join("examples").join(folder))
}

/// Context members that are renewed or ours, and so differ from what is published.
const RENEWED: [&str; 3] = ["timestamp", "bap_uri", "bpp_uri"];

/// A published request as it would be sent now, by a BAP at this URL.
fn sent_now(mut message: Value, bap: &BapHandle) -> Value {
    let context = &mut message["context"];
    context["bap_uri"] = json!(bap.url.as_str());
    context["bpp_uri"] = json!("http://bpp.example.org");
    context["timestamp"] = json!(written(Utc::now()));
    message
}

/// Both texts are equal, member order included.
fn assert_same(ours: &Value, published: &Value) {
    assert_eq!(ours.to_string(), published.to_string());
}

/// The contexts are equal, member order included, but for these members.
fn assert_same_context(ours: &Received, published: &Value, but: &[&str]) {
    let without = |message: &Value| {
        let mut context = message["context"].clone();
        let members = context.as_object_mut().expect("a context");
        members.retain(|name, _| !but.contains(&name.as_str()));
        context
    };
    assert_same(&without(&ours.json()), &without(published));
}

/// The same message with its times masked: those of a cancellation are the server's own.
fn timeless(message: &Value) -> Value {
    let mut message = message["message"].clone();
    for pointer in ["/order/updated_at", "/order/cancellation/time"] {
        if let Some(time) = message.pointer_mut(pointer) {
            let read = time.as_str().map(chrono::DateTime::parse_from_rfc3339);
            assert!(matches!(read, Some(Ok(_))), "{pointer}: {time}");
            *time = json!("a time");
        }
    }
    message
}

/// Sends it as `bap.example.org` and waits for the verified answer.
async fn answered(app: &TestApp, request: &Value) -> Received {
    let reply = app.send_text(&request.to_string()).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let id = request["context"]["message_id"].as_str().expect("an id");
    app.callback(id).await
}

/// A BAP whose id is the published one, a URL; the server gets the published id as well.
async fn with_published_ids(app: &mut TestApp) -> BapHandle {
    let key = include_str!("../../keys/bap.signing");
    let bap = signer("https://mock_bap.com/", key);
    let bap = bap::start(listener(), bap, &app.registry.url, "/beckn/").expect("a BAP");
    let bpp = signer(
        "https://mock_bpp.com/",
        include_str!("../../keys/bpp.signing"),
    );
    let url = "https://mock_bpp.com/beckn/".parse().expect("a URL");
    app.registry.set_rows(vec![
        registry::row(bap.signer(), "BAP", &bap.url),
        registry::row(&bpp, "BPP", &url),
    ]);
    app.reconfigure(|text| text.replace(r#""bpp.example.org""#, r#""https://mock_bpp.com/""#))
        .await;
    bap
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_0_9_1_comes_back_exactly_as_published() {
    let Some(dir) = examples("mobility-0.9.1") else {
        return;
    };
    let published = example(&dir.join("on_cancel.json"));
    let mut app = TestApp::start().await;
    let bap = with_published_ids(&mut app).await;
    let ids = ("https://mock_bap.com/", "https://mock_bpp.com/");
    let order = TRIP_1.placed_by((ids.0, bap.url.as_str()), (ids.1, "http://bpp.example.org"));
    let order = order.expect("a sample");
    let taken = app.admin_text("PUT", "/orders/trip_1", Some(order)).await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    let request = sent_now(example(&dir.join("cancel.json")), &bap);
    let reply = bap
        .sign_and_post(&app.url("/cancel"), request.to_string())
        .await;
    assert_same(
        &reply.expect("an answer").json(),
        &example(&dir.join("ack.json")),
    );
    let received = bap
        .received("1234124234237", crate::app::WAIT)
        .await
        .expect("in time");
    assert_eq!(received.verdict, Ok(()));
    assert_same(&received.json()["message"], &published["message"]);
    // The published answer has the message id of another request.
    let renewed = [&RENEWED[..], &["message_id"]].concat();
    assert_same_context(&received, &published, &renewed);
    app.settled().await;
    bap.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn soft_and_confirmed_cancels_of_1_1_0_are_answered_as_published() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    // Our contexts leave out the optional ttl: a callback is delivered however late.
    let renewed = [&RENEWED[..], &["ttl"]].concat();
    for step in ["soft", "confirm"] {
        let request = example(&dir.join(format!("{step}_cancel.json")));
        let published = example(&dir.join(format!("{step}_on_cancel.json")));
        let received = answered(&app, &sent_now(request, &app.bap)).await;
        assert_same(&timeless(&received.json()), &timeless(&published));
        assert_same_context(&received, &published, &renewed);
        assert!(received.json()["context"].get("ttl").is_none());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_cancellation_leaves_as_published() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let published = example(&dir.join("unsolicited_on_cancel.json"));
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let asked = json!({"by": "provider", "reason": "013", "note": "Driver accepted by mistake"});
    let answer = app.admin("POST", "/orders/O1/cancel", Some(&asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.settled().await;
    let received = app.bap.all().pop().expect("a callback");
    assert_eq!(received.verdict, Ok(()));
    assert_same(&timeless(&received.json()), &timeless(&published));
    let renewed = [&RENEWED[..], &["ttl", "message_id"]].concat();
    assert_same_context(&received, &published, &renewed);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ride_that_has_started_is_refused_as_published() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let published = example(&dir.join("failed_on_cancel.json"));
    let app = TestApp::start().await;
    app.hand_over(O2).await;
    let mut request = sent_now(example(&dir.join("confirm_cancel.json")), &app.bap);
    request["message"]["order_id"] = json!("O2");
    let received = answered(&app, &request).await;
    let ours = received.json();
    assert_eq!(ours["error"]["code"], published["error"]["code"]);
    assert_eq!(ours["error"]["code"], "50001");
    // The sentence is ours: a started order need not be a ride.
    let sentence = "The order has started and cannot be cancelled";
    assert_eq!(ours["error"]["message"], sentence);
    let names = |message: &Value| {
        let (all, error) = (message.as_object(), message["error"].as_object());
        let keys = all
            .into_iter()
            .chain(error)
            .flat_map(|object| object.keys().cloned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(names(&ours), names(&published));
    assert_same_context(&received, &published, &[&RENEWED[..], &["ttl"]].concat());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_order_is_refused_as_published() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let published = example(&dir.join("nack_order_not_found.json"));
    let app = TestApp::start().await;
    let request = sent_now(example(&dir.join("confirm_cancel.json")), &app.bap);
    let reply = app.send_text(&request.to_string()).await;
    let ours = reply.json();
    assert_eq!(reply.status, 200);
    assert_same(&ours["message"], &published["message"]);
    for member in ["code", "paths"] {
        assert_eq!(ours["error"][member], published["error"][member]);
    }
    app.stop().await;
}

/// The layer 2 requests have no `transaction_id`, without which there is no request key.
#[tokio::test(flavor = "multi_thread")]
async fn the_layer_2_requests_are_refused_for_want_of_a_transaction_id() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let app = TestApp::start().await;
    for name in ["l2-cancel.json", "l2-cancel-with-user-reason.json"] {
        let text = std::fs::read_to_string(dir.join(name)).expect("readable");
        let reply = app.send_text(&text).await;
        let error = &reply.json()["error"];
        assert_eq!(reply.status, 200);
        assert_eq!(error["paths"], "context.transaction_id");
        let detail = error["message"].as_str().expect("a sentence");
        assert!(detail.starts_with("context_invalid"), "{detail}");
    }
    app.stop().await;
}

/// With what is missing filled in they cancel the order that the published answer is about. That
/// answer has no status, no cancellation and a charge without the lines it replaces; the rest of
/// the order is the provider's and comes back as published.
#[tokio::test(flavor = "multi_thread")]
async fn the_layer_2_requests_cancel_once_they_are_completed() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let mut app = TestApp::start().await;
    app.reconfigure(|text| text.replace(r#""mobility:ondemandride""#, r#""nic2004:60221""#))
        .await;
    let published = example(&dir.join("l2-on_cancel_by_rider.json"));
    for (name, reason) in [
        (
            "l2-cancel-with-user-reason.json",
            json!({"id": "7", "descriptor":
            {"code": "7", "short_desc": "Accidenally booked the ride"}}),
        ),
        (
            "l2-cancel.json",
            json!({"id": "5", "descriptor": {"code": "5"}}),
        ),
    ] {
        let mut request = completed(example(&dir.join(name)), &app);
        let on_confirm = before(&published, &request["context"], name);
        let taken = app
            .admin("PUT", &format!("/orders/{name}"), Some(&on_confirm))
            .await;
        assert_eq!(taken.status, 201, "{}", taken.text);
        request["message"]["order_id"] = json!(name);
        let ours = answered(&app, &request).await.json()["message"]["order"].take();
        assert_eq!(ours["status"], "CANCELLED");
        assert_eq!(ours["cancellation"]["reason"], reason);
        let fulfillment = &ours["fulfillments"][0];
        assert_eq!(fulfillment["state"]["descriptor"]["code"], "RIDE_CANCELLED");
        for member in ["provider", "items", "payments"] {
            assert_same(&ours[member], &published["message"]["order"][member]);
        }
        for member in ["id", "stops", "agent", "vehicle", "customer"] {
            let theirs = &published["message"]["order"]["fulfillments"][0];
            assert_same(&fulfillment[member], &theirs[member]);
        }
    }
    app.stop().await;
}

/// The driver's cancellation of layer 2. The published answer has neither status nor cancellation,
/// and no line that says what became of the fare; the rest comes back as published.
#[tokio::test(flavor = "multi_thread")]
async fn a_drivers_cancellation_of_layer_2_is_free_and_keeps_the_rest_of_the_order() {
    let Some(dir) = examples("mobility-1.1.0") else {
        return;
    };
    let mut app = TestApp::start().await;
    app.reconfigure(|text| text.replace(r#""mobility:ondemandride""#, r#""nic2004:60221""#))
        .await;
    let published = example(&dir.join("l2-on_cancel_by_driver.json"));
    let context = completed(published.clone(), &app)["context"].take();
    let mut on_confirm = before(&published, &context, "by-driver");
    on_confirm["message"]["order"]["quote"]["price"]["value"] = json!("30");
    let taken = app.admin("PUT", "/orders/by-driver", Some(&on_confirm));
    assert_eq!(taken.await.status, 201);
    let asked =
        json!({"by": "provider", "reason": "013", "note": "Oops! The driver had to cancel"});
    let answer = app
        .admin("POST", "/orders/by-driver/cancel", Some(&asked))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.settled().await;
    let ours = app.bap.all().pop().expect("a callback").json()["message"]["order"].take();
    let theirs = &published["message"]["order"];
    assert_eq!(ours["quote"]["price"], theirs["quote"]["price"], "free");
    assert_eq!(ours["cancellation"]["cancelled_by"], "PROVIDER");
    let code = &ours["fulfillments"][0]["state"]["descriptor"]["code"];
    assert_eq!(
        *code,
        theirs["fulfillments"][0]["state"]["descriptor"]["code"]
    );
    for member in ["provider", "items", "payments"] {
        assert_same(&ours[member], &theirs[member]);
    }
    for member in ["id", "stops", "agent", "vehicle", "customer"] {
        let theirs = &theirs["fulfillments"][0];
        assert_same(&ours["fulfillments"][0][member], &theirs[member]);
    }
    app.stop().await;
}

fn completed(message: Value, app: &TestApp) -> Value {
    let mut message = sent_now(message, &app.bap);
    let context = &mut message["context"];
    context["bap_id"] = json!("bap.example.org");
    context["bpp_id"] = json!("bpp.example.org");
    context["transaction_id"] = json!("b580c989-f84d-4abe-af28-2c818aafce3b");
    context["message_id"] = json!(uuid::Uuid::new_v4().to_string());
    message
}

/// The order as it may have been before the published answer.
fn before(published: &Value, context: &Value, id: &str) -> Value {
    let mut order = published["message"]["order"].clone();
    order["id"] = json!(id);
    order["fulfillments"][0]["state"]["descriptor"] = json!({"code": "RIDE_ASSIGNED"});
    let mut context = context.clone();
    context["action"] = json!("on_confirm");
    json!({"context": context, "message": {"order": order}})
}

/// The samples of the mock network are the published orders before they were cancelled.
#[test]
fn the_samples_are_the_published_orders() {
    let Some(dir) = protocol_dir() else {
        return;
    };
    let order_of = |sample: Sample| {
        let party = ("example.org", "https://example.org");
        let text = sample.placed_by(party, party).expect("a sample");
        let mut message: Value = serde_json::from_str(&text).expect("JSON");
        message["message"]["order"].take()
    };
    let published = |file: &str| {
        let mut message = example(&dir.join("examples").join(file));
        message["message"]["order"].take()
    };
    let mut trip = published("mobility-0.9.1/on_cancel.json");
    trip["state"] = json!("Confirmed");
    assert_same(&order_of(TRIP_1), &trip);
    let mut ride = order_of(O1);
    let mut soft = published("mobility-1.1.0/soft_on_cancel.json");
    for order in [&mut ride, &mut soft] {
        let members = order.as_object_mut().expect("an order");
        members.retain(|name, _| !["status", "quote", "updated_at"].contains(&name.as_str()));
    }
    assert_same(&ride, &soft);
}
