//! The published cases of the Beckn signature scheme, every one of them.
//!
//! `tests/vectors/` holds them, so this runs anywhere; when the protocol texts lie beside the
//! checkout, their own files are run too. A case that is not understood fails the test: each
//! suite counts what it ran. Cases that need a registry (key unknown, revoked, another's) are
//! checked here as far as header and bytes go.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::digest::blake2b_512_base64;
use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};
use beckn_bpp::crypto::published::is_published;
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use beckn_bpp::domain::refusal::Word;
use serde_json::Value;

#[path = "signing/uhi.rs"]
mod uhi;

const MAX_LIFETIME_SECONDS: i64 = 3600;

/// Runs a suite over our copy and, where it lies beside us, over the original.
fn for_each_copy(file: &str, suite: impl Fn(&Value)) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(file);
    suite(&read(&ours));
    match original(file) {
        Some(path) => suite(&read(&path)),
        None => skipped(&format!("only our copy of {file} was run")),
    }
}

/// Past the harness, which hides what a passing test prints.
fn skipped(what: &str) {
    let line = format!("SKIPPED: no shared/protocol beside the checkout, {what}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error");
}

fn original(file: &str) -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/protocol/vectors").join(file))
        .find(|path| path.is_file())
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {value}"))
}

fn number(value: &Value, pointer: &str) -> i64 {
    let found = value.pointer(pointer).and_then(Value::as_i64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {value}"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {pointer}"))
}

/// The key that the file's registry has for this header; nothing when it has none.
fn registered(vectors: &Value, header: &Header) -> Option<VerifyingKey> {
    let row = list(vectors, "/registry").iter().find(|row| {
        text(row, "/subscriber_id") == header.subscriber_id && text(row, "/key_id") == header.key_id
    })?;
    Some(VerifyingKey::parse(text(row, "/signing_public_key")).expect("a key"))
}

/// Header, window and bytes, in the server's order.
fn outcome(vectors: &Value, header: Option<&str>, body: &str, now: i64) -> &'static str {
    let Some(header) = header else {
        return "header_missing";
    };
    let header = match Header::parse(header) {
        Ok(header) => header,
        Err(error) => return error.word(),
    };
    if let Err(error) = header.check_window(now, MAX_LIFETIME_SECONDS) {
        return error.word();
    }
    let Some(key) = registered(vectors, &header) else {
        return "key_not_found";
    };
    match header.verify(body.as_bytes(), &key) {
        Ok(()) => "accept",
        Err(error) => error.word(),
    }
}

fn outcome_of(vectors: &Value, case: &Value) -> &'static str {
    let header = case["header"].as_str();
    outcome(vectors, header, text(case, "/body"), number(case, "/now"))
}

fn signer_of(vectors: &Value, name: &str, lifetime_seconds: i64) -> Signer {
    let key = &vectors["keys"][name];
    Signer {
        scheme: Scheme::Beckn,
        subscriber_id: text(key, "/subscriber_id").to_owned(),
        key_id: text(key, "/key_id").to_owned(),
        key: SigningKey::parse(text(key, "/seed_b64")).expect("a seed"),
        lifetime_seconds,
    }
}

#[test]
fn every_accepted_case_is_accepted() {
    for_each_copy("signing.json", |vectors| {
        let cases = list(vectors, "/accept");
        assert_eq!(cases.len(), 8);
        for case in cases {
            assert_eq!(outcome_of(vectors, case), "accept", "{}", case["id"]);
        }
    });
}

#[test]
fn every_refused_case_is_refused_for_its_reason() {
    for_each_copy("signing.json", |vectors| {
        let cases = list(vectors, "/reject");
        assert_eq!(cases.len(), 28);
        for case in cases {
            let expected = match text(case, "/expect/reason") {
                // Good header, good bytes: what is wrong is for the registry and the context.
                "identity_mismatch" | "key_not_usable" => "accept",
                reason => reason,
            };
            assert_eq!(outcome_of(vectors, case), expected, "{}", case["id"]);
        }
    });
}

