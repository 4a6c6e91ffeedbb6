//! The byte layouts that a key comes in, before anybody looks at the key itself.
//!
//! RFC 8410 and DER leave each layout one spelling, so they are compared byte by byte: there
//! is no general DER reader to get wrong. Nothing here knows the curve.

use zeroize::Zeroizing;

use super::Error;

/// `SubjectPublicKeyInfo` up to the 32 key bytes; RFC 8410 leaves no other DER spelling.
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// The part of a PKCS#8 key between its version and the 32 seed bytes.
pub(super) const PKCS8_MIDDLE: [u8; 11] = [
    0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// The object identifier of X25519 (RFC 8410), which ends in another byte than Ed25519's.
const X25519_OID: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x6e];

/// The seed, and the public key where the encoding carries one.
pub(super) type Halves<'a> = (&'a [u8; 32], Option<&'a [u8; 32]>);

/// Takes a private key apart.
pub(super) fn split_private(bytes: &[u8]) -> Result<Halves<'_>, Error> {
    let split = match bytes.len() {
        32 => bytes.as_array().map(|seed| (seed, None)),
        64 => seed_then(bytes, &[]),
        _ => split_pkcs8(bytes),
    };
    split.ok_or_else(|| fault(bytes, Error::NotAPrivateKey))
}

/// The four layouts in use. Version 1 without a public key is one, though RFC 5958 has it
/// otherwise: a utility that networks hand out writes it so.
fn split_pkcs8(bytes: &[u8]) -> Option<Halves<'_>> {
    let [0x30, length, 0x02, 0x01, version, rest @ ..] = bytes else {
        return None;
    };
    let rest = rest.strip_prefix(&PKCS8_MIDDLE)?;
    match (length, version) {
        (0x2e, 0 | 1) => rest.as_array().map(|seed| (seed, None)),
        (0x51, 1) => seed_then(rest, &[0x81, 0x21, 0x00]),
        (0x53, 1) => seed_then(rest, &[0xa1, 0x23, 0x03, 0x21, 0x00]),
        _ => None,
    }
}

/// A seed, `between`, a public key, and nothing more.
fn seed_then<'a>(bytes: &'a [u8], between: &[u8]) -> Option<Halves<'a>> {
    let (seed, rest) = bytes.split_first_chunk()?;
    let public = rest.strip_prefix(between)?.as_array()?;
    Some((seed, Some(public)))
}

/// Finds the 32 bytes of a public key.
pub(super) fn raw_public(bytes: &[u8]) -> Result<&[u8; 32], Error> {
    let raw = match bytes.len() {
        44 => bytes.strip_prefix(&SPKI).and_then(<[u8]>::as_array),
        _ => bytes.as_array(),
    };
    raw.ok_or_else(|| fault(bytes, Error::NotAPublicKey))
}

/// Names the mistake that is easy to make, else the length.
fn fault(bytes: &[u8], other: fn(usize) -> Error) -> Error {
    let head = bytes.get(..16).unwrap_or(bytes);
    if head
        .windows(X25519_OID.len())
        .any(|part| part == X25519_OID)
    {
        return Error::EncryptionKey;
    }
    other(bytes.len())
}

/// PKCS#8 DER, version 1, of a seed.
pub(super) fn pkcs8(seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(48));
    der.extend_from_slice(&[0x30, 0x2e, 0x02, 0x01, 0x00]);
    der.extend_from_slice(&PKCS8_MIDDLE);
    der.extend_from_slice(seed);
    der
}

/// SPKI DER of a public key.
pub(super) fn spki(public: &[u8; 32]) -> Vec<u8> {
    [SPKI.as_slice(), public].concat()
}
