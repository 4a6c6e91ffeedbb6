//! A signed request of which one thing is changed: never accepted.
//!
//! The first four bytes say what is changed where and how, the rest is the body.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};
use beckn_bpp::crypto::signature::{CREATED_AHEAD_SECONDS, Header, Scheme, Signer};

const NOW: i64 = 1_767_225_600;
const LIFETIME: i64 = 300;

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer {
    scheme: Scheme::Beckn,
    subscriber_id: "bap.example.org".to_owned(),
    key_id: "k1".to_owned(),
    key: SigningKey::parse(&STANDARD.encode([7; 32])).expect("any 32 bytes are a seed"),
    lifetime_seconds: LIFETIME,
});

/// Holds for every change of every body.
pub fn holds(data: &[u8]) {
    let [what, at @ .., by] = *data.first_chunk::<4>().unwrap_or(&[0; 4]);
    let (at, by) = (usize::from(u16::from_be_bytes(at)), by.max(1));
    let body = data.get(4..).unwrap_or_default();
    let header = SIGNER.authorization(body, NOW);
    let key = SIGNER.key.verifying_key();
    assert!(accepts(&header, body, &key, NOW), "what we sign");
    match what % 5 {
        0 if body.is_empty() => {}
        0 => assert!(!accepts(&header, &flipped(body, at, by), &key, NOW)),
        1 => other_header_is_refused(&header, body, at, by & 0x7f),
        2 => {
            let raw = STANDARD.decode(key.to_base64()).expect("base64");
            let other = VerifyingKey::parse(&STANDARD.encode(flipped(&raw, at, by)));
            assert!(other.map_or(true, |other| !accepts(&header, body, &other, NOW)));
        }
        3 => {
            let beyond = i64::from(by) + i64::try_from(at).unwrap_or(0);
            let early = NOW - CREATED_AHEAD_SECONDS - beyond;
            assert!(!accepts(&header, body, &key, early));
            assert!(!accepts(&header, body, &key, NOW + LIFETIME + beyond));
        }
        _ => {
            let longer = [body, &[by]].concat();
            assert!(!accepts(&header, &longer, &key, NOW));
            let shorter = &body[..at % body.len().max(1)];
            assert!(body.is_empty() || !accepts(&header, shorter, &key, NOW));
        }
    }
}

/// Only the case of the scheme may change: such a header says the very same.
fn other_header_is_refused(header: &str, body: &[u8], at: usize, by: u8) {
    let changed = String::from_utf8(flipped(header.as_bytes(), at, by.max(1)));
    let changed = changed.expect("ASCII stays ASCII");
    let same = changed.eq_ignore_ascii_case(header) && changed[9..] == header[9..];
    let accepted = accepts(&changed, body, &SIGNER.key.verifying_key(), NOW);
    assert_eq!(accepted, same, "{changed}");
}

/// The whole check, with a registry that knows exactly one key.
fn accepts(header: &str, body: &[u8], key: &VerifyingKey, now: i64) -> bool {
    Header::parse(header).is_ok_and(|header| {
        header.subscriber_id == SIGNER.subscriber_id
            && header.key_id == SIGNER.key_id
            && header.check_window(now, 3_600).is_ok()
            && header.verify(body, key).is_ok()
    })
}

fn flipped(bytes: &[u8], at: usize, by: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= by;
    bytes
}
