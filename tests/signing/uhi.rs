//! The published signatures and every composed case of the UHI scheme.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::digest::blake2b_512_base64;
use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use serde_json::{Value, json};

use super::{for_each_copy, text};

const CASES: &str = "uhi_signing_cases.json";
const PUBLISHED_IN: &str = "/uhi/published_in_NHA-ABDM_UHI_signing_document";

/// A time as either file writes it: a number or a text.
fn seconds(value: &Value, pointer: &str) -> i64 {
    let found = value.pointer(pointer);
    let text = found.map(|found| found.to_string().replace('"', ""));
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no time at {pointer} in {value}"))
}

fn key(value: &Value, pointer: &str) -> VerifyingKey {
    VerifyingKey::parse(text(value, pointer)).expect("a public key")
}

/// A header with this signature and these times.
fn header(signature: &str, created: i64, expires: i64) -> Header {
    let object = json!({"headers": "(created) (expires) digest", "algorithm": "ed25519",
        "keyId": "eua.example.in|eua.example.k1|ed25519", "signature": signature,
        "created": created.to_string(), "expires": expires.to_string()});
    Header::read(Scheme::Uhi, &object.to_string()).expect("well formed")
}

#[test]
fn both_published_signatures_verify() {
    for_each_copy("uhi_signing.json", |vectors| {
        let published = vectors["published"].as_array().expect("a list");
        for case in published {
            let (created, expires) = (seconds(case, "/created"), seconds(case, "/expires"));
            let header = header(text(case, "/signature_b64"), created, expires);
            let digest = text(case, "/digest_b64");
            let key = key(case, "/public_key_spki_der_b64");
            assert_eq!(header.verify_digest(digest, 0, &key), Ok(()), "{case}");
            let beckn = Header {
                scheme: Scheme::Beckn,
                ..header
            };
            assert!(beckn.verify_digest(digest, 0, &key).is_err(), "{case}");
        }
        assert_eq!(published.len(), 2);
    });
    for_each_copy(CASES, |vectors| {
        let published = vectors.pointer(PUBLISHED_IN).and_then(Value::as_array);
        let published = published.expect("a list");
        for case in published {
            let (created, expires) = (seconds(case, "/created"), seconds(case, "/expires"));
            let header = header(text(case, "/signature"), created, expires);
            let digest = text(case, "/body_digest");
            let key = key(case, "/public_key");
            assert_eq!(header.verify_digest(digest, 0, &key), Ok(()), "{case}");
            let later = Header {
                expires: expires + 1,
                ..header
            };
            assert!(later.verify_digest(digest, 0, &key).is_err(), "{case}");
        }
        assert_eq!(published.len(), 2);
    });
}

/// The composed case of either file, under one set of names.
struct Composed<'a> {
    case: &'a Value,
    body: &'a str,
    digest: &'a str,
    text_signed: &'a str,
    header: &'a str,
    signer: (&'static str, &'static str),
}

impl Composed<'_> {
    fn check(&self) {
        let case = self.case;
        let (created, expires) = (seconds(case, "/created"), seconds(case, "/expires"));
        assert_eq!(blake2b_512_base64(self.body.as_bytes()), self.digest);
        let string = Scheme::Uhi.signing_string(created, expires, self.digest);
        assert_eq!(string, text(case, "/signing_string"));
        assert_eq!(Scheme::Uhi.signed_text(string), self.text_signed);
        let (subscriber_id, key_id) = self.signer;
        let signer = Signer {
            scheme: Scheme::Uhi,
            subscriber_id: subscriber_id.to_owned(),
            key_id: key_id.to_owned(),
            key: SigningKey::parse(text(case, "/private_key_pkcs8_der_b64")).expect("a key"),
            lifetime_seconds: expires - created,
        };
        assert_eq!(signer.lifetime_seconds, 10);
        assert_eq!(
            signer.authorization(self.body.as_bytes(), created),
            self.header
        );
        let read = Header::read(Scheme::Uhi, self.header).expect("well formed");
        assert_eq!(
            STANDARD.encode(read.signature),
            text(case, "/signature_b64")
        );
        let key = key(case, "/public_key_spki_der_b64");
        assert_eq!(read.verify(self.body.as_bytes(), &key), Ok(()));
        let changed = self.body.replacen("cancel", "cancem", 1);
        assert!(read.verify(changed.as_bytes(), &key).is_err());
    }
}

