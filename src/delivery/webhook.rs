//! The `booking.cancel` webhook: a partner's app hears that a booking of its patients is cancelled,
//! whoever did it.
//!
//! It is owed from the first attempt at the `on_cancel` on, by the transaction that records that
//! attempt, and has a line, attempts and an end of its own. The body is fixed then; the signature
//! (`t=...,v1=...`, HMAC-SHA256 over `t.body`) is made afresh for every attempt.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use ring::hmac;
use serde_json::json;
use url::Url;

use crate::domain::ids::{NetworkName, SubscriberId};
use crate::domain::order::Order;
use crate::networks::callback_url;
use crate::protocol::consultations::Status;
use crate::store::{Callback, CallbackKind, NewCallback};

/// The header that the signature is in.
pub const SIGNATURE: &str = "eka-webhook-signature";

/// One partner's webhook.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is posted.
    pub url: Url,
    /// What the partner is called in lists and holds.
    pub client: SubscriberId,
    /// The partner's client id, as the body has it.
    pub client_id: String,
    /// The partner's own id of its business.
    pub business_id: String,
    /// The facilities whose bookings are its own.
    pub hip_ids: Vec<String>,
    /// What its posts are signed with; without one they are not.
    pub key: Option<hmac::Key>,
}

/// The webhooks of a network's partners.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// The network whose bookings they are about.
    pub network: Option<NetworkName>,
    /// One for each partner that wants to hear.
    pub partners: Vec<Webhook>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Whether anybody wants to hear of orders on this network.
    #[must_use]
    pub fn are_of(&self, network: &NetworkName) -> bool {
        !self.partners.is_empty() && self.network.as_ref() == Some(network)
    }

    /// The news that is owed with the callback of this order's cancellation; none with another
    /// callback of it, and none for an order of nobody's patient.
    #[must_use]
    pub fn news(&self, order: &Order, callback: &Callback) -> Option<NewCallback> {
        let cancellation = order.cancellation.as_ref()?;
        // The commit that cancelled an order and owed its callback had one time.
        let tells_of_it = cancellation.at == callback.created_at;
        let hip = order.booking.patient.as_ref()?.hip_id.as_ref()?;
        let partner = self.partners.iter().find(|one| one.hip_ids.contains(hip));
        let partner = partner.filter(|_| tells_of_it)?;
        Some(NewCallback {
            kind: CallbackKind::Webhook,
            subscriber: partner.client.clone(),
            transaction: callback.transaction.clone(),
            message: callback.message.clone(),
            url: partner.url.to_string(),
            lane: callback_url::lane(&partner.url),
            vouched: true,
            body: partner.body(callback, cancellation.at).into(),
        })
    }

    /// The value of [`SIGNATURE`] for this partner; none where it registered no key.
    #[must_use]
    pub fn signature(
        &self,
        client: &SubscriberId,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Option<String> {
        let partner = self.partners.iter().find(|one| one.client == *client)?;
        partner
            .key
            .as_ref()
            .map(|key| signature(key, body, now.timestamp()))
    }
}

impl Webhook {
    /// Exactly the documented members. The session is all that a partner can find its booking by.
    fn body(&self, callback: &Callback, cancelled_at: DateTime<Utc>) -> String {
        json!({
            "service": "uhi",
            "event": "booking.cancel",
            "event_time": cancelled_at.timestamp(),
            "transaction_id": callback.transaction,
            "timestamp": callback.created_at.timestamp(),
            "business_id": self.business_id,
            "client_id": self.client_id,
            "data": {"status": Status::Success.word()},
        })
        .to_string()
    }
}

/// `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over the time, a full stop and the body.
#[must_use]
pub fn signature(key: &hmac::Key, body: &[u8], t: i64) -> String {
    let signed = [t.to_string().as_bytes(), b".", body].concat();
    let mut text = format!("t={t},v1=");
    for byte in hmac::sign(key, &signed).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_vector() {
        let vectors = include_str!("../../tests/vectors/uhi_signing_cases.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).expect("JSON");
        let case = &vectors["eka_webhook"];
        let text = |member: &str| case[member].as_str().expect(member);
        let key = hmac::Key::new(hmac::HMAC_SHA256, text("signing_key_utf8").as_bytes());
        let t = case["t"].as_i64().expect("seconds");
        assert_eq!(
            signature(&key, text("body_utf8").as_bytes(), t),
            text("header_value")
        );
        assert_eq!(text("header").to_ascii_lowercase(), SIGNATURE);
    }
}
