//! What a registry tells of our status, and its signature where its key is known.

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::registry::handshake;
use chrono::Utc;
use serde_json::{Value, json};

use super::{Scene, knock, pairs};
use crate::app::signer;
use crate::checks::knock::Knock;
use crate::checks::refused::{self, Wanted};

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
        include_str!("../../../keys/bap.signing"),
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
