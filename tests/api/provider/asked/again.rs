//! More requests about one order while the provider is asked about it, and a question that was
//! decided otherwise.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use super::silence;
use crate::app::WAIT;
use crate::provider::BackEnd;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_meanwhile_gets_the_same_outcome_and_no_question_of_its_own() {
    let back_end = BackEnd::asked("").await;
    back_end.provider.answer_questions(silence());
    back_end.app.hand_over(TRIP_1).await;
    let first = back_end.cancel(TRIP_1).await;
    back_end.questions_come(1).await;
    let second = back_end.cancel(TRIP_1).await;
    back_end
        .provider
        .decide(&json!({"decision": "refuse", "reason": "No"}));
    for message in [&first, &second] {
        let callback = back_end.app.callback(message).await.json();
        assert!(callback["error"]["message"].is_string(), "{callback}");
    }
    let ids: std::collections::BTreeSet<_> = back_end
        .provider
        .questions()
        .into_iter()
        .map(|one| one.message_id)
        .collect();
    assert_eq!(ids.len(), 1);
    let session = TRIP_1.transaction().expect("a sample");
    let timeline = back_end
        .app
        .get(&format!("/transactions/{session}"))
        .await
        .body;
    let steps = timeline["timeline"].as_array().expect("a list");
    let whats = steps.iter().map(|step| step["what"].as_str());
    let requests = whats.filter(|what| *what == Some("request acknowledged"));
    assert_eq!(requests.count(), 2, "{timeline}");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_is_acknowledged_and_asks_nothing_more() {
    let back_end = BackEnd::asked("").await;
    back_end.provider.answer_questions(silence());
    back_end.app.hand_over(TRIP_1).await;
    let message = back_end.app.cancel_of(TRIP_1);
    for _ in 0..3 {
        let reply = back_end.app.send(&message).await;
        assert_eq!(reply.json()["message"]["ack"]["status"], "ACK");
    }
    back_end.provider.decide(&json!({"decision": "allow"}));
    back_end.app.callback(&message.message).await;
    back_end.app.settled().await;
    let times = back_end
        .app
        .bap
        .received_times(&message.message, 1, WAIT)
        .await;
    assert_eq!(times.map(|all| all.len()), Some(1));
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bap_that_cancels_one_order_again_and_again_while_it_is_asked_about_is_told_to_wait() {
    let back_end = BackEnd::asked("hook_wait = \"2m\"").await;
    back_end.provider.answer_questions(Answer::Hang);
    back_end.app.hand_over(TRIP_1).await;
    // All that wait are kept with the order.
    for _ in 0..256 {
        back_end.cancel(TRIP_1).await;
    }
    let before = back_end.app.kept().await;
    let reply = back_end.app.send(&back_end.app.cancel_of(TRIP_1)).await;
    let answer = reply.json();
    assert_eq!(reply.status, 429, "{answer}");
    let text = answer["error"]["message"].as_str().expect("a sentence");
    assert!(text.starts_with("rate_limited"), "{text}");
    assert_eq!(back_end.app.kept().await, before);
    back_end.app.stop_owing().await;
    back_end.provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_decided_otherwise_is_not_asked_again_and_holds_up_no_other() {
    let back_end = BackEnd::asked("hook_wait = \"2m\"").await;
    back_end.provider.answer_questions(silence());
    back_end.app.hand_over(TRIP_1).await;
    let first = back_end.cancel(TRIP_1).await;
    let old = back_end.questions_come(1).await[0].message_id.clone();
    let note = json!({"note": "The driver is at the door"});
    let path = "/orders/trip_1/refuse";
    let refused = back_end.app.admin("POST", path, Some(&note)).await;
    assert_eq!(refused.status, 200, "{}", refused.text);
    let heard = back_end.app.callback(&first).await.json();
    assert!(heard["error"]["message"].is_string(), "{heard}");
    let before = back_end.provider.questions().len();
    let second = back_end.cancel(TRIP_1).await;
    let is_new = |one: &beckn_bpp::mock::bap::Received| one.message_id != old;
    let asked = back_end.provider.until(WAIT, |provider| {
        provider
            .questions()
            .iter()
            .filter(|one| is_new(one))
            .count()
            >= 3
    });
    assert!(asked.await, "the next question is asked at once");
    let later = back_end.provider.questions().split_off(before + 1);
    assert!(later.iter().all(is_new), "the old one is over");
    back_end.provider.decide(&json!({"decision": "allow"}));
    let heard = back_end.app.callback(&second).await.json();
    assert_eq!(heard["message"]["order"]["state"], "Cancelled");
    back_end.stop().await;
}
