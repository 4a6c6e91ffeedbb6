//! `registry subscribe`, from the command to a listed subscriber: the real server, the mock
//! registry with its challenge, and the command beside them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use beckn_bpp::mock::registry::handshake::{ENCRYPTION_PUBLIC_KEY, SIGNING_PUBLIC_KEY};
use serde_json::{Value, json};

use crate::app::{BPP, TestApp, listener};
use crate::process::{Ended, command, run_with};

/// A server that its registry can reach, not listed yet.
pub async fn joined(encryption: &str, more: &str) -> TestApp {
    let mut app = TestApp::start().await;
    std::fs::write(app.directory.path().join("bpp.encryption"), encryption).expect("written");
    let port = listener().local_addr().expect("an address").port();
    let (theirs, signing) = (ENCRYPTION_PUBLIC_KEY.trim(), SIGNING_PUBLIC_KEY.trim());
    app.registry
        .rows
        .lock()
        .expect("no panic")
        .retain(|row| row["type"] == "BAP");
    app.reconfigure(|text| {
        let text = text
            .replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1)
            .replace(
                "http://bpp.example.org",
                &format!("http://127.0.0.1:{port}"),
            );
        format!(
            "{text}encryption_key_file = \"bpp.encryption\"\n\
             registry_encryption_public_key = {theirs:?}\n\
             registry_signing_public_key = {signing:?}\n{more}"
        )
    })
    .await;
    app
}

pub const KEY: &str = include_str!("../../keys/bpp.encryption");

fn subscribing(app: &TestApp, more: &[&str]) -> Command {
    let file = app.config_file();
    let config = ["--config", file.to_str().expect("text")];
    command(&[&["registry", "subscribe"], &config[..], more].concat())
}

pub async fn subscribe(app: &TestApp, more: &[&str]) -> Ended {
    let command = subscribing(app, more);
    let ended = tokio::task::spawn_blocking(move || run_with(command, b""));
    ended.await.expect("an end")
}

/// The rows of the BPP in the registry.
fn listed(app: &TestApp) -> Vec<Value> {
    let rows = app.registry.rows.lock().expect("no panic");
    let ours = rows.iter().filter(|row| row["subscriber_id"] == BPP);
    ours.cloned().collect()
}

