//! `signature sign|verify|explain` over the published cases, every one of them.

use std::path::{Path, PathBuf};

use beckn_bpp::crypto::digest::blake2b_512_base64;
use beckn_bpp::domain::refusal::Word;
use beckn_bpp::mock::registry::{self, RegistryHandle};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::listener;
use crate::process::{Ended, command, run, run_with};

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/signing.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The word that the server answers, for the reason that the vectors name.
fn word(case: &Value) -> &str {
    let word = match (text(&case["id"]), text(&case["expect"]["reason"])) {
        // The body is another party's: told before a stranger costs a lookup.
        ("bad-unknown-subscriber", _) => "signer_is_not_caller",
        (_, "key_not_found") => "unknown_key",
        (_, "identity_mismatch") => "signer_is_not_caller",
        (_, same) => same,
    };
    assert!(
        Word::ALL.iter().any(|known| known.as_str() == word),
        "{word}"
    );
    word
}

/// `signature COMMAND` on a case, against a key from somewhere.
fn check(command_word: &str, case: &Value, key: &[&str], more: &[&str]) -> Ended {
    let at = case["now"].to_string();
    let mut arguments = vec!["signature", command_word, "--at", &at];
    if let Some(header) = case["header"].as_str() {
        arguments.extend(["--header", header]);
    }
    arguments.extend(key);
    arguments.extend(more);
    arguments.push("-");
    run_with(command(&arguments), text(&case["body"]).as_bytes())
}

fn public_key(vectors: &Value) -> String {
    text(&vectors["keys"]["bap"]["public_b64"]).to_owned()
}

#[test]
fn every_accepted_case_verifies() {
    let vectors = vectors();
    let key = public_key(&vectors);
    let cases = vectors["accept"].as_array().expect("a list");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let key = ["--public-key", key.as_str()];
        let ended = check("verify", case, &key, &[]).expect(0);
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("verified\n", ""));
        let explained = check("explain", case, &key, &[]).expect(0);
        assert!(!explained.out.contains("FAILED"), "{explained:?}");
        let digest = blake2b_512_base64(text(&case["body"]).as_bytes());
        assert!(explained.out.contains(&digest), "{}", case["id"]);
        let json = check("explain", case, &key, &["--json"]).expect(0).json();
        assert_eq!(json["verified"], true, "{}", case["id"]);
    }
}

/// Every case against the vectors' own registry, as a server would meet it.
#[tokio::test(flavor = "multi_thread")]
async fn every_refused_case_is_refused_by_the_word_that_the_server_answers() {
    let vectors = vectors();
    let registry = registry::start(listener(), Vec::new()).expect("a registry");
    let cases = vectors["reject"].as_array().expect("a list");
    assert_eq!(cases.len(), 28);
    for case in cases {
        registry.set_rows(rows(&vectors, case));
        let expected = word(case);
        let key = ["--registry", registry.url.as_str()];
        let verified = check("verify", case, &key, &[]).fails(1, expected);
        let said = verified
            .err
            .strip_prefix("beckn-bpp: ")
            .expect("who says it");
        assert!(said.starts_with(expected), "{}: {said}", case["id"]);
        let explained = check("explain", case, &key, &[]).expect(1);
        let failed: Vec<_> = explained
            .out
            .lines()
            .filter(|l| l.starts_with("FAILED"))
            .collect();
        assert_eq!(failed.len(), 1, "{}: {explained:?}", case["id"]);
        assert!(
            failed[0].contains(expected),
            "{}: {explained:?}",
            case["id"]
        );
        let json = check("explain", case, &key, &["--json"]).expect(1).json();
        assert_eq!(
            (&json["verified"], &json["reason"]),
            (&json!(false), &json!(expected))
        );
    }
    registry.stop().await;
}

/// The vectors' registry, changed as the case asks.
fn rows(vectors: &Value, case: &Value) -> Vec<Value> {
    let mut rows = vectors["registry"].as_array().expect("a list").clone();
    let Some(changed) = case["registry_override"].as_object() else {
        return rows;
    };
    for row in &mut rows {
        if ["subscriber_id", "key_id"]
            .iter()
            .all(|id| row[*id] == changed[*id])
        {
            row.as_object_mut().expect("a row").extend(changed.clone());
        }
    }
    rows
}

/// With the key in hand nothing is asked of a registry; all that is left must fail the same way.
#[test]
fn refused_cases_are_refused_with_a_given_key_too() {
    let vectors = vectors();
    let key = public_key(&vectors);
    let for_the_registry = ["key_not_found", "key_not_usable"];
    let cases = vectors["reject"].as_array().expect("a list").iter();
    let cases = cases.filter(|case| !for_the_registry.contains(&text(&case["expect"]["reason"])));
    let mut count = 0;
    for case in cases {
        let expected = word(case);
        check("verify", case, &["--public-key", &key], &[]).fails(1, expected);
        count += 1;
    }
    assert_eq!(count, 24);
}

