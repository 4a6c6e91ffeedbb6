//! Keys change while requests come in: a BAP's, ours, and one that must be forgotten at once.
//!
//! Nobody is refused for a key that is right at that moment, and nothing is restarted.

use std::time::Duration;

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Header, Signer};
use beckn_bpp::mock::bap::Received;
use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::{Behaviour, row};
use serde_json::{Value, json};

use crate::app::{BPP, TestApp, WAIT, signer};
use crate::checks::knock::Knock;

/// An order that nobody placed: what refuses it comes long after the key is proven.
fn probe(app: &TestApp, signer: &Signer) -> Knock {
    let mut message = app.cancel_of(O1).to_json();
    message["context"]["bap_uri"] = json!("https://elsewhere.example.org/");
    Knock::signed(signer, message.to_string())
}

/// The word that a request is answered with: `callback_url_mismatch` once the key is proven.
async fn word(app: &TestApp, knock: &Knock) -> String {
    let answer = knock.send(app).await;
    let message = answer.body["error"]["message"].as_str().unwrap_or_default();
    message.split(':').next().unwrap_or_default().to_owned()
}

fn list(app: &TestApp, new: &Signer) {
    let mut rows = app.registry.rows.lock().expect("no panic");
    let is_old = |row: &Value| {
        row["subscriber_id"] == new.subscriber_id.as_str() && row["key_id"] == new.key_id.as_str()
    };
    rows.retain(|row| !is_old(row));
    rows.push(row(new, "BAP", &app.bap.url));
}

