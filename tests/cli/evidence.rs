//! `transaction export` and `signature verify --evidence`: from a real server to files, and what
//! an altered byte in any of them does.

use std::path::{Path, PathBuf};

use beckn_bpp::mock::bap::Answer as BapAnswer;
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::{TRIP_1, TRIP_2};
use serde_json::Value;
use tempfile::TempDir;

use crate::admin::by_hand;
use crate::app::TestApp;
use crate::process::{Ended, run};

/// A server that has delivered the answer to a cancel of `trip_1` at the second attempt.
async fn cancelled(more: &str) -> (TestApp, CancelMessage) {
    let app = TestApp::start_with(more).await;
    app.hand_over(TRIP_1).await;
    let message = app.cancel_of(TRIP_1);
    app.bap.answer_next([BapAnswer::Raw {
        status: 503,
        body: "not now".into(),
    }]);
    app.send(&message).await;
    app.settled().await;
    (app, message)
}

/// Into a directory that outlives the server's.
fn export(app: &TestApp, transaction: &str) -> TempDir {
    let out = tempfile::tempdir().expect("a directory");
    let path = out.path().to_str().expect("text");
    let ended = by_hand(app, &["transaction", "export", transaction, "--out", path]).expect(0);
    assert!(
        ended.out.contains("signature verify --evidence"),
        "{ended:?}"
    );
    out
}

