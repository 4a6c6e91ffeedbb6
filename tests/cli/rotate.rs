//! `keys rotate`, `registry subscribe --next` and `registry purge`, beside a running server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use beckn_bpp::mock::orders::O1;
use serde_json::{Value, json};

use crate::app::{TestApp, WAIT};
use crate::process::{Ended, command, run_with};
use crate::subscribe::{KEY, joined, subscribe};

async fn rotate(app: &TestApp, more: &[&str]) -> Ended {
    let file = app.config_file();
    let config = ["--config", file.to_str().expect("text")];
    let command = command(&[&["keys", "rotate"], &config[..], more].concat());
    let ended = tokio::task::spawn_blocking(move || run_with(command, b""));
    ended.await.expect("an end")
}

fn file(app: &TestApp, name: &str) -> PathBuf {
    app.directory.path().join(name)
}

fn text(app: &TestApp, name: &str) -> String {
    std::fs::read_to_string(file(app, name)).expect("readable")
}

async fn until(app: &TestApp, wanted: impl Fn(&Value) -> bool) {
    let seen = async {
        while !wanted(&app.get("/networks").await.body["networks"][0]) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT, seen).await.expect("in time");
}

/// Asks what cancelling would cost; the callback that says it must verify.
async fn callback_verifies(app: &TestApp) {
    let mut message = app.cancel_of(O1);
    message.intent = Some("SOFT_CANCEL".to_owned());
    app.send(&message).await;
    app.callback(&message.message).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_in_two_steps_while_every_callback_verifies() {
    let mut app = joined(KEY, "").await;
    subscribe(&app, &[]).await.expect(0);
    app.hand_over(O1).await;
    let over = AtomicBool::new(false);
    let steps = async {
        rotate(&app, &["--activate"]).await.fails(1, "no key waits");
        subscribe(&app, &["--next"]).await.fails(4, "keys rotate");
        let made = rotate(&app, &["--json"]).await.expect(0).json();
        assert_eq!(
            (&made["step"], &made["key_id"]),
            (&json!("prepared"), &json!("k2"))
        );
        let waiting = text(&app, "bpp.signing.next");
        assert!(waiting.starts_with("k2 "), "{waiting}");
        rotate(&app, &[]).await.fails(1, "k2 waits already");
        let early = rotate(&app, &["--activate"]).await;
        early.fails(1, "registry subscribe --next");
        assert_eq!(
            text(&app, "bpp.signing.next"),
            waiting,
            "nothing was touched"
        );
        until(&app, |network| {
            network["key_id"] == "k1" && network["next"]["signing_key"] == made["fingerprint"]
        })
        .await;

        let told = subscribe(&app, &["--next", "--json"])
            .await
            .expect(0)
            .json();
        assert_eq!(told["listed"]["key_id"], "k2");
        assert_eq!(told["listed"]["fingerprint"], made["fingerprint"]);
        let before = text(&app, "bpp.signing");
        let done = rotate(&app, &["--activate"]).await.expect(0);
        assert!(done.out.contains("k2") && !done.out.contains(waiting.trim()));
        assert_eq!(text(&app, "bpp.signing"), waiting);
        assert_eq!(text(&app, "bpp.signing.previous"), before);
        assert!(!file(&app, "bpp.signing.next").exists());
        until(&app, |network| {
            network["signing_key"] == made["fingerprint"] && network["next"].is_null()
        })
        .await;
        over.store(true, Ordering::SeqCst);
    };
    let load = async {
        let mut count = 0;
        while !over.load(Ordering::SeqCst) {
            callback_verifies(&app).await;
            count += 1;
        }
        count
    };
    let ((), verified) = tokio::join!(steps, load);
    println!("{verified} callbacks during a rotation, each verified");
    callback_verifies(&app).await;
    app.restart().await;
    let network = app.get("/networks").await.body["networks"][0].clone();
    assert_eq!(
        network["key_id"], "k2",
        "the file says so, whatever key_id is"
    );
    callback_verifies(&app).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_activated_unlisted_only_when_that_is_said() {
    let app = joined(KEY, "").await;
    let key_id = ["--key-id", "k1"];
    rotate(&app, &key_id).await.fails(1, "needs another");
    rotate(&app, &["--key-id", "a|b"]).await.expect(2);
    rotate(&app, &["--key-id", "autumn"]).await.expect(0);
    assert!(text(&app, "bpp.signing.next").starts_with("autumn "));
    let listed = rotate(&app, &["--activate"]).await;
    listed.fails(1, "autumn is not in use yet");
    rotate(&app, &["--activate", "--unlisted"]).await.expect(0);
    until(&app, |network| network["key_id"] == "autumn").await;
    // The file names its id, so everything that reads it agrees.
    let shown = text(&app, "bpp.signing");
    assert!(shown.starts_with("autumn "));
    let path = file(&app, "bpp.signing");
    let show = command(&["keys", "show", path.to_str().expect("text"), "--json"]);
    let shown = run_with(show, b"").expect(0).json();
    let network = app.get("/networks").await.body["networks"][0].clone();
    assert_eq!(shown["fingerprint"], network["signing_key"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_said_is_forgotten_on_demand() {
    let app = TestApp::start().await;
    let purge = |more: &[&str]| {
        let admin = app.admin_url("");
        let token = app.directory.path().join("admin.token");
        let there = [
            "--admin",
            &admin,
            "--token-file",
            token.to_str().expect("text"),
        ];
        let command = command(&[&["registry", "purge"], &there[..], more].concat());
        let ended = tokio::task::spawn_blocking(move || run_with(command, b""));
        async move { ended.await.expect("an end") }
    };
    let nothing = purge(&["bap.example.org"]).await.expect(0);
    assert!(nothing.out.contains("nothing was known"), "{nothing:?}");
    app.hand_over(O1).await;
    let mut message = app.cancel_of(O1);
    message.intent = Some("SOFT_CANCEL".to_owned());
    app.send(&message).await;
    let forgotten = purge(&["bap.example.org", "--key", "k1", "--network", "mobility"]).await;
    let forgotten = forgotten.expect(0);
    assert!(
        forgotten.out.contains("bap.example.org k1 (on mobility)"),
        "{forgotten:?}"
    );
    let again = purge(&["bap.example.org", "--json"]).await.expect(0).json();
    assert_eq!(again["purged"], json!([]));
    purge(&["bap.example.org", "--network", "none-such"])
        .await
        .fails(1, "no network");
    app.stop().await;
}
