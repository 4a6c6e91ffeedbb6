//! The signature of a webhook: `t=<unix seconds>,v1=<hex>`, an HMAC-SHA256 over the time, a full
//! stop and the body.
//!
//! Both sides are here: what we post is signed afresh for every attempt, and a partner's app
//! verifies it within a window around its own time.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use ring::hmac;

/// The header that the signature is in.
pub const HEADER: &str = "eka-webhook-signature";

/// What both sides know. All clones are the same key, which may be exchanged while others sign.
#[derive(Clone)]
pub struct Key(Arc<RwLock<hmac::Key>>);

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `t=...,v1=...`.
    #[error("expected t=<unix seconds>,v1=<hex>")]
    Malformed,
    /// Made too long ago, or ahead of our time.
    #[error("signed {0} s away from our time")]
    Stale(u64),
    /// Another key or other bytes.
    #[error("the signature is not that of these bytes")]
    Mismatch,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    /// The key of this secret, as it was registered.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Arc::new(RwLock::new(key(secret))))
    }

    /// Takes another secret from now on; says whether it is another one.
    pub fn renew(&self, secret: &str) -> bool {
        let (before, now) = (self.current(), key(secret));
        let is_other = hmac::sign(&before, b"").as_ref() != hmac::sign(&now, b"").as_ref();
        // A key is never left half written.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = now;
        is_other
    }

    fn current(&self) -> hmac::Key {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The value of [`HEADER`] for a body that leaves at `now` (Unix seconds).
    #[must_use]
    pub fn sign(&self, body: &[u8], now: i64) -> String {
        let mut text = format!("t={now},v1=");
        for byte in hmac::sign(&self.current(), &signed(&now.to_string(), body)).as_ref() {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Whether a header is that of this body, and was made at most `tolerance_seconds` before or
    /// after `now`.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn verify(
        &self,
        header: &str,
        body: &[u8],
        now: i64,
        tolerance_seconds: u64,
    ) -> Result<(), Error> {
        let parts = header.strip_prefix("t=").and_then(|h| h.split_once(",v1="));
        let (time, hex) = parts.ok_or(Error::Malformed)?;
        let made_at: i64 = time.parse().map_err(|_| Error::Malformed)?;
        let tag = bytes(hex).ok_or(Error::Malformed)?;
        let away = now.abs_diff(made_at);
        if away > tolerance_seconds {
            return Err(Error::Stale(away));
        }
        let verified = hmac::verify(&self.current(), &signed(time, body), &tag);
        verified.map_err(|_| Error::Mismatch)
    }
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn signed(time: &str, body: &[u8]) -> Vec<u8> {
    [time.as_bytes(), b".", body].concat()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_vector_and_verifies_for_its_bytes_and_time_alone() {
        let vectors = include_str!("../../tests/vectors/uhi_signing_cases.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).expect("JSON");
        let case = &vectors["eka_webhook"];
        let text = |member: &str| case[member].as_str().expect(member);
        let key = Key::new(text("signing_key_utf8"));
        let (t, body) = (case["t"].as_i64().expect("seconds"), text("body_utf8"));
        let header = text("header_value");
        assert_eq!(key.sign(body.as_bytes(), t), header);
        assert_eq!(text("header").to_ascii_lowercase(), HEADER);
        let verify = |header: &str, body: &str, now| key.verify(header, body.as_bytes(), now, 180);
        assert_eq!(verify(header, body, t + 180), Ok(()));
        assert_eq!(verify(header, body, t - 181), Err(Error::Stale(181)));
        assert_eq!(verify(header, &format!("{body} "), t), Err(Error::Mismatch));
        let later = header.replacen(&t.to_string(), &(t + 1).to_string(), 1);
        assert_eq!(verify(&later, body, t), Err(Error::Mismatch));
        let other = Key::new("another").sign(body.as_bytes(), t);
        assert_eq!(verify(&other, body, t), Err(Error::Mismatch));
        let (_, hex) = header.split_once("v1=").expect("two parts");
        for wrong in [hex, "t=,v1=", "t=1,v1=0", "t=1,v1=zz", "t=1;v1=00", ""] {
            assert_eq!(verify(wrong, body, t), Err(Error::Malformed), "{wrong}");
        }
    }
}
