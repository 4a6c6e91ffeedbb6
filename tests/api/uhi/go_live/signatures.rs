//! Rows S: who signed what, when, and with which key.

use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use beckn_bpp::mock::orders::VISIT_1;
use beckn_bpp::mock::registry::Behaviour;
use chrono::Utc;
use serde_json::{Value, json};

use super::text;
use crate::uhi::{Health, assert_ack, assert_nack, message_id};

/// The composed case and the published signatures.
const VECTORS: &str = include_str!("../../../vectors/uhi_signing_cases.json");

fn vectors() -> Value {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    vectors["uhi"].clone()
}

/// A message with the header of the EUA's signer, made at that time.
fn signed_at(health: &Health, message: &Value, seconds: i64) -> (String, String) {
    let text = message.to_string();
    let header = health.eua.signer().authorization(text.as_bytes(), seconds);
    (text, header)
}

#[tokio::test]
async fn s1_our_signer_gives_the_signature_and_the_header_of_the_vector() {
    let case = &vectors()["composed"];
    let signer = Signer {
        scheme: Scheme::Uhi,
        subscriber_id: "eua.example.in".to_owned(),
        key_id: "eua.example.k1".to_owned(),
        key: SigningKey::parse(text(case, "private_key_pkcs8_der_b64")).expect("a key"),
        lifetime_seconds: 10,
    };
    let created = text(case, "created").parse().expect("seconds");
    let header = signer.authorization(text(case, "body_utf8").as_bytes(), created);
    assert_eq!(header, text(case, "authorization_header_value"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_each_must_fail_signature_is_refused() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let before = health.app.kept().await;
    let eua = health.eua.signer();
    let body = health.cancel_of(VISIT_1).to_string();
    let now = Utc::now().timestamp();
    let right = eua.sign(body.as_bytes(), now);
    let digest = beckn_bpp::crypto::digest::blake2b_512_base64(body.as_bytes());
    let line = Scheme::Uhi.signing_string(now, now + 10, &digest);
    let lines = line
        .replace(" (expires)", "\n(expires)")
        .replace(" digest", "\ndigest");
    let wrong = [
        Scheme::Uhi.signed_text(lines).into_bytes(),
        line.clone().into_bytes(),
        beckn_bpp::crypto::digest::blake2b_512(line.as_bytes()).to_vec(),
    ];
    for signed in wrong {
        let header = Header {
            signature: eua.key.sign(&signed),
            ..right.clone()
        };
        let reply = health.post(&body, &header.to_string()).await;
        let error = assert_nack(&reply, 401, "signature_mismatch");
        assert_eq!(error["code"], "UHI-1405");
    }
    assert_eq!(health.app.kept().await, before);
    assert_ack(&health.post(&body, &right.to_string()).await);
    health.stop().await;
}

#[tokio::test]
async fn s3_the_two_published_signatures_verify() {
    let vectors = vectors();
    let published = vectors["published_in_NHA-ABDM_UHI_signing_document"].as_array();
    let published = published.expect("a list");
    for case in published {
        let header = json!({"keyId": "a|b|ed25519", "algorithm": "ed25519",
            "headers": "(created) (expires) digest", "created": case["created"],
            "expires": case["expires"], "signature": case["signature"]});
        let header = Header::read(Scheme::Uhi, &header.to_string()).expect("well formed");
        let key = VerifyingKey::parse(text(case, "public_key")).expect("a key");
        assert_eq!(
            header.verify_digest(text(case, "body_digest"), 0, &key),
            Ok(())
        );
    }
    assert_eq!(published.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_one_changed_byte_of_the_body_is_401_and_changes_nothing() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let before = health.app.kept().await;
    let (text, header) = signed_at(&health, &health.cancel_of(VISIT_1), Utc::now().timestamp());
    let changed = text.replacen("std:080", "std:081", 1);
    assert_ne!(changed, text);
    assert_nack(
        &health.post(&changed, &header).await,
        401,
        "signature_mismatch",
    );
    assert_eq!(health.app.kept().await, before);
    assert_eq!(health.state_of(VISIT_1.id).await, "Confirmed");
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_a_header_that_has_expired_or_is_from_the_future_is_401() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    for (offset, word) in [(-11, "expired"), (60, "created_in_future")] {
        let (text, header) = signed_at(&health, &message, Utc::now().timestamp() + offset);
        let error = assert_nack(&health.post(&text, &header).await, 401, word);
        assert_eq!(error["code"], "UHI-1408");
    }
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_a_header_of_another_form_is_401() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let (text, header) = signed_at(&health, &health.cancel_of(VISIT_1), Utc::now().timestamp());
    let beckn = Signer {
        scheme: Scheme::Beckn,
        ..health.eua.signer().clone()
    };
    let beckn = beckn.authorization(text.as_bytes(), Utc::now().timestamp());
    for (header, word) in [
        (header.replace("|k1|", "|"), "header_malformed"),
        (header.replace("|k1|", "|k1|k2|"), "header_malformed"),
        (
            header.replace(r#""algorithm":"ed25519""#, r#""algorithm":"rsa""#),
            "algorithm_not_supported",
        ),
        (header.replace("|ed25519", "|rsa"), "algorithm_mismatch"),
        (header.replace(" digest", ""), "digest_not_covered"),
        (header.replace('{', ""), "header_malformed"),
        (beckn, "header_malformed"),
    ] {
        assert_nack(&health.post(&text, &header).await, 401, word);
    }
    let url = health.app.url("/uhi/cancel");
    let bare = health
        .app
        .http
        .post(url)
        .header("Content-Type", "application/json")
        .body(text);
    let answer = crate::app::answer(bare).await;
    assert_eq!(
        (answer.status, answer.body["error"]["code"].as_str()),
        (401, Some("UHI-1401"))
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_a_key_that_the_registry_does_not_vouch_for_is_refused() {
    let health =
        Health::start_with("registry_negative_ttl = \"0s\"\nregistry_cache_ttl = \"0s\"").await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let rows = health.registry.rows.lock().expect("rows").clone();
    let with = |member: &str, value: &str| {
        let mut rows = rows.clone();
        rows[0][member] = json!(value);
        health.registry.set_rows(rows);
    };
    for status in ["INITIATED", "UNSUBSCRIBED"] {
        with("status", status);
        let error = health.refuses(&message, 401, "key_not_usable").await;
        assert_eq!(error["code"], "UHI-1406");
    }
    with("valid_until", "2025-01-01T00:00:00.000Z");
    health.refuses(&message, 401, "key_not_usable").await;
    with("valid_from", "2125-01-01T00:00:00.000Z");
    health.refuses(&message, 401, "key_not_usable").await;
    with("type", "provider");
    health.refuses(&message, 401, "unknown_key").await;
    // A registry that looks at none of the filters lists it all the same.
    health.registry.behave(Behaviour::Unfiltered);
    let error = health.refuses(&message, 401, "wrong_role").await;
    assert_eq!(error["code"], "UHI-1412");
    health.registry.behave(Behaviour::Status(404));
    health.refuses(&message, 401, "unknown_key").await;
    health.registry.behave(Behaviour::Filtered);
    health.registry.set_rows(rows);
    health.answered(&message).await;
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s8_the_registry_may_answer_with_an_object_or_an_array() {
    for behaviour in [Behaviour::Single, Behaviour::Filtered, Behaviour::Wrapped] {
        let health = Health::start().await;
        health.hand_over(VISIT_1).await;
        health.registry.behave(behaviour);
        let message = health.cancel_of(VISIT_1);
        health.answered(&message).await;
        health.copy(message_id(&message)).await;
        health.app.settled().await;
        health.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s8_the_key_is_the_one_in_the_member_that_is_named_for_encryption() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let other = SigningKey::generate().expect("randomness").verifying_key();
    let rows = |own: Value, foreign: Value| {
        let mut rows = health.registry.rows.lock().expect("rows");
        rows[0]["encr_public_key"] = own;
        rows[0]["signing_public_key"] = foreign;
    };
    let own = health.eua.signer().key.verifying_key();
    rows(json!(own.to_spki_base64()), json!(other.to_spki_base64()));
    let message = health.cancel_of(VISIT_1);
    health.answered(&message).await;
    health.copy(message_id(&message)).await;
    // What is no Ed25519 key there is passed over: the reference registry has stranger things.
    let private = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (encryption, signing) in [
        (json!(private), json!(own.to_base64())),
        (json!(own.to_base64()), json!(private)),
    ] {
        rows(encryption, signing);
        let purge = "/networks/purge?subscriber=eua.example.org";
        assert_eq!(health.app.admin("POST", purge, None).await.status, 200);
        let message = health.cancel_of(VISIT_1);
        health.answered(&message).await;
        health.copy(message_id(&message)).await;
    }
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_the_signature_is_over_the_bytes_as_they_came() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let mut message = health.cancel_of(VISIT_1);
    message["message"]["order"]["note"] = json!("caf\u{e9} \u{930}\u{94b}");
    let odd = format!("{message:#}\r\n");
    assert_ack(&health.send_text(&odd).await);
    health.callback(message_id(&message)).await;
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_with_the_registry_down_nothing_is_cancelled_and_the_caller_may_come_again() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.registry.behave(Behaviour::Status(500));
    let message = health.cancel_of(VISIT_1);
    let reply = health.send(&message).await;
    let error = assert_nack(&reply, 503, "registry_unavailable");
    assert_eq!(error["code"], "UHI-1402");
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(health.state_of(VISIT_1.id).await, "Confirmed");
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_an_order_of_another_eua_is_as_one_that_does_not_exist() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let before = health.app.kept().await;
    let mut message = health.cancel_of(VISIT_1);
    message["context"]["consumer_id"] = json!("other-eua.example.org");
    message["context"]["consumer_uri"] = json!(health.other_eua.url.as_str());
    let url = health.app.url("/uhi/cancel");
    let foreign = health
        .other_eua
        .sign_and_post(&url, message.to_string())
        .await;
    let foreign = assert_nack(&foreign.expect("an answer"), 200, "order_not_found");
    message["message"]["order"]["id"] = json!("no-such-visit");
    let absent = health
        .other_eua
        .sign_and_post(&url, message.to_string())
        .await;
    let absent = assert_nack(&absent.expect("an answer"), 200, "order_not_found");
    assert_eq!(foreign, absent);
    assert_eq!(foreign["code"], "UHI-1413");
    assert_eq!(health.app.kept().await, before);
    health.stop().await;
}
