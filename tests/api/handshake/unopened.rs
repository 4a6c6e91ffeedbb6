//! Challenges that do not open cannot be told apart, neither by the answer nor by its time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use beckn_bpp::crypto::challenge::ChallengeKey;
use beckn_bpp::crypto::encryption::{EncryptionKey, EncryptionPublicKey};
use serde_json::{Value, json};

use super::{Scene, knock, pairs, text, vectors};
use crate::app::TestApp;
use crate::checks::knock::Knock;

/// What the vectors' registry shares with the vectors' subscriber.
fn key() -> ChallengeKey {
    let private = text("/registry/encryption_private_key_pkcs8_der_b64");
    let public = text("/subscriber/encryption_public_key_spki_der_b64");
    let ours = EncryptionKey::parse(&private).expect("a key");
    let theirs = EncryptionPublicKey::parse(&public).expect("a key");
    ChallengeKey::agree(&ours, &theirs).expect("a secret")
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
