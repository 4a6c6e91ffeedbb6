//! Rows C: a patient cancels.

use beckn_bpp::mock::orders::VISIT_1;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{authorization, tag, text};
use crate::uhi::{CANCEL_REASON, CANCELLED_BY, Health, REASON, assert_ack, message_id};

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
        (&json!(crate::uhi::HSPA), &json!(crate::uhi::HSPA_URI))
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
