//! One kind of order, cancelled through each door: what is left behind is the same.

use beckn_bpp::app::api_keys::{self, ApiKeys};
use beckn_bpp::http::bookings::keys::Scope;
use beckn_bpp::mock::orders::VISIT_1;
use chrono::Utc;
use serde_json::{Value, json};

use super::{Door, booked};
use crate::app::answer;
use crate::uhi::{CANCEL_REASON, CANCELLED_BY, assert_ack};

/// A code that every door may give: at the bookings door it stands for words of one's own.
const REASON: &str = "PATIENT_OTHER";

const WAYS: [&str; 4] = ["network", "consultations", "bookings", "admin"];

/// The server with all doors open; the key of the bookings door.
async fn all_open() -> (Door, String) {
    let sections = "[bookings]\n[policy.visit]\n[[policy.visit.rule]]\nby = [\"customer\"]\n\
                    percent = \"20\"\ntext = \"A fifth is kept\"\n";
    let mut door = Door::open_with(sections).await;
    let (key, text) = api_keys::new("app", &Scope::ALL, Vec::new(), Utc::now()).expect("a key");
    let file = door.health.app.directory.path().join("api-keys.toml");
    ApiKeys { keys: vec![key] }.write(&file).expect("written");
    door.health.app.restart().await;
    (door, text.to_string())
}

/// A visit that is paid, with terms that cost something.
async fn hand_over(door: &Door, id: &str) {
    let patient = json!({"id": "pt-1", "partner_id": "ours-1", "hip_id": "IN0000000000"});
    let mut visit = booked(&door.health, id, &patient);
    visit["message"]["order"]["payment"]["status"] = json!("PAID");
    visit["booking"]["policy"] = json!("visit");
    visit["booking"]["external_reference"] = json!(format!("partner.{id}"));
    door.health.hand_over_as(id, &visit).await;
}

/// A patient cancels, through one of the doors.
async fn cancel(door: &Door, key: &str, id: &str, way: &str) {
    let app = &door.health.app;
    let status = match way {
        "network" => {
            let mut message = door.health.cancel_of(VISIT_1);
            message["context"]["city"] = json!("std:011");
            message["message"]["order"]["id"] = json!(id);
            let tags = &mut message["message"]["order"]["fulfillment"]["tags"];
            tags[CANCEL_REASON] = json!(REASON);
            assert_ack(&door.health.send(&message).await);
            return;
        }
        "consultations" => {
            let mut body = door.triple();
            body["order_id"] = json!(id);
            body["reason"] = json!(REASON);
            door.post(&door.headers(), &body.to_string()).await.status
        }
        "bookings" => {
            let path = format!("/v1/bookings/ext:partner.{id}/cancel");
            let body = json!({"reason": "Another reason", "cancelled_by": "customer"});
            let asked = app.http.post(app.url(&path)).bearer_auth(key);
            let asked = asked.header("Content-Type", "application/json");
            answer(asked.body(body.to_string())).await.status
        }
        _ => {
            let body = json!({"by": "customer", "reason": REASON, "note": "Another reason"});
            door.health.cancel_for_clinic(id, &body).await.status
        }
    };
    assert_eq!(status, 200, "{way}");
}

/// What differs by nature is left out: which order, when, by which key, in whose words.
async fn left_behind(door: &Door, id: &str) -> [Value; 4] {
    let app = &door.health.app;
    let mut order = app.get(&format!("/orders/{id}")).await.body;
    let mut cancellation = order["cancellation"].take();
    let events = app.get("/events?after=0").await.body;
    let mut events = events["events"].as_array().expect("a list").iter();
    let event = events.find(|event| event["order_id"] == id);
    let mut event = event.expect("an event").clone();
    let callbacks = door.health.eua.all().into_iter().map(|one| {
        assert_eq!(one.verdict, Ok(()), "the signature holds");
        one.json()
    });
    let mut callback = callbacks
        .filter(|body| body["message"]["order"]["id"] == id)
        .collect::<Vec<_>>();
    assert_eq!(callback.len(), 1, "one callback for {id}");
    let mut callback = callback.remove(0);
    for (value, places) in [
        (&mut cancellation, &["/at", "/token", "/reason/text"][..]),
        (
            &mut event,
            &["/sequence", "/order_id", "/at", "/token", "/reason/text"],
        ),
        (
            &mut callback,
            &[
                "/context/message_id",
                "/context/timestamp",
                "/message/order/id",
            ],
        ),
    ] {
        for place in places {
            let (parent, member) = place.rsplit_once('/').expect("a pointer");
            let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
            parent.map(|parent| parent.remove(member));
        }
    }
    let facts = ["state", "version", "price", "paid", "policy"].map(|name| order[name].take());
    [json!(facts), cancellation, event, callback]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_leaves_the_same_state_fee_refund_event_and_callback() {
    let (door, key) = all_open().await;
    let mut all = Vec::new();
    for way in WAYS {
        let id = format!("visit_{way}");
        hand_over(&door, &id).await;
        cancel(&door, &key, &id, way).await;
        door.health.app.settled().await;
        all.push(left_behind(&door, &id).await);
    }
    let [facts, cancellation, event, callback] = &all[0];
    assert_eq!(facts[0], "Cancelled");
    let money = |value: &str| json!({"value": value, "currency": "INR"});
    let charge = &cancellation["charge"];
    let expected = json!({"fee": money("100.00"), "refund": money("400.00"), "due": money("0.00")});
    assert_eq!(charge, &expected);
    assert_eq!(cancellation["terms"]["sentence"], "A fifth is kept");
    assert_eq!(
        (&event["type"], &event["by"], &event["refund"]),
        (
            &json!("order.cancelled"),
            &json!("customer"),
            &money("400.00")
        )
    );
    let order = &callback["message"]["order"];
    let tags = &order["fulfillment"]["tags"];
    assert_eq!(
        (&order["state"], &tags[CANCELLED_BY], &tags[CANCEL_REASON]),
        (&json!("CANCELLED"), &json!("patient"), &json!(REASON))
    );
    assert_eq!(
        order["quote"]["price"]["value"], "500.0",
        "UHI shows no charge"
    );
    for (way, left) in WAYS.iter().zip(&all) {
        assert_eq!(left, &all[0], "{way}");
    }
    door.health.stop().await;
}
