//! Row 7: the registry's record of the signer, and the signature over the raw bytes.

use std::time::Duration;

use beckn_bpp::crypto::digest::blake2b_512_base64;
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::mock::registry::{Behaviour, row};
use beckn_bpp::protocol::Dialect;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::{DIALECTS, MANY_LOOKUPS, Stage};
use crate::app::signer;

/// A key that nobody has registered.
const STRANGERS_KEY: &str = include_str!("../../../keys/gateway.signing");

impl Stage {
    /// Registers more rows.
    fn register(&self, rows: Vec<Value>) {
        let kept = &self.app.registry.rows;
        kept.lock().expect("no panic while locked").extend(rows);
    }

    /// Changes the rightful BAP's row.
    fn change_row(&self, change: impl Fn(&mut Value)) {
        let mut rows = self.app.registry.rows.lock().expect("not poisoned");
        let ours = rows
            .iter_mut()
            .filter(|row| row["subscriber_id"] == "bap.example.org");
        ours.for_each(change);
    }

    /// A cancel by somebody else, in their own name.
    fn cancel_by(&self, signer: &Signer) -> Knock {
        let message = self.cancel_but(TRIP_1, "bap_id", json!(signer.subscriber_id));
        Knock::signed(signer, message.to_string())
    }

    /// Somebody with these rows in the registry is refused with this word.
    async fn refuses_registered(&self, name: &str, word: &str, rows: impl Fn(Value) -> Vec<Value>) {
        let signer = signer(&format!("{name}.example.org"), STRANGERS_KEY);
        self.register(rows(row(&signer, "BAP", &self.app.bap.url)));
        let wanted = Wanted::word(word).in_dialect(Dialect::V0_9);
        self.refuses(&self.cancel_by(&signer), &wanted).await;
    }
}

