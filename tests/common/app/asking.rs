//! What a test asks of the server: cancels as a BAP, the admin API as the provider, and whether all
//! that was owed has left.

use std::time::Duration;

use beckn_bpp::mock::bap::{BapHandle, Received, Reply};
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::Sample;
use serde_json::{Value, json};

use super::{BPP, TestApp, WAIT};

/// An answer of the admin API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl TestApp {
    pub async fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string);
        self.admin_text(method, path, text).await
    }

    /// Asks the admin API with exactly this body, so that numbers go out as written.
    pub async fn admin_text(&self, method: &str, path: &str, body: Option<String>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self
            .http
            .request(method, self.admin_url(path))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body);
        }
        answer(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.admin("GET", path, None).await
    }

    /// Hands over a sample as placed by `bap.example.org`.
    pub async fn hand_over(&self, sample: Sample) {
        let text = sample
            .placed_by(
                ("bap.example.org", self.bap.url.as_str()),
                (BPP, "http://bpp.example.org"),
            )
            .expect("a sample");
        let document = serde_json::from_str(&text).expect("JSON");
        let answer = self
            .admin("PUT", &format!("/orders/{}", sample.id), Some(&document))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// A cancel of a sample by `bap.example.org` that every check would pass.
    pub fn cancel_of(&self, sample: Sample) -> CancelMessage {
        cancel_by(&self.bap, sample)
    }

    /// Signs and posts a message as `bap.example.org`.
    pub async fn send(&self, message: &CancelMessage) -> Reply {
        self.send_text(&message.to_json().to_string()).await
    }

    /// Signs and posts exactly these bytes as `bap.example.org`.
    pub async fn send_text(&self, text: &str) -> Reply {
        self.bap
            .sign_and_post(&self.url("/cancel"), text.to_owned())
            .await
            .expect("an answer")
    }

    /// The verified callback with this message id.
    pub async fn callback(&self, message_id: &str) -> Received {
        let received = self
            .bap
            .received(message_id, WAIT)
            .await
            .expect("an on_cancel in time");
        assert_eq!(received.verdict, Ok(()), "the callback's signature holds");
        received
    }

    /// Hands over a sample, cancels it, and waits until its callback has come and is settled.
    pub async fn cancelled(&self, sample: Sample) -> CancelMessage {
        self.hand_over(sample).await;
        let message = self.cancel_of(sample);
        self.send(&message).await;
        self.callback(&message.message).await;
        self.settled().await;
        message
    }

    /// Everything a refusal must leave as it was.
    pub async fn kept(&self) -> Value {
        let [orders, callbacks, events] = [
            self.get("/orders?limit=1000").await.body,
            self.get("/callbacks?limit=1000").await.body,
            self.get("/events?after=0&limit=1000").await.body,
        ];
        json!({"orders": orders, "callbacks": callbacks, "events": events})
    }

    /// Returns when no callback is owed any more.
    pub async fn settled(&self) {
        let owed = async {
            while self.get("/callbacks?state=pending").await.body["callbacks"] != json!([]) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WAIT, owed)
            .await
            .expect("every callback is settled in time");
    }
}

/// A cancel of a sample by `bap.example.org` at this BAP's address.
pub fn cancel_by(bap: &BapHandle, sample: Sample) -> CancelMessage {
    let placed_by = ("bap.example.org", bap.url.as_str());
    let placed_with = (BPP, "http://bpp.example.org");
    CancelMessage {
        reason: Some("001".to_owned()),
        ..CancelMessage::of(sample, placed_by, placed_with).expect("a sample")
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.expect("a body");
    Answer {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}
