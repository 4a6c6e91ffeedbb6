//! A health network beside the mobility network, on one server: EUAs, a gateway, a registry of
//! its own.
//!
//! The rows of the go-live checklist are in `go_live`, what follows from two networks on one
//! server in `beside`, and settings that only this kind has in `settings`.

mod beside;
mod go_live;
mod settings;

use std::path::Path;

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::bap::{self, BapHandle, Received, Reply};
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::gateway::{self, GatewayHandle};
use beckn_bpp::mock::orders::Sample;
use beckn_bpp::mock::registry::{self, RegistryHandle};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, TestApp, WAIT, listener};

/// Our subscriber id on the health network.
pub const HSPA: &str = "hspa.example.org";

/// Where that network reaches us.
pub const HSPA_URI: &str = "http://hspa.example.org/uhi";

/// Our private key there, another one than on the mobility network.
const HSPA_KEY: &str = include_str!("../../keys/registry.signing");

/// Where a patient's app says who cancels.
pub const CANCELLED_BY: &str = "@abdm/gov.in/cancelledby";

/// Where it says why.
pub const CANCEL_REASON: &str = "@abdm/gov.in/cancel_reason";

/// The reason in [`Health::cancel_of`].
pub const REASON: &str = "PATIENT_UNABLE_TO_VISIT_PHYSICALLY";

/// A running server on both networks, with the parties of the health network.
pub struct Health {
    pub app: TestApp,
    pub registry: RegistryHandle,
    /// `eua.example.org`, which placed the visits.
    pub eua: BapHandle,
    /// `other-eua.example.org`, registered as well.
    pub other_eua: BapHandle,
    pub gateway: GatewayHandle,
    _keys: TempDir,
}

/// A party of the health network.
pub fn signer(subscriber_id: &str, key: &str) -> Signer {
    Signer {
        scheme: Scheme::Uhi,
        subscriber_id: subscriber_id.to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(key).expect("a developer key"),
        lifetime_seconds: 10,
    }
}

/// An EUA as UHI's registry lists it.
fn listed(eua: &BapHandle) -> Value {
    let signer = eua.signer();
    json!({
        "subscriber_id": signer.subscriber_id,
        "participant_id": signer.subscriber_id,
        "pub_key_id": signer.key_id,
        "encr_public_key": signer.key.verifying_key().to_spki_base64(),
        "subscriber_url": eua.url.as_str(),
        "type": "consumer",
        "domain": "nic2004:85111",
        "country": "IND",
        "city": "std:011",
        "status": "SUBSCRIBED",
        "valid_from": "2026-01-01T00:00:00.000Z",
        "valid_until": "2125-01-01T00:00:00.000Z",
    })
}

fn section(keys: &Path, registry: &RegistryHandle, gateway: &GatewayHandle, more: &str) -> String {
    format!(
        r#"[network.health]
kind = "uhi"
domains = ["nic2004:85111"]
subscriber_id = "{HSPA}"
subscriber_url = "{HSPA_URI}"
key_id = "k1"
signing_key_file = "{}"
registry_url = "{}"
gateway_url = "{}"
registry_lookups_per_second = 100000
{more}
"#,
        keys.join("hspa.signing").display(),
        registry.url,
        gateway.url,
    )
}

impl Health {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more settings of `[network.health]`, then more sections.
    pub async fn start_with(more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = tempfile::tempdir().expect("a directory");
        std::fs::write(keys.path().join("hspa.signing"), HSPA_KEY).expect("written");
        let registry = registry::start(listener(), Vec::new()).expect("a registry");
        let start = |id: &str, key: &str| {
            bap::start(listener(), signer(id, key), &registry.url, "/eua").expect("an EUA")
        };
        let eua = start("eua.example.org", include_str!("../../keys/bap.signing"));
        let other_eua = start(
            "other-eua.example.org",
            include_str!("../../keys/cli-bap.signing"),
        );
        let gateway_signer = signer(
            "gateway.example.org",
            include_str!("../../keys/gateway.signing"),
        );
        let gateway = gateway::start(listener(), gateway_signer, &registry.url).expect("a gateway");
        // We are listed as the EUAs ask for us, in the core form; they are as UHI has it.
        let rows = vec![
            listed(&eua),
            listed(&other_eua),
            registry::row(
                &signer(HSPA, HSPA_KEY),
                "BPP",
                &HSPA_URI.parse().expect("a URL"),
            ),
        ];
        registry.set_rows(rows);
        let app = TestApp::start_with(&section(keys.path(), &registry, &gateway, more)).await;
        Self {
            app,
            registry,
            eua,
            other_eua,
            gateway,
            _keys: keys,
        }
    }

