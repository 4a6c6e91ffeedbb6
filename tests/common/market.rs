//! An ONDC network beside the mobility network on one server: a buyer app and its orders.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use beckn_bpp::mock::bap::{self, BapHandle, Received, Reply};
use beckn_bpp::mock::orders::Sample;
use beckn_bpp::mock::registry;
use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TestApp, WAIT, listener, signer};

/// Where the network finds us.
pub const BPP_URI: &str = "http://bpp.example.org/ondc";

/// What `error` is in an answer: number and, where the dialect has one, type.
pub fn error_of(answer: &Value) -> (&str, Option<&str>) {
    let error = &answer["error"];
    (
        error["code"].as_str().unwrap_or_default(),
        error["type"].as_str(),
    )
}

/// A running server on both networks, with the buyer app of the market.
pub struct Market {
    pub app: TestApp,
    pub bap: BapHandle,
    /// What the market calls us.
    pub bpp: String,
}

impl Market {
    /// With the ids of the samples.
    pub async fn start(domains: &[&str]) -> Self {
        Self::start_as(("bap.example.org", "bpp.example.org"), domains, "").await
    }

    /// With these ids of buyer app and server, then more settings of its section and sections.
    pub async fn start_as((bap, bpp): (&str, &str), domains: &[&str], more: &str) -> Self {
        let domains = json!(domains);
        let mut app = TestApp::start().await;
        let key = include_str!("../../keys/gateway.signing");
        let bap = bap::start(listener(), signer(bap, key), &app.registry.url, "/market");
        let bap = bap.expect("a buyer app");
        let us = signer(bpp, include_str!("../../keys/bpp.signing"));
        let url = BPP_URI.parse().expect("a URL");
        let rows = [
            registry::row(bap.signer(), "BAP", &bap.url),
            registry::row(&us, "BPP", &url),
        ];
        {
            let mut known = app.registry.rows.lock().expect("no test panicked");
            known.retain(|row| {
                !rows
                    .iter()
                    .any(|new| new["subscriber_id"] == row["subscriber_id"])
            });
            known.extend(rows);
        }
        let section = format!(
            r#"
[network.market]
kind = "ondc"
domains = {domains}
subscriber_id = "{bpp}"
subscriber_url = "{BPP_URI}"
key_id = "k1"
signing_key_file = "bpp.signing"
registry_url = "{}"
{more}
"#,
            app.registry.url
        );
        app.reconfigure(|text| text + &section).await;
        Self {
            app,
            bap,
            bpp: bpp.to_owned(),
        }
    }

    /// The message with this server and this buyer app in its context.
    pub fn between_us(&self, mut message: Value) -> Value {
        let context = &mut message["context"];
        context["bap_uri"] = json!(self.bap.url.as_str());
        context["bpp_id"] = json!(self.bpp);
        context["bpp_uri"] = json!(BPP_URI);
        message
    }

    /// The request as it would be sent now.
    pub fn now(&self, message: Value) -> Value {
        let mut message = self.between_us(message);
        let now = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        message["context"]["timestamp"] = json!(now);
        message
    }

    /// An order of this text, in the words of the provider's system.
    pub fn order(&self, sample: Sample) -> Value {
        let bap = (&*self.bap.signer().subscriber_id, self.bap.url.as_str());
        let text = sample.placed_by(bap, (&self.bpp, BPP_URI));
        serde_json::from_str(&text.expect("a sample")).expect("JSON")
    }

    /// Hands over an `on_confirm` as a new order.
    pub async fn hand_over(&self, on_confirm: &Value) {
        let id = on_confirm["message"]["order"]["id"]
            .as_str()
            .expect("an id");
        let path = format!("/orders/{id}");
        let answer = self.app.admin("PUT", &path, Some(on_confirm)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// A new request to cancel an order, good in every respect but for what `message` leaves out.
    pub fn cancel_of(&self, on_confirm: &Value, message: Value) -> Value {
        let mut context = on_confirm["context"].clone();
        context["action"] = json!("cancel");
        context["message_id"] = json!(Uuid::new_v4().to_string());
        let mut message = message;
        message["order_id"] = on_confirm["message"]["order"]["id"].clone();
        self.now(json!({"context": context, "message": message}))
    }

    /// Signs and posts it.
    pub async fn send(&self, request: &Value) -> Reply {
        let url = self.app.url("/ondc/cancel");
        let reply = self.bap.sign_and_post(&url, request.to_string()).await;
        reply.expect("an answer")
    }

    /// What it is refused with; nothing may be kept of it.
    pub async fn refused(&self, request: &Value) -> Value {
        // What is owed for earlier requests must not change meanwhile.
        self.app.settled().await;
        let before = self.app.kept().await;
        let reply = self.send(request).await;
        let answer = reply.json();
        assert_eq!(answer["message"]["ack"]["status"], "NACK", "{answer}");
        assert_eq!(self.app.kept().await, before);
        answer
    }

    /// Sends it and waits for the verified callback.
    pub async fn answered(&self, request: &Value) -> Value {
        let reply = self.send(request).await;
        let ack = json!({"message": {"ack": {"status": "ACK"}}});
        assert_eq!((reply.status, reply.json()), (200, ack));
        let id = request["context"]["message_id"].as_str().expect("an id");
        let received = self
            .bap
            .received(id, WAIT)
            .await
            .expect("a callback in time");
        verified(&received)
    }

    /// What the provider asks for about an order, and what it hears.
    pub async fn provider(&self, id: &str, verb: &str, asked: &Value) -> Answer {
        let path = format!("/orders/{id}/{verb}?network=market");
        self.app.admin("POST", &path, Some(asked)).await
    }

    /// The last callback, once all have left.
    pub async fn last(&self) -> Value {
        self.app.settled().await;
        verified(&self.bap.all().pop().expect("a callback"))
    }

    pub async fn stop(self) {
        self.app.stop().await;
        self.bap.stop().await;
    }
}

fn verified(received: &Received) -> Value {
    assert_eq!(received.verdict, Ok(()), "the callback's signature holds");
    received.json()
}
