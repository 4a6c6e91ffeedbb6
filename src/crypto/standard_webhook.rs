//! Signatures of the Standard Webhooks specification, scheme `v1` (HMAC-SHA256).
//!
//! What is signed is `{id}.{unix seconds}.{body}`; a receiver that knows the secret knows that
//! the body is ours, that it is fresh, and by the id that it has seen it before. A secret is
//! base64 after `whsec_`, 24 to 64 bytes of it. While one secret takes the place of another both
//! sign, and a receiver that knows either of them is content.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// More secrets than this are no rotation, and make a header that receivers do not take.
const MOST: usize = 4;

/// Why a text is no secret; never shows any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line is of another form.
    #[error(
        "expected whsec_ and 24 to 64 bytes in base64, one secret a line: \
         `echo whsec_$(openssl rand -base64 32)`"
    )]
    Form,
    /// There are too many.
    #[error("expected at most {MOST} secrets, one a line")]
    TooMany,
}

/// What both sides know; one of them.
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
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(Error::Form)?;
        let bytes = zeroize::Zeroizing::new(STANDARD.decode(encoded).map_err(|_| Error::Form)?);
        match (24..=64).contains(&bytes.len()) {
            true => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
            false => Err(Error::Form),
        }
    }

    /// Whether both are the same: what they make of the same bytes is.
    fn is(&self, other: &Secret) -> bool {
        let tag = hmac::sign(&other.0, &[]);
        hmac::verify(&self.0, &[], tag.as_ref()).is_ok()
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

/// All secrets that hold at present, which may be exchanged while others sign; all clones are the
/// same.
#[derive(Debug, Clone)]
pub struct Secrets(Arc<RwLock<Arc<[Secret]>>>);

impl Secrets {
    /// Reads secrets as they are written, one a line.
    ///
    /// # Errors
    /// When a line is no secret, when there is none, or too many.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let all = lines.map(Secret::parse).collect::<Result<Vec<_>, _>>()?;
        match all.len() {
            0 => Err(Error::Form),
            count if count > MOST => Err(Error::TooMany),
            _ => Ok(Self(Arc::new(RwLock::new(all.into())))),
        }
    }

    /// Takes over what others are; `false` when these are the same already.
    pub fn take(&self, others: &Secrets) -> bool {
        let (held, new) = (self.all(), others.all());
        let is_same = held.len() == new.len()
            && held
                .iter()
                .zip(new.iter())
                .all(|(one, other)| one.is(other));
        if !is_same {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        !is_same
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all().len()
    }

    /// The value of `webhook-signature` for a body sent at `unix_seconds`: a signature by each.
    #[must_use]
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let all = self.all();
        let signatures = all.iter().map(|one| one.sign(id, unix_seconds, body));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures in `header` is that of this body by one of the secrets.
    #[must_use]
    pub fn verify(&self, header: &str, id: &str, unix_seconds: i64, body: &[u8]) -> bool {
        let all = self.all();
        all.iter()
            .any(|one| one.verify(header, id, unix_seconds, body))
    }

    fn all(&self) -> Arc<[Secret]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
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
    fn while_secrets_are_exchanged_both_sign_and_each_is_enough() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = Secrets::parse(&format!("{other}\r\n\n {SECRET}\n")).expect("two");
        let header = both.sign(ID, 1_614_265_330, BODY);
        assert_eq!(both.count(), 2);
        assert!(header.ends_with(&format!(" {SIGNATURE}")), "{header}");
        for known in [&other, SECRET] {
            let known = Secrets::parse(known).expect("one");
            assert!(known.verify(&header, ID, 1_614_265_330, BODY));
            let alone = known.sign(ID, 1_614_265_330, BODY);
            assert!(both.verify(&alone, ID, 1_614_265_330, BODY));
        }
        let clone = both.clone();
        let one = Secrets::parse(SECRET).expect("one");
        assert!(clone.take(&one) && !clone.take(&one));
        assert_eq!(both.sign(ID, 1_614_265_330, BODY), SIGNATURE);
        for (text, why) in [
            ("\n", Error::Form),
            (&format!("{SECRET}\nwhsec_"), Error::Form),
            (&format!("{SECRET}\n").repeat(MOST + 1), Error::TooMany),
        ] {
            assert_eq!(Secrets::parse(text).err(), Some(why));
        }
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
            assert_eq!(Secret::parse(text).err(), Some(Error::Form));
        }
        let secret = Secret::parse(SECRET).expect("a secret");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
    }
}
