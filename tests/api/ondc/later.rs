//! The delayed flow of tickets: asked for now, decided by the provider later.

use beckn_bpp::mock::orders::{RIDE_1, TICKET_1};
use serde_json::{Value, json};

use crate::market::Market;

const DOMAINS: [&str; 2] = ["ONDC:TRV10", "ONDC:TRV11"];

fn technical(code: &str) -> Value {
    json!({"cancellation_reason_id": "000", "descriptor": {"code": code}})
}

async fn asked() -> (Market, Value, Value) {
    let market = Market::start(&DOMAINS).await;
    let ticket = market.order(TICKET_1);
    market.hand_over(&ticket).await;
    let request = market.cancel_of(&ticket, technical("CONFIRM_CANCEL"));
    let answer = market.answered(&request).await;
    assert_eq!(
        answer["message"]["order"]["status"],
        "CANCELLATION_INITIATED"
    );
    (market, ticket, request)
}

async fn events(market: &Market) -> Vec<String> {
    let events = market.app.get("/events?after=0").await.body;
    let events = events["events"].as_array().expect("events").iter();
    events
        .map(|event| event["type"].as_str().expect("a word").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_hears_of_it_and_sees_what_it_has_to_decide() {
    let (market, _, request) = asked().await;
    let ticket = market.app.get("/orders/ticket_1").await.body;
    assert_eq!(
        ticket["state"], "Confirmed",
        "the marker is beside the state"
    );
    assert_eq!(
        ticket["pending_cancellation"]["request"],
        request["context"]["message_id"]
    );
    assert_eq!(ticket["pending_cancellation"]["reason"]["id"], "000");
    assert_eq!(events(&market).await, ["order.cancellation_pending"]);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cancel_meanwhile_gets_the_same_answer_also_after_a_restart() {
    let (mut market, ticket, _) = asked().await;
    market.app.restart().await;
    for reason in ["000", "005"] {
        let asked =
            json!({"cancellation_reason_id": reason, "descriptor": {"code": "CONFIRM_CANCEL"}});
        let again = market.answered(&market.cancel_of(&ticket, asked)).await;
        let order = &again["message"]["order"];
        assert_eq!(order["status"], "CANCELLATION_INITIATED");
        assert_eq!(order["quote"], ticket["message"]["order"]["quote"]);
    }
    assert_eq!(events(&market).await.len(), 1, "one question, one event");
    let priced = market
        .answered(&market.cancel_of(&ticket, technical("SOFT_CANCEL")))
        .await;
    assert_eq!(priced["message"]["order"]["status"], "SOFT_CANCEL");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_cancels_answers_the_request_that_asked_for_it() {
    let (market, ticket, request) = asked().await;
    let by_customer = json!({"by": "customer", "reason": "005"});
    let answer = market.provider("ticket_1", "cancel", &by_customer).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    let answer = market
        .provider("ticket_1", "cancel", &json!({"by": "provider"}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let update = market.last().await;
    assert_eq!(update["context"]["action"], "on_update");
    for id in ["message_id", "transaction_id"] {
        assert_eq!(update["context"][id], request["context"][id]);
    }
    let order = &update["message"]["order"];
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["quote"]["price"]["value"], "0");
    assert_eq!(
        events(&market).await,
        ["order.cancellation_pending", "order.cancelled"]
    );
    // From now on it is a cancelled order like any other.
    let later = market
        .answered(&market.cancel_of(&ticket, technical("CONFIRM_CANCEL")))
        .await;
    assert_eq!(later["context"]["action"], "on_cancel");
    assert_eq!(later["message"]["order"]["status"], "CANCELLED");
    let by_provider = json!({"by": "provider"});
    let answer = market.provider("ticket_1", "cancel", &by_provider).await;
    assert_eq!(answer.body["already_cancelled"], true, "{}", answer.text);
    let answer = market.provider("ticket_1", "refuse", &json!({})).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_is_told_once_also_of_a_ticket_that_was_used_meanwhile() {
    let (market, ticket, request) = asked().await;
    let used = json!({"status": "Completed"});
    let answer = market
        .app
        .admin("PATCH", "/orders/ticket_1", Some(&used))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let waiting = market
        .answered(&market.cancel_of(&ticket, technical("CONFIRM_CANCEL")))
        .await;
    assert_eq!(
        waiting["message"]["order"]["status"],
        "CANCELLATION_INITIATED"
    );
    let note = json!({"note": "The gate let you through"});
    let answer = market.provider("ticket_1", "refuse", &note).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["state"], "Completed");
    let update = market.last().await;
    assert_eq!(
        update["context"]["message_id"],
        request["context"]["message_id"]
    );
    let order = &update["message"]["order"];
    assert_eq!(order["status"], "COMPLETED");
    assert_eq!(order["quote"], ticket["message"]["order"]["quote"]);
    let told = &order["cancellation"]["additional_description"]["short_desc"];
    assert_eq!(told, "The gate let you through");
    assert_eq!(
        events(&market).await,
        ["order.cancellation_pending", "order.cancellation_refused"]
    );
    let answer = market.provider("ticket_1", "refuse", &note).await;
    assert_eq!(
        answer.status, 409,
        "nothing is left to decide: {}",
        answer.text
    );
    let late = market
        .answered(&market.cancel_of(&ticket, technical("CONFIRM_CANCEL")))
        .await;
    assert_eq!(late["error"]["code"], "91213", "it is processed already");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_used_is_not_erased_before_the_buyer_has_heard_the_outcome() {
    let (market, _, request) = asked().await;
    let used = json!({"status": "Completed"});
    let path = "/orders/ticket_1";
    market.app.admin("PATCH", path, Some(&used)).await;
    let owed = market.provider("ticket_1", "erase", &json!({})).await;
    assert_eq!(owed.status, 409, "{}", owed.text);
    assert!(owed.text.contains("refuse it first"), "{}", owed.text);
    let refused = market.provider("ticket_1", "refuse", &json!({})).await;
    assert_eq!(refused.status, 200, "{}", refused.text);
    let update = market.last().await;
    assert_eq!(
        update["context"]["message_id"],
        request["context"]["message_id"]
    );
    let erased = market.provider("ticket_1", "erase", &json!({})).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_news_of_the_ticket_keep_the_question() {
    let (market, mut ticket, _) = asked().await;
    ticket["message"]["order"]["updated_at"] = json!("2026-03-02T06:05:00.000Z");
    let answer = market
        .app
        .admin("PUT", "/orders/ticket_1", Some(&ticket))
        .await;
    assert_eq!(answer.body["result"], "updated", "{}", answer.text);
    let shown = market.app.get("/orders/ticket_1").await.body;
    assert_eq!(shown["pending_cancellation"]["reason"]["id"], "000");
    let answer = market.provider("ticket_1", "refuse", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_reasons_and_rides_are_cancelled_at_once() {
    let market = Market::start(&DOMAINS).await;
    let [ride, ticket] = [RIDE_1, TICKET_1].map(|sample| market.order(sample));
    market.hand_over(&ride).await;
    market.hand_over(&ticket).await;
    let by_mistake =
        json!({"cancellation_reason_id": "005", "descriptor": {"code": "CONFIRM_CANCEL"}});
    for (order, message) in [(&ride, technical("CONFIRM_CANCEL")), (&ticket, by_mistake)] {
        let answer = market.answered(&market.cancel_of(order, message)).await;
        assert_eq!(answer["message"]["order"]["status"], "CANCELLED");
    }
    let refused = market.provider("ride_1", "refuse", &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    market.stop().await;
}
