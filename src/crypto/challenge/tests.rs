//! The vectors in both directions, and everything that must not open.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vectors() -> Value {
    let text = include_str!("../../../tests/vectors/on_subscribe.json");
    serde_json::from_str(text).expect("JSON")
}

fn text<'a>(vectors: &'a Value, path: &str) -> &'a str {
    let found = vectors.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {path}"))
}

/// The same key, as either side comes to it and from either encoding.
fn keys(vectors: &Value) -> Vec<ChallengeKey> {
    let agree = |private: &str, public: &str| {
        let ours = EncryptionKey::parse(text(vectors, private)).expect("a private key");
        let theirs = EncryptionPublicKey::parse(text(vectors, public)).expect("a public key");
        ChallengeKey::agree(&ours, &theirs).expect("a secret")
    };
    let [ours, raw] =
        ["pkcs8_der", "raw"].map(|form| format!("/subscriber/encryption_private_key_{form}_b64"));
    vec![
        agree(&ours, "/registry/encryption_public_key_spki_der_b64"),
        agree(&raw, "/registry/encryption_public_key_raw_b64"),
        agree(
            "/registry/encryption_private_key_pkcs8_der_b64",
            "/subscriber/encryption_public_key_spki_der_b64",
        ),
    ]
}

/// Challenge and answer of every positive vector.
fn pairs(vectors: &Value) -> Vec<(String, String)> {
    let more = vectors["extra_challenges"].as_array().expect("a list");
    let more = more
        .iter()
        .map(|one| (text(one, "/challenge"), text(one, "/answer")));
    let first = (
        text(vectors, "/on_subscribe/request/challenge"),
        text(vectors, "/on_subscribe/response/answer"),
    );
    let all = std::iter::once(first).chain(more);
    all.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn key() -> ChallengeKey {
    keys(&vectors()).swap_remove(0)
}

#[test]
fn every_vector_opens_and_is_sealed_to_the_same_text() {
    let vectors = vectors();
    let pairs = pairs(&vectors);
    assert_eq!(pairs.len(), 3);
    for key in keys(&vectors) {
        for (challenge, answer) in &pairs {
            assert_eq!(key.open(challenge).as_deref(), Ok(answer));
            assert_eq!(&key.seal(answer), challenge);
        }
    }
}

#[test]
fn the_public_halves_of_the_vectors_are_those_of_their_private_ones() {
    let vectors = vectors();
    for party in ["registry", "subscriber"] {
        let at = |name: &str| text(&vectors, &format!("/{party}/encryption_{name}_b64")).to_owned();
        let key = EncryptionKey::parse(&at("private_key_pkcs8_der")).expect("a key");
        assert_eq!(*key.to_pkcs8_base64(), at("private_key_pkcs8_der"));
        assert_eq!(key.public_key().to_base64(), at("public_key_raw"));
        assert_eq!(key.public_key().to_spki_base64(), at("public_key_spki_der"));
    }
}

#[test]
fn no_negative_vector_opens() {
    let vectors = vectors();
    let negative = vectors["negative"].as_array().expect("a list");
    assert_eq!(negative.len(), 3);
    for one in negative {
        assert_eq!(key().open(text(one, "/challenge")), Err(NotOpened), "{one}");
    }
}

/// Whole blocks as they are, without the padding that `seal` adds.
fn sealed_raw(mut blocks: Vec<u8>) -> String {
    for block in blocks.as_chunks_mut::<BLOCK>().0 {
        key().0.encrypt_block(block.into());
    }
    STANDARD.encode(blocks)
}

#[test]
fn only_a_whole_padding_is_one() {
    let ending = |end: &[u8]| [vec![b'a'; BLOCK - end.len()], end.to_vec()].concat();
    for end in [
        vec![0],
        vec![17],
        vec![255],
        vec![1, 2],
        vec![3, 2, 3],
        vec![2, 3, 3],
        [vec![15], vec![16; 15]].concat(),
    ] {
        let challenge = sealed_raw(ending(&end));
        assert_eq!(key().open(&challenge), Err(NotOpened), "{end:?}");
    }
    for count in 1..=16_u8 {
        let challenge = sealed_raw(ending(&vec![count; usize::from(count)]));
        let opened = key().open(&challenge).expect("padded");
        assert_eq!(opened.len(), BLOCK - usize::from(count));
    }
}

#[test]
fn what_is_empty_too_long_or_no_text_does_not_open() {
    let long = key().seal(&"a".repeat(4_096));
    let no_text = sealed_raw([vec![0xff; 15], vec![1]].concat());
    for challenge in ["", "====", &long, &no_text] {
        assert_eq!(key().open(challenge), Err(NotOpened));
    }
    let (challenge, _) = &pairs(&vectors())[0];
    for changed in [
        challenge.replace('+', "-").replace('/', "_"),
        format!("{challenge}\n"),
        format!(" {challenge}"),
        challenge.trim_end_matches('=').to_owned() + "=",
    ] {
        if changed != *challenge {
            assert_eq!(key().open(&changed), Err(NotOpened), "{changed:?}");
        }
    }
}

#[test]
fn a_challenge_for_another_key_does_not_open_and_nothing_prints_the_key() {
    let vectors = vectors();
    let other = EncryptionKey::generate().expect("randomness");
    let public = text(&vectors, "/registry/encryption_public_key_raw_b64");
    let public = EncryptionPublicKey::parse(public).expect("a key");
    let other = ChallengeKey::agree(&other, &public).expect("a secret");
    let (challenge, answer) = &pairs(&vectors)[0];
    // A wrong key finds a right padding once in 256 times, and text in it hardly ever.
    assert_ne!(other.open(challenge).ok().as_deref(), Some(answer));
    assert_eq!(format!("{other:?}"), "***");
}

proptest! {
    #[test]
    fn every_text_comes_back(answer in "\\PC{0,200}") {
        let opened = key().open(&key().seal(&answer));
        prop_assert_eq!(opened.as_deref(), Ok(&answer));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = key().open(&STANDARD.encode(&bytes));
        let _ = key().open(&String::from_utf8_lossy(&bytes));
    }
}
