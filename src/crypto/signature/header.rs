//! The header once understood: who signed, when, and with what result.
//!
//! A [`Header`] exists only when the grammar holds, so nothing later parses again. It knows
//! the two checks that need no registry (the window of time, the signature under a given
//! key) and writes itself in the one form that every peer accepts. It never asks the clock.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ALGORITHM;
use super::error::{Error, Excerpt, Fault};
use super::members::Members;
use super::scan::{self, Parameters};
use super::scheme::Scheme;
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::keys::VerifyingKey;

/// How far ahead of our clock `created` may lie; `expires` gets no allowance.
pub const CREATED_AHEAD_SECONDS: i64 = 5;

/// The one list of signed parts.
pub(super) const LIST: &str = "(created) (expires) digest";
/// The same list as some networks print it, without one space or both. The string that is
/// signed keeps all of its own.
const LIST_SPELLINGS: [&str; 4] = [
    LIST,
    "(created)(expires)digest",
    "(created) (expires)digest",
    "(created)(expires) digest",
];
/// What an identifier is, for messages.
pub(super) const ID_RULE: &str = "1 to 255 printable ASCII characters without space or quote";
const MAX_ID_BYTES: usize = 255;

/// A signature header that follows the grammar. It proves nothing before [`Header::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Whose rules it follows.
    pub scheme: Scheme,
    /// First part of the `keyId`: who says to have signed.
    pub subscriber_id: String,
    /// Second part of the `keyId`: with which of its keys.
    pub key_id: String,
    /// When it was signed, Unix seconds.
    pub created: i64,
    /// Until when it holds, Unix seconds; never before `created`.
    pub expires: i64,
    /// The Ed25519 signature.
    pub signature: [u8; 64],
}

impl Header {
    /// Reads the value of an `Authorization` or `X-Gateway-Authorization` header of a network
    /// that signs by this scheme.
    ///
    /// # Errors
    /// The first rule that the header breaks: grammar, then keyId, algorithm, list, times and
    /// at last the signature's own encoding, which depends on the algorithm.
    pub fn read(scheme: Scheme, text: &str) -> Result<Self, Error> {
        match scheme {
            Scheme::Beckn => Self::of(scheme, &scan::parameters(text)?),
            Scheme::Uhi => Self::of(scheme, &Members::read(text)?.parameters()?),
        }
    }

    /// The same for the scheme of Beckn.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(Scheme::Beckn, text)
    }

    fn of(scheme: Scheme, given: &Parameters<'_>) -> Result<Self, Error> {
        let (subscriber_id, key_id) = key_id(given)?;
        check_list(given.headers)?;
        let (created, expires) = times(given)?;
        Ok(Self {
            scheme,
            subscriber_id: subscriber_id.to_owned(),
            key_id: key_id.to_owned(),
            created,
            expires,
            signature: signature(given.signature)?,
        })
    }

    /// Whether `now` (Unix seconds) lies in the header's window, and the window is not wider
    /// than `max_lifetime_seconds`.
    ///
    /// # Errors
    /// Ahead of our clock, past, or too wide: in this order.
    pub fn check_window(&self, now: i64, max_lifetime_seconds: i64) -> Result<(), Error> {
        let (created, expires) = (self.created, self.expires);
        if created > now.saturating_add(CREATED_AHEAD_SECONDS) {
            return Err(Error::CreatedInFuture {
                created,
                expires,
                now,
                ahead_seconds: created.saturating_sub(now),
            });
        }
        if now > expires {
            return Err(Error::Expired {
                created,
                expires,
                now,
                late_seconds: now.saturating_sub(expires),
            });
        }
        let lifetime_seconds = expires.saturating_sub(created);
        if lifetime_seconds > max_lifetime_seconds {
            return Err(Error::LifetimeTooLong {
                created,
                expires,
                lifetime_seconds,
                max_seconds: max_lifetime_seconds,
            });
        }
        Ok(())
    }

    /// What the signature must cover, for a body with this digest.
    #[must_use]
    pub fn signing_string(&self, digest_base64: &str) -> String {
        self.scheme
            .signing_string(self.created, self.expires, digest_base64)
    }

    /// Whether the signature is `key`'s over exactly these body bytes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with what we hashed and which key we used.
    pub fn verify(&self, body: &[u8], key: &VerifyingKey) -> Result<(), Error> {
        self.verify_digest(&blake2b_512_base64(body), body.len(), key)
    }

    /// The same for whoever has hashed the body already: its BLAKE2b-512 in base64, and its
    /// length for the error.
    ///
    /// # Errors
    /// As [`Header::verify`].
    pub fn verify_digest(
        &self,
        digest_base64: &str,
        body_bytes: usize,
        key: &VerifyingKey,
    ) -> Result<(), Error> {
        let message = self.scheme.signed_text(self.signing_string(digest_base64));
        if key.verify(message.as_bytes(), &self.signature) {
            return Ok(());
        }
        Err(Error::Mismatch {
            body_bytes,
            digest_base64: digest_base64.to_owned(),
            created: self.created,
            expires: self.expires,
            fingerprint: key.fingerprint(),
        })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scheme.write(self, f)
    }
}

