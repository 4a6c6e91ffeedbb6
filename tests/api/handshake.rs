//! `/on_subscribe` and the page for site verification, as a registry or a stranger meets them.
//!
//! The keys are those of the published vectors, given to the server by file. The whole way from
//! `registry subscribe` to a listed subscriber is with the tests of the command line.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use beckn_bpp::crypto::challenge::ChallengeKey;
use beckn_bpp::crypto::encryption::{EncryptionKey, EncryptionPublicKey};
use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::registry::handshake;
use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, TestApp, answer, signer};
use crate::checks::knock::Knock;
use crate::checks::refused::{self, Wanted};

fn vectors() -> Value {
    let text = include_str!("../vectors/on_subscribe.json");
    serde_json::from_str(text).expect("JSON")
}

fn text(path: &str) -> String {
    let vectors = vectors();
    let found = vectors.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{path}")).to_owned()
}

/// Challenges and answers of the vectors.
fn pairs() -> Vec<(String, String)> {
    let vectors = vectors();
    let more = vectors["extra_challenges"].as_array().expect("a list");
    let pair = |one: &Value| {
        let member = |name: &str| one[name].as_str().expect("text").to_owned();
        (member("challenge"), member("answer"))
    };
    let first = (
        text("/on_subscribe/request/challenge"),
        text("/on_subscribe/response/answer"),
    );
    std::iter::once(first)
        .chain(more.iter().map(pair))
        .collect()
}

/// The server with the vectors' keys, the private one in this encoding.
struct Scene {
    app: TestApp,
    // Holds the key file; removed at the end.
    _directory: TempDir,
}

impl Scene {
    async fn set(more: &str) -> Self {
        Self::with("pkcs8_der", more).await
    }

    async fn with(form: &str, more: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("bpp.encryption");
        let private = text(&format!("/subscriber/encryption_private_key_{form}_b64"));
        std::fs::write(&file, private).expect("written");
        let public = match form {
            "raw" => "raw",
            _ => "spki_der",
        };
        let theirs = text(&format!("/registry/encryption_public_key_{public}_b64"));
        let settings = format!(
            "encryption_key_file = {file:?}\nregistry_encryption_public_key = {theirs:?}\n{more}"
        );
        Self {
            app: TestApp::start_with(&settings).await,
            _directory: directory,
        }
    }

    async fn post(&self, body: &Value) -> Answer {
        knock(body).send(&self.app).await
    }

    /// The refusal for everything that is not opened.
    async fn refuses(&self, knock: &Knock) -> Answer {
        let answer = knock.send(&self.app).await;
        refused::check(&self.app, &answer, &Wanted::word("challenge_refused")).await;
        answer
    }

    async fn heard(&self) -> Value {
        self.app.get("/networks").await.body["networks"][0]["heard"].clone()
    }
}

fn knock(body: &Value) -> Knock {
    Knock::unsigned(body.to_string()).to("/on_subscribe")
}

