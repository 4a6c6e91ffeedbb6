//! Verifying with the one key there is, and signing with ours: the Beckn scheme by the shortest
//! way. A header is searched for its three values and not held against the grammar.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

/// The caller's key.
pub struct Key(VerifyingKey);

impl Key {
    /// Reads base64 of 32 bytes.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = thirty_two(text).context("the public key")?;
        Ok(Self(VerifyingKey::from_bytes(&bytes)?))
    }

    /// Whether the header is this key's over the body.
    pub fn signed(&self, header: &str, body: &[u8]) -> bool {
        let value = |name| between(header, name, "\"");
        let (Some(created), Some(expires), Some(signature)) = (
            value("created=\""),
            value("expires=\""),
            value("signature=\""),
        ) else {
            return false;
        };
        let mut bytes = [0; 64];
        let decoded = STANDARD.decode_slice(signature, &mut bytes);
        let message = message(created, expires, body);
        decoded == Ok(64)
            && self
                .0
                .verify_strict(message.as_bytes(), &Signature::from_bytes(&bytes))
                .is_ok()
    }
}

/// Our key.
pub struct OurKey(SigningKey);

impl OurKey {
    /// Reads base64 of a 32-byte seed.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let seed = thirty_two(text).context("the signing key")?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The `Authorization` header for a body, at this time in Unix seconds.
    pub fn authorization(&self, body: &[u8], now: i64) -> String {
        let (created, expires) = (now.to_string(), (now + 300).to_string());
        let message = message(&created, &expires, body);
        let signature = STANDARD.encode(self.0.sign(message.as_bytes()).to_bytes());
        format!(
            "Signature keyId=\"bpp.example.org|k1|ed25519\",algorithm=\"ed25519\",\
             created=\"{created}\",expires=\"{expires}\",\
             headers=\"(created) (expires) digest\",signature=\"{signature}\""
        )
    }
}

fn message(created: &str, expires: &str, body: &[u8]) -> String {
    let digest = STANDARD.encode(Blake2b512::digest(body));
    format!("(created): {created}\n(expires): {expires}\ndigest: BLAKE-512={digest}")
}

fn thirty_two(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = STANDARD.decode(text.trim_ascii())?;
    bytes.as_slice().try_into().context("expected 32 bytes")
}

/// What lies between two texts.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(found, _)| found)
}
