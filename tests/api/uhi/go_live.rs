//! The go-live checklist of a health network's provider, one test a row, named after the row.
//!
//! Out of this server's scope, and so not here: C12 (slots), C13 (`/status`) and C14 (check-in by
//! PIN). They are served by the provider's own stack, which reads of each cancellation in
//! `GET /events` and by `PATCH` cannot bring a cancelled order back. What a row leaves to us is
//! as decided: a key that nobody registered gets 401, an order in a final state gets an ACK and
//! an `on_cancel` with `error`.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use beckn_bpp::crypto::keys::{SigningKey, VerifyingKey};
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use beckn_bpp::mock::bap::{Answer, Received};
use beckn_bpp::mock::orders::{VISIT_1, VISIT_2};
use beckn_bpp::mock::registry::Behaviour;
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::{
    CANCEL_REASON, CANCELLED_BY, Health, REASON, assert_ack, assert_nack, message_id, signer,
};
use crate::setup::{callback_in, outcomes};

/// The composed case and the published signatures.
const VECTORS: &str = include_str!("../../vectors/uhi_signing_cases.json");

fn vectors() -> Value {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    vectors["uhi"].clone()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().expect(member)
}

fn authorization(received: &Received) -> &str {
    let found = received
        .headers
        .iter()
        .find(|(name, _)| name == "authorization");
    &found.expect("a signature").1
}