/// The row with one member replaced.
fn with(row: &Value, member: &str, value: Value) -> Value {
    let mut row = row.clone();
    row[member] = value;
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_registry_does_not_list_is_unknown() {
    let stage = Stage::set().await;
    stage
        .refuses_registered("nobody", "unknown_key", |_| vec![])
        .await;
    stage
        .refuses_registered("rekeyed", "unknown_key", |row| {
            vec![with(&row, "key_id", json!("k2"))]
        })
        .await;
    stage
        .refuses_registered("other", "unknown_key", |row| {
            vec![with(&row, "subscriber_id", json!("another.example.org"))]
        })
        .await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_in_force_proves_nothing() {
    let stage = Stage::set().await;
    let days = |days| json!((Utc::now() + TimeDelta::days(days)).to_rfc3339());
    for (name, member, value) in [
        ("gone", "status", json!("UNSUBSCRIBED")),
        ("early", "status", json!("INITIATED")),
        ("expired", "valid_until", days(-1)),
        ("future", "valid_from", days(1)),
        ("unclear", "valid_until", json!("next week")),
        ("keyless", "signing_public_key", Value::Null),
        ("no-key", "signing_public_key", json!("not base64!")),
        ("short-key", "signing_public_key", json!("AAAA")),
        // The neutral element: everybody can forge a signature under it.
        (
            "weak",
            "signing_public_key",
            json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ),
        (
            "zero",
            "signing_public_key",
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ),
    ] {
        let change = |row: Value| vec![with(&row, member, value.clone())];
        stage
            .refuses_registered(name, "key_not_usable", change)
            .await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_buyer_app_may_cancel() {
    let stage = Stage::set().await;
    for (name, role) in [
        ("seller", json!("BPP")),
        ("gateway", json!("BG")),
        ("registry", json!("BREG")),
        ("nothing", json!("")),
        ("none", Value::Null),
    ] {
        let change = |row: Value| vec![with(&row, "type", role.clone())];
        stage.refuses_registered(name, "wrong_role", change).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn different_keys_under_one_key_id_are_refused_and_the_same_key_twice_is_one() {
    let stage = Stage::set().await;
    let other_key = stage.bap().key.verifying_key().to_base64();
    let two_keys = |row: Value| {
        let other = with(&row, "signing_public_key", json!(other_key));
        vec![row, other]
    };
    stage
        .refuses_registered("torn", "key_ambiguous", two_keys)
        .await;
    let twice = |row: Value| {
        let other = with(&row, "url", json!("http://elsewhere.example.org"));
        vec![other, row]
    };
    let signer = signer("twice.example.org", STRANGERS_KEY);
    stage.register(twice(row(&signer, "BAP", &stage.app.bap.url)));
    let knock = stage.cancel_by(&signer);
    stage.passes(&knock, Dialect::V0_9).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_by_another_key_is_refused_with_all_that_is_needed_to_find_out_why() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let body = stage.cancel(sample).to_string();
        let forger = signer("bap.example.org", STRANGERS_KEY);
        let knock = Knock::signed(&forger, body.clone());
        let wanted = Wanted::word("signature_mismatch").in_dialect(dialect);
        let answer = stage.refuses(&knock, &wanted).await;
        for shown in [
            format!("{} body bytes", body.len()),
            format!("BLAKE-512={}", blake2b_512_base64(body.as_bytes())),
            stage.bap().key.verifying_key().fingerprint(),
            "our time ".to_owned(),
            "created ".to_owned(),
            "expires ".to_owned(),
        ] {
            assert!(answer.text.contains(&shown), "{shown} in {}", answer.text);
        }
        assert!(
            !answer
                .text
                .contains(&stage.bap().key.verifying_key().to_base64())
        );
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_over_the_bytes_as_they_were_sent() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let right = stage.signed(&stage.cancel(sample));
        let text = String::from_utf8(right.body.clone()).expect("UTF-8");
        let pretty: Value = serde_json::from_str(&text).expect("JSON");
        for changed in [
            format!("{text} "),
            format!(" {text}"),
            format!("{text}\n"),
            text.replacen("\":", "\": ", 1),
            text.replace(sample.id, "O9"),
            text.replace("\"order_id\"", "\"order_\\u0069d\""),
            serde_json::to_string_pretty(&pretty).expect("JSON"),
        ] {
            let mut knock = right.clone();
            knock.body = changed.into_bytes();
            let wanted = Wanted::word("signature_mismatch").in_dialect(dialect);
            stage.refuses(&knock, &wanted).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_signed_too() {
    let stage = Stage::set().await;
    let now = Utc::now().timestamp();
    let right = Knock::signed_at(stage.bap(), now - 10, stage.cancel(O1).to_string());
    for (from, to) in [
        (
            format!("created=\"{}\"", now - 10),
            format!("created=\"{}\"", now - 9),
        ),
        (
            format!("expires=\"{}\"", now + 290),
            format!("expires=\"{}\"", now + 900),
        ),
    ] {
        let moved = right.authorization().replace(&from, &to);
        assert_ne!(moved, right.authorization());
        let knock = right.clone().with("authorization", &moved);
        stage
            .refuses(&knock, &Wanted::word("signature_mismatch"))
            .await;
    }
    stage.ends_well().await;
}

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
    stage.change_row(|row| row["signing_public_key"] = json!(public));
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
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_caller_is_asked_for_once() {
    let stage = Stage::set().await;
    let nobody = Signer {
        subscriber_id: "nobody.example.org".to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(STRANGERS_KEY).expect("a key"),
        lifetime_seconds: 60,
    };
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
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_header_is_not_needed_but_must_be_right() {
    let stage = Stage::set_with(MANY_LOOKUPS).await;
    for (dialect, sample) in DIALECTS {
        let right = stage.signed(&stage.probe(sample));
        let digest = blake2b_512_base64(&right.body);
        let knock = right.clone().with("digest", &format!("BLAKE-512={digest}"));
        stage.passes(&knock, dialect).await;
        let of_another = blake2b_512_base64(b"another body");
        for wrong in [
            format!("BLAKE-512={of_another}"),
            "BLAKE-512=".to_owned(),
            digest.clone(),
            String::new(),
        ] {
            let knock = right.clone().with("digest", &wrong);
            let wanted = Wanted::word("digest_mismatch").in_dialect(dialect);
            let answer = stage.refuses(&knock, &wanted).await;
            assert!(answer.text.contains(&digest), "ours is named");
        }
        let two = right
            .clone()
            .with("digest", &format!("BLAKE-512={digest}"))
            .beside("digest", &format!("BLAKE-512={of_another}"));
        let wanted = Wanted::word("header_malformed").in_dialect(dialect);
        stage.refuses(&two, &wanted).await;
        let unreadable = right.with("digest", "BLAKE-512=\u{e9}");
        stage.refuses(&unreadable, &wanted).await;
    }
    stage.ends_well().await;
}
