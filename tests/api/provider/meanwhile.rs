//! What happens to an order while its provider is asked about a cancellation.

use beckn_bpp::mock::bap::Answer;
use serde_json::{Value, json};

use super::BackEnd;
use crate::rides::{Request, Ride};

const HALF: &str = r#"[{"cancellation_fee":{"percentage":"50"}}]"#;

fn ride(back_end: &BackEnd) -> Ride {
    let paid = r#"[{"status":"PAID","params":{"amount":"146","currency":"INR"}}]"#;
    Ride::placed_by(&back_end.app.bap, "1.1.0", "R-1")
        .with("cancellation_terms", HALF)
        .with("payments", paid)
}

/// A back end that has been asked about the cancellation of a ride, and is silent.
async fn asked(back_end: &BackEnd, ride: &Ride) -> Request {
    back_end.provider.answer_questions(Answer::Raw {
        status: 204,
        body: "".into(),
    });
    ride.hand_over(&back_end.app).await;
    let request = ride.cancel();
    request.send(&back_end.app).await;
    let question = back_end.questions_come(1).await[0].json();
    assert_eq!(question["fee"]["value"], "73.00");
    request
}

async fn cancellation(back_end: &BackEnd) -> Value {
    back_end.app.get("/orders/R-1").await.body["cancellation"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fee_is_within_the_price_of_the_outcome_and_the_refund_is_of_what_is_paid_by_then() {
    let back_end = BackEnd::asked("").await;
    let ride = ride(&back_end);
    let request = asked(&back_end, &ride).await;
    let cheaper = ride
        .with("quote", r#"{"price":{"currency":"INR","value":"40"},"breakup":[{"title":"BASE_FARE","price":{"currency":"INR","value":"40"}}]}"#)
        .with("payments", r#"[{"status":"PAID","params":{"amount":"40","currency":"INR"}}]"#)
        .with("updated_at", r#""2026-03-02T06:30:00Z""#);
    assert_eq!(cheaper.put(&back_end.app).await.body["result"], "updated");
    back_end.provider.decide(&json!({"decision": "allow"}));
    let callback = back_end.app.callback(request.id()).await.json();
    let charge = cancellation(&back_end).await["charge"].take();
    let parts = ["fee", "refund", "due"].map(|part| charge[part]["value"].clone());
    assert_eq!(parts, ["40.00", "0.00", "0.00"]);
    assert_eq!(
        callback["message"]["order"]["quote"]["price"]["value"],
        "40"
    );
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_in_another_currency_is_refused_while_a_fee_is_proposed() {
    let back_end = BackEnd::asked("").await;
    let ride = ride(&back_end);
    let request = asked(&back_end, &ride).await;
    let euros = r#"{"price":{"currency":"EUR","value":"40"}}"#;
    let other = ride
        .with("quote", euros)
        .with("payments", r#"[{"status":"NOT-PAID"}]"#)
        .with("updated_at", r#""2026-03-02T06:30:00Z""#);
    let answer = other.put(&back_end.app).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("EUR"), "{}", answer.text);
    back_end.provider.decide(&json!({"decision": "allow"}));
    back_end.app.callback(request.id()).await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_cancellation_is_its_own_and_answers_who_waits() {
    let back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    let ride = ride(&back_end);
    let request = asked(&back_end, &ride).await;
    let own = json!({"by": "provider", "reason": "013", "note": "The car broke down"});
    let path = "/orders/R-1/cancel";
    let answer = back_end.app.admin("POST", path, Some(&own)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["already_cancelled"], false);
    let told = &answer.body["cancellation"];
    assert_eq!(
        (&told["by"], &told["token"]),
        (&json!("provider"), &json!("admin"))
    );
    let reason = json!({"id": "013", "text": "The car broke down"});
    assert_eq!(told["reason"], reason);
    assert_eq!(told["charge"]["fee"]["value"], "0.00");
    assert_eq!(told["charge"]["refund"]["value"], "146.00");
    assert_eq!(cancellation(&back_end).await, *told);
    let order = back_end.app.callback(request.id()).await.json()["message"]["order"].take();
    assert_eq!(order["cancellation"]["cancelled_by"], "PROVIDER");
    assert_eq!(order["cancellation"]["reason"]["id"], "013");
    let events = back_end.app.get("/events?after=0").await.body["events"].take();
    let last = events
        .as_array()
        .and_then(|all| all.last())
        .expect("events");
    assert_eq!(
        (&last["type"], &last["by"]),
        (&json!("order.cancelled"), &json!("provider"))
    );
    let again = back_end.app.admin("POST", path, Some(&own)).await;
    assert_eq!(again.body["already_cancelled"], true);
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_ended_meanwhile_is_erased_only_when_who_waits_has_an_answer() {
    let back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    let ride = ride(&back_end);
    let request = asked(&back_end, &ride).await;
    let admin = async |method, path: &str, body: Value| {
        let path = format!("/orders/R-1{path}");
        back_end.app.admin(method, &path, Some(&body)).await
    };
    let used = admin("PATCH", "", json!({"status": "Completed"})).await;
    assert_eq!(used.status, 200, "{}", used.text);
    let owed = admin("POST", "/erase", json!({})).await;
    assert_eq!(owed.status, 409, "{}", owed.text);
    assert!(owed.text.contains("refuse it first"), "{}", owed.text);
    let refused = admin("POST", "/refuse", json!({})).await;
    assert_eq!(refused.status, 200, "{}", refused.text);
    let callback = back_end.app.callback(request.id()).await.json();
    assert!(callback["error"]["message"].is_string(), "{callback}");
    back_end.app.settled().await;
    let erased = admin("POST", "/erase", json!({})).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    back_end.stop().await;
}