fn fresh(key_id: &str) -> Signer {
    Signer {
        key_id: key_id.to_owned(),
        key: SigningKey::generate().expect("randomness"),
        ..signer("bap.example.org", include_str!("../../keys/bap.signing"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bap_that_rotates_its_key_under_load_is_never_refused() {
    let app = TestApp::start().await;
    let first = app.bap.signer().clone();
    // The same id with another key, as some registries have it, and then another id.
    let rounds = [first, fresh("k1"), fresh("k2")];
    let (mut sent, mut refused) = (0, Vec::new());
    for current in &rounds {
        list(&app, current);
        for _ in 0..10 {
            let knocks: Vec<_> = (0..20).map(|_| probe(&app, current)).collect();
            let words = knocks.iter().map(|knock| word(&app, knock));
            for word in futures_util::future::join_all(words).await {
                sent += 1;
                if word != "callback_url_mismatch" {
                    refused.push(word);
                }
            }
        }
    }
    println!(
        "{sent} requests over two rotations, {} refused",
        refused.len()
    );
    assert_eq!(refused, Vec::<String>::new());
    let questions = app.registry.asked();
    assert!(questions <= 4, "{questions} questions for three keys");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_when_its_time_is_over_and_at_once_when_it_is_purged() {
    let app = TestApp::start_with("registry_cache_ttl = \"600ms\"\n").await;
    let bap = app.bap.signer().clone();
    let passes = "callback_url_mismatch";
    let revoke = || {
        for row in app.registry.rows.lock().expect("no panic").iter_mut() {
            if row["subscriber_id"] == "bap.example.org" {
                row["status"] = json!("UNSUBSCRIBED");
            }
        }
    };
    assert_eq!(word(&app, &probe(&app, &bap)).await, passes);
    revoke();
    let refused = async {
        while word(&app, &probe(&app, &bap)).await != "key_not_usable" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(5), refused);
    refused.await.expect("its time is over");
    app.stop().await;

    let app = TestApp::start().await;
    let bap = app.bap.signer().clone();
    assert_eq!(word(&app, &probe(&app, &bap)).await, passes);
    for row in app.registry.rows.lock().expect("no panic").iter_mut() {
        if row["subscriber_id"] == "bap.example.org" {
            row["status"] = json!("UNSUBSCRIBED");
        }
    }
    assert_eq!(word(&app, &probe(&app, &bap)).await, passes, "it is kept");
    let purge = |query: &'static str| {
        let app = &app;
        async move {
            app.admin("POST", &format!("/networks/purge?{query}"), None)
                .await
        }
    };
    for other in [
        "subscriber=other.example.org",
        "subscriber=bap.example.org&key_id=k9",
    ] {
        let answer = purge(other).await;
        assert_eq!((answer.status, &answer.body["purged"]), (200, &json!([])));
    }
    assert_eq!(word(&app, &probe(&app, &bap)).await, passes);
    let answer = purge("subscriber=https%3A%2F%2Fbap.example.org%2F&network=mobility").await;
    let known = json!([{"network": "mobility", "subscriber": "bap.example.org", "key_id": "k1"}]);
    assert_eq!((answer.status, &answer.body["purged"]), (200, &known));
    assert_eq!(word(&app, &probe(&app, &bap)).await, "key_not_usable");
    for (query, status) in [
        ("subscriber=bap.example.org&network=none-such", 404),
        ("subscriber=a%20b", 400),
        ("key_id=k1", 400),
    ] {
        assert_eq!(purge(query).await.status, status, "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_proven_by_a_stale_key_says_so_in_its_transaction() {
    let more = "registry_cache_ttl = \"300ms\"\nregistry_stale = \"1h\"\n";
    let app = TestApp::start_with(more).await;
    app.hand_over(O1).await;
    assert_eq!(
        word(&app, &probe(&app, app.bap.signer())).await,
        "callback_url_mismatch"
    );
    app.registry.behave(Behaviour::Status(503));
    tokio::time::sleep(Duration::from_millis(301)).await;
    let message = app.cancel_of(O1);
    let answer = app.send(&message).await;
    assert_eq!(answer.json()["message"]["ack"]["status"], "ACK");
    app.registry.behave(Behaviour::Filtered);
    let path = format!("/transactions/{}", message.transaction);
    let timeline = app.get(&path).await.body["timeline"].clone();
    let request = &timeline[0];
    assert_eq!(request["what"], "request acknowledged");
    let time = |value: &Value| -> chrono::DateTime<chrono::Utc> {
        value.as_str().expect("a time").parse().expect("RFC 3339")
    };
    let (vouched, received) = (time(&request["stale_key_of"]), time(&request["at"]));
    assert!((received - vouched).num_milliseconds() >= 300, "{request}");
    app.stop().await;
}

/// Writes a key file as `keys rotate` does: beside, then into its place.
fn put(app: &TestApp, name: &str, text: &str) {
    let beside = app.directory.path().join(format!("{name}.new"));
    std::fs::write(&beside, text).expect("written");
    std::fs::rename(beside, app.directory.path().join(name)).expect("renamed");
}

async fn until(app: &TestApp, wanted: impl Fn(&Value) -> bool) {
    let seen = async {
        while !wanted(&app.get("/networks").await.body["networks"][0]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT, seen).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_changes_is_read_again_and_one_that_cannot_be_used_is_not() {
    let app = TestApp::start().await;
    let second = SigningKey::generate().expect("randomness");
    let (seed, fingerprint) = (
        second.to_seed_base64(),
        second.verifying_key().fingerprint(),
    );
    put(&app, "bpp.signing.next", &format!("k2 {}", seed.as_str()));
    until(&app, |network| network["next"]["key_id"] == "k2").await;
    put(&app, "bpp.signing", "no key");
    put(&app, "bpp.signing.next", seed.as_str());
    // Both were looked at once the file that is right after them is.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let network = app.get("/networks").await.body["networks"][0].clone();
    assert_eq!(network["key_id"], "k1", "what was read before stays in use");
    assert_eq!(network["next"]["key_id"], "k2");
    put(&app, "bpp.signing", &format!("k2 {}", seed.as_str()));
    std::fs::remove_file(app.directory.path().join("bpp.signing.next")).expect("removed");
    until(&app, |network| {
        network["key_id"] == "k2"
            && network["signing_key"] == fingerprint.as_str()
            && network["next"].is_null()
    })
    .await;
    app.stop().await;
}

/// The id of the key that a callback was signed with.
fn key_of(received: &Received) -> String {
    let mut headers = received.headers.iter();
    let header = headers.find(|(name, _)| name == "authorization");
    let header = Header::parse(&header.expect("signed").1);
    header.expect("well formed").key_id
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_verify_before_and_after_our_own_rotation_and_so_does_their_evidence() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    let preview = || {
        let mut message = app.cancel_of(O1);
        message.intent = Some("SOFT_CANCEL".to_owned());
        message
    };
    let before = preview();
    app.send(&before).await;
    assert!(key_of(&app.callback(&before.message).await) == "k1");

    let second = SigningKey::generate().expect("randomness");
    let ours = Signer {
        key_id: "k2".to_owned(),
        key: second.clone(),
        ..signer(BPP, include_str!("../../keys/bpp.signing"))
    };
    let url = "http://bpp.example.org".parse().expect("a URL");
    app.registry
        .rows
        .lock()
        .expect("no panic")
        .push(row(&ours, "BPP", &url));
    put(
        &app,
        "bpp.signing",
        &format!("k2 {}", second.to_seed_base64().as_str()),
    );
    until(&app, |network| network["key_id"] == "k2").await;
    let after = preview();
    app.send(&after).await;
    assert!(key_of(&app.callback(&after.message).await) == "k2");
    app.settled().await;

    let path = format!("/transactions/{}/evidence", before.transaction);
    let evidence = app.get(&path).await.body;
    let files = evidence["files"].as_array().expect("files");
    let names = files.iter().filter_map(|file| file["name"].as_str());
    let is_key = |name: &&str| name.starts_with("callbacks/") && name.ends_with("public_key.txt");
    let keys: Vec<_> = names.filter(is_key).collect();
    assert_eq!(keys.len(), 2, "the key of each attempt is there: {keys:?}");
    app.stop().await;
}
