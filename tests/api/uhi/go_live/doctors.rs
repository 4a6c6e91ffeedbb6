//! Rows D: a doctor cancels, and both at once.

use beckn_bpp::mock::orders::VISIT_1;
use serde_json::json;

use super::tag;
use crate::uhi::{CANCEL_REASON, CANCELLED_BY, Health, assert_ack, message_id};

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