/// A stranger's case fails at the registry alone: the bytes are signed by the known key.
#[test]
fn the_cases_of_unknown_keys_are_well_signed() {
    for_each_copy("signing.json", |vectors| {
        let key = signer_of(vectors, "bap", 300).key.verifying_key();
        let unknown: Vec<_> = list(vectors, "/reject")
            .iter()
            .filter(|case| text(case, "/expect/reason") == "key_not_found")
            .collect();
        assert_eq!(unknown.len(), 2);
        for case in unknown {
            let header = Header::parse(text(case, "/header")).expect("well formed");
            let body = text(case, "/body").as_bytes();
            assert_eq!(header.verify(body, &key), Ok(()), "{}", case["id"]);
        }
    });
}

#[test]
fn the_words_of_the_header_are_words_of_the_refusal_list() {
    for_each_copy("signing.json", |vectors| {
        let words: Vec<_> = Word::ALL.iter().map(|word| word.as_str()).collect();
        for case in list(vectors, "/reject") {
            let word = outcome_of(vectors, case);
            let elsewhere = ["accept", "key_not_found"];
            assert!(words.contains(&word) || elsewhere.contains(&word), "{word}");
        }
    });
}

#[test]
fn every_digest_is_ours() {
    for_each_copy("signing.json", |vectors| {
        let cases = list(vectors, "/digest_vectors");
        assert_eq!(cases.len(), 3);
        for case in cases {
            let ours = blake2b_512_base64(text(case, "/input").as_bytes());
            assert_eq!(ours, text(case, "/digest_b64"));
        }
    });
}

#[test]
fn every_key_reads_alike_in_all_its_encodings() {
    for_each_copy("signing.json", |vectors| {
        for name in ["bap", "gateway", "bpp"] {
            let key = &vectors["keys"][name];
            let seed = SigningKey::parse(text(key, "/seed_b64")).expect("a seed");
            let pair = SigningKey::parse(text(key, "/private64_b64")).expect("a pair");
            assert_eq!(*pair.to_seed_base64(), text(key, "/seed_b64"));
            assert_eq!(*seed.to_pair_base64(), text(key, "/private64_b64"));
            let public = VerifyingKey::parse(text(key, "/public_b64")).expect("a key");
            assert_eq!(seed.verifying_key(), public);
            assert!(is_published(&public), "{name}");
        }
        let bap = &vectors["keys"]["bap"];
        let public = VerifyingKey::parse(text(bap, "/public_spki_der_b64")).expect("a key");
        assert_eq!(public.to_base64(), text(bap, "/public_b64"));
        assert_eq!(public.to_spki_base64(), text(bap, "/public_spki_der_b64"));
    });
}

#[test]
fn the_worked_example_is_signed_byte_for_byte() {
    for_each_copy("signing.json", |vectors| {
        let worked = &vectors["worked"];
        let body = text(worked, "/body").as_bytes();
        assert_eq!(body.len(), 561);
        let digest = blake2b_512_base64(body);
        assert_eq!(digest, text(worked, "/digest_b64"));
        let (created, expires) = (number(worked, "/created"), number(worked, "/expires"));
        let message = Scheme::Beckn.signing_string(created, expires, &digest);
        assert_eq!(message, text(worked, "/signing_string"));
        let signer = signer_of(vectors, "bap", expires - created);
        let signature = STANDARD.encode(signer.key.sign(message.as_bytes()));
        assert_eq!(signature, text(worked, "/signature_b64"));
        let header = signer.authorization(body, created);
        assert_eq!(header, text(worked, "/authorization"));
    });
}

#[test]
fn the_callback_is_signed_byte_for_byte() {
    for_each_copy("signing.json", |vectors| {
        let callback = &vectors["callback"];
        let body = text(callback, "/body").as_bytes();
        let (created, expires) = (number(callback, "/created"), number(callback, "/expires"));
        let header = signer_of(vectors, "bpp", expires - created).authorization(body, created);
        assert_eq!(header, text(callback, "/authorization"));
        let digest = blake2b_512_base64(body);
        assert_eq!(format!("BLAKE-512={digest}"), text(callback, "/digest"));
        let message = Header::parse(&header)
            .expect("ours")
            .signing_string(&digest);
        assert_eq!(message, text(callback, "/signing_string"));
    });
}

