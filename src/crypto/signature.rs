//! The Beckn signature scheme (BECKN-006): header, signing string, sign, verify.

use super::keys::SigningKey;

/// Whoever signs for one subscriber with one key.
#[derive(Clone)]
pub struct Signer {
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
        let _ = (body, now);
        todo!()
    }
}
