//! `/on_subscribe` and the page for site verification, as a registry or a stranger meets them.
//!
//! The keys are those of the published vectors, given to the server by file. The whole way from
//! `registry subscribe` to a listed subscriber is with the tests of the command line.

mod page;
mod status;
mod unopened;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, TestApp};
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
