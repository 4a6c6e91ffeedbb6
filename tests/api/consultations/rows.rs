//! Each row of the partner API's failures: its status and body, and nothing stored.
//!
//! Row 1 is in [`tokens`](super::tokens). Rows 12 and 13 speak of a foreign provider and cannot
//! occur here.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{VISIT_1, VISIT_2};
use beckn_bpp::mock::provider;
use serde_json::{Value, json};

use super::{Door, PATH, SECRET, booked, check, claims, hs256, token_of};
use crate::app::{WAIT, answer, listener};
use crate::uhi::{HSPA, Health};

#[tokio::test(flavor = "multi_thread")]
async fn row_2_another_type_or_too_long_a_body_is_refused() {
    let door = Door::open().await;
    let text = door.headers().with("Content-Type", "text/plain");
    door.fails(
        &text,
        &door.triple().to_string(),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    .await;
    let long = format!("{}{}", door.triple(), " ".repeat(300 * 1024));
    door.fails(&door.headers(), &long, 413, "BODY_TOO_LARGE")
        .await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_3_an_id_that_is_missing_or_not_usable_is_named() {
    let door = Door::open().await;
    for member in ["order_id", "provider_id", "transaction_id"] {
        for value in [Value::Null, json!(""), json!(7), json!("x".repeat(256))] {
            let mut body = door.triple();
            body[member] = value;
            let headers = door.headers();
            let answer = door
                .fails(&headers, &body.to_string(), 400, "INVALID_REQUEST")
                .await;
            assert!(answer.text.contains(member), "{}", answer.text);
        }
    }
    for body in ["", "{", "[]", r#"{"order_id":"a","order_id":"b"}"#] {
        door.fails(&door.headers(), body, 400, "INVALID_REQUEST")
            .await;
    }
    let mut body = door.triple();
    for reason in ["DOCTOR_UNAVAILABLE", "unknown"] {
        body["reason"] = json!(reason);
        door.fails(&door.headers(), &body.to_string(), 400, "INVALID_REQUEST")
            .await;
    }
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_4_a_patient_must_be_named_and_two_names_must_be_one_persons() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let nobody = door.headers().without("X-Pt-Id");
    door.fails(&nobody, &body, 400, "PATIENT_REQUIRED").await;
    let two = door.headers().with("X-Partner-Pt-Id", "ours-2");
    door.fails(&two, &body, 400, "PATIENT_MISMATCH").await;
    let partners = nobody.with("X-Partner-Pt-Id", "ours-1");
    assert_eq!(door.cancel(&partners).await.status, 200);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_5_a_facility_of_somebody_else_is_forbidden() {
    let door = Door::open().await;
    let body = door.triple().to_string();
    let foreign = door.headers().with("X-Hip-Id", "IN0000000009");
    door.fails(&foreign, &body, 403, "HIP_FORBIDDEN").await;
    let other = door.headers().with("X-Hip-Id", "IN0000000002");
    door.fails(&other, &body, 404, "ORDER_NOT_FOUND").await;
    let own = door.headers().with("X-Hip-Id", "IN0000000000");
    assert_eq!(door.cancel(&own).await.status, 200);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_6_a_booking_of_another_patient_or_facility_is_as_one_that_does_not_exist() {
    let door = Door::open().await;
    let health = &door.health;
    let patient = json!({"id": "pt-1", "hip_id": "IN0000000009"});
    health
        .hand_over_as("elsewhere", &booked(health, "elsewhere", &patient))
        .await;
    health.hand_over(VISIT_2).await;
    let mut answers = Vec::new();
    for (id, who) in [
        ("no-such-visit", "pt-1"),
        ("visit_1", "pt-2"),
        ("elsewhere", "pt-1"),
        ("visit_2", "pt-1"),
    ] {
        let mut body = door.triple();
        body["order_id"] = json!(id);
        let headers = door.headers().with("X-Pt-Id", who);
        answers.push(
            door.fails(&headers, &body.to_string(), 404, "ORDER_NOT_FOUND")
                .await
                .text,
        );
    }
    assert!(
        answers.iter().all(|text| *text == answers[0]),
        "{answers:?}"
    );
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_7_another_provider_or_session_than_the_bookings_is_a_conflict() {
    let door = Door::open().await;
    for (member, value) in [
        ("provider_id", "other.example.org"),
        ("transaction_id", "another"),
    ] {
        let mut body = door.triple();
        body[member] = json!(value);
        door.fails(&door.headers(), &body.to_string(), 409, "ORDER_MISMATCH")
            .await;
    }
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_8_the_same_request_again_gets_the_first_answer_and_other_bytes_under_its_key_do_not() {
    let door = Door::open().await;
    let keyed = door.headers().with("Idempotency-Key", "k-1");
    let first = door.cancel(&keyed).await;
    assert_eq!(first.status, 200, "{}", first.text);
    door.health.app.settled().await;
    let kept = door.health.app.kept().await;
    for _ in 0..2 {
        assert_eq!(door.cancel(&keyed).await.text, first.text);
    }
    let mut other = door.triple();
    other["order_id"] = json!("another");
    door.fails(&keyed, &other.to_string(), 409, "IDEMPOTENCY_KEY_REUSED")
        .await;
    let quoted = door.headers().with("Idempotency-Key", "\"k-1\"");
    assert_eq!(door.cancel(&quoted).await.text, first.text);
    // The key is of the body alone; for whom it is, is in headers.
    let [stranger, two] = [("X-Pt-Id", "pt-2"), ("X-Partner-Pt-Id", "ours-2")];
    let body = door.triple().to_string();
    for (header, status, code) in [
        (stranger, 404, "ORDER_NOT_FOUND"),
        (two, 400, "PATIENT_MISMATCH"),
        (("X-Hip-Id", "IN0000000002"), 404, "ORDER_NOT_FOUND"),
    ] {
        let headers = keyed.clone().with(header.0, header.1);
        door.fails(&headers, &body, status, code).await;
    }
    let bad = door.headers().with("Idempotency-Key", "a b");
    door.fails(&bad, &door.triple().to_string(), 400, "INVALID_REQUEST")
        .await;
    // A key is the client's own.
    let mut claims = claims();
    claims["sub"] = json!("client-2");
    let token = token_of(&hs256(), &claims, SECRET);
    let client_2 = keyed.with("Authorization", &format!("Bearer {token}"));
    door.fails(
        &client_2,
        &door.triple().to_string(),
        404,
        "ORDER_NOT_FOUND",
    )
    .await;
    assert_eq!(door.health.app.kept().await, kept);
    assert_eq!(door.health.eua.all().len(), 1);
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_8_without_a_key_the_same_bytes_are_the_same_request_across_a_restart_too() {
    let mut door = Door::open().await;
    let first = door.cancel(&door.headers()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    door.health.app.settled().await;
    door.health.app.restart().await;
    let again = door.cancel(&door.headers()).await;
    assert_eq!((again.status, again.text), (200, first.text));
    door.health.app.settled().await;
    assert_eq!(door.health.eua.all().len(), 1);
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_9_what_is_cancelled_over_or_begun_cannot_be_cancelled() {
    let door = Door::open().await;
    let health = &door.health;
    for (id, word) in [
        ("s", "APPOINTMENT_STARTED"),
        ("c", "COMPLETED"),
        ("n", "NO_SHOW"),
    ] {
        let patient = json!({"id": "pt-1", "hip_id": "IN0000000000"});
        let mut document = booked(health, id, &patient);
        document["message"]["order"]["state"] = json!(word);
        health.hand_over_as(id, &document).await;
        let mut body = door.triple();
        body["order_id"] = json!(id);
        door.fails(
            &door.headers(),
            &body.to_string(),
            409,
            "ORDER_NOT_CANCELLABLE",
        )
        .await;
    }
    let clinic = json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"});
    assert_eq!(
        health.cancel_for_clinic("visit_1", &clinic).await.status,
        200
    );
    health.app.settled().await;
    let body = door.triple().to_string();
    door.fails(&door.headers(), &body, 409, "ORDER_NOT_CANCELLABLE")
        .await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_10_while_the_provider_is_asked_a_cancellation_is_under_way() {
    let mut door = Door::open().await;
    let clinic = provider::start(listener()).expect("a back end");
    clinic.answer_questions(Answer::Hang);
    let secret = door.keys.path().join("provider.secret");
    std::fs::write(&secret, provider::SECRET).expect("written");
    let section = format!(
        "\n[provider]\nsecret_file = \"{}\"\nhook_url = \"{}\"\nhook_wait = \"1m\"\n",
        secret.display(),
        clinic.hook_url
    );
    let health = &mut door.health;
    health
        .app
        .reconfigure(|text| format!("{text}{section}"))
        .await;
    let patients = health.cancel_of(VISIT_1);
    assert_eq!(health.send(&patients).await.status, 200);
    assert!(clinic.until(WAIT, |one| !one.questions().is_empty()).await);
    let body = door.triple().to_string();
    door.fails(&door.headers(), &body, 409, "CANCELLATION_IN_PROGRESS")
        .await;
    let doctor = json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"});
    let ended = door.health.cancel_for_clinic("visit_1", &doctor).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    door.health.stop().await;
    clinic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_a_client_that_asks_too_fast_is_told_when_to_come_again() {
    let door = Door::open_with("[limits]\nper_subscriber_per_second = 1").await;
    let query = format!("order_id=visit_1&provider_id={HSPA}&txn_id=another");
    let mut told = None;
    for _ in 0..50 {
        let answer = door.status(&door.headers(), &query).await;
        if answer.status == 429 {
            told = Some(answer);
            break;
        }
    }
    let told = told.expect("one too many");
    check(&told, 429, "RATE_LIMITED");
    assert!(told.headers.contains_key("retry-after"));
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_a_client_that_tries_for_bookings_is_slowed_and_its_own_are_still_cancelled() {
    let door = Door::open_with("[limits]\nnot_found_per_minute = 4").await;
    let session = VISIT_1.transaction().expect("a sample");
    let query = format!("order_id=nowhere&provider_id={HSPA}&txn_id={session}");
    let mut body = door.triple();
    body["transaction_id"] = json!("another");
    let (mut gets, mut posts) = (0, 0);
    // A place comes back every fifteen seconds: on a slow machine some may have.
    while gets < 50 && door.status(&door.headers(), &query).await.status == 404 {
        gets += 1;
    }
    assert!((4..50).contains(&gets), "{gets}");
    let told = loop {
        let answer = door.post(&door.headers(), &body.to_string()).await;
        if answer.status != 409 || posts == 50 {
            break answer;
        }
        posts += 1;
    };
    check(&told, 429, "RATE_LIMITED");
    assert!(told.headers.contains_key("retry-after"));
    assert_eq!(door.cancel(&door.headers()).await.status, 200);
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_14_a_store_without_room_is_told_as_unavailable() {
    let door = Door::open().await;
    let edit = |text: String| {
        text.replace(
            "path = \"data\"",
            "path = \"data\"\nmin_free = \"900000GB\"\nmin_free_percent = 100",
        )
    };
    let mut door = door;
    door.health.app.reconfigure(edit).await;
    let body = door.triple().to_string();
    let answer = door.fails(&door.headers(), &body, 503, "UNAVAILABLE").await;
    assert!(answer.headers.contains_key("retry-after"));
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_how_a_cancellation_stands() {
    let door = Door::open().await;
    let txn = VISIT_1.transaction().expect("a sample");
    let query = |id: &str| format!("order_id={id}&provider_id={HSPA}&txn_id={txn}");
    let stands = async |id: &str| door.status(&door.headers(), &query(id)).await;
    assert_eq!(stands("visit_1").await.body, json!({"status": "PENDING"}));
    check(&stands("no-such-visit").await, 404, "ORDER_NOT_FOUND");
    let patient = json!({"id": "pt-1", "hip_id": "IN0000000000"});
    let mut document = booked(&door.health, "over", &patient);
    document["message"]["order"]["state"] = json!("COMPLETED");
    door.health.hand_over_as("over", &document).await;
    assert_eq!(stands("over").await.body, json!({"status": "FAILED"}));
    assert_eq!(door.cancel(&door.headers()).await.status, 200);
    assert_eq!(stands("visit_1").await.body, json!({"status": "SUCCESS"}));
    let bare = door.status(&door.headers(), "order_id=visit_1").await;
    check(&bare, 400, "INVALID_REQUEST");
    check(
        &door.status(&door.headers(), "order_id=a&order_id=b").await,
        400,
        "INVALID_REQUEST",
    );
    door.health.app.settled().await;
    door.health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_section_the_door_is_not_there_and_other_methods_are_refused() {
    let health = Health::start().await;
    let asked = health.app.http.post(health.app.url(PATH)).body("{}");
    assert_eq!(answer(asked).await.status, 404);
    health.stop().await;
    let door = Door::open().await;
    let asked = door
        .health
        .app
        .http
        .put(door.health.app.url(PATH))
        .body("{}");
    let refused = answer(asked).await;
    check(&refused, 405, "INVALID_REQUEST");
    assert_eq!(refused.headers["allow"], "GET, POST");
    door.health.stop().await;
}
