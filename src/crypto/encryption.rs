//! X25519 key pairs in every encoding the networks use: what a registry's challenge is
//! encrypted for.
//!
//! They agree on a secret and sign nothing; the texts of the two curves cannot always be told
//! apart (32 raw bytes may be either), so where a text does name Ed25519 it is refused by name.
//! What is done with the agreed secret is in `challenge`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use super::encoding::{self, Curve};

#[cfg(test)]
mod tests;

/// Why a text is not a usable encryption key, or two keys agree on nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another alphabet, missing or wrong padding, or stray bits.
    #[error("expected standard base64 with padding, got something else")]
    NotBase64,
    /// The bytes are no encoding of a private key.
    #[error("expected a private key of 32 bytes or X25519 PKCS#8 DER, got {0} other bytes")]
    NotAPrivateKey(usize),
    /// The bytes are no encoding of a public key.
    #[error(
        "expected a public key of 32 bytes or 44 bytes of X25519 SPKI DER, got {0} other bytes"
    )]
    NotAPublicKey(usize),
    /// A key for signing where one for encryption belongs.
    #[error("expected an X25519 encryption key, got an Ed25519 signing key")]
    SigningKey,
    /// The public key stored beside the private one belongs to another.
    #[error("the public half does not belong to the private half")]
    HalvesDiffer,
    /// Everybody knows the secret that is agreed on with this public key: all zeros.
    #[error("the public key is weak: what is encrypted for it is open to anybody")]
    Weak,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness(#[source] getrandom::Error),
}

/// An X25519 private key. Prints as `***`; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct EncryptionKey(StaticSecret);

/// An X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptionPublicKey(PublicKey);

impl EncryptionKey {
    /// Reads base64 of 32 raw bytes or of PKCS#8 DER; blanks and line ends around it, as
    /// files have them, are dropped.
    ///
    /// # Errors
    /// Says what the text is instead; never shows it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = STANDARD.decode(text.trim_ascii());
        let bytes = Zeroizing::new(bytes.map_err(|_| Error::NotBase64)?);
        let split = match bytes.len() {
            32 => bytes.as_array().map(|private| (private, None)),
            _ => Curve::X25519.split_pkcs8(&bytes),
        };
        let (private, public) = split.ok_or_else(|| fault(&bytes, Error::NotAPrivateKey))?;
        let key = Self(StaticSecret::from(*private));
        match public {
            Some(public) if key.public_key().0.as_bytes() != public => Err(Error::HalvesDiffer),
            _ => Ok(key),
        }
    }

    /// A fresh key from the system's random source.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, Error> {
        let mut private = Zeroizing::new([0_u8; 32]);
        getrandom::fill(private.as_mut_slice()).map_err(Error::NoRandomness)?;
        Ok(Self(StaticSecret::from(*private)))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> EncryptionPublicKey {
        EncryptionPublicKey(PublicKey::from(&self.0))
    }

    /// The secret shared with the owner of `theirs`.
    ///
    /// # Errors
    /// When it would be all zeros, whatever our key is.
    pub(super) fn agree(&self, theirs: &EncryptionPublicKey) -> Result<SharedSecret, Error> {
        let shared = self.0.diffie_hellman(&theirs.0);
        match shared.was_contributory() {
            true => Ok(shared),
            false => Err(Error::Weak),
        }
    }

    /// Base64 of the 32 raw bytes.
    #[must_use]
    pub fn to_raw_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_bytes()))
    }

    /// Base64 of PKCS#8 DER, version 1 (no public key inside): 48 bytes.
    #[must_use]
    pub fn to_pkcs8_base64(&self) -> Zeroizing<String> {
        let der = Curve::X25519.pkcs8(self.0.as_bytes());
        Zeroizing::new(STANDARD.encode(der.as_slice()))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl EncryptionPublicKey {
    /// Reads base64 of 32 raw bytes or of SPKI DER.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = STANDARD.decode(text).map_err(|_| Error::NotBase64)?;
        let raw = Curve::X25519.raw_public(&bytes);
        let raw = raw.ok_or_else(|| fault(&bytes, Error::NotAPublicKey))?;
        Ok(Self(PublicKey::from(*raw)))
    }

    /// Base64 of the 32 raw bytes.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Base64 of the 44 bytes of SPKI DER.
    #[must_use]
    pub fn to_spki_base64(&self) -> String {
        STANDARD.encode(Curve::X25519.spki(self.0.as_bytes()))
    }

    /// The first 16 hex digits of SHA-256 over the raw key: how people and logs name a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        encoding::fingerprint(self.0.as_bytes())
    }
}

impl fmt::Debug for EncryptionPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionPublicKey({})", self.fingerprint())
    }
}

/// Names the mistake that is easy to make, else the length. 64 bytes are a signing pair.
fn fault(bytes: &[u8], other: fn(usize) -> Error) -> Error {
    match Curve::Ed25519.is_named_in(bytes) || bytes.len() == 64 {
        true => Error::SigningKey,
        false => other(bytes.len()),
    }
}