    /// A visit as placed by `eua.example.org`.
    pub fn placed(&self, sample: Sample) -> Value {
        let eua = ("eua.example.org", self.eua.url.as_str());
        let text = sample.placed_by(eua, (HSPA, HSPA_URI)).expect("a sample");
        serde_json::from_str(&text).expect("JSON")
    }

    pub async fn hand_over(&self, sample: Sample) {
        self.hand_over_as(sample.id, &self.placed(sample)).await;
    }

    pub async fn hand_over_as(&self, id: &str, document: &Value) {
        let answer = self
            .app
            .admin("PUT", &format!("/orders/{id}"), Some(document))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// A cancel by the patient's app that every check would pass.
    pub fn cancel_of(&self, sample: Sample) -> Value {
        let eua = ("eua.example.org", self.eua.url.as_str());
        let message = CancelMessage {
            reason: Some(REASON.to_owned()),
            ..CancelMessage::of(sample, eua, (HSPA, HSPA_URI)).expect("a sample")
        };
        message.to_json()
    }

    /// Signs and posts a message as `eua.example.org`.
    pub async fn send(&self, message: &Value) -> Reply {
        self.send_text(&message.to_string()).await
    }

    pub async fn send_text(&self, text: &str) -> Reply {
        let url = self.app.url("/uhi/cancel");
        let sent = self.eua.sign_and_post(&url, text.to_owned()).await;
        sent.expect("an answer")
    }

    /// Posts a message with this header.
    pub async fn post(&self, text: &str, authorization: &str) -> Reply {
        let url = self.app.url("/uhi/cancel");
        let sent = self.eua.post(&url, text.to_owned(), authorization).await;
        sent.expect("an answer")
    }

    /// Sends a message that is acknowledged, and returns its verified callback.
    pub async fn answered(&self, message: &Value) -> Received {
        assert_ack(&self.send(message).await);
        self.callback(message_id(message)).await
    }

    pub async fn callback(&self, message_id: &str) -> Received {
        verified(self.eua.received(message_id, WAIT).await)
    }

    /// The verified copy of the callback with this message id.
    pub async fn copy(&self, message_id: &str) -> Received {
        verified(self.gateway.inbox.received(message_id, WAIT).await)
    }

    /// The message is refused in this way and changes nothing; its error.
    pub async fn refuses(&self, message: &Value, status: u16, word: &str) -> Value {
        let before = self.app.kept().await;
        let reply = self.send(message).await;
        let error = assert_nack(&reply, status, word);
        assert_eq!(self.app.kept().await, before, "{word} changed something");
        error
    }

    /// The clinic cancels, through the admin API.
    pub async fn cancel_for_clinic(&self, id: &str, body: &Value) -> Answer {
        self.app
            .admin("POST", &format!("/orders/{id}/cancel"), Some(body))
            .await
    }

    pub async fn state_of(&self, id: &str) -> Value {
        self.app.get(&format!("/orders/{id}")).await.body["state"].clone()
    }

    /// Stops everything; nothing may be owed any more.
    pub async fn stop(self) {
        self.app.stop().await;
        self.eua.stop().await;
        self.other_eua.stop().await;
        self.gateway.inbox.stop().await;
        self.registry.stop().await;
    }
}

fn verified(received: Option<Received>) -> Received {
    let received = received.expect("it comes in time");
    assert_eq!(received.verdict, Ok(()), "the signature holds");
    received
}

pub fn message_id(message: &Value) -> &str {
    message["context"]["message_id"].as_str().expect("an id")
}

/// The body has these bytes, `error` included.
pub fn assert_ack(reply: &Reply) {
    let body = String::from_utf8_lossy(&reply.body);
    assert_eq!(reply.status, 200, "{body}");
    assert_eq!(body, r#"{"message":{"ack":{"status":"ACK"}},"error":{}}"#);
}

/// A NACK with this word; its error, which has all four members but the path.
pub fn assert_nack(reply: &Reply, status: u16, word: &str) -> Value {
    let body = reply.json();
    assert_eq!(reply.status, status, "{body}");
    assert_eq!(body["message"]["ack"]["status"], "NACK");
    let error = &body["error"];
    let text = error["message"].as_str().expect("a sentence");
    assert!(text.starts_with(&format!("{word}: ")), "{text}");
    let code = error["code"].as_str().expect("a number");
    assert!(code.starts_with("UHI"), "{code}");
    assert!(
        error["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("-ERROR"))
    );
    assert_eq!(error["paths"], json!(null), "that is a word of Beckn 1.x");
    error.clone()
}
