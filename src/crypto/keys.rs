//! Key pairs in every encoding the networks use.

/// Why a text is not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Placeholder.
    #[error("not a key")]
    Placeholder,
}

/// An Ed25519 private key. Prints as `***`.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// An Ed25519 public key that is not weak.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl SigningKey {
    /// Reads base64 of a 32-byte seed, a 64-byte pair, or PKCS#8 DER.
    ///
    /// # Errors
    /// Says what the text is instead; never shows it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let _ = text;
        todo!()
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }
}

impl VerifyingKey {
    /// Reads base64 of 32 raw bytes or SPKI DER; refuses weak keys.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let _ = text;
        todo!()
    }

    /// Base64 of the 32 raw bytes.
    #[must_use]
    pub fn to_base64(&self) -> String {
        todo!()
    }

    /// The first 16 hex digits of SHA-256 over the raw key: how people and logs name a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        todo!()
    }
}
