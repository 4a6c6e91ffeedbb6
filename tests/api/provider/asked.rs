//! Questions before a cancellation over a network is final.

mod again;
mod time;

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{O3, TRIP_1};
use serde_json::{Value, json};

use super::{BackEnd, SAMPLES};

fn silence() -> Answer {
    Answer::Raw {
        status: 204,
        body: "".into(),
    }
}

/// What the back end was told of, in order.
async fn kinds(back_end: &BackEnd) -> Vec<String> {
    let listed = back_end.app.get("/events?after=0").await.body;
    let events = listed["events"].as_array().expect("a list");
    let kind = |event: &Value| event["type"].as_str().expect("a type").to_owned();
    events.iter().map(kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_the_provider_allows_is_that_of_the_terms() {
    let back_end = BackEnd::asked("").await;
    for sample in SAMPLES {
        back_end.app.hand_over(sample).await;
        let message = back_end.cancel(sample).await;
        let callback = back_end.app.callback(&message).await.json();
        let order = &callback["message"]["order"];
        let word = order["state"].as_str().or_else(|| order["status"].as_str());
        assert!(
            matches!(word, Some("Cancelled" | "CANCELLED")),
            "{callback}"
        );
        assert_eq!(back_end.order(sample).await["state"], "Cancelled");
    }
    let questions = back_end.questions_come(2).await;
    let question = questions.iter().find(|one| one.json()["order_id"] == O3.id);
    let question = question.expect("a question");
    assert_eq!(question.verdict, Ok(()));
    let body = question.json();
    assert_eq!(body["type"], "order.cancellation_requested");
    assert_eq!(body["by"], "customer");
    assert_eq!(body["fee"], json!({"value": "50.00", "currency": "INR"}));
    assert_eq!(question.message_id.as_deref(), body["question"].as_str());
    let told = kinds(&back_end).await;
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "order.cancelled")
            .count(),
        2
    );
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "order.cancellation_pending")
            .count(),
        2
    );
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_may_take_less_than_the_terms_say_and_never_more() {
    let back_end = BackEnd::asked("").await;
    for (fee, expected) in [("20.00", "20.00"), ("0", "0.00"), ("50.01", "50.00")] {
        let id = format!("ride-{expected}");
        let placed = O3.placed_by(
            ("bap.example.org", back_end.app.bap.url.as_str()),
            (crate::app::BPP, "http://bpp.example.org"),
        );
        let mut document: Value = serde_json::from_str(&placed.expect("a sample")).expect("JSON");
        document["message"]["order"]["id"] = json!(id);
        let path = format!("/orders/{id}");
        assert_eq!(
            back_end
                .app
                .admin("PUT", &path, Some(&document))
                .await
                .status,
            201
        );
        back_end
            .provider
            .decide(&json!({"decision": "allow", "fee": fee}));
        let mut message = back_end.app.cancel_of(O3);
        message.order = id.clone();
        back_end.app.send(&message).await;
        let callback = back_end.app.callback(&message.message).await.json();
        let charged = back_end.app.get(&path).await.body["cancellation"]["charge"]["fee"].clone();
        assert_eq!(charged, json!({"value": expected, "currency": "INR"}));
        let quote = &callback["message"]["order"]["quote"];
        let breakup = quote["breakup"].as_array().expect("lines");
        let charges = |line: &&Value| line["title"] == "CANCELLATION_CHARGES";
        let charges: Vec<_> = breakup.iter().filter(charges).collect();
        let whole = expected.trim_end_matches(".00");
        assert_eq!(charges.len(), 1, "{quote}");
        assert_eq!(charges[0]["price"]["value"], whole, "{quote}");
        assert_eq!(quote["price"]["value"], whole, "{quote}");
    }
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_with_its_reason_and_the_order_goes_on() {
    let back_end = BackEnd::asked("").await;
    back_end.app.hand_over(TRIP_1).await;
    let why = "The driver is at the door";
    back_end
        .provider
        .decide(&json!({"decision": "refuse", "reason": why}));
    let message = back_end.cancel(TRIP_1).await;
    let callback = back_end.app.callback(&message).await.json();
    assert_eq!(callback.get("message"), None);
    let text = callback["error"]["message"].as_str().expect("an error");
    assert!(text.contains(why), "{text}");
    let order = back_end.order(TRIP_1).await;
    assert_eq!(
        (&order["state"], &order["undecided"]),
        (&json!("Confirmed"), &Value::Null)
    );
    assert_eq!(
        kinds(&back_end).await,
        ["order.cancellation_pending", "order.cancellation_refused"]
    );
    back_end.provider.decide(&json!({"decision": "allow"}));
    let message = back_end.cancel(TRIP_1).await;
    let callback = back_end.app.callback(&message).await.json();
    assert_eq!(
        callback["message"]["order"]["state"], "Cancelled",
        "asked anew"
    );
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_again_under_its_id_until_there_is_an_answer() {
    let back_end = BackEnd::asked("").await;
    back_end.app.hand_over(TRIP_1).await;
    back_end.provider.answer_next_questions([
        Answer::Close,
        Answer::Raw {
            status: 500,
            body: r#"{"decision":"refuse"}"#.into(),
        },
        Answer::Raw {
            status: 200,
            body: "not an answer".into(),
        },
    ]);
    let message = back_end.cancel(TRIP_1).await;
    assert_eq!(back_end.order(TRIP_1).await["state"], "Confirmed");
    let callback = back_end.app.callback(&message).await.json();
    assert_eq!(callback["message"]["order"]["state"], "Cancelled");
    let questions = back_end.provider.questions();
    assert_eq!(questions.len(), 4);
    for question in &questions {
        assert_eq!(question.verdict, Ok(()));
        assert_eq!(question.message_id, questions[0].message_id);
    }
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_begins_meanwhile_is_not_cancelled_whatever_the_answer() {
    let back_end = BackEnd::asked("").await;
    back_end.provider.answer_questions(silence());
    back_end.app.hand_over(TRIP_1).await;
    let message = back_end.cancel(TRIP_1).await;
    back_end.questions_come(1).await;
    let begun = json!({"status": "InProgress"});
    let patched = back_end
        .app
        .admin("PATCH", "/orders/trip_1", Some(&begun))
        .await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    back_end.provider.decide(&json!({"decision": "allow"}));
    let callback = back_end.app.callback(&message).await.json();
    assert!(callback["error"]["message"].is_string(), "{callback}");
    assert_eq!(back_end.order(TRIP_1).await["state"], "InProgress");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_go_on_after_a_restart_and_without_a_hook_the_terms_decide() {
    let mut back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    back_end.provider.answer_questions(silence());
    for sample in SAMPLES {
        back_end.app.hand_over(sample).await;
    }
    let first = back_end.cancel(TRIP_1).await;
    let before = back_end.questions_come(1).await;
    back_end.app.restart().await;
    back_end.provider.decide(&json!({"decision": "refuse"}));
    let callback = back_end.app.callback(&first).await.json();
    assert!(callback["error"]["message"].is_string(), "{callback}");
    let after = back_end.provider.questions();
    assert_eq!(
        after.last().expect("a question").message_id,
        before[0].message_id
    );
    back_end.provider.answer_questions(silence());
    let second = back_end.cancel(O3).await;
    back_end.questions_come(after.len() + 1).await;
    back_end
        .app
        .reconfigure(|text| text.replace("hook_url", "# hook_url"))
        .await;
    let callback = back_end.app.callback(&second).await.json();
    assert_eq!(callback["message"]["order"]["status"], "CANCELLED");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_is_asked_only_in_the_states_that_are_configured() {
    let back_end = BackEnd::asked("hook_states = [\"RIDE_STARTED\"]").await;
    back_end.app.hand_over(O3).await;
    let message = back_end.cancel(O3).await;
    back_end.app.callback(&message).await;
    assert!(back_end.provider.questions().is_empty());
    back_end.stop().await;
}
