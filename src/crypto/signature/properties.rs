//! What holds for every input: one changed byte is never accepted, nothing panics, and a
//! header that is accepted reads back from its own text.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::crypto::keys::{SigningKey, VerifyingKey};

const NOW: i64 = 1_767_225_600;
const BODY: &[u8] = br#"{"context":{"action":"cancel"}, "message":{"order_id":"ORD-1001"}}"#;

fn signer() -> Signer {
    Signer {
        scheme: Scheme::Beckn,
        subscriber_id: "bap.example.org".to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("seed"),
        lifetime_seconds: 300,
    }
}

/// The whole check, with a registry that knows exactly one key.
fn accepts(text: &str, body: &[u8], key: &VerifyingKey, now: i64) -> Option<Header> {
    let header = Header::parse(text).ok()?;
    let known = header.subscriber_id == "bap.example.org" && header.key_id == "k1";
    header.check_window(now, 3600).ok()?;
    header.verify(body, key).ok()?;
    known.then_some(header)
}

fn changed(bytes: &[u8], at: Index, by: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= by;
    bytes
}

proptest! {
    // Signing is slow in a debug build; these few cases take a second.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_we_sign_is_accepted(
        body in proptest::collection::vec(any::<u8>(), 0..600),
        now in 1..i64::MAX / 2,
        lifetime_seconds in 0..=3600_i64,
        seed in any::<[u8; 32]>(),
    ) {
        use base64::Engine as _;
        let seed = base64::engine::general_purpose::STANDARD.encode(seed);
        let signer = Signer {
            key: SigningKey::parse(&seed).expect("seed"),
            lifetime_seconds,
            ..signer()
        };
        let text = signer.authorization(&body, now);
        let header = accepts(&text, &body, &signer.key.verifying_key(), now);
        prop_assert_eq!(header.map(|h| h.to_string()), Some(text));
    }

    #[test]
    fn a_changed_body_is_never_accepted(at in any::<Index>(), by in 1..=255_u8) {
        let text = signer().authorization(BODY, NOW);
        let key = signer().key.verifying_key();
        prop_assert!(accepts(&text, &changed(BODY, at, by), &key, NOW).is_none());
    }

    #[test]
    fn a_shorter_or_longer_body_is_never_accepted(at in any::<Index>(), more in any::<u8>()) {
        let text = signer().authorization(BODY, NOW);
        let key = signer().key.verifying_key();
        prop_assert!(accepts(&text, &BODY[..at.index(BODY.len())], &key, NOW).is_none());
        prop_assert!(accepts(&text, &[BODY, &[more]].concat(), &key, NOW).is_none());
    }

    /// Only the case of the scheme may change: such a header says the very same.
    #[test]
    fn a_changed_header_is_refused_or_says_the_same(at in any::<Index>(), by in 1..=127_u8) {
        let text = signer().authorization(BODY, NOW);
        let key = signer().key.verifying_key();
        let other = String::from_utf8(changed(text.as_bytes(), at, by)).expect("ASCII");
        if let Some(header) = accepts(&other, BODY, &key, NOW) {
            prop_assert_eq!(header.to_string(), text.clone());
            prop_assert!(other.eq_ignore_ascii_case(&text));
            prop_assert_eq!(&other[9..], &text[9..]);
        }
    }

    #[test]
    fn a_changed_key_is_never_accepted(at in any::<Index>(), by in 1..=255_u8) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let text = signer().authorization(BODY, NOW);
        let raw = STANDARD.decode(signer().key.verifying_key().to_base64()).expect("base64");
        let other = STANDARD.encode(changed(&raw, at, by));
        if let Ok(key) = VerifyingKey::parse(&other) {
            prop_assert!(accepts(&text, BODY, &key, NOW).is_none());
        }
    }

    #[test]
    fn a_changed_time_is_never_accepted(created in -300..300_i64, expires in -300..300_i64) {
        prop_assume!((created, expires) != (0, 0));
        let text = signer().authorization(BODY, NOW);
        let key = signer().key.verifying_key();
        let other = text
            .replace(&NOW.to_string(), &(NOW + created).to_string())
            .replace(&(NOW + 300).to_string(), &(NOW + 300 + expires).to_string());
        prop_assume!(other != text);
        prop_assert!(accepts(&other, BODY, &key, NOW).is_none());
    }

    #[test]
    fn a_time_outside_the_window_is_never_accepted(now in any::<i64>()) {
        prop_assume!(!(NOW - CREATED_AHEAD_SECONDS..=NOW + 300).contains(&now));
        let text = signer().authorization(BODY, NOW);
        prop_assert!(accepts(&text, BODY, &signer().key.verifying_key(), now).is_none());
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Header::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_near_miss_makes_the_parser_panic(
        text in "[Ss]ignature +((keyId|algorithm|created|expires|headers|signature)=\"?[a-z0-9|() =]{0,12}\"?[, ]{0,2}){0,8}",
    ) {
        let _ = Header::parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_near_miss_of_an_object_makes_the_parser_panic(
        text in "\\{?(\"(keyId|algorithm|created|expires|headers|signature|x)\":[\"\\[{]?[a-z0-9|() =\\\\u]{0,12}[\"\\]}]?,?){0,8}\\}?",
    ) {
        let _ = Header::read(Scheme::Uhi, &text).map_err(|error| error.to_string());
    }

    #[test]
    fn an_accepted_header_reads_back_from_its_own_text(
        subscriber_id in "[!#-\\[\\]-{}~]{1,255}",
        key_id in "[!#-\\[\\]-{}~]{1,255}",
        created in 1..=i64::MAX,
        lifetime in 0..=i64::MAX,
        half in any::<[u8; 32]>(),
        scheme in prop_oneof![Just(Scheme::Beckn), Just(Scheme::Uhi)],
    ) {
        let mut signature = [0; 64];
        signature[16..48].copy_from_slice(&half);
        let expires = created.saturating_add(lifetime);
        let header = Header { scheme, subscriber_id, key_id, created, expires, signature };
        prop_assert_eq!(Header::read(scheme, &header.to_string()), Ok(header));
    }
}
