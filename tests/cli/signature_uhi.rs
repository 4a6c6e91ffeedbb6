//! `signature sign|verify|explain` with the headers of a health network.

use std::path::Path;

use beckn_bpp::crypto::digest::{blake2b_512, blake2b_512_base64};
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use serde_json::Value;

use crate::process::{Ended, command, run, run_with};

const BODY: &str = r#"{"context":{"action":"cancel","consumer_id":"eua.example.org"}}"#;
const CREATED: i64 = 1_795_408_200;

fn signer() -> Signer {
    Signer {
        scheme: Scheme::Uhi,
        subscriber_id: "eua.example.org".to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(include_str!("../../keys/bap.signing")).expect("a developer key"),
        lifetime_seconds: 10,
    }
}

fn check(word: &str, header: &str) -> Ended {
    let (at, key) = (CREATED.to_string(), signer().key.verifying_key());
    let key = key.to_spki_base64();
    let arguments = ["signature", word, "--at", &at, "--header", header];
    let more = ["--public-key", &key, "-"];
    run_with(command(&[&arguments[..], &more].concat()), BODY.as_bytes())
}

#[test]
fn sign_makes_the_header_of_the_published_vector() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/uhi_signing_cases.json");
    let vectors = std::fs::read_to_string(path).expect("readable");
    let vectors: Value = serde_json::from_str(&vectors).expect("JSON");
    let case = |member: &str| {
        let found = vectors["uhi"]["composed"][member].as_str();
        found.expect(member).to_owned()
    };
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let key = file("key", &case("private_key_pkcs8_der_b64"));
    let body = file("body.json", &case("body_utf8"));
    let ended = run(&[
        "signature",
        "sign",
        "--uhi",
        "--key-file",
        &key,
        "--subscriber-id",
        "eua.example.in",
        "--key-id",
        "eua.example.k1",
        "--created",
        &case("created"),
        "--lifetime",
        "10",
        &body,
    ]);
    assert_eq!(
        ended.expect(0).out.trim_end(),
        case("authorization_header_value")
    );
}

#[test]
fn a_header_of_a_health_network_is_known_by_itself() {
    let header = signer().authorization(BODY.as_bytes(), CREATED);
    assert_eq!(check("verify", &header).expect(0).out, "verified\n");
    let explained = check("explain", &header).expect(0).out;
    assert!(
        explained.contains("context.consumer_id is eua.example.org too"),
        "{explained}"
    );
}

#[test]
fn explain_names_what_a_signer_did_by_the_prose_and_not_by_the_signatures() {
    let digest = blake2b_512_base64(BODY.as_bytes());
    let line = Scheme::Uhi.signing_string(CREATED, CREATED + 10, &digest);
    let lines = Scheme::Beckn.signing_string(CREATED, CREATED + 10, &digest);
    for (signed, slip) in [
        (line.clone().into_bytes(), "over the text itself"),
        (lines.clone().into_bytes(), "in three lines, not hashed"),
        (
            blake2b_512_base64(lines.as_bytes()).into_bytes(),
            "in three lines: it must be one line",
        ),
        (
            blake2b_512(line.as_bytes()).to_vec(),
            "over the 64 bytes of the second hash",
        ),
    ] {
        let signer = signer();
        let header = Header {
            signature: signer.key.sign(&signed),
            ..signer.sign(BODY.as_bytes(), CREATED)
        };
        let explained = check("explain", &header.to_string()).expect(1).out;
        assert!(explained.contains(slip), "{slip}: {explained}");
        check("verify", &header.to_string()).fails(1, "signature_mismatch");
    }
}
