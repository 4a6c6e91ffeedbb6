//! Those who wait at the doors for a provider that is slow: they take their own places and nobody
//! else's.

use std::collections::BTreeSet;

use beckn_bpp::app::api_keys::{self, ApiKey, ApiKeys};
use beckn_bpp::http::bookings::keys::Scope;
use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::mock::provider::ProviderHandle;
use chrono::Utc;
use serde_json::json;
use tokio::task::JoinHandle;

use super::BackEnd;
use crate::app;

/// A server whose back end never answers, with a booking for each of so many, and two clients.
async fn asleep(settings: &str, limits: &str, bookings: usize) -> (BackEnd, [String; 2]) {
    let asked = |provider: &ProviderHandle| {
        format!(
            "hook_url = \"{}\"\nhook_wait = \"2m\"\n{settings}",
            provider.hook_url
        )
    };
    let mut back_end = BackEnd::with(asked, &format!("[bookings]\n[limits]\n{limits}")).await;
    back_end.provider.answer_questions(Answer::Hang);
    let new = |name| api_keys::new(name, &Scope::ALL, Vec::new(), Utc::now()).expect("a key");
    let made: [(ApiKey, _); 2] = ["one", "two"].map(new);
    let texts = [made[0].1.to_string(), made[1].1.to_string()];
    let file = back_end.app.directory.path().join("api-keys.toml");
    let keys = made.into_iter().map(|(key, _)| key).collect();
    ApiKeys { keys }.write(&file).expect("written");
    back_end.app.restart().await;
    for number in 0..bookings {
        let order = json!({"id": format!("bkg_{number}"), "booking": {"status": "Confirmed"}});
        let path = format!("/orders/bkg_{number}");
        let put = back_end.app.admin("PUT", &path, Some(&order)).await;
        assert_eq!(put.status, 201, "{}", put.text);
    }
    (back_end, texts)
}

/// Begins to cancel a booking.
fn cancel(back_end: &BackEnd, key: &str, number: usize, again: &str) -> JoinHandle<app::Answer> {
    let url = back_end
        .app
        .url(&format!("/v1/bookings/bkg_{number}/cancel"));
    let asked = back_end.app.http.post(url).header("X-Api-Key", key);
    let asked = asked.header("Content-Type", "application/json");
    let body = json!({"reason": "Guest is ill"}).to_string();
    tokio::spawn(app::answer(
        asked.header("Idempotency-Key", again).body(body),
    ))
}

/// How many orders the back end was asked about.
fn asked(provider: &ProviderHandle) -> usize {
    let questions = provider.questions().into_iter();
    let ids = questions.map(|one| one.json()["order_id"].to_string());
    ids.collect::<BTreeSet<_>>().len()
}

/// Returns once it was asked about so many.
async fn asked_about(back_end: &BackEnd, count: usize) {
    let asked = back_end
        .provider
        .until(app::WAIT, |all| asked(all) >= count);
    assert!(asked.await, "{count} orders in time");
}

/// Refused for now, with the time to come again, and nothing is kept of it.
async fn refused(back_end: &BackEnd, asked: JoinHandle<app::Answer>, told: (u16, &str)) {
    let before = back_end.app.kept().await;
    let answer = asked.await.expect("an answer");
    let code = answer.body["error"]["code"].as_str();
    assert_eq!(
        (answer.status, code),
        (told.0, Some(told.1)),
        "{}",
        answer.text
    );
    let seconds = answer.headers["retry-after"].to_str().expect("text");
    assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(back_end.app.kept().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_hangs_takes_no_place_from_the_networks_or_from_other_requests() {
    let (back_end, [key, _]) = asleep("", "at_work = 4\nin_flight = 8", 12).await;
    let mut waiting = Vec::new();
    for number in 0..12 {
        waiting.push(cancel(&back_end, &key, number, &number.to_string()));
        asked_about(&back_end, number + 1).await;
    }
    // A network's request is asked about as well, and acknowledged while all of them wait.
    back_end.app.hand_over(TRIP_1).await;
    let message = back_end.cancel(TRIP_1).await;
    let url = back_end.app.url("/v1/bookings/bkg_0");
    let shown = app::answer(back_end.app.http.get(url).header("X-Api-Key", &key)).await;
    assert_eq!(shown.body["data"]["status"], "confirmed", "{}", shown.text);
    assert!(waiting.iter().all(|one| !one.is_finished()));
    // The provider does it itself, which answers each question.
    for number in 0..12 {
        let path = format!("/orders/bkg_{number}/cancel");
        let asked = json!({"by": "provider"});
        let done = back_end.app.admin("POST", &path, Some(&asked)).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
    for one in waiting {
        let answer = one.await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let asked = json!({"by": "provider", "reason": "013"});
    back_end
        .app
        .admin("POST", "/orders/trip_1/cancel", Some(&asked))
        .await;
    back_end.app.callback(&message).await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_and_all_together_wait_in_bounded_number_and_the_rest_come_again() {
    let places = "hook_waiting = 3\nhook_waiting_per_client = 2";
    let (back_end, [one, two]) = asleep(places, "", 5).await;
    let first = cancel(&back_end, &one, 0, "a");
    let second = cancel(&back_end, &one, 1, "b");
    asked_about(&back_end, 2).await;
    let limited = (429, "RATE_LIMITED");
    refused(&back_end, cancel(&back_end, &one, 2, "c"), limited).await;
    // A second request for what is asked already would wait too, as would the same again.
    refused(&back_end, cancel(&back_end, &one, 0, "d"), limited).await;
    refused(&back_end, cancel(&back_end, &one, 0, "a"), limited).await;
    let third = cancel(&back_end, &two, 2, "c");
    asked_about(&back_end, 3).await;
    let unavailable = (503, "UNAVAILABLE");
    refused(&back_end, cancel(&back_end, &two, 3, "d"), unavailable).await;
    assert_eq!(
        asked(&back_end.provider),
        3,
        "nobody is asked about what was refused"
    );
    // One that has its answer makes room.
    let by_provider = json!({"by": "provider"});
    let path = "/orders/bkg_0/cancel";
    let done = back_end.app.admin("POST", path, Some(&by_provider)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(first.await.expect("an answer").status, 200);
    let fourth = cancel(&back_end, &two, 3, "d");
    asked_about(&back_end, 4).await;
    back_end.provider.decide(&json!({"decision": "allow"}));
    for answered in [second, third, fourth] {
        let answer = answered.await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let last = cancel(&back_end, &one, 4, "e").await.expect("an answer");
    assert_eq!(last.status, 200, "{}", last.text);
    back_end.stop().await;
}
