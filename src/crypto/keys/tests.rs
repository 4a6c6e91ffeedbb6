//! Every encoding in and out, and every mistake by name.

#[path = "../../../tests/common/odd_keys.rs"]
mod table;

use proptest::prelude::*;

use super::*;
use table::{SMALL_ORDER, Signed, unhex, wycheproof};

/// RFC 8032, section 7.1, test 1.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn key() -> SigningKey {
    SigningKey::parse(SEED).expect("valid")
}

fn bytes(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

fn private_error(bytes: &[u8]) -> Error {
    SigningKey::parse(&STANDARD.encode(bytes)).expect_err("refused")
}

fn public_error(bytes: &[u8]) -> Error {
    VerifyingKey::parse(&STANDARD.encode(bytes)).expect_err("refused")
}

/// The version-2 layouts, with the public key implicitly and explicitly tagged.
fn pkcs8_v2(length: u8, between: &[u8], public: &[u8]) -> Vec<u8> {
    let head = [0x30, length, 0x02, 0x01, 0x01];
    [
        &head[..],
        &Curve::Ed25519.pkcs8_middle(),
        &bytes(SEED),
        between,
        public,
    ]
    .concat()
}

#[test]
fn a_private_key_reads_back_from_everything_it_writes() {
    for text in [
        key().to_seed_base64(),
        key().to_pair_base64(),
        key().to_pkcs8_base64(),
    ] {
        let again = SigningKey::parse(&text).expect("readable");
        assert_eq!(*again.to_seed_base64(), SEED);
        assert_eq!(again.verifying_key().to_base64(), PUBLIC);
    }
    assert_eq!(bytes(&key().to_pair_base64()).len(), 64);
    assert!(key().to_pkcs8_base64().starts_with("MC4CAQAwBQYDK2VwBCIEI"));
}

#[test]
fn pkcs8_is_read_in_the_four_layouts_in_use() {
    let public = bytes(PUBLIC);
    let v1 = bytes(&key().to_pkcs8_base64());
    let mut v2_without_public = v1.clone();
    v2_without_public[4] = 1;
    for der in [
        v1,
        v2_without_public,
        pkcs8_v2(0x51, &[0x81, 0x21, 0x00], &public),
        pkcs8_v2(0x53, &[0xa1, 0x23, 0x03, 0x21, 0x00], &public),
    ] {
        let key = SigningKey::parse(&STANDARD.encode(&der)).expect("readable");
        assert_eq!(key.verifying_key().to_base64(), PUBLIC);
    }
}

#[test]
fn a_public_half_of_another_key_is_refused() {
    let stranger = [7; 32];
    let pair = [bytes(SEED), stranger.to_vec()].concat();
    assert_eq!(private_error(&pair), Error::HalvesDiffer);
    let der = pkcs8_v2(0x51, &[0x81, 0x21, 0x00], &stranger);
    assert_eq!(private_error(&der), Error::HalvesDiffer);
}

#[test]
fn a_file_may_end_with_a_line_end() {
    for text in [format!("{SEED}\n"), format!(" {SEED}\r\n")] {
        assert!(SigningKey::parse(&text).is_ok(), "{text:?}");
    }
}

#[test]
fn only_canonical_standard_base64_is_a_key() {
    let url_safe = SEED.replace('/', "_");
    let unpadded = SEED.trim_end_matches('=');
    let stray_bits = SEED.replace("2A=", "2B=");
    let broken = SEED.replace("GFx", "GF\nx").replacen("nWG", "nW\nG", 1);
    for text in ["", "@@@", &url_safe, unpadded, &stray_bits, &broken] {
        let found = SigningKey::parse(text).expect_err(text);
        let expected = match text {
            "" => Error::NotAPrivateKey(0),
            _ => Error::NotBase64,
        };
        assert_eq!(found, expected, "{text:?}");
    }
    for text in [
        PUBLIC.trim_end_matches('='),
        &PUBLIC.replace('/', "_"),
        &PUBLIC.replace("Ro=", "Rp="),
        &format!("{PUBLIC}\n"),
    ] {
        assert_eq!(VerifyingKey::parse(text), Err(Error::NotBase64), "{text:?}");
    }
}

#[test]
fn other_lengths_and_other_der_are_refused_with_what_was_expected() {
    for length in [1, 31, 33, 47, 48, 49, 63, 65, 83, 85, 1000] {
        assert_eq!(
            private_error(&vec![9; length]),
            Error::NotAPrivateKey(length)
        );
    }
    for length in [0, 31, 33, 43, 44, 45, 64] {
        assert_eq!(public_error(&vec![9; length]), Error::NotAPublicKey(length));
    }
    let der = bytes(&key().to_pkcs8_base64());
    let mut wrong_version = der.clone();
    wrong_version[4] = 2;
    assert_eq!(private_error(&wrong_version), Error::NotAPrivateKey(48));
    assert_eq!(private_error(&der[..47]), Error::NotAPrivateKey(47));
    let longer = [der, vec![0]].concat();
    assert_eq!(private_error(&longer), Error::NotAPrivateKey(49));
}

#[test]
fn an_encryption_key_is_refused_by_name() {
    let private = "MC4CAQAwBQYDK2VuBCIEIBHlT7qctmLAx4Hw/AMm20IUmdR+TSF6Y5a1eWxh2z6o";
    let public = "MCowBQYDK2VuAyEAVdL3JuFjMAl0eKNDC2q8d3vcbN4NnAMpKrvu04nsoGY=";
    assert_eq!(
        SigningKey::parse(private).map(|_| ()),
        Err(Error::EncryptionKey)
    );
    assert_eq!(VerifyingKey::parse(public), Err(Error::EncryptionKey));
}

#[test]
fn a_public_key_reads_back_from_both_encodings() {
    let key = VerifyingKey::parse(PUBLIC).expect("valid");
    assert!(key.to_spki_base64().starts_with("MCowBQYDK2VwAyEA"));
    assert_eq!(VerifyingKey::parse(&key.to_spki_base64()), Ok(key.clone()));
    assert_eq!(key.to_base64(), PUBLIC);
    assert_eq!(key.fingerprint(), "21fe31dfa154a261");
    assert_eq!(format!("{key:?}"), "VerifyingKey(21fe31dfa154a261)");
}

/// Every case of Project Wycheproof: what it calls valid holds, what it calls invalid does not.
#[test]
fn signatures_hold_as_project_wycheproof_has_it() {
    for Signed {
        id,
        key,
        message,
        signature,
        is_valid,
    } in wycheproof()
    {
        let key = VerifyingKey::parse(&STANDARD.encode(key)).expect("its keys are good");
        let whole: Option<&[u8; 64]> = signature.as_array();
        // A signature of another length is refused by the header's grammar.
        let holds = whole.is_some_and(|signature| key.verify(&message, signature));
        assert_eq!(holds, is_valid, "case {id}");
    }
}

#[test]
fn every_weak_point_is_refused() {
    for text in SMALL_ORDER {
        assert_eq!(public_error(&unhex(text)), Error::Weak, "{text}");
    }
}

/// y = p + 3 and the like: points of large order under a second spelling.
#[test]
fn a_second_spelling_of_a_point_is_refused() {
    let spellings = (0xf0..=0xff_u8).flat_map(|low| {
        let mut spelling = [0xff; 32];
        spelling[0] = low;
        spelling[31] = 0x7f;
        let mut negative = spelling;
        negative[31] = 0xff;
        [spelling, negative]
    });
    let found: Vec<Error> = spellings.map(|spelling| public_error(&spelling)).collect();
    assert!(found.contains(&Error::NotCanonical));
    let known = |e: &Error| matches!(e, Error::NotCanonical | Error::NotOnCurve);
    assert!(found.iter().all(known), "{found:?}");
}

#[test]
fn thirty_two_bytes_off_the_curve_are_refused() {
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    assert_eq!(public_error(&off_curve), Error::NotOnCurve);
}

#[test]
fn a_signature_has_one_spelling() {
    let key = key();
    let signature = key.sign(b"");
    let public = key.verifying_key();
    assert!(public.verify(b"", &signature));
    // S + L verifies by the loose rules of old; L is the group order (RFC 8032, 5.1).
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut twin = signature;
    let mut carry = 0_u16;
    for (byte, add) in twin[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).expect("masked");
        carry = sum >> 8;
    }
    assert!(!public.verify(b"", &twin));
}

