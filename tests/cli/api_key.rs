//! `api-key new|list|revoke`: the keys of the bookings door, beside a running server.

use std::os::unix::fs::PermissionsExt as _;

use beckn_bpp::app::config::{hex, sha256};
use serde_json::{Value, json};

use crate::app::{TestApp, WAIT, answer};
use crate::process::{Ended, command, run_with};

async fn api_key(app: &TestApp, arguments: &[&str]) -> Ended {
    let file = app.config_file();
    let config = ["--config", file.to_str().expect("text")];
    let command = command(&[&["api-key"], arguments, &config[..]].concat());
    let ended = tokio::task::spawn_blocking(move || run_with(command, b""));
    ended.await.expect("an end")
}

/// Returns once the door answers this key so.
async fn until(app: &TestApp, key: &str, status: u16) {
    let waiting = async {
        loop {
            let asked = app.http.get(app.url("/v1/bookings/none"));
            let answer = answer(asked.header("X-Api-Key", key)).await;
            if answer.status == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let in_time = tokio::time::timeout(WAIT, waiting).await;
    in_time.expect("the server reads its keys again in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_let_in_shown_once_listed_and_revoked_while_the_server_runs() {
    let app = TestApp::start_with("[bookings]").await;
    let scopes = ["--scope", "bookings:write", "--scope", "bookings:read"];
    let venue = ["--venue", "venue-1", "--expires", "90d"];
    let new = [&["new", "spa"], &scopes[..], &venue[..]].concat();
    let made = api_key(&app, &new).await.expect(0).out;
    let key = made.split_whitespace().nth(1).expect("the key").to_owned();
    let (id, secret) = key
        .strip_prefix("sk_live_")
        .and_then(|rest| rest.split_once('_'))
        .expect("the form of the contract");
    assert!(id.len() == 16 && secret.len() == 64, "{key}");
    assert_eq!(made.matches(&key).count(), 1);
    until(&app, &key, 404).await;

    let file = app.directory.path().join("api-keys.toml");
    let kept = std::fs::read_to_string(&file).expect("written");
    assert!(!kept.contains(secret) && kept.contains(&hex(&sha256(&key))));
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let listed = api_key(&app, &["list", "--json"]).await.expect(0).json();
    let one = &listed["keys"][0];
    assert_eq!(one["name"], "spa");
    assert_eq!(one["scopes"], json!(["bookings:read", "bookings:write"]));
    assert_eq!(one["venues"], json!(["venue-1"]));
    assert!(one["expires_at"].is_string() && one["revoked_at"] == Value::Null);
    let shown = api_key(&app, &["list"]).await.expect(0).out;
    assert!(shown.contains(id) && !shown.contains(secret), "{shown}");

    api_key(&app, &["revoke", "another"])
        .await
        .fails(1, "another");
    api_key(&app, &["revoke", id]).await.expect(0);
    until(&app, &key, 401).await;
    let listed = api_key(&app, &["list", "--json"]).await.expect(0).json();
    assert!(listed["keys"][0]["revoked_at"].is_string());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_keys_with_one_name_the_id_says_which_is_revoked() {
    let app = TestApp::start_with("[bookings]").await;
    let new = ["new", "spa", "--scope", "bookings:read", "--json"];
    let first = api_key(&app, &new).await.expect(0).json();
    let (second, third) = tokio::join!(api_key(&app, &new), api_key(&app, &new));
    let (second, third) = (second.expect(0).json(), third.expect(0).json());
    assert!(first["id"] != second["id"] && second["id"] != third["id"]);
    api_key(&app, &["revoke", "spa"]).await.fails(1, "several");
    let id = first["id"].as_str().expect("an id");
    api_key(&app, &["revoke", id]).await.expect(0);
    let id = second["id"].as_str().expect("an id");
    api_key(&app, &["revoke", id]).await.expect(0);
    let last = api_key(&app, &["revoke", "spa", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(last["id"], third["id"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_door_there_are_no_keys_and_a_scope_must_be_one() {
    let app = TestApp::start().await;
    let new = ["new", "spa", "--scope", "bookings:read"];
    api_key(&app, &new).await.fails(4, "[bookings]");
    let wrong = ["new", "spa", "--scope", "everything"];
    api_key(&app, &wrong).await.fails(2, "bookings:write");
    api_key(&app, &["new", "spa"]).await.fails(2, "--scope");
    app.stop().await;
}

#[test]
fn the_section_of_the_door_is_all_that_is_needed_and_who_names_no_file_is_told_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("beckn-bpp.toml");
    // No network and no token; a fault elsewhere keeps nobody from ending a key.
    let text =
        "environment = \"development\"\n[bookings]\nkeys_file = \"k.toml\"\n[limits]\nx = 1\n";
    std::fs::write(&file, text).expect("written");
    let with_file = |arguments: &[&str]| {
        let mut command = command(&[&["api-key"], arguments].concat());
        command.env("BECKN_BPP_CONFIG", &file);
        run_with(command, b"")
    };
    let new = ["new", "spa", "--scope", "bookings:read", "--json"];
    let made = with_file(&new).expect(0).json();
    assert!(directory.path().join("k.toml").exists());
    let listed = with_file(&["list", "--json"]).expect(0).json();
    assert_eq!(listed["keys"][0]["id"], made["id"]);
    with_file(&["revoke", "spa"]).expect(0);
    for arguments in [&new[..], &["list"], &["revoke", "spa"]] {
        let ended = run_with(command(&[&["api-key"], arguments].concat()), b"");
        let ended = ended.fails(4, "--config FILE");
        assert!(ended.err.contains("BECKN_BPP_CONFIG"), "{}", ended.err);
    }
    std::fs::write(&file, "[bookings]\nkeys = \"k.toml\"\n").expect("written");
    with_file(&["list"]).fails(4, "bookings.keys");
}