/// What the vectors' registry shares with the vectors' subscriber.
fn key() -> ChallengeKey {
    let private = text("/registry/encryption_private_key_pkcs8_der_b64");
    let public = text("/subscriber/encryption_public_key_spki_der_b64");
    let ours = EncryptionKey::parse(&private).expect("a key");
    let theirs = EncryptionPublicKey::parse(&public).expect("a key");
    ChallengeKey::agree(&ours, &theirs).expect("a secret")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_challenges_are_answered_with_their_text() {
    for form in ["pkcs8_der", "raw"] {
        let scene = Scene::with(form, "").await;
        for (challenge, wanted) in pairs() {
            for body in [
                json!({"subscriber_id": "bpp.example.org", "challenge": challenge}),
                json!({"subscriber_id": "https://bpp.example.org/", "challenge": challenge}),
                json!({"status": "UNDER_SUBSCRIPTION", "challenge": challenge}),
                json!({"challenge": challenge, "pub_key_id": "k1"}),
            ] {
                let answer = scene.post(&body).await;
                assert_eq!(answer.status, 200, "{body}: {}", answer.text);
                assert_eq!(answer.body, json!({"answer": wanted}));
                assert_eq!(answer.headers["content-type"], "application/json");
                assert!(answer.headers.contains_key("x-request-id"));
            }
        }
        scene.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_below_the_networks_own_path() {
    let mut scene = Scene::set("").await;
    let at = "subscriber_url = \"http://bpp.example.org";
    let moved = |text: String| text.replace(at, &format!("{at}/rides"));
    scene.app.reconfigure(moved).await;
    let (challenge, wanted) = pairs().swap_remove(0);
    let body = json!({"challenge": challenge});
    let answer = knock(&body)
        .to("/rides/on_subscribe")
        .send(&scene.app)
        .await;
    assert_eq!(answer.body, json!({"answer": wanted}));
    let nowhere = scene.post(&body).await;
    assert_eq!(nowhere.status, 404);
    scene.app.stop().await;
}

/// Everything that must not be told apart.
fn unopened() -> Vec<Value> {
    let (challenge, _) = pairs().swap_remove(0);
    let negative = vectors()["negative"].as_array().expect("a list").clone();
    assert_eq!(negative.len(), 3);
    let other = EncryptionKey::generate().expect("randomness");
    let public = text("/subscriber/encryption_public_key_spki_der_b64");
    let public = EncryptionPublicKey::parse(&public).expect("a key");
    let stranger = ChallengeKey::agree(&other, &public).expect("a secret");
    let mut bodies: Vec<Value> = negative
        .iter()
        .map(|one| json!({"subscriber_id": "bpp.example.org", "challenge": one["challenge"]}))
        .collect();
    bodies.extend([
        json!({"challenge": stranger.seal("an answer of quite some length, so no luck")}),
        json!({"challenge": key().seal(&"a".repeat(5_000))}),
        json!({"challenge": ""}),
        json!({"challenge": 7}),
        json!({"challenge": [challenge]}),
        json!({"challenge": null}),
        json!({"subscriber_id": "other.example.org", "challenge": challenge}),
        json!({"subscriber_id": 7, "challenge": challenge}),
        json!({"subscriber_id": "other.example.org", "status": "SUBSCRIBED"}),
        json!({"status": "subscribed"}),
        json!({"status": "X\r\nY"}),
        json!({"message": {"challenge": challenge}}),
        json!({}),
        json!([]),
        json!("challenge"),
    ]);
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_not_opened_gets_the_same_bytes() {
    let scene = Scene::set("").await;
    let without_key = TestApp::start().await;
    let before = scene.app.kept().await;
    let mut texts = BTreeSet::new();
    for body in unopened() {
        texts.insert(scene.refuses(&knock(&body)).await.text);
        texts.insert(knock(&body).send(&without_key).await.text);
    }
    let (challenge, _) = pairs().swap_remove(0);
    let unable = knock(&json!({"challenge": challenge}));
    texts.insert(unable.send(&without_key).await.text);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(scene.app.kept().await, before);
    let heard = scene.heard().await;
    assert!(heard["challenge_refused"]["at"].is_string(), "{heard}");
    assert_eq!(heard["challenge_refused"]["proven"], false);
    assert!(heard["challenge_answered"].is_null() && heard["status"].is_null());
    without_key.stop().await;
    scene.app.stop().await;
}

/// Half of the runs take no longer than this.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_padding_takes_as_long_as_no_base64() {
    let scene = Scene::set("").await;
    let negative = vectors()["negative"].as_array().expect("a list").clone();
    let knocks: Vec<Knock> = negative
        .iter()
        .map(|one| knock(&json!({"challenge": one["challenge"]})))
        .collect();
    let mut times = vec![Vec::new(); knocks.len()];
    for _ in 0..100 {
        for (knock, times) in knocks.iter().zip(&mut times) {
            let asked = Instant::now();
            assert_eq!(knock.send(&scene.app).await.status, 400);
            times.push(asked.elapsed());
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let [least, most] = [medians.iter().min(), medians.iter().max()].map(|t| *t.expect("three"));
    assert!(most < 2 * least, "{medians:?}");
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_bodies_are_those_of_cancel() {
    let scene = Scene::set("[limits]\nbody_size = \"2KiB\"\n").await;
    let (challenge, _) = pairs().swap_remove(0);
    let right = knock(&json!({"challenge": challenge}));
    let long = knock(&json!({"challenge": "a".repeat(3_000)}));
    let twice = format!("{{\"challenge\": {challenge:?}, \"challenge\": {challenge:?}}}");
    let twice = Knock::unsigned(twice).to("/on_subscribe");
    let no_json = Knock::unsigned("{\"challenge\"").to("/on_subscribe");
    for (knock, word) in [
        (right.clone().by(Method::GET), "method_not_allowed"),
        (right.clone().by(Method::PUT), "method_not_allowed"),
        (
            right.clone().without("content-type"),
            "unsupported_media_type",
        ),
        (
            right.clone().with("content-encoding", "gzip"),
            "unsupported_encoding",
        ),
        (long, "body_too_large"),
        (twice, "duplicate_key"),
        (no_json, "invalid_json"),
    ] {
        let answer = knock.send(&scene.app).await;
        refused::check(&scene.app, &answer, &Wanted::word(word)).await;
    }
    assert_eq!(right.send(&scene.app).await.status, 200);
    scene.app.stop().await;
}

/// The configuration line that makes the registry sign, and who signs as it.
fn signed_by() -> (String, Signer) {
    let key = handshake::SIGNING_PUBLIC_KEY.trim();
    let registry = handshake::signer().expect("a signer");
    (format!("registry_signing_public_key = {key:?}\n"), registry)
}

fn signed(signer: &Signer, body: &Value) -> Knock {
    Knock::signed(signer, body.to_string()).to("/on_subscribe")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_whose_key_is_known_must_sign() {
    let (line, registry) = signed_by();
    let scene = Scene::set(&line).await;
    let (challenge, wanted) = pairs().swap_remove(0);
    let body = json!({"subscriber_id": "bpp.example.org", "challenge": challenge});
    let stranger = signer(
        "registry.example.org",
        include_str!("../../keys/bap.signing"),
    );
    let right = signed(&registry, &body);
    let now = Utc::now().timestamp();
    let at =
        |created: i64| Knock::signed_at(&registry, created, body.to_string()).to("/on_subscribe");
    let mut changed = right.clone();
    changed.body.push(b' ');
    for (knock, word) in [
        (knock(&body), "header_missing"),
        (signed(&stranger, &body), "signature_mismatch"),
        (changed, "signature_mismatch"),
        (at(now - 301), "expired"),
        (at(now + 30), "created_in_future"),
        (
            knock(&body).with("authorization", "Bearer x"),
            "header_malformed",
        ),
        (
            right.clone().beside("authorization", right.authorization()),
            "header_malformed",
        ),
        // What does not open is not looked at before the signature.
        (knock(&json!({"challenge": "@@"})), "header_missing"),
        (knock(&json!({"status": "UNSUBSCRIBED"})), "header_missing"),
    ] {
        let answer = knock.send(&scene.app).await;
        refused::check(&scene.app, &answer, &Wanted::word(word)).await;
    }
    let heard = scene.heard().await;
    assert!(
        heard["status"].is_null(),
        "a stranger says nothing: {heard}"
    );
    assert!(heard["challenge_refused"].is_null(), "{heard}");

    assert_eq!(right.send(&scene.app).await.body, json!({"answer": wanted}));
    scene
        .refuses(&signed(&registry, &json!({"challenge": "@@"})))
        .await;
    let heard = scene.heard().await;
    assert_eq!(heard["challenge_answered"]["proven"], true);
    assert_eq!(heard["challenge_refused"]["proven"], true);
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_our_status_is_taken_and_shown() {
    let scene = Scene::set("").await;
    for status in ["INITIATED", "SUBSCRIBED", "UNSUBSCRIBED", "INVALID_SSL"] {
        // As the core specification has it: the whole record, of which the status counts.
        let record = json!({"subscriber_id": "bpp.example.org", "url": "http://bpp.example.org",
            "type": "BPP", "key_id": "k1", "status": status, "valid_until": "2030-01-01T00:00:00Z"});
        let answer = scene.post(&record).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body, json!({"message": {"ack": {"status": "ACK"}}}));
        let heard = scene.heard().await;
        assert_eq!(heard["status"]["status"], status);
        assert_eq!(heard["status"]["proven"], false);
    }
    let network = &scene.app.get("/networks").await.body["networks"][0];
    assert_eq!(network["name"], "mobility");
    assert_eq!(network["subscriber_id"], "bpp.example.org");
    for fingerprint in ["signing_key", "encryption_key"] {
        assert_eq!(network[fingerprint].as_str().map(str::len), Some(16));
    }
    assert!(network["registry_key"].is_null());
    scene.app.stop().await;

    let (line, registry) = signed_by();
    let scene = Scene::set(&line).await;
    let taken = signed(&registry, &json!({"status": "SUBSCRIBED"}));
    assert_eq!(taken.send(&scene.app).await.status, 200);
    let heard = scene.heard().await;
    assert_eq!(heard["status"]["status"], "SUBSCRIBED");
    assert_eq!(heard["status"]["proven"], true);
    scene.app.stop().await;
}

const PAGE: &str = "/ondc-site-verification.html";

async fn page(app: &TestApp, host: Option<&str>) -> Answer {
    let mut request = app.http.get(app.url(PAGE));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    answer(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_published_signature_at_the_root_of_the_host() {
    let id = text("/site_verification/request_id");
    let mut scene = Scene::set(&format!("site_verification_request_id = {id:?}\n")).await;
    let key = scene.app.directory.path().join("bpp.signing");
    for form in ["signing_seed_b64", "signing_private_key_64_b64"] {
        std::fs::write(&key, text(&format!("/site_verification/{form}"))).expect("written");
        let at = "subscriber_url = \"http://bpp.example.org\"";
        let below = at.replace("org", "org/rides");
        scene.app.reconfigure(|text| text.replace(at, &below)).await;
        for host in [None, Some("bpp.example.org"), Some("BPP.example.org:443")] {
            let shown = page(&scene.app, host).await;
            assert_eq!(shown.status, 200);
            assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
            let signature = text("/site_verification/signed_unique_req_id");
            let tag = format!("<meta name='ondc-site-verification' content='{signature}'/>");
            assert!(shown.text.contains(&tag), "{}", shown.text);
            assert_eq!(shown.text.matches("<meta").count(), 1);
        }
    }
    let posted = answer(scene.app.http.post(scene.app.url(PAGE))).await;
    assert_eq!(posted.status, 404);
    scene.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_networks_the_page_shows_the_one_whose_host_was_asked() {
    let other = |app: &TestApp| {
        let registry = app.registry.url.as_str();
        format!(
            "site_verification_request_id = \"one\"\n[network.health]\nkind = \"beckn\"\n\
             domains = [\"health\"]\nsubscriber_id = \"health.example.org\"\n\
             subscriber_url = \"http://health.example.org/uhi\"\nkey_id = \"k1\"\n\
             signing_key_file = \"bpp.signing\"\nregistry_url = {registry:?}\n\
             site_verification_request_id = \"two\"\n"
        )
    };
    let mut app = TestApp::start().await;
    assert_eq!(page(&app, None).await.status, 404, "nothing is configured");
    let more = other(&app);
    app.reconfigure(|text| text + &more).await;
    let key = signer("", include_str!("../../keys/bpp.signing")).key;
    let tag = |id: &str| {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::STANDARD;
        format!("content='{}'", engine.encode(key.sign(id.as_bytes())))
    };
    for (host, shown, hidden) in [
        ("bpp.example.org", "one", "two"),
        ("health.example.org", "two", "one"),
    ] {
        let text = page(&app, Some(host)).await.text;
        assert!(
            text.contains(&tag(shown)) && !text.contains(&tag(hidden)),
            "{text}"
        );
    }
    let both = page(&app, Some("inner-name:8080")).await.text;
    assert!(
        both.contains(&tag("one")) && both.contains(&tag("two")),
        "{both}"
    );
    app.stop().await;
}
