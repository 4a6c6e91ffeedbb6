//! Row 7, second part: the signature over the raw bytes, and the `Digest` header beside it.
//!
//! The record of the signer is right throughout: only what was signed, or by whom, is at fault.
//! Which records prove anything is asked in `key`, the gateway's signature in `gateway`.

use beckn_bpp::crypto::digest::blake2b_512_base64;
use beckn_bpp::mock::orders::O1;
use chrono::Utc;
use serde_json::Value;

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, MANY_LOOKUPS, STRANGERS_KEY, Stage};
use crate::app::signer;

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
