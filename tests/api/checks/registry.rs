//! Row 7, third part: a registry that is down, keys that are kept, keys that change.
//!
//! How often the registry is asked counts here: it must be asked again when a key may have been
//! rotated, and must not be driven by strangers.

use std::time::Duration;

use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::protocol::Dialect;
use serde_json::json;

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::{DIALECTS, STRANGERS_KEY, Stage};
use crate::app::signer;

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_cannot_be_asked_is_no_refusal_for_good() {
    let stage = Stage::set_with("registry_timeout = \"300ms\"").await;
    for (behaviour, (dialect, sample)) in [
        Behaviour::Status(500),
        Behaviour::Status(403),
        Behaviour::Body("<html>".into()),
        Behaviour::Slow(Duration::from_secs(5)),
    ]
    .into_iter()
    .zip(DIALECTS.into_iter().cycle())
    {
        stage.app.registry.behave(behaviour);
        let knock = stage.signed(&stage.cancel(sample));
        let wanted = Wanted::word("registry_unavailable").in_dialect(dialect);
        stage.refuses(&knock, &wanted).await;
    }
    // Nothing of that is remembered: once it answers, the same BAP is served.
    stage.app.registry.behave(Behaviour::Filtered);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_key_is_good_while_the_registry_is_down() {
    let stage = Stage::set().await;
    stage
        .passes(&stage.signed(&stage.probe(O1)), Dialect::V1)
        .await;
    let asked = stage.app.registry.asked();
    stage.app.registry.behave(Behaviour::Status(503));
    let message = stage.cancel(O1);
    stage.takes(&stage.signed(&message)).await;
    stage.hears(&message).await;
    // The BAP asked for our key, and nobody for the BAP's.
    assert_eq!(stage.app.registry.asked(), asked + 1);
    stage.app.registry.behave(Behaviour::Filtered);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_by_asking_once_more_and_only_once() {
    let stage = Stage::set().await;
    stage
        .passes(&stage.signed(&stage.probe(O1)), Dialect::V1)
        .await;
    let rotated = signer("bap.example.org", STRANGERS_KEY);
    let public = rotated.key.verifying_key().to_base64();
    stage.change_registry(|rows| {
        let ours = |row: &&mut serde_json::Value| row["subscriber_id"] == "bap.example.org";
        let row = rows.iter_mut().find(ours).expect("the BAP's row");
        row["signing_public_key"] = json!(public);
    });
    let asked = stage.app.registry.asked();
    let body = stage.probe(O1).to_string();
    stage
        .passes(&Knock::signed(&rotated, body.clone()), Dialect::V1)
        .await;
    assert_eq!(stage.app.registry.asked(), asked + 1);
    // The old key is good no more, and trying it drives no traffic to the registry.
    for _ in 0..3 {
        let old = Knock::signed(stage.bap(), body.clone());
        stage
            .refuses(&old, &Wanted::word("signature_mismatch"))
            .await;
    }
    assert_eq!(stage.app.registry.asked(), asked + 1);
    for (_, sample) in DIALECTS {
        let message = stage.cancel(sample);
        let knock = Knock::signed(&rotated, message.to_string());
        stage.takes(&knock).await;
        stage.hears(&message).await;
    }
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_caller_is_asked_for_once() {
    let stage = Stage::set().await;
    let nobody = signer("nobody.example.org", STRANGERS_KEY);
    let asked = stage.app.registry.asked();
    for _ in 0..5 {
        let wanted = Wanted::word("unknown_key").in_dialect(Dialect::V0_9);
        stage.refuses(&stage.cancel_by(&nobody), &wanted).await;
    }
    assert_eq!(stage.app.registry.asked(), asked + 1);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_made_up_callers_do_not_drive_the_registry() {
    let stage = Stage::set_with("registry_lookups_per_second = 2").await;
    let mut words = Vec::new();
    for number in 0..40 {
        let nobody = signer(&format!("n{number}.example.org"), STRANGERS_KEY);
        let answer = stage.cancel_by(&nobody).send(&stage.app).await;
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        let word = message.split(':').next().unwrap_or_default().to_owned();
        assert_eq!(answer.status, refused::row(&word).0);
        words.push(word);
    }
    assert!(
        words.contains(&"registry_unavailable".to_owned()),
        "{words:?}"
    );
    let asked = words.iter().filter(|word| *word == "unknown_key").count();
    assert_eq!(stage.app.registry.asked(), asked as u64);
    assert!(asked < 40);
    stage.ends_well_in_time().await;
}