fn case<'a>(vectors: &'a Value, id: &str) -> &'a Value {
    let lists = [&vectors["accept"], &vectors["reject"]];
    let mut cases = lists.into_iter().filter_map(Value::as_array).flatten();
    cases.find(|case| case["id"] == id).expect(id)
}

#[test]
fn explain_names_the_slip_that_would_make_the_signature_hold() {
    let vectors = vectors();
    let key = public_key(&vectors);
    for (id, hint) in [
        (
            "bad-trailing-newline-in-body",
            "line break or blanks at its end",
        ),
        ("bad-signing-string-trailing-lf", "after its last line"),
        ("bad-signing-string-crlf", "must be \\n"),
        ("bad-other-key", "another key"),
        ("bad-identity-mismatch", "--gateway"),
    ] {
        let ended = check("explain", case(&vectors, id), &["--public-key", &key], &[]).expect(1);
        assert!(ended.out.contains(hint), "{id}: {}", ended.out);
        assert!(
            ended.out.contains("digest: BLAKE-512="),
            "{id}: {}",
            ended.out
        );
    }
}

#[test]
fn a_whole_header_line_may_be_pasted_and_a_gateway_is_no_caller() {
    let vectors = vectors();
    let body = text(&vectors["gateway"]["body"]);
    let verify = |line: &str, key: &str, more: &[&str]| {
        let key = text(&vectors["keys"][key]["public_b64"]);
        let fixed = ["signature", "verify", "--at", "1767225660"];
        let given = ["--header", line, "--public-key", key, "-"];
        run_with(
            command(&[&fixed[..], &given, more].concat()),
            body.as_bytes(),
        )
    };
    let own = text(&vectors["gateway"]["authorization"]);
    verify(&format!("Authorization: {own}"), "bap", &[]).expect(0);
    let gateway = text(&vectors["gateway"]["x_gateway_authorization"]);
    verify(gateway, "gateway", &[]).fails(1, "signer_is_not_caller");
    verify(gateway, "gateway", &["--gateway"]).expect(0);
    verify(
        &format!("X-Gateway-Authorization: {gateway}"),
        "gateway",
        &[],
    )
    .expect(0);
}

#[test]
fn a_callback_is_checked_against_the_party_that_sends_callbacks() {
    let vectors = vectors();
    let callback = &vectors["callback"];
    let key = text(&vectors["keys"]["bpp"]["public_b64"]);
    let case = json!({"header": callback["authorization"], "body": callback["body"],
        "now": callback["created"]});
    let ended = check("explain", &case, &["--public-key", key], &[]).expect(0);
    assert!(ended.out.contains("context.bpp_id is bpp.example.net too"));
}

/// A registry whose only row of the vectors' BAP has another type.
#[tokio::test(flavor = "multi_thread")]
async fn a_signer_of_another_type_may_not_cancel() {
    let vectors = vectors();
    let mut rows = vectors["registry"].as_array().expect("a list").clone();
    rows[0]["type"] = json!("BPP");
    let registry: RegistryHandle = registry::start(listener(), rows).expect("a registry");
    let key = ["--registry", registry.url.as_str()];
    check("explain", case(&vectors, "ok-canonical"), &key, &[]).expect(1);
    check("verify", case(&vectors, "ok-canonical"), &key, &[]).fails(1, "wrong_role");
    registry.stop().await;
}

fn files(vectors: &Value) -> (TempDir, PathBuf, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let (key, body) = (directory.path().join("key"), directory.path().join("body"));
    std::fs::write(&key, text(&vectors["keys"]["bap"]["seed_b64"])).expect("written");
    std::fs::write(&body, text(&vectors["worked"]["body"])).expect("written");
    (directory, key, body)
}

#[test]
fn sign_reproduces_the_worked_header_byte_for_byte() {
    let vectors = vectors();
    let (_directory, key, body) = files(&vectors);
    let sign = |subscriber: &str| {
        let bap = &vectors["keys"]["bap"];
        run(&[
            "signature",
            "sign",
            "--key-file",
            key.to_str().expect("text"),
            "--subscriber-id",
            subscriber,
            "--key-id",
            text(&bap["key_id"]),
            "--created",
            &vectors["worked"]["created"].to_string(),
            body.to_str().expect("text"),
        ])
    };
    let signed = sign("bap.example.org").expect(0);
    let expected = format!("{}\n", text(&vectors["worked"]["authorization"]));
    assert_eq!((signed.out, signed.err), (expected, String::new()));
    sign("a|b").fails(1, "keyId");
}

#[test]
fn files_and_keys_that_are_none_are_named() {
    let key = ["--public-key", "!!"];
    let arguments = ["signature", "verify", "--header", "x"];
    run(&[&arguments, &key[..], &["/nowhere"]].concat()).fails(1, "cannot read /nowhere");
    let vectors = vectors();
    check("verify", case(&vectors, "ok-canonical"), &key, &[]).fails(1, "--public-key");
    let there = ["--registry", "http://127.0.0.1:1/"];
    check("verify", case(&vectors, "ok-canonical"), &there, &[]).fails(1, "registry_unavailable");
}
