//! The byte layouts that a key comes in, before anybody looks at the key itself.
//!
//! RFC 8410 and DER leave each layout one spelling, so they are compared byte by byte: there
//! is no general DER reader to get wrong. Ed25519 and X25519 keys differ in one byte of it,
//! and nothing else of the curves is known here.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Whose layout: the last byte of the object identifier (RFC 8410).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// Keys that sign.
    Ed25519 = 0x70,
    /// Keys that agree on a secret.
    X25519 = 0x6e,
}

/// The 32 private bytes, and the public key where the encoding carries one.
pub(super) type Halves<'a> = (&'a [u8; 32], Option<&'a [u8; 32]>);

impl Curve {
    fn oid(self) -> [u8; 5] {
        [0x06, 0x03, 0x2b, 0x65, self as u8]
    }

    /// `SubjectPublicKeyInfo` up to the 32 key bytes; RFC 8410 leaves no other DER spelling.
    fn spki_head(self) -> [u8; 12] {
        let [a, b, c, d, e] = self.oid();
        [0x30, 0x2a, 0x30, 0x05, a, b, c, d, e, 0x03, 0x21, 0x00]
    }

    /// The part of a PKCS#8 key between its version and the 32 private bytes.
    pub(super) fn pkcs8_middle(self) -> [u8; 11] {
        let [a, b, c, d, e] = self.oid();
        [0x30, 0x05, a, b, c, d, e, 0x04, 0x22, 0x04, 0x20]
    }

    /// Whether the bytes begin like DER of a key of this curve.
    pub(super) fn is_named_in(self, bytes: &[u8]) -> bool {
        let head = bytes.get(..16).unwrap_or(bytes);
        head.windows(5).any(|part| part == self.oid())
    }

    /// Takes a PKCS#8 key apart: the four layouts in use. Version 1 without a public key is
    /// one, though RFC 5958 has it otherwise: a utility that networks hand out writes it so.
    pub(super) fn split_pkcs8(self, bytes: &[u8]) -> Option<Halves<'_>> {
        let [0x30, length, 0x02, 0x01, version, rest @ ..] = bytes else {
            return None;
        };
        let rest = rest.strip_prefix(&self.pkcs8_middle())?;
        match (length, version) {
            (0x2e, 0 | 1) => rest.as_array().map(|private| (private, None)),
            (0x51, 1) => private_then(rest, &[0x81, 0x21, 0x00]),
            (0x53, 1) => private_then(rest, &[0xa1, 0x23, 0x03, 0x21, 0x00]),
            _ => None,
        }
    }

    /// Finds the 32 bytes of a public key, raw or in SPKI DER.
    pub(super) fn raw_public(self, bytes: &[u8]) -> Option<&[u8; 32]> {
        match bytes.len() {
            44 => bytes.strip_prefix(&self.spki_head())?.as_array(),
            _ => bytes.as_array(),
        }
    }

    /// PKCS#8 DER, version 1, of 32 private bytes.
    pub(super) fn pkcs8(self, private: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        let mut der = Zeroizing::new(Vec::with_capacity(48));
        der.extend_from_slice(&[0x30, 0x2e, 0x02, 0x01, 0x00]);
        der.extend_from_slice(&self.pkcs8_middle());
        der.extend_from_slice(private);
        der
    }

    /// SPKI DER of a public key.
    pub(super) fn spki(self, public: &[u8; 32]) -> Vec<u8> {
        [self.spki_head().as_slice(), public].concat()
    }
}

/// A private key, `between`, a public key, and nothing more.
pub(super) fn private_then<'a>(bytes: &'a [u8], between: &[u8]) -> Option<Halves<'a>> {
    let (private, rest) = bytes.split_first_chunk()?;
    let public = rest.strip_prefix(between)?.as_array()?;
    Some((private, Some(public)))
}

/// The first 16 hex digits of SHA-256 over a raw public key: how people and logs name it.
pub(super) fn fingerprint(public: &[u8; 32]) -> String {
    let hash = Sha256::digest(public);
    let head = hash.iter().take(8);
    head.map(|byte| format!("{byte:02x}")).collect()
}