async fn heard(app: &TestApp) -> Value {
    app.get("/networks").await.body["networks"][0]["heard"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_its_challenge_gets_listed_for_every_domain() {
    let app = joined(KEY, "").await;
    let ended = subscribe(&app, &[]).await.expect(0);
    for part in ["says UNDER_SUBSCRIPTION", "SUBSCRIBED", "key id       k1"] {
        assert!(ended.out.contains(part), "{part}: {ended:?}");
    }
    let rows = listed(&app);
    // The challenges of the two run side by side, so either may be listed first.
    let domains: BTreeSet<_> = rows
        .iter()
        .filter_map(|row| row["domain"].as_str())
        .collect();
    let wanted = BTreeSet::from(["mobility", "mobility:ondemandride"]);
    assert_eq!((domains, rows.len()), (wanted, 2));
    let public = include_str!("../../keys/bpp.public").trim();
    let encryption = include_str!("../../keys/bpp.encryption-public").trim();
    for row in &rows {
        assert_eq!(row["status"], "SUBSCRIBED");
        assert_eq!(row["signing_public_key"], public);
        assert_eq!(row["encr_public_key"], encryption);
        assert!(row.get("nonce").is_none());
    }
    let heard = heard(&app).await;
    assert_eq!(heard["challenge_answered"]["proven"], true);

    // Again, as after a change of keys: still one row per domain.
    let again = subscribe(&app, &["--json", "--valid-days", "30"]).await;
    let again = again.expect(0).json();
    assert_eq!(again["listed"]["types"], json!(["BPP"]));
    assert_eq!(again["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed(&app).len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_that_follows_is_shown() {
    let app = joined(KEY, "").await;
    subscribe(&app, &[]).await.expect(0);
    let shown = async {
        while heard(&app).await["status"]["status"] != "SUBSCRIBED" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let shown = tokio::time::timeout(crate::app::WAIT, shown).await;
    shown.expect("the registry tells its subscriber");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_key_is_not_listed_and_the_command_says_where_to_look() {
    let app = joined(KEY, "").await;
    // The command registers a key that the server does not have.
    let other = beckn_bpp::crypto::encryption::EncryptionKey::generate().expect("randomness");
    let mut command = subscribing(&app, &["--wait", "1"]);
    let variable = "BECKN_BPP__NETWORK__MOBILITY__ENCRYPTION_KEY";
    command.env(variable, other.to_raw_base64().as_str());
    let ended = tokio::task::spawn_blocking(move || run_with(command, b""));
    let ended = ended.await.expect("an end");
    let ended = ended.fails(1, "not listed after 1 s");
    for part in ["does not list", "GET /networks", "waiting: "] {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    assert_eq!(listed(&app), Vec::<Value>::new());
    assert!(heard(&app).await["challenge_refused"]["at"].is_string());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_refuses_or_is_not_there_is_quoted() {
    let app = joined(KEY, "").await;
    // Signed with the key of somebody else than it registers: the mock does not have that.
    let file = app.directory.path().join("beckn-bpp.toml");
    let text = std::fs::read_to_string(&file).expect("readable");
    let without = text.replace("encryption_key_file", "#encryption_key_file");
    let without = without.replace("registry_encryption", "#registry_encryption");
    std::fs::write(&file, &without).expect("written");
    let ended = subscribe(&app, &[]).await.fails(1, "the registry refused");
    assert!(ended.err.contains("encr_public_key") && ended.err.contains("status 400"));
    assert!(ended.err.contains("warning: no encryption_key_file"));
    let registry = app.registry.url.as_str();
    let away = without.replace(registry, "http://127.0.0.1:1/");
    std::fs::write(&file, away).expect("written");
    subscribe(&app, &[]).await.fails(1, "http://127.0.0.1:1/");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_the_bodies_and_sends_nothing() {
    let app = joined(KEY, "").await;
    let ended = subscribe(
        &app,
        &["--dry-run", "--city", "std:080", "--country", "IND"],
    )
    .await;
    let bodies = ended.expect(0).json();
    let [first, second] = &bodies.as_array().expect("a list")[..] else {
        panic!("one per domain: {bodies}");
    };
    assert_eq!(first["domain"], "mobility");
    assert_eq!(second["domain"], "mobility:ondemandride");
    assert_ne!(first["nonce"], second["nonce"]);
    for (member, wanted) in [
        ("subscriber_id", BPP),
        ("type", "BPP"),
        ("key_id", "k1"),
        ("city", "std:080"),
        ("country", "IND"),
    ] {
        assert_eq!(first[member], wanted, "{member}");
    }
    assert_eq!(listed(&app), Vec::<Value>::new());
    subscribe(&app, &["--network", "health", "--dry-run"])
        .await
        .fails(1, "there is: mobility");
    subscribe(&app, &["--form", "ondc"])
        .await
        .fails(2, "--entity");
    app.stop().await;
}

fn entity(app: &TestApp, entity: &Value) -> PathBuf {
    let file = app.directory.path().join("entity.json");
    std::fs::write(&file, entity.to_string()).expect("written");
    file
}

fn company() -> Value {
    json!({"gst": {"gst_no": "29ABCDE1234F1Z5"}, "pan": {"pan_no": "ABCDE1234F"},
        "name_of_authorised_signatory": "A. Signatory", "email_id": "signatory@bpp.example.org",
        "mobile_no": 9_999_999_999_u64, "country": "IND"})
}

#[tokio::test(flavor = "multi_thread")]
async fn in_ondcs_form_the_site_is_verified_before_the_challenge() {
    let app = joined(KEY, "site_verification_request_id = \"a-request-id\"\n").await;
    let file = entity(&app, &company());
    let file = file.to_str().expect("text");
    let ondc = ["--form", "ondc", "--city", "std:080", "--entity", file];
    let dry = subscribe(&app, &[&ondc[..], &["--dry-run"]].concat()).await;
    let body = &dry.expect(0).json()[0];
    assert_eq!(body["context"]["operation"]["ops_no"], 2);
    let message = &body["message"];
    assert_eq!(message["request_id"], "a-request-id");
    assert_eq!(message["entity"]["callback_url"], "/");
    assert_eq!(message["entity"]["pan"]["pan_no"], "ABCDE1234F");
    let key = &message["entity"]["key_pair"]["encryption_public_key"];
    assert!(
        key.as_str()
            .is_some_and(|key| key.starts_with("MCowBQYDK2VuAyEA"))
    );
    assert_eq!(
        message["network_participant"][1]["domain"],
        "mobility:ondemandride"
    );
    assert_eq!(
        message["network_participant"][1]["city_code"],
        json!(["std:080"])
    );

    subscribe(&app, &ondc).await.fails(1, "POLICY-ERROR");
    app.registry.find_host_at(BPP, app.url("/"));
    subscribe(&app, &ondc).await.expect(0);
    let rows = listed(&app);
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["ukId"] == "k1"));

    // Another id than the server signs for.
    let config = app.config_file();
    let text = std::fs::read_to_string(&config).expect("readable");
    let other = text.replace("a-request-id", "another-id");
    std::fs::write(&config, other).expect("written");
    let ended = subscribe(&app, &ondc).await.fails(1, "site verification");
    assert!(ended.err.contains("129"), "{ended:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ondcs_form_lacks_is_named_at_once() {
    let app = joined(KEY, "").await;
    let run = async |wrong: &Value| {
        let file = entity(&app, wrong);
        let file = file.to_str().expect("text");
        subscribe(
            &app,
            &["--form", "ondc", "--city", "std:080", "--entity", file],
        )
        .await
    };
    run(&company())
        .await
        .fails(4, "site_verification_request_id");
    let mut wrong = company();
    let members = wrong.as_object_mut().expect("an object");
    members.remove("gst");
    members.remove("country");
    members.insert("key_pair".to_owned(), json!({}));
    let ended = run(&wrong).await.fails(1, "it lacks gst, country");
    assert!(
        ended.err.contains("key_pair come from the configuration"),
        "{ended:?}"
    );
    run(&json!([])).await.fails(1, "no JSON object");
    app.stop().await;
}