fn tag<'a>(message: &'a mut Value, tag: &str) -> &'a mut Value {
    &mut message["message"]["order"]["fulfillment"]["tags"][tag]
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
    with("type", "HSPA");
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
    for shape in [
        |row: &Value| row.clone(),
        |row: &Value| json!([row]),
        |row: &Value| json!({"message": [row]}),
    ] {
        let health = Health::start().await;
        health.hand_over(VISIT_1).await;
        let row = health.registry.rows.lock().expect("rows")[0].clone();
        let body = Bytes::from(shape(&row).to_string());
        health.registry.behave(Behaviour::Body(body));
        health.app.admin("POST", "/callbacks/hold", None).await;
        let message = health.cancel_of(VISIT_1);
        assert_ack(&health.send(&message).await);
        // The EUA asks the same registry about us.
        health.registry.behave(Behaviour::Filtered);
        health.app.admin("POST", "/callbacks/release", None).await;
        health.callback(message_id(&message)).await;
        health.app.settled().await;
        health.stop().await;
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_patients_cancel_is_acknowledged_before_anything_is_called() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    assert_eq!(
        health
            .app
            .admin("POST", "/callbacks/hold", None)
            .await
            .status,
        200
    );
    assert_ack(&health.send(&health.cancel_of(VISIT_1)).await);
    assert_eq!(health.state_of(VISIT_1.id).await, "Cancelled");
    assert!(health.eua.all().is_empty() && health.gateway.inbox.all().is_empty());
    health.app.admin("POST", "/callbacks/release", None).await;
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_the_eua_hears_of_the_cancelled_order_in_its_own_session() {
    let health = Health::start().await;
    let placed = health.placed(VISIT_1);
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let received = health.answered(&message).await;
    let answer = received.json();
    let context = &answer["context"];
    assert_eq!(context["action"], "on_cancel");
    for member in [
        "domain",
        "country",
        "city",
        "core_version",
        "consumer_id",
        "consumer_uri",
        "transaction_id",
        "message_id",
    ] {
        assert_eq!(context[member], message["context"][member], "{member}");
    }
    assert_eq!(
        (&context["provider_id"], &context["provider_uri"]),
        (&json!(super::HSPA), &json!(super::HSPA_URI))
    );
    let mut expected = placed["message"]["order"].clone();
    expected["state"] = json!("CANCELLED");
    expected["fulfillment"]["tags"][CANCELLED_BY] = json!("patient");
    expected["fulfillment"]["tags"][CANCEL_REASON] = json!(REASON);
    let block = expected["authorization"]
        .as_object_mut()
        .expect("a PIN block");
    block.remove("token");
    assert_eq!(
        answer["message"]["order"], expected,
        "everything else is as it was booked"
    );
    let header: Value = serde_json::from_str(authorization(&received)).expect("a JSON object");
    let at = |member: &str| text(&header, member).parse::<i64>().expect("seconds");
    assert_eq!(at("expires"), at("created") + 10);
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_the_gateway_gets_the_same_bytes_under_another_signature() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let received = health.answered(&message).await;
    let copy = health.copy(message_id(&message)).await;
    assert_eq!(copy.body, received.body);
    assert!(copy.at >= received.at, "the EUA first");
    health.app.settled().await;
    let list = health.app.get("/callbacks").await.body["callbacks"].clone();
    let kinds: Vec<&Value> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(kinds, ["final", "audit"]);
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_whoever_does_not_say_that_the_patient_cancels_is_refused_with_the_path() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let path = "message.order.fulfillment.tags['@abdm/gov.in/cancelledby']";
    for by in [Value::Null, json!(""), json!("nobody"), json!(7)] {
        let mut message = health.cancel_of(VISIT_1);
        *tag(&mut message, CANCELLED_BY) = by;
        let error = health.refuses(&message, 200, "schema_mismatch").await;
        assert_eq!(
            (&error["path"], &error["code"]),
            (&json!(path), &json!("UHI-1404"))
        );
    }
    let mut message = health.cancel_of(VISIT_1);
    message["message"]["order"]["fulfillment"] = json!({});
    let error = health.refuses(&message, 200, "schema_mismatch").await;
    assert_eq!(error["path"], "message.order.fulfillment.tags");
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_each_of_the_patients_seven_reasons_is_taken_and_echoed() {
    let health = Health::start().await;
    for (number, reason) in [
        "PATIENT_PERSONAL_EMERGENCY",
        "PATIENT_HEALTH_IMPROVED",
        "PATIENT_UNABLE_TO_VISIT_PHYSICALLY",
        "DOCTOR_ASKED_TO_CANCEL",
        "PATIENT_BOOKED_IN_ERROR",
        "PATIENT_SEEKING_ALTERNATIVE",
        "PATIENT_OTHER",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("visit-{number}");
        let mut document = health.placed(VISIT_1);
        document["message"]["order"]["id"] = json!(id);
        health.hand_over_as(&id, &document).await;
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"]["id"] = json!(id);
        *tag(&mut message, CANCEL_REASON) = json!(reason);
        let mut answer = health.answered(&message).await.json();
        assert_eq!(*tag(&mut answer, CANCEL_REASON), reason);
        health.copy(message_id(&message)).await;
    }
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_a_doctors_code_or_a_doctor_on_this_route_is_refused() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let reason_path = "message.order.fulfillment.tags['@abdm/gov.in/cancel_reason']";
    for reason in [
        "DOCTOR_PERSONAL_EMERGENCY",
        "DOCTOR_UNAVAILABLE",
        "DOCTOR_SCHEDULE_CHANGE",
        "FACILITY_CLOSURE",
        "TECHNICAL_SYSTEM_ISSUE",
        "DOCTOR_OTHER",
        "PATIENT_SOMETHING_ELSE",
        "P3",
        "patient_other",
    ] {
        let mut message = health.cancel_of(VISIT_1);
        *tag(&mut message, CANCEL_REASON) = json!(reason);
        let error = health.refuses(&message, 200, "invalid_reason").await;
        assert_eq!(error["path"], reason_path);
    }
    let mut message = health.cancel_of(VISIT_1);
    *tag(&mut message, CANCEL_REASON) = Value::Null;
    let error = health.refuses(&message, 200, "reason_required").await;
    assert_eq!(error["path"], reason_path);
    let mut message = health.cancel_of(VISIT_1);
    *tag(&mut message, CANCELLED_BY) = json!("doctor");
    *tag(&mut message, CANCEL_REASON) = json!("DOCTOR_UNAVAILABLE");
    health.refuses(&message, 200, "schema_mismatch").await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_an_order_that_is_not_named_not_known_or_not_to_be_cancelled_is_refused() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let change = |member: &str, value: Value| {
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"][member] = value;
        message
    };
    for (message, word, path) in [
        (
            change("id", Value::Null),
            "schema_mismatch",
            "message.order.id",
        ),
        (
            change("id", json!("")),
            "schema_mismatch",
            "message.order.id",
        ),
        (
            change("id", json!("no-such-visit")),
            "order_not_found",
            "message.order.id",
        ),
        (
            change("state", Value::Null),
            "schema_mismatch",
            "message.order.state",
        ),
        (
            change("state", json!("CONFIRMED")),
            "schema_mismatch",
            "message.order.state",
        ),
    ] {
        let error = health.refuses(&message, 200, word).await;
        assert_eq!(error["path"], path);
    }
    let mut message = health.cancel_of(VISIT_1);
    message["context"]["transaction_id"] = json!(Uuid::new_v4().to_string());
    let error = health.refuses(&message, 200, "order_not_found").await;
    assert_eq!(
        error["message"],
        "order_not_found: you have no such order here"
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_message_for_another_domain_action_version_or_provider_is_refused() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    for (member, value, word) in [
        ("domain", "nic2004:85110", "domain_not_served"),
        ("action", "confirm", "wrong_action"),
        ("core_version", "0.7.2", "unknown_version"),
        ("core_version", "1.1.0", "unknown_version"),
        ("provider_id", "other-hspa.example.org", "wrong_recipient"),
        (
            "consumer_uri",
            "https://elsewhere.example.org/eua",
            "callback_url_mismatch",
        ),
    ] {
        let mut message = health.cancel_of(VISIT_1);
        message["context"][member] = json!(value);
        health.refuses(&message, 200, word).await;
    }
    let mut message = health.cancel_of(VISIT_1);
    message["context"]["consumer_id"] = json!("other-eua.example.org");
    let error = health.refuses(&message, 401, "signer_is_not_caller").await;
    assert_eq!(error["path"], "context.consumer_id");
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_the_same_message_twice_and_at_once_has_one_effect_and_one_copy() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let sending = (0..4).map(|_| health.send(&message));
    for reply in futures_util::future::join_all(sending).await {
        assert_ack(&reply);
    }
    assert_ack(&health.send(&message).await);
    health.copy(message_id(&message)).await;
    health.app.settled().await;
    assert_eq!(
        (health.eua.all().len(), health.gateway.inbox.all().len()),
        (1, 1)
    );
    let events = health.app.get("/events?after=0").await.body;
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1));
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_second_cancel_gets_the_first_answer_again() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let first = health.cancel_of(VISIT_1);
    let first_answer = health.answered(&first).await.json();
    let mut second = health.cancel_of(VISIT_1);
    *tag(&mut second, CANCEL_REASON) = json!("PATIENT_BOOKED_IN_ERROR");
    let second_answer = health.answered(&second).await.json();
    assert_eq!(second_answer["message"], first_answer["message"]);
    health.copy(message_id(&second)).await;
    let events = health.app.get("/events?after=0").await.body;
    assert_eq!(
        events["events"].as_array().map(Vec::len),
        Some(1),
        "one transition"
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_a_cancel_in_every_other_state_is_answered_by_the_table() {
    let health = Health::start().await;
    for (word, cancelled) in [
        ("CONFIRMED", true),
        ("CONFIRMED_NOT_PAID", true),
        ("PROVISIONALLY_BOOKED", true),
        ("APPOINTMENT_STARTED", false),
        ("COMPLETED", false),
        ("NO_SHOW", false),
        ("DOCTOR_NO_SHOW", false),
        ("FAILED", false),
    ] {
        let mut document = health.placed(VISIT_1);
        document["message"]["order"]["id"] = json!(word);
        document["message"]["order"]["state"] = json!(word);
        health.hand_over_as(word, &document).await;
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"]["id"] = json!(word);
        let answer = health.answered(&message).await.json();
        match cancelled {
            true => assert_eq!(answer["message"]["order"]["state"], "CANCELLED", "{word}"),
            false => {
                assert_eq!(answer.get("message"), None, "{word}");
                assert_eq!(answer["error"]["code"], "UHI-1403", "{word}");
                assert_eq!(answer["error"]["type"], "POLICY-ERROR");
            }
        }
        health.copy(message_id(&message)).await;
    }
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_when_the_doctor_cancels_the_eua_hears_of_it_unasked_and_the_gateway_too() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let asked = json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"});
    let answer = health.cancel_for_clinic(VISIT_1.id, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    health.app.settled().await;
    let received = health.eua.all().pop().expect("an on_cancel");
    assert_eq!(received.verdict, Ok(()));
    let mut callback = received.json();
    assert_eq!(*tag(&mut callback, CANCELLED_BY), "doctor");
    assert_eq!(*tag(&mut callback, CANCEL_REASON), "DOCTOR_UNAVAILABLE");
    let placed = health.placed(VISIT_1);
    assert_eq!(
        callback["context"]["transaction_id"],
        placed["context"]["transaction_id"]
    );
    assert_ne!(
        callback["context"]["message_id"],
        placed["context"]["message_id"]
    );
    let copy = health.copy(message_id(&callback)).await;
    assert_eq!(copy.body, received.body);
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_clinic_cannot_cancel_with_a_patients_code_or_without_words_where_they_must_be() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    for asked in [
        json!({"by": "provider"}),
        json!({"by": "provider", "reason": "PATIENT_OTHER"}),
        json!({"by": "provider", "reason": "DOCTOR_ASKED_TO_CANCEL"}),
        json!({"by": "provider", "reason": "013"}),
        json!({"by": "provider", "reason": "DOCTOR_OTHER"}),
    ] {
        let answer = health.cancel_for_clinic(VISIT_1.id, &asked).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
    }
    assert_eq!(health.state_of(VISIT_1.id).await, "Confirmed");
    let asked = json!({"by": "provider", "reason": "DOCTOR_OTHER", "note": "The roof leaks"});
    let answer = health.cancel_for_clinic(VISIT_1.id, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_when_doctor_and_patient_cancel_at_once_one_of_them_did() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let asked = json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"});
    let (reply, answer) = tokio::join!(
        health.send(&message),
        health.cancel_for_clinic(VISIT_1.id, &asked)
    );
    assert_ack(&reply);
    assert_eq!(answer.status, 200, "{}", answer.text);
    health.app.settled().await;
    let order = health
        .app
        .get(&format!("/orders/{}", VISIT_1.id))
        .await
        .body;
    let by = match order["cancellation"]["by"].as_str() {
        Some("provider") => "doctor",
        _ => "patient",
    };
    for received in health
        .eua
        .all()
        .into_iter()
        .chain(health.gateway.inbox.all())
    {
        assert_eq!(
            *tag(&mut received.json(), CANCELLED_BY),
            by,
            "everybody hears the same"
        );
    }
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_each_failure_of_the_eua_is_followed_by_the_same_bytes_under_a_fresh_signature() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let raw = |status: u16| Answer::Raw {
        status,
        body: Bytes::new(),
    };
    health.eua.answer_next([
        raw(500),
        raw(401),
        Answer::Nack(json!({"code": "x"})),
        Answer::Close,
    ]);
    let message = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&message).await);
    let id = message_id(&message);
    let attempts = health.eua.received_times(id, 5, crate::app::WAIT).await;
    for attempt in attempts.expect("five attempts") {
        assert_eq!(attempt.verdict, Ok(()));
        assert_eq!(attempt.body, health.eua.all()[0].body);
    }
    health.copy(id).await;
    health.app.settled().await;
    assert_eq!(
        health.gateway.inbox.all().len(),
        1,
        "one copy of one on_cancel"
    );

    // The stop rule: a NACK is tried three more times, then it is for people.
    health.hand_over(VISIT_2).await;
    health.eua.answer(Answer::Nack(json!({"code": "x"})));
    let message = health.cancel_of(VISIT_2);
    assert_ack(&health.send(&message).await);
    let dead = callback_in(&health.app, message_id(&message), "dead").await;
    assert_eq!(outcomes(&dead), ["nack"; 4]);
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_gateway_that_is_down_does_not_delay_the_eua_and_gets_its_copy_later() {
    let mut health = Health::start().await;
    // Else the gateway would be left alone for a minute after its fifth failure.
    let section = "[delivery]\nbreaker_failures = 1000000\n";
    health
        .app
        .reconfigure(|text| text.replace("[delivery]\n", section))
        .await;
    health.hand_over(VISIT_1).await;
    let down = Answer::Raw {
        status: 503,
        body: Bytes::new(),
    };
    health.gateway.inbox.answer(down);
    let message = health.cancel_of(VISIT_1);
    health.answered(&message).await;
    let id = message_id(&message);
    let copies = health
        .gateway
        .inbox
        .received_times(id, 3, crate::app::WAIT)
        .await;
    assert!(copies.is_some(), "it is tried again");
    health.app.settled().await;
    let kept = health.app.get("/callbacks").await.body["callbacks"].clone();
    assert_eq!(
        (&kept[0]["state"], &kept[1]["state"]),
        (&json!("delivered"), &json!("dead"))
    );
    health.gateway.inbox.answer(Answer::Ack);
    let dead = kept[1]["id"].as_u64().expect("a number");
    health
        .app
        .admin("POST", &format!("/callbacks/{dead}/redrive"), None)
        .await;
    health.app.settled().await;
    assert_eq!(health.eua.all().len(), 1, "the EUA has heard it");
    let copies = health.gateway.inbox.all();
    let last = copies.last().expect("a copy");
    assert_eq!(
        (&last.verdict, &last.body),
        (&Ok(()), &health.eua.all()[0].body)
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_server_that_ends_between_ack_and_on_cancel_sends_both_after_its_next_start() {
    let mut health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.app.admin("POST", "/callbacks/hold", None).await;
    let message = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&message).await);
    health.app.restart().await;
    assert!(health.eua.all().is_empty());
    health.app.admin("POST", "/callbacks/release", None).await;
    health.callback(message_id(&message)).await;
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f4_members_that_nobody_knows_are_welcome() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let mut message = health.cancel_of(VISIT_1);
    message["context"]["x"] = json!({"y": [1]});
    message["message"]["order"]["billing"] = json!({"name": "N"});
    *tag(&mut message, "@abdm/gov.in/groupConsultation") = json!(false);
    message["error"] = json!({});
    health.answered(&message).await;
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_an_error_that_comes_back_is_kept_whole_with_both_ids() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let error = json!({"type": "CORE-ERROR", "code": "UHI-1409", "path": "message.order", "message": "Not now"});
    health.eua.answer_next([Answer::Nack(error.clone())]);
    let message = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&message).await);
    let id = message_id(&message);
    let kept = callback_in(&health.app, id, "delivered").await;
    assert_eq!(kept["message"], id);
    assert_eq!(kept["transaction"], message["context"]["transaction_id"]);
    let said: Value = serde_json::from_str(text(&kept["attempts"][0], "detail")).expect("JSON");
    assert_eq!(said, error);
    health.copy(id).await;
    health.stop().await;
}

/// All that this test binary logs, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false);
    let subscriber = subscriber.with_max_level(tracing::Level::TRACE).finish();
    tracing::subscriber::set_global_default(subscriber).expect("nobody else logs");
    log
});

