//! What is posted to the provider's own systems: events, and questions before a cancellation.
//!
//! Signed as Standard Webhooks has it, afresh for each attempt; the id is the same at all of
//! them. The addresses are the operator's word, so they may be private.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::HeaderName;
use url::Url;

use crate::crypto::standard_webhook::Secrets;
use crate::domain::ids::SubscriberId;
use crate::networks::callback_url;
use crate::store::EventTarget;

/// What the provider is called in lists and holds.
const SUBSCRIBER: &str = "provider:events";

static ID: HeaderName = HeaderName::from_static("webhook-id");
static TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Where the provider takes something, and what it knows us by.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The whole URL.
    pub url: Url,
    /// The secrets that both sides have; they may be exchanged while the server runs.
    pub secrets: Secrets,
}

impl Endpoint {
    /// Whom events are owed to.
    #[must_use]
    pub fn event_target(&self) -> EventTarget {
        EventTarget {
            subscriber: SubscriberId::parse(SUBSCRIBER).expect("a constant word is an id"),
            url: self.url.to_string(),
            lane: callback_url::lane(&self.url),
        }
    }

    /// The headers of one attempt.
    pub(super) fn headers(
        &self,
        id: &str,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> [(HeaderName, String); 3] {
        let at = now.timestamp();
        [
            (ID.clone(), id.to_owned()),
            (TIMESTAMP.clone(), at.to_string()),
            (SIGNATURE.clone(), self.secrets.sign(id, at, body)),
        ]
    }
}
