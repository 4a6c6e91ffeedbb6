//! Rides of any version as the provider hands them over, and the requests to cancel them.
//!
//! Everything is raw text with odd spellings in it (numbers, escapes, unknown members, white
//! space), so that a test can say byte for byte what must come back.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use beckn_bpp::mock::bap::{BapHandle, Received};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::app::{Answer, BPP, TestApp};
use crate::members::Members;

/// Where the server says it is.
pub const BPP_URI: &str = "http://bpp.example.org";

/// What no schema knows; it has to come back as it went.
const UNKNOWN: &str = r#"{ "n" : [1.50, 1e5, -2.50],  "caf\u00e9":"\u00e9\/" }"#;

/// The session in which every ride is placed.
pub const SESSION: &str = "0f4f9d3e-5a9a-4b76-9d66-0f6f1f2f7a10";

/// An order with the context it was placed with.
#[derive(Debug, Clone)]
pub struct Ride {
    pub id: String,
    pub context: Members,
    pub order: Members,
    /// The `booking` block, where there is one.
    pub booking: Option<Value>,
}

/// A request to cancel.
#[derive(Debug, Clone)]
pub struct Request {
    pub context: Members,
    pub message: Members,
}

/// Milliseconds and `Z`, as everything we write.
pub fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Ride {
    /// A confirmed ride over 146 rupees, unpaid and without terms of its own, placed by `bap`.
    pub fn placed_by(bap: &BapHandle, version: &str, id: &str) -> Self {
        let context = match version.starts_with("0.9.") {
            true => Members::of([("domain", r#""mobility""#), ("country", r#""IND""#)])
                .text("city", "std:080")
                .text("core_version", version),
            false => Members::of([("domain", r#""mobility:ondemandride""#)])
                .text("version", version)
                .set(
                    "location",
                    r#"{ "city":{"code":"std:080"}, "country":{"code":"IND"} }"#,
                ),
        };
        let context = context
            .text("action", "on_confirm")
            .text("bap_id", &bap.signer().subscriber_id)
            .text("bap_uri", bap.url.as_str())
            .text("bpp_id", BPP)
            .text("bpp_uri", BPP_URI)
            .text("transaction_id", SESSION)
            .text("message_id", "00000000-0000-4000-8000-000000000001")
            .text("timestamp", "2026-03-02T06:00:05Z")
            .set("x_unknown", UNKNOWN)
            .text("ttl", "PT10M")
            .text("key", "opaque");
        let order = match version.starts_with("0.9.") {
            true => order_0_9(id),
            false => order_1(id),
        };
        Self {
            id: id.to_owned(),
            context,
            order,
            booking: None,
        }
    }

    /// With another member of the order.
    #[must_use]
    pub fn with(mut self, key: &str, raw: &str) -> Self {
        self.order = self.order.set(key, raw);
        self
    }

    /// With a `booking` block.
    #[must_use]
    pub fn booking(mut self, booking: Value) -> Self {
        self.booking = Some(booking);
        self
    }

    /// The `on_confirm` as the provider hands it over.
    pub fn on_confirm(&self) -> String {
        let (context, order) = (self.context.spaced(), self.order.spaced());
        let booking = self.booking.as_ref();
        let booking = booking.map_or(String::new(), |block| format!(r#", "booking": {block}"#));
        format!(r#"{{ "context" : {context}, "message": {{"order": {order} }}{booking} }}"#)
    }

    /// Hands it over, whatever comes of it.
    pub async fn put(&self, app: &TestApp) -> Answer {
        let path = format!("/orders/{}", self.id);
        app.admin_text("PUT", &path, Some(self.on_confirm())).await
    }

    /// Hands it over as a new order.
    pub async fn hand_over(&self, app: &TestApp) {
        let answer = self.put(app).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// A new request of the BAP that placed it, good in every respect.
    pub fn cancel(&self) -> Request {
        let context = self.context.clone().text("action", "cancel");
        let context = context.text("message_id", &Uuid::new_v4().to_string());
        let message = Members::of([("order_id", ""), ("cancellation_reason_id", r#""001""#)]);
        Request {
            context: context.text("timestamp", &written(Utc::now())),
            message: message.text("order_id", &self.id),
        }
    }

    /// A new question what it would cost, in one of the two spellings.
    pub fn soft_cancel(&self, code: &str) -> Request {
        let mut request = self.cancel();
        let descriptor = format!(r#"{{"code": "{code}", "name": "Ride Cancellation"}}"#);
        request.message = request.message.set("descriptor", &descriptor);
        request
    }
}

impl Request {
    /// The exact body.
    pub fn text(&self) -> String {
        let (context, message) = (self.context.spaced(), self.message.spaced());
        format!("{{\"context\": {context},\n\"message\": {message}}}\n")
    }

    /// Its message id.
    pub fn id(&self) -> &str {
        self.context.raw("message_id").trim_matches('"')
    }

    /// Signs and posts it as `bap.example.org`; it must be acknowledged.
    pub async fn send(&self, app: &TestApp) {
        self.send_as(app, &app.bap).await;
    }

    /// Signs and posts it as this BAP; it must be acknowledged.
    pub async fn send_as(&self, app: &TestApp, bap: &BapHandle) {
        let reply = bap.sign_and_post(&app.url("/cancel"), self.text()).await;
        let reply = reply.expect("an answer");
        let ack = br#"{"message":{"ack":{"status":"ACK"}}}"#;
        assert_eq!((reply.status, &*reply.body), (200, &ack[..]), "{reply:?}");
    }

    /// Sends it and waits for its verified callback.
    pub async fn answered(&self, app: &TestApp) -> Received {
        self.send(app).await;
        app.callback(self.id()).await
    }

    /// The whole body that must answer it, given what follows the context.
    pub fn callback_body(&self, received: &Received, rest: &str) -> String {
        let context = answering(&self.context, received);
        format!(r#"{{"context":{},{rest}}}"#, context.compact())
    }
}

/// The context of a callback, from the one it is made of: ours in it are action, id, URI and
/// the time, which is taken from the callback once it is seen to be a fresh one.
pub fn answering(context: &Members, received: &Received) -> Members {
    let json = received.json();
    let timestamp = json["context"]["timestamp"].as_str().expect("a time");
    let made: DateTime<Utc> = timestamp.parse().expect("RFC 3339");
    assert_eq!(timestamp, written(made));
    let age = received.at - made;
    assert!((0..60).contains(&age.num_seconds()), "{timestamp}");
    context
        .clone()
        .text("action", "on_cancel")
        .text("bpp_id", BPP)
        .text("bpp_uri", BPP_URI)
        .text("timestamp", timestamp)
        .without("ttl")
        .without("key")
}

/// The body as text.
pub fn text(received: &Received) -> &str {
    std::str::from_utf8(&received.body).expect("UTF-8")
}

/// Every member that 0.9.2 requires, and a few that nobody knows.
fn order_0_9(id: &str) -> Members {
    Members::of([
        ("x_first", UNKNOWN),
        ("provider", r#"{"id": "P1", "locations":[{"id":"L1"}]}"#),
        ("items", r#"[ {"id":"sedan_spot", "quantity":{"count":1}, "price":{"currency":"INR","value":146.50}} ]"#),
        ("add_ons", "[]"),
        ("offers", "[]"),
        ("billing", r#"{"name":"./John/Doe","phone" : "+919876543210"}"#),
        ("fulfillment", r#"{"id":"F1","tracking":true,"state":{"descriptor":{"code":"On_The_Way"}}}"#),
        ("quote", r#"{"price":{"currency":"INR","value":"146"},"breakup":[{"title":"Fare","price":{"currency":"INR","value":"140"}},{"title":"Toll","price":{"currency":"INR","value":"6"}}]}"#),
        ("payment", r#"{"type":"POST-FULFILLMENT","status":"NOT-PAID"}"#),
    ])
    .text("id", id)
    .text("state", "Confirmed")
}

fn order_1(id: &str) -> Members {
    Members::of([
        ("x_first", UNKNOWN),
        ("status", r#""ACTIVE""#),
        ("provider", r#"{"id": "P1"}"#),
        ("items", r#"[ {"id":"I1", "price":{"currency":"INR","value":"146.50"}, "fulfillment_ids":["F1"]} ]"#),
        ("fulfillments", r#"[{"id":"F1","x_speed":12.50,"state":{"descriptor":{"code":"RIDE_ASSIGNED","name":"On the way"},"updated_at":"2026-03-02T06:00:05Z"}}]"#),
        ("billing", r#"{"name":"Asha Rao"}"#),
        ("quote", r#"{"price":{"currency":"INR","value":"146"},"breakup":[{"title":"BASE_FARE","price":{"currency":"INR","value":"30"}},{"title":"DISTANCE_FARE","price":{"currency":"INR","value":"116"}}],"ttl":"PT200S"}"#),
        ("payments", r#"[{"id":"PA1","type":"ON-FULFILLMENT","status":"NOT-PAID"}]"#),
        ("created_at", r#""2026-03-02T06:00:00Z""#),
        ("updated_at", r#""2026-03-02T06:00:05Z""#),
        ("x_last", UNKNOWN),
    ])
    .text("id", id)
}