#[test]
fn we_sign_as_the_composed_cases_do_byte_for_byte() {
    for_each_copy("uhi_signing.json", |vectors| {
        let case = &vectors["composed"];
        let composed = Composed {
            case,
            body: text(case, "/body"),
            digest: text(case, "/digest_b64"),
            text_signed: text(case, "/text_signed"),
            header: text(case, "/authorization_header"),
            signer: ("eua.example.org", "eua.k1"),
        };
        composed.check();
    });
    for_each_copy(CASES, |vectors| {
        let case = &vectors["uhi"]["composed"];
        let composed = Composed {
            case,
            body: text(case, "/body_utf8"),
            digest: text(case, "/body_blake2b512_b64"),
            text_signed: text(case, "/signing_string_blake2b512_b64"),
            header: text(case, "/authorization_header_value"),
            signer: ("eua.example.in", "eua.example.k1"),
        };
        composed.check();
        let digest = format!("BLAKE-512={}", composed.digest);
        assert_eq!(text(case, "/optional_digest_header_value"), digest);
    });
}

#[test]
fn every_signature_that_must_fail_does() {
    for_each_copy(CASES, |vectors| {
        let case = &vectors["uhi"]["composed"];
        let bad = case["must_fail_signatures"].as_object().expect("a list");
        let (created, expires) = (seconds(case, "/created"), seconds(case, "/expires"));
        let key = key(case, "/public_key_spki_der_b64");
        for (name, signature) in bad {
            let header = header(signature.as_str().expect("text"), created, expires);
            let body = text(case, "/body_utf8");
            assert!(header.verify(body.as_bytes(), &key).is_err(), "{name}");
        }
        assert_eq!(bad.len(), 3);
    });
}

/// The composed header with one member changed; null takes it away.
fn with(member: &str, value: Value) -> String {
    let mut object = json!({"headers": "(created) (expires) digest", "expires": "1795408210",
        "signature": STANDARD.encode([7; 64]), "created": "1795408200",
        "keyId": "eua.example.in|k1|ed25519", "algorithm": "ed25519"});
    match value {
        Value::Null => drop(object.as_object_mut().expect("an object").remove(member)),
        value => object[member] = value,
    }
    object.to_string()
}

#[test]
fn a_header_of_another_form_is_refused_by_its_word() {
    let word = |header: &str| match Header::read(Scheme::Uhi, header) {
        Ok(_) => "fine",
        Err(error) => error.word(),
    };
    assert_eq!(
        word(&with("x", json!("y"))),
        "fine",
        "others are not looked at"
    );
    assert_eq!(
        word(&with("created", json!(1_795_408_200))),
        "fine",
        "a number is a time too"
    );
    for header in [
        "",
        "Signature keyId=\"a|b|ed25519\"",
        "Bearer x",
        "{",
        "[]",
        "{}",
        "{} {}",
        &with("keyId", json!("eua.example.in|ed25519")),
        &with("keyId", json!("eua.example.in|k1|k2|ed25519")),
        &with("keyId", json!(7)),
        &with("created", json!("yesterday")),
        &with("created", json!("01795408200")),
        &with("created", json!(-1)),
        &with("created", json!(1.5)),
        &with("expires", json!("1795408199")),
        &with("signature", json!("AAAA")),
        &with("headers", json!("(created) digest")),
        &with("keyId", Value::Null),
        &with("algorithm", Value::Null),
        &with("created", Value::Null),
        &with("expires", Value::Null),
        &with("headers", Value::Null),
        &with("signature", Value::Null),
        &with("x", json!("y".repeat(4096))),
        &with("x", json!("caf\u{e9}")),
        &with("x", json!("y")).replacen('{', "{\"created\":\"1795408200\",", 1),
    ] {
        assert_eq!(word(header), "header_malformed", "{header}");
    }
    let other = with("algorithm", json!("rsa"));
    assert_eq!(word(&other), "algorithm_not_supported");
    let other = with("keyId", json!("eua.example.in|k1|rsa"));
    assert_eq!(word(&other), "algorithm_mismatch");
    let other = with("headers", json!("(created) (expires)"));
    assert_eq!(word(&other), "digest_not_covered");
}

#[test]
fn an_id_with_a_quote_in_it_makes_a_header_that_is_still_json() {
    let signer = Signer {
        scheme: Scheme::Uhi,
        subscriber_id: "a\"b".to_owned(),
        key_id: "k\\1".to_owned(),
        key: SigningKey::generate().expect("randomness"),
        lifetime_seconds: 10,
    };
    let header = signer.authorization(b"{}", 1_795_408_200);
    let object: Value = serde_json::from_str(&header).expect("JSON");
    assert_eq!(object["keyId"], "a\"b|k\\1|ed25519");
    assert_eq!(object["expires"], "1795408210");
}

#[test]
fn neither_scheme_reads_the_headers_of_the_other() {
    let uhi = with("x", json!("y"));
    assert_eq!(
        Header::parse(&uhi).expect_err("no Signature").word(),
        "header_malformed"
    );
    let beckn = Header {
        scheme: Scheme::Beckn,
        ..Header::read(Scheme::Uhi, &uhi).expect("well formed")
    };
    assert!(Header::parse(&beckn.to_string()).is_ok());
    assert!(Header::read(Scheme::Uhi, &beckn.to_string()).is_err());
}
