//! Our side of the scheme: the header for a body that is about to leave.
//!
//! Callbacks and registry calls are signed here, afresh for every attempt. The caller hands
//! over the very bytes it will send; nothing is serialised after this.

use super::header::Header;
use super::scheme::Scheme;
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::keys::SigningKey;

/// Whoever signs for one subscriber with one key.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Whose rules the receivers go by.
    pub scheme: Scheme,
    /// First part of the `keyId`.
    pub subscriber_id: String,
    /// Second part of the `keyId`.
    pub key_id: String,
    /// The key.
    pub key: SigningKey,
    /// `expires - created`.
    pub lifetime_seconds: i64,
}

impl Signer {
    /// The `Authorization` header value over these bytes, created at `now` (Unix seconds).
    #[must_use]
    pub fn authorization(&self, body: &[u8], now: i64) -> String {
        self.sign(body, now).to_string()
    }

    /// The same header in its parts.
    #[must_use]
    pub fn sign(&self, body: &[u8], now: i64) -> Header {
        let expires = now.saturating_add(self.lifetime_seconds);
        let digest = blake2b_512_base64(body);
        let text = self.scheme.signing_string(now, expires, &digest);
        let message = self.scheme.signed_text(text);
        Header {
            scheme: self.scheme,
            subscriber_id: self.subscriber_id.clone(),
            key_id: self.key_id.clone(),
            created: now,
            expires,
            signature: self.key.sign(message.as_bytes()),
        }
    }
}