fn verify(directory: &Path, more: &[&str]) -> Ended {
    let path = directory.to_str().expect("text");
    run(&[&["signature", "verify", "--evidence", path], more].concat())
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn manifest(directory: &Path) -> Value {
    let text = std::fs::read_to_string(directory.join("manifest.json")).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_verifies_without_server_and_registry_until_a_byte_is_altered() {
    let (app, message) = cancelled("").await;
    let directory = export(&app, &message.transaction);
    let out = directory.path();
    let again = out.to_str().expect("text");
    let export = [
        "transaction",
        "export",
        &message.transaction,
        "--out",
        again,
    ];
    by_hand(&app, &export).fails(1, "is not empty");
    app.stop().await;

    let whole = verify(out, &[]).expect(0).out;
    assert!(!whole.contains("FAILED"), "{whole}");
    for line in [
        "exported by bpp.example.org at ",
        "cancel by bap.example.org, accepted at ",
        "attempt 1 at ",
        "http_status, 503; the signature holds, by key ",
        "delivered, 200; the signature holds, by key ",
    ] {
        assert!(whole.contains(line), "{line} in {whole}");
    }
    let sent = std::fs::read(out.join("requests/1/body.json")).expect("the raw body");
    assert_eq!(sent, message.to_json().to_string().into_bytes());
    let ack = std::fs::read_to_string(out.join("requests/1/ack.json")).expect("the ACK");
    assert_eq!(ack, r#"{"message":{"ack":{"status":"ACK"}}}"#);

    let all = files(out);
    assert_eq!(all.len(), 3 + 4 + 2 + 2 * 2, "{all:?}");
    for file in all {
        let bytes = std::fs::read(&file).expect("readable");
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            std::fs::write(&file, &altered).expect("written");
            check_named(out, &file);
        }
        std::fs::write(&file, &bytes[1..]).expect("written");
        check_named(out, &file);
        std::fs::remove_file(&file).expect("removed");
        check_named(out, &file);
        std::fs::write(&file, &bytes).expect("written");
    }
    verify(out, &[]).expect(0);
}

/// What is altered is found out, and told by its name.
fn check_named(out: &Path, file: &Path) {
    let ended = verify(out, &[]).expect(1);
    let name = file.strip_prefix(out).expect("below").display().to_string();
    let told = ended
        .out
        .lines()
        .any(|l| l.starts_with("FAILED") && l.contains(&name));
    assert!(told || ended.err.contains(&name), "{name}: {ended:?}");
}

/// Whoever alters a file and the list of files has not the key to sign that list; and who signs
/// it with another key still has not the key of who sent the request.
#[tokio::test(flavor = "multi_thread")]
async fn an_altered_list_does_not_help_who_alters_a_file() {
    let (app, message) = cancelled("").await;
    let directory = export(&app, &message.transaction);
    let out = directory.path();
    app.stop().await;
    let body = out.join("requests/1/body.json");
    let mut bytes = std::fs::read(&body).expect("readable");
    let last = bytes.len() - 1;
    bytes.insert(last, b' ');
    std::fs::write(&body, &bytes).expect("written");
    let mut list = manifest(out);
    let digest = beckn_bpp::crypto::digest::blake2b_512_base64(&bytes);
    list["files"]["requests/1/body.json"]["bytes"] = bytes.len().into();
    list["files"]["requests/1/body.json"]["blake2b_512"] = digest.into();
    let list = format!("{list:#}");
    std::fs::write(out.join("manifest.json"), &list).expect("written");
    let ended = verify(out, &["--json"]).expect(1);
    let failed = |ended: &Ended| -> Vec<String> {
        let items = ended.json()["items"].as_array().expect("a list").clone();
        let failed = items.iter().filter(|item| item["result"] == "failed");
        failed
            .map(|item| item["file"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(failed(&ended), ["manifest.json", "requests/1/body.json"]);

    let forger = crate::app::signer(
        "bpp.example.org",
        include_str!("../../keys/cli-bap.signing"),
    );
    let header = forger.authorization(list.as_bytes(), chrono::Utc::now().timestamp());
    std::fs::write(out.join("manifest.authorization.txt"), header).expect("written");
    let key = forger.key.verifying_key().to_base64();
    std::fs::write(out.join("manifest.public_key.txt"), key).expect("written");
    let ended = verify(out, &["--json"]).expect(1);
    assert_eq!(failed(&ended), ["requests/1/body.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_body_is_exported_as_each_attempt_carried_it() {
    let (app, message) = cancelled("restamp = true").await;
    let directory = export(&app, &message.transaction);
    let out = directory.path();
    app.stop().await;
    verify(out, &[]).expect(0);
    let explained = run(&[
        "signature",
        "explain",
        "--evidence",
        out.to_str().expect("text"),
    ]);
    assert!(explained.expect(0).out.contains("text to be signed"));
    let callback = &manifest(out)["callbacks"][0];
    let bodies: Vec<&str> = callback["sent"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|sent| sent["body"].as_str().expect("a file"))
        .collect();
    assert_eq!(bodies.len(), 2);
    let read = |name: &str| std::fs::read(out.join(name)).expect("readable");
    assert_ne!(read(bodies[0]), read(bodies[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_order_is_exported_as_such_and_its_signatures_hold_over_the_digest() {
    let (app, message) = cancelled("").await;
    app.hand_over(TRIP_2).await;
    by_hand(&app, &["order", "erase", "trip_2", "--yes"]).fails(1, "only an order that is over");
    by_hand(&app, &["order", "erase", "nope", "--yes"]).fails(1, "404");
    by_hand(&app, &["order", "erase", "trip_1"]).fails(1, "--yes");
    let erased = by_hand(&app, &["order", "erase", "trip_1", "--yes"])
        .expect(0)
        .out;
    assert!(erased.contains("1 requests and 1 callbacks"), "{erased}");
    let shown = by_hand(&app, &["order", "show", "trip_1"]).expect(0).out;
    assert!(
        shown.contains("erased      at ") && shown.contains("fee "),
        "{shown}"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path();
    let path = out.to_str().expect("text");
    let export = ["transaction", "export", &message.transaction, "--out", path];
    let said = by_hand(&app, &export).expect(0).out;
    assert!(
        said.contains("1 request (1 erased), 1 callback (1 erased)"),
        "{said}"
    );
    app.stop().await;

    let verified = verify(out, &[]).expect(0).out;
    assert!(verified.contains("the body was erased; bap.example.org signed its digest"));
    assert!(!out.join("requests/1/body.json").exists());
    assert_eq!(manifest(out)["callbacks"][0]["body"], Value::Null);
    let header = out.join("requests/1/authorization.txt");
    let text = std::fs::read_to_string(&header).expect("readable");
    std::fs::write(&header, text.replace("created=\"1", "created=\"2")).expect("written");
    check_named(out, &header);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_or_checked_is_a_sentence() {
    let app = TestApp::start().await;
    let out = app.directory.path().join("evidence");
    let out = out.to_str().expect("text");
    by_hand(&app, &["transaction", "export", "nope", "--out", out]).fails(1, "nothing is kept");
    verify(&app.directory.path().join("none"), &[]).fails(1, "manifest.json");
    app.stop().await;
}
