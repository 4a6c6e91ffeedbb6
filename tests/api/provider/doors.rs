//! Questions before a cancellation through the admin API or a REST door: the answer waits.

use beckn_bpp::app::api_keys::{self, ApiKeys};
use beckn_bpp::http::bookings::keys::Scope;
use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::TRIP_1;
use chrono::Utc;
use serde_json::{Value, json};

use super::BackEnd;
use crate::app;

async fn admin_cancel(back_end: &BackEnd, by: &str) -> app::Answer {
    let body = json!({"by": by, "reason": "001"});
    let path = "/orders/trip_1/cancel";
    back_end.app.admin("POST", path, Some(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_answers_with_what_the_provider_decides() {
    let back_end = BackEnd::asked("").await;
    back_end.app.hand_over(TRIP_1).await;
    back_end
        .provider
        .decide(&json!({"decision": "refuse", "reason": "Not today"}));
    let refused = admin_cancel(&back_end, "customer").await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("Not today"), "{}", refused.text);
    back_end.provider.decide(&json!({"decision": "allow"}));
    let allowed = admin_cancel(&back_end, "customer").await;
    assert_eq!(allowed.status, 200, "{}", allowed.text);
    back_end.app.settled().await;
    let received = back_end.app.bap.all();
    assert_eq!(received.len(), 1, "the BAP hears of the cancellation alone");
    assert_eq!(received[0].json()["message"]["order"]["state"], "Cancelled");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_is_not_asked_about_what_it_does_itself_and_that_answers_a_question() {
    let back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    back_end.provider.answer_questions(Answer::Hang);
    back_end.app.hand_over(TRIP_1).await;
    let message = back_end.cancel(TRIP_1).await;
    back_end.questions_come(1).await;
    let cancelled = admin_cancel(&back_end, "provider").await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let callback = back_end.app.callback(&message).await.json();
    assert_eq!(callback["message"]["order"]["state"], "Cancelled");
    back_end.stop().await;
}

/// A back end that is asked, the door of bookings with a key to it, and a booking.
async fn with_bookings() -> (BackEnd, String) {
    let provider = |provider: &beckn_bpp::mock::provider::ProviderHandle| {
        format!("hook_url = \"{}\"\nhook_wait = \"1m\"", provider.hook_url)
    };
    let mut back_end = BackEnd::with(provider, "[bookings]").await;
    let (key, text) = api_keys::new("one", &Scope::ALL, Vec::new(), Utc::now()).expect("a key");
    let file = back_end.app.directory.path().join("api-keys.toml");
    ApiKeys { keys: vec![key] }.write(&file).expect("written");
    back_end.app.restart().await;
    let order = json!({"id": "bkg_1", "booking": {"status": "Confirmed",
        "price": {"value": "120", "currency": "EUR"}}});
    back_end
        .app
        .admin("PUT", "/orders/bkg_1", Some(&order))
        .await;
    (back_end, text.to_string())
}

async fn post(back_end: &BackEnd, key: &str, again: &str) -> app::Answer {
    post_because(back_end, key, (again, "Guest is ill")).await
}

async fn post_because(back_end: &BackEnd, key: &str, (again, why): (&str, &str)) -> app::Answer {
    let url = back_end.app.url("/v1/bookings/bkg_1/cancel");
    let asked = back_end.app.http.post(url).bearer_auth(key);
    let asked = asked.header("Content-Type", "application/json");
    let body = json!({"reason": why}).to_string();
    app::answer(asked.header("Idempotency-Key", again).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_waited_for_one_refusal_get_it_again_byte_for_byte_also_after_a_restart() {
    let (mut back_end, key) = with_bookings().await;
    let silence = Answer::Raw {
        status: 503,
        body: "".into(),
    };
    back_end.provider.answer_questions(silence);
    let waiting = async {
        while back_end.app.get("/orders/bkg_1").await.body["undecided"]["at_doors"]
            .as_array()
            .is_none_or(|all| all.len() < 2)
        {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        back_end
            .provider
            .decide(&json!({"decision": "refuse", "reason": "The massage has begun"}));
    };
    let one = post(&back_end, &key, "one");
    let two = post(&back_end, &key, "two");
    let (one, two, ()) = tokio::join!(one, two, waiting);
    assert_eq!(one.status, 422, "{}", one.text);
    assert_eq!(one.body["error"]["details"]["status"], "confirmed");
    assert_eq!(one.text, two.text);
    // Whatever becomes of the booking, what was said stays said.
    let begun = json!({"status": "InProgress"});
    let patched = back_end
        .app
        .admin("PATCH", "/orders/bkg_1", Some(&begun))
        .await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    for _ in 0..2 {
        for again in ["one", "two"] {
            let answer = post(&back_end, &key, again).await;
            assert_eq!((answer.status, &answer.text), (422, &one.text), "{again}");
            let other = post_because(&back_end, &key, (again, "Another")).await;
            let code = &other.body["error"]["code"];
            assert_eq!(
                (other.status, code),
                (409, &json!("IDEMPOTENCY_KEY_REUSED"))
            );
        }
        back_end.app.restart().await;
    }
    let ids: std::collections::BTreeSet<_> = back_end
        .provider
        .questions()
        .into_iter()
        .map(|one| one.message_id)
        .collect();
    assert_eq!(ids.len(), 1, "nobody was asked twice");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bookings_door_waits_for_the_provider_and_remembers_what_it_said() {
    let (back_end, key) = with_bookings().await;
    let post = async |again: &str| post(&back_end, &key, again).await;
    back_end
        .provider
        .decide(&json!({"decision": "refuse", "reason": "The massage has begun"}));
    let refused = post("one").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.body["error"]["code"], "BOOKING_NOT_CANCELLABLE");
    assert_eq!(refused.body["error"]["message"], "The massage has begun");
    back_end.provider.decide(&json!({"decision": "allow"}));
    let again = post("one").await;
    assert_eq!(
        (again.status, &again.text),
        (422, &refused.text),
        "the same request, the same outcome"
    );
    let (one, other) = tokio::join!(post("two"), post("two"));
    assert_eq!(
        (one.status, other.status),
        (200, 200),
        "{} {}",
        one.text,
        other.text
    );
    assert_eq!(one.text, other.text);
    // Each key has its own first answer, whatever became of the booking through another.
    for (again, first) in [("one", &refused), ("two", &one), ("one", &refused)] {
        let repeated = post(again).await;
        let told = (repeated.status, &repeated.text);
        assert_eq!(told, (first.status, &first.text), "{again}");
    }
    let order = back_end.app.get("/orders/bkg_1").await.body;
    assert_eq!(order["undecided"], Value::Null);
    let late = post("three").await;
    assert_eq!(late.body["error"]["code"], "BOOKING_ALREADY_CANCELLED");
    let events = back_end.app.get("/events?after=0").await.body;
    let cancelled = |event: &&Value| event["type"] == "order.cancelled";
    let events = events["events"].as_array().expect("a list");
    assert_eq!(events.iter().filter(cancelled).count(), 1);
    back_end.stop().await;
}