#[test]
fn a_private_key_never_shows_itself() {
    let key = key();
    assert_eq!(format!("{key:?}"), "***");
    let wrong = format!("{}x", &SEED[..43]);
    let error = SigningKey::parse(&wrong).expect_err("refused");
    assert!(!format!("{error} {error:?}").contains(&SEED[..8]));
}

#[test]
fn fresh_keys_differ() {
    let one = SigningKey::generate().expect("randomness");
    let two = SigningKey::generate().expect("randomness");
    assert_ne!(one.verifying_key(), two.verifying_key());
}

/// The directory itself, so that a pair that is added cannot be forgotten in `published`.
#[test]
fn every_pair_in_keys_fits_together_and_is_known_as_published() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/keys");
    let mut pairs = 0;
    for entry in std::fs::read_dir(directory).expect("keys/") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|e| e != "signing") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let key = SigningKey::parse(&text).expect("a key").verifying_key();
        let public = std::fs::read_to_string(path.with_extension("public")).expect("its half");
        assert_eq!(public.trim_end(), key.to_base64(), "{path:?}");
        assert!(crate::crypto::published::is_published(&key), "{path:?}");
        pairs += 1;
    }
    assert_eq!(pairs, 5);
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC{0,120}") {
        let _ = (SigningKey::parse(&text), VerifyingKey::parse(&text));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let text = STANDARD.encode(bytes);
        let _ = (SigningKey::parse(&text), VerifyingKey::parse(&text));
    }

    #[test]
    fn every_seed_survives_every_encoding(seed in any::<[u8; 32]>()) {
        let key = SigningKey::parse(&STANDARD.encode(seed)).expect("any seed is a key");
        let pkcs8 = SigningKey::parse(&key.to_pkcs8_base64()).expect("readable");
        let pair = SigningKey::parse(&key.to_pair_base64()).expect("readable");
        prop_assert_eq!(pkcs8.to_seed_base64(), key.to_seed_base64());
        prop_assert_eq!(pair.verifying_key(), key.verifying_key());
    }
}
