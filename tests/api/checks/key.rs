//! Row 7, first part: which records of the registry prove anything.
//!
//! Each test registers somebody new, so that nothing learnt before is in the way. Their
//! signatures are right throughout: only the record is at fault.

use beckn_bpp::mock::registry::row;
use beckn_bpp::protocol::Dialect;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::refused::Wanted;
use super::stage::{STRANGERS_KEY, Stage};
use crate::app::signer;

impl Stage {
    /// Somebody with these rows in the registry is refused with this word.
    async fn refuses_registered(&self, name: &str, word: &str, rows: impl Fn(Value) -> Vec<Value>) {
        let signer = signer(&format!("{name}.example.org"), STRANGERS_KEY);
        let new = rows(row(&signer, "BAP", &self.app.bap.url));
        self.change_registry(|rows| rows.extend(new));
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
    let new = twice(row(&signer, "BAP", &stage.app.bap.url));
    stage.change_registry(|rows| rows.extend(new));
    let knock = stage.cancel_by(&signer);
    stage.passes(&knock, Dialect::V0_9).await;
    stage.ends_well().await;
}