#[tokio::test(flavor = "multi_thread")]
async fn f6_neither_pin_nor_phone_nor_health_number_is_in_the_log_or_kept_longer_than_needed() {
    let log = LOG.clone();
    let health = Health::start().await;
    let mut document = health.placed(VISIT_1);
    let order = &mut document["message"]["order"];
    order["authorization"]["token"] = json!("pin-77-not-to-be-seen");
    order["billing"]["phone"] = json!("phone-77-not-to-be-seen");
    order["customer"]["person"]["tags"]["@abdm/gov.in/abha_number"] =
        json!("abha-77-not-to-be-seen");
    health.hand_over_as(VISIT_1.id, &document).await;
    let kept = health
        .app
        .get(&format!("/orders/{}", VISIT_1.id))
        .await
        .text;
    assert!(kept.contains("phone-77-not-to-be-seen") && !kept.contains("pin-77-not-to-be-seen"));
    let refused = signer(
        "eua.example.org",
        include_str!("../../../keys/gateway.signing"),
    );
    let message = health.cancel_of(VISIT_1);
    let header = refused.authorization(b"{}", Utc::now().timestamp());
    assert_nack(
        &health.post(&message.to_string(), &header).await,
        401,
        "signature_mismatch",
    );
    health.eua.answer_next([Answer::Nack(json!({"code": "x"}))]);
    let body = {
        assert_ack(&health.send(&message).await);
        health.callback(message_id(&message)).await.body
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("phone-77-not-to-be-seen") && !body.contains("pin-77-not-to-be-seen"));
    health.app.settled().await;
    health.stop().await;
    let text = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
    assert!(
        text.contains("a cancel is acknowledged"),
        "something is logged"
    );
    assert!(!text.contains("77-not-to-be-seen"));
}