/// The subscriber and its key id, once both places name the one algorithm.
fn key_id<'a>(given: &Parameters<'a>) -> Result<(&'a str, &'a str), Error> {
    let parts: Vec<&str> = given.key_id.split('|').collect();
    let [subscriber_id, key_id, algorithm] = parts[..] else {
        return Err(Fault::KeyIdParts(parts.len()).into());
    };
    check_id("subscriber id", subscriber_id)?;
    check_id("key id", key_id)?;
    check_id("algorithm", algorithm)?;
    if given.algorithm != ALGORITHM {
        let got = Excerpt::of(given.algorithm);
        return Err(Error::AlgorithmNotSupported { got });
    }
    if algorithm != ALGORITHM {
        let got = Excerpt::of(algorithm);
        return Err(Error::AlgorithmMismatch { got });
    }
    Ok((subscriber_id, key_id))
}

/// The rule for identifiers; that they hold no quote and no `|` the scanner has seen to.
fn check_id(part: &'static str, text: &str) -> Result<(), Fault> {
    let fits = (1..=MAX_ID_BYTES).contains(&text.len());
    if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let got = Excerpt::of(text);
    Err(Fault::Id { part, got })
}

/// The three parts in this order.
fn check_list(list: &str) -> Result<(), Error> {
    if LIST_SPELLINGS.contains(&list) {
        return Ok(());
    }
    let got = Excerpt::of(list);
    let covers_body = list
        .split([' ', '(', ')'])
        .any(|part| part.eq_ignore_ascii_case("digest"));
    match covers_body {
        true => Err(Fault::List(got).into()),
        false => Err(Error::DigestNotCovered { got }),
    }
}

fn times(given: &Parameters<'_>) -> Result<(i64, i64), Fault> {
    let created = unix_seconds("created", given.created)?;
    let expires = unix_seconds("expires", given.expires)?;
    match expires < created {
        true => Err(Fault::ExpiresBeforeCreated { created, expires }),
        false => Ok((created, expires)),
    }
}

/// A positive number in its only spelling: the signing string is built from the number, so a
/// sign or a leading zero would be another text than the sender signed.
fn unix_seconds(name: &'static str, text: &str) -> Result<i64, Fault> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let seconds = if plain { text.parse().ok() } else { None };
    seconds.ok_or_else(|| Fault::Time {
        name,
        got: Excerpt::of(text),
    })
}

fn signature(text: &str) -> Result<[u8; 64], Fault> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| Fault::SignatureText(Excerpt::of(text)))?;
    bytes
        .as_array()
        .copied()
        .ok_or(Fault::SignatureLength(bytes.len()))
}
