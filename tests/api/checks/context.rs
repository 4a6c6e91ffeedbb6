//! Row 5: the context of the message.
//!
//! Who the caller is belongs to `signer`, where it wants its callback to `callback_url`. Once
//! the version is read, refusals take the message's own dialect, before that the network's.

use beckn_bpp::mock::orders::{O1, Sample, TRIP_1};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

/// The member that says the version in the samples of that dialect.
fn version_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V0_9 | Dialect::Uhi => "core_version",
        _ => "version",
    }
}

fn without(stage: &Stage, sample: Sample, member: &str) -> Value {
    let mut message = stage.cancel(sample);
    let context = message["context"].as_object_mut().expect("an object");
    context.remove(member).expect("there before");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_member_that_is_missing_or_no_text_is_named() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for member in [
            "action",
            "bap_uri",
            "transaction_id",
            "message_id",
            "timestamp",
        ] {
            let path = format!("context.{member}");
            let wanted = Wanted::word("context_invalid")
                .in_dialect(dialect)
                .at(&path);
            let knock = stage.signed(&without(&stage, sample, member));
            stage.refuses(&knock, &wanted).await;
            for value in [json!(null), json!(1), json!(["x"]), json!({"x": 1})] {
                let knock = stage.signed(&stage.cancel_but(sample, member, value));
                let answer = stage.refuses(&knock, &wanted).await;
                assert!(answer.text.contains(&path), "{}", answer.text);
            }
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_times_that_cannot_be_used_are_refused() {
    let stage = Stage::set().await;
    let long = "x".repeat(256);
    for (dialect, sample) in DIALECTS {
        for (member, value) in [
            ("transaction_id", ""),
            ("transaction_id", "a b"),
            ("transaction_id", "a|b"),
            ("message_id", "caf\u{e9}"),
            ("message_id", "\u{202e}a"),
            ("message_id", "a\nb"),
            ("message_id", long.as_str()),
            ("bap_id", "a\"b"),
            ("bpp_id", ""),
            ("timestamp", "yesterday"),
            ("timestamp", "2026-01-01 00:00"),
            ("timestamp", "2026-01-01T00:00:00"),
            ("timestamp", "2026-13-01T00:00:00Z"),
            ("timestamp", ""),
        ] {
            let path = format!("context.{member}");
            let wanted = Wanted::word("context_invalid")
                .in_dialect(dialect)
                .at(&path);
            let knock = stage.signed(&stage.cancel_but(sample, member, json!(value)));
            stage.refuses(&knock, &wanted).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_must_be_that_of_the_path() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for action in ["on_cancel", "confirm", "Cancel", "cancel ", ""] {
            let knock = stage.signed(&stage.cancel_but(sample, "action", json!(action)));
            let wanted = Wanted::word("wrong_action").in_dialect(dialect);
            stage.refuses(&knock, &wanted.at("context.action")).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_spoken_is_refused_in_the_default_dialect() {
    let stage = Stage::set().await;
    let wanted = Wanted::word("unknown_version").at("context.version");
    for (dialect, sample) in DIALECTS {
        let member = version_of(dialect);
        for version in [
            "2.0.0",
            "2.0.0-lts",
            "0.8.3",
            "0.9",
            "1",
            "1.x",
            "",
            "latest",
            "10.0.0",
            "-1.0",
        ] {
            let knock = stage.signed(&stage.cancel_but(sample, member, json!(version)));
            stage.refuses(&knock, &wanted).await;
        }
        let knock = stage.signed(&without(&stage, sample, member));
        stage.refuses(&knock, &wanted).await;
        let knock = stage.signed(&stage.cancel_but(sample, member, json!(1.1)));
        let no_text = Wanted::word("context_invalid");
        let path = format!("context.{member}");
        stage.refuses(&knock, &no_text.at(&path)).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_names_of_the_version_must_agree() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let mut message = stage.probe(sample);
        message["context"]["version"] = json!("1.1.0");
        message["context"]["core_version"] = json!("0.9.1");
        let wanted = Wanted::word("context_invalid").at("context.version");
        stage.refuses(&stage.signed(&message), &wanted).await;
        message["context"]["version"] = json!(sample.version);
        message["context"]["core_version"] = json!(sample.version);
        stage.passes(&stage.signed(&message), dialect).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_both_families_is_spoken() {
    let stage = Stage::set().await;
    for (sample, versions) in [
        (TRIP_1, ["0.9.1", "0.9.2", "0.9.3", "0.9.4"]),
        (O1, ["1.0.0", "1.1.0", "1.1.1", "1.2.0"]),
    ] {
        for version in versions {
            let dialect = Dialect::of(version).expect("spoken");
            let mut message = stage.probe(sample);
            message["context"][version_of(dialect)] = json!(version);
            stage.passes(&stage.signed(&message), dialect).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_domains_are_served() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for domain in ["health", "Mobility", "mobility ", "mobility:other", "", "*"] {
            let knock = stage.signed(&stage.cancel_but(sample, "domain", json!(domain)));
            let wanted = Wanted::word("domain_not_served").in_dialect(dialect);
            stage.refuses(&knock, &wanted.at("context.domain")).await;
        }
        let knock = stage.signed(&stage.cancel_but(sample, "domain", json!(["mobility"])));
        let wanted = Wanted::word("context_invalid").in_dialect(dialect);
        stage.refuses(&knock, &wanted.at("context.domain")).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_another_platform_is_refused_and_ours_may_be_spelled_as_a_url() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for other in [
            "bpp.example.net",
            "other.example.org",
            "bpp.example.org/x",
            "BPP.example.org",
            "bpp.example.org.evil.example",
            "ftp://bpp.example.org",
        ] {
            let knock = stage.signed(&stage.cancel_but(sample, "bpp_id", json!(other)));
            let wanted = Wanted::word("wrong_recipient").in_dialect(dialect);
            stage.refuses(&knock, &wanted.at("context.bpp_id")).await;
        }
        for ours in [
            "bpp.example.org",
            "https://bpp.example.org/",
            "http://bpp.example.org",
        ] {
            let mut message = stage.probe(sample);
            message["context"]["bpp_id"] = json!(ours);
            stage.passes(&stage.signed(&message), dialect).await;
        }
        let mut unaddressed = stage.probe(sample);
        let context = unaddressed["context"].as_object_mut().expect("an object");
        context.remove("bpp_id");
        stage.passes(&stage.signed(&unaddressed), dialect).await;
    }
    stage.ends_well().await;
}
