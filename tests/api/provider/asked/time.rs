//! How long the provider may take, and what happens when it takes longer.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{O3, TRIP_1};
use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::silence;
use crate::provider::BackEnd;

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_in_time_the_terms_decide() {
    let back_end = BackEnd::asked("hook_wait = \"300ms\"").await;
    back_end.provider.answer_questions(Answer::Hang);
    back_end.app.hand_over(O3).await;
    let message = back_end.cancel(O3).await;
    let callback = back_end.app.callback(&message).await.json();
    assert_eq!(callback["message"]["order"]["status"], "CANCELLED");
    let order = back_end.order(O3).await;
    assert_eq!(order["cancellation"]["charge"]["fee"]["value"], "50.00");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_longer_than_until_five_seconds_before_the_request_is_void() {
    let back_end = BackEnd::asked("").await;
    back_end.provider.answer_questions(silence());
    back_end.app.hand_over(TRIP_1).await;
    let ask = async |ttl: &str| {
        let mut message = back_end.app.cancel_of(TRIP_1).to_json();
        message["context"]["ttl"] = json!(ttl);
        let id = message["context"]["message_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let reply = back_end.app.send_text(&message.to_string()).await;
        assert_eq!(
            reply.json()["message"]["ack"]["status"],
            "ACK",
            "{}",
            reply.json()
        );
        id
    };
    let asked_at = Utc::now();
    let message = ask("PT6S").await;
    let question = back_end.questions_come(1).await[0].json();
    let answer_by = question["answer_by"].as_str().expect("a time");
    let answer_by: chrono::DateTime<Utc> = answer_by.parse().expect("a time");
    assert!(
        answer_by - asked_at <= TimeDelta::milliseconds(1_100),
        "{answer_by}"
    );
    back_end.app.callback(&message).await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_time_left_to_ask_the_terms_decide_at_once() {
    let back_end = BackEnd::asked("").await;
    back_end.app.hand_over(TRIP_1).await;
    let mut message = back_end.app.cancel_of(TRIP_1).to_json();
    message["context"]["ttl"] = json!("PT5S");
    let id = message["context"]["message_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    back_end.app.send_text(&message.to_string()).await;
    back_end.app.callback(&id).await;
    assert!(back_end.provider.questions().is_empty());
    back_end.stop().await;
}
