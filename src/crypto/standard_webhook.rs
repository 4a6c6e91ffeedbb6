//! Signatures of the Standard Webhooks specification, scheme `v1` (HMAC-SHA256).
//!
//! What is signed is `{id}.{unix seconds}.{body}`; a receiver that knows the secret knows that
//! the body is ours, that it is fresh, and by the id that it has seen it before. A secret is
//! base64 after `whsec_`, 24 to 64 bytes of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// Why a text is no secret; never shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected whsec_ and 24 to 64 bytes in base64: `echo whsec_$(openssl rand -base64 32)`")]
pub struct Error;

/// What both sides know.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// Reads a secret as it is written.
    ///
    /// # Errors
    /// When it is not of that form, or too short or too long.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(Error)?;
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(encoded).map_err(|_| Error)?);
        match (24..=64).contains(&bytes.len()) {
            true => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
            false => Err(Error),
        }
    }

    /// The value of `webhook-signature` for a body sent at `unix_seconds`.
    #[must_use]
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let tag = hmac::sign(&self.0, &signed(id, unix_seconds, body));
        format!("v1,{}", STANDARD.encode(tag))
    }

    /// Whether one of the signatures in `header` is that of this body.
    #[must_use]
    pub fn verify(&self, header: &str, id: &str, unix_seconds: i64, body: &[u8]) -> bool {
        let signed = signed(id, unix_seconds, body);
        let ours = header.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut decoded = ours.filter_map(|one| STANDARD.decode(one).ok());
        decoded.any(|tag| hmac::verify(&self.0, &signed, &tag).is_ok())
    }
}

fn signed(id: &str, unix_seconds: i64, body: &[u8]) -> Vec<u8> {
    let head = format!("{id}.{unix_seconds}.");
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example that receivers' libraries are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_example_is_signed_and_verified() {
        let secret = Secret::parse(SECRET).expect("a secret");
        assert_eq!(secret.sign(ID, 1_614_265_330, BODY), SIGNATURE);
        let rotated = format!("v1,AAAA {SIGNATURE}");
        assert!(secret.verify(&rotated, ID, 1_614_265_330, BODY));
        for (id, at, body) in [
            ("msg_other", 1_614_265_330, BODY),
            (ID, 1_614_265_331, BODY),
            (ID, 1_614_265_330, &b"{}"[..]),
        ] {
            assert!(!secret.verify(SIGNATURE, id, at, body));
        }
        assert!(!secret.verify("v1a,g0hM9SsE", ID, 1_614_265_330, BODY));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_shown() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
            &short,
            &long,
        ] {
            assert_eq!(Secret::parse(text).err(), Some(Error));
        }
        let secret = Secret::parse(SECRET).expect("a secret");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
    }
}
