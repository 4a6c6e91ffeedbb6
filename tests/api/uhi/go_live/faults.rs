//! Rows F: who fails, what comes again, and what is never seen.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{VISIT_1, VISIT_2};
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::{tag, text};
use crate::setup::{callback_in, callback_when, outcomes};
use crate::uhi::{Health, assert_ack, assert_nack, message_id, signer};

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
async fn f5_an_error_that_comes_back_is_kept_whole_and_logged_with_both_ids_but_its_sentence() {
    let log = LOG.clone();
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let error = json!({"type": "CORE-ERROR", "code": "UHI-1409", "path": "message.order", "message": "Not now"});
    health.eua.answer_next([Answer::Nack(error.clone())]);
    let message = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&message).await);
    let id = message_id(&message);
    // The gateway's copy has the same message id.
    let wanted = |one: &Value| one["kind"] == "final" && one["state"] == "delivered";
    let kept = callback_when(&health.app, id, wanted).await;
    assert_eq!(kept["message"], id);
    assert_eq!(kept["transaction"], message["context"]["transaction_id"]);
    let said: Value = serde_json::from_str(text(&kept["attempts"][0], "detail")).expect("JSON");
    assert_eq!(said, error);
    health.copy(id).await;
    health.stop().await;
    let logged = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
    let of_it = |line: &&str| line.contains(id) && line.contains("to be tried again");
    let line = logged.lines().find(of_it).expect("a line of the log");
    let session = text(&message["context"], "transaction_id");
    for part in [session, "CORE-ERROR", "UHI-1409", "message.order"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // The sentence may be about anybody; it stays with the attempt.
    assert!(!logged.contains("Not now"));
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
        include_str!("../../../../keys/gateway.signing"),
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
