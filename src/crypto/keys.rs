//! Ed25519 key pairs in every encoding the networks use.
//!
//! Keys are decoded once, here, and kept decoded: signing and verifying never parse. A text
//! that is not exactly one of the known encodings is refused with a sentence that says what
//! was expected and never shows the text. Who owns a key is not known here; X25519 keys, for
//! the registry's challenge, are recognised only to be refused by name: see `encryption`.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use super::encoding::{self, Curve, Halves};

/// Why a text is not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another alphabet, missing or wrong padding, or stray bits.
    #[error("expected standard base64 with padding, got something else")]
    NotBase64,
    /// The bytes are no encoding of a private key.
    #[error(
        "expected a private key of 32 bytes (seed), 64 bytes (seed and public key) or Ed25519 PKCS#8 DER, got {0} other bytes"
    )]
    NotAPrivateKey(usize),
    /// The bytes are no encoding of a public key.
    #[error(
        "expected a public key of 32 bytes or 44 bytes of Ed25519 SPKI DER, got {0} other bytes"
    )]
    NotAPublicKey(usize),
    /// A key for encryption where one for signing belongs.
    #[error("expected an Ed25519 signing key, got an X25519 encryption key")]
    EncryptionKey,
    /// The public key stored beside the seed belongs to another seed.
    #[error("the public half does not belong to the private half")]
    HalvesDiffer,
    /// The 32 bytes are no point of the curve.
    #[error("the 32 bytes are no Ed25519 public key")]
    NotOnCurve,
    /// The point has a second, shorter spelling: keys are compared by their bytes.
    #[error("the public key is not written in its canonical form")]
    NotCanonical,
    /// Signatures under this key prove nothing.
    #[error("the public key is weak: anybody can sign for it")]
    Weak,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness(#[source] getrandom::Error),
}

/// An Ed25519 private key. Prints as `***`; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// An Ed25519 public key that is canonical and not weak.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl SigningKey {
    /// Reads base64 of a 32-byte seed, a 64-byte pair, or PKCS#8 DER; blanks and line ends
    /// around it, as files have them, are dropped.
    ///
    /// # Errors
    /// Says what the text is instead; never shows it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = Zeroizing::new(
            STANDARD
                .decode(text.trim_ascii())
                .map_err(|_| Error::NotBase64)?,
        );
        let (seed, public) = split_private(&bytes)?;
        let key = Self(ed25519_dalek::SigningKey::from_bytes(seed));
        match public {
            Some(public) if key.0.verifying_key().as_bytes() != public => Err(Error::HalvesDiffer),
            _ => Ok(key),
        }
    }

    /// Reads what a key file holds: a key as [`SigningKey::parse`] takes it and, in a word
    /// before it, its id, where the file names one.
    ///
    /// # Errors
    /// As [`SigningKey::parse`].
    pub fn parse_named(text: &str) -> Result<(Option<&str>, Self), Error> {
        match text
            .trim_ascii()
            .split_once(|c: char| c.is_ascii_whitespace())
        {
            Some((id, key)) => Ok((Some(id), Self::parse(key)?)),
            None => Ok((None, Self::parse(text)?)),
        }
    }

    /// A fresh key from the system's random source.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(Error::NoRandomness)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// The Ed25519 signature (RFC 8032, pure) over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Base64 of the 32-byte seed.
    #[must_use]
    pub fn to_seed_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_bytes()))
    }

    /// Base64 of the seed followed by the public key, 64 bytes, as libsodium keeps it.
    #[must_use]
    pub fn to_pair_base64(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(self.0.to_keypair_bytes());
        Zeroizing::new(STANDARD.encode(pair.as_slice()))
    }

    /// Base64 of PKCS#8 DER, version 1 (no public key inside): 48 bytes.
    #[must_use]
    pub fn to_pkcs8_base64(&self) -> Zeroizing<String> {
        let der = Curve::Ed25519.pkcs8(self.0.as_bytes());
        Zeroizing::new(STANDARD.encode(der.as_slice()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl VerifyingKey {
    /// Reads base64 of 32 raw bytes or of SPKI DER; refuses weak keys and second spellings.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = STANDARD.decode(text).map_err(|_| Error::NotBase64)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(raw_public(&bytes)?)
            .map_err(|_| Error::NotOnCurve)?;
        if key.is_weak() {
            return Err(Error::Weak);
        }
        // The library takes y coordinates of p and above (ZIP-215); RFC 8032 does not.
        if key.to_edwards().compress().as_bytes() != key.as_bytes() {
            return Err(Error::NotCanonical);
        }
        Ok(Self(key))
    }

    /// Whether `signature` is this key's over `message`, by the strict rules that leave one
    /// signature one spelling.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }

    /// Base64 of the 32 raw bytes.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// Base64 of the 44 bytes of SPKI DER.
    #[must_use]
    pub fn to_spki_base64(&self) -> String {
        STANDARD.encode(Curve::Ed25519.spki(self.0.as_bytes()))
    }

    /// The first 16 hex digits of SHA-256 over the raw key: how people and logs name a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        encoding::fingerprint(self.0.as_bytes())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.fingerprint())
    }
}

/// Takes a private key apart, in any of its encodings.
fn split_private(bytes: &[u8]) -> Result<Halves<'_>, Error> {
    let split = match bytes.len() {
        32 => bytes.as_array().map(|seed| (seed, None)),
        64 => encoding::private_then(bytes, &[]),
        _ => Curve::Ed25519.split_pkcs8(bytes),
    };
    split.ok_or_else(|| fault(bytes, Error::NotAPrivateKey))
}

fn raw_public(bytes: &[u8]) -> Result<&[u8; 32], Error> {
    let raw = Curve::Ed25519.raw_public(bytes);
    raw.ok_or_else(|| fault(bytes, Error::NotAPublicKey))
}

/// Names the mistake that is easy to make, else the length.
fn fault(bytes: &[u8], other: fn(usize) -> Error) -> Error {
    match Curve::X25519.is_named_in(bytes) {
        true => Error::EncryptionKey,
        false => other(bytes.len()),
    }
}