#[test]
fn both_headers_of_a_request_through_a_gateway_are_checked_over_the_same_body() {
    for_each_copy("signing.json", |vectors| {
        let gateway = &vectors["gateway"];
        let (body, now) = (text(gateway, "/body"), number(gateway, "/now"));
        let check = |header: &Value| outcome(vectors, header.as_str(), body, now);
        assert_eq!(check(&gateway["authorization"]), "accept");
        assert_eq!(check(&gateway["x_gateway_authorization"]), "accept");
        let negatives = list(gateway, "/negatives");
        assert_eq!(negatives.len(), 2);
        for case in negatives {
            let found = [
                check(&case["authorization"]),
                check(&case["x_gateway_authorization"]),
            ];
            let expected = match text(case, "/id") {
                "gw-bad-signature" => ["accept", "signature_mismatch"],
                "gw-authorization-missing" => ["header_missing", "accept"],
                other => panic!("an unknown case: {other}"),
            };
            assert_eq!(found, expected, "{}", case["id"]);
            assert!(found.contains(&text(case, "/expect/reason")));
        }
    });
}

/// Beckn 2.0 adds a line to what is signed; such a header is refused, not half checked.
#[test]
fn the_four_line_headers_of_beckn_2_are_well_signed_and_yet_refused() {
    for_each_copy("signing.json", |vectors| {
        let key = signer_of(vectors, "bpp", 300).key.verifying_key();
        for (place, header) in [
            ("solicited_callback", "/authorization"),
            ("ack", "/response_header_value"),
        ] {
            let case = &vectors["v2_onix"][place];
            let header = text(case, header);
            let error = Header::parse(header).expect_err("another list");
            assert_eq!(error.word(), "header_malformed");
            let (_, signature) = header.rsplit_once("signature=\"").expect("a signature");
            let signature = STANDARD.decode(signature.trim_end_matches('"'));
            let signature = signature.expect("base64").try_into().expect("64 bytes");
            let message = text(case, "/signing_string").as_bytes();
            assert!(key.verify(message, &signature), "{place}");
            let digest = blake2b_512_base64(text(case, "/body").as_bytes());
            assert!(text(case, "/signing_string").contains(&digest), "{place}");
        }
    });
}

#[test]
fn the_worked_example_of_beckn_006_verifies() {
    for_each_copy("beckn_signing_reference.json", |example| {
        let body = text(example, "/body").as_bytes();
        let digest = blake2b_512_base64(body);
        assert_eq!(digest, text(example, "/digest_b64"));
        let (created, expires) = (number(example, "/created"), number(example, "/expires"));
        let header = format!(
            "Signature keyId=\"bap.stayhalo.in|k1|ed25519\",algorithm=\"ed25519\",created=\"{created}\",\
             expires=\"{expires}\",headers=\"(created) (expires) digest\",signature=\"{}\"",
            text(example, "/signature_b64")
        );
        let header = Header::parse(&header).expect("well formed");
        let message = header.signing_string(&digest);
        assert_eq!(message, text(example, "/signing_string"));
        let key = VerifyingKey::parse(text(example, "/public_key_raw_b64")).expect("a key");
        assert_eq!(header.verify(body, &key), Ok(()));
        assert!(is_published(&key));
    });
}

#[test]
fn our_copy_has_the_data_of_the_original() {
    for file in ["signing.json", "beckn_signing_reference.json"] {
        let Some(path) = original(file) else {
            skipped(&format!("nothing to compare {file} with"));
            continue;
        };
        let ours = read(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/vectors")
                .join(file),
        );
        assert!(holds(&read(&path), &ours), "{file} differs");
    }
}

/// Whether all of `part` is in `whole`; our copy leaves the prose out.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|other| holds(other, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| holds(w, p))
        }
        _ => whole == part,
    }
}
