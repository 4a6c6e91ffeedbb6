//! The end of the provider's time to look into a ticket: its terms decide.

use beckn_bpp::mock::orders::TICKET_1;
use serde_json::{Value, json};

use crate::app::WAIT;
use crate::market::Market;

const QUARTER: &str = "[policy.default]\n[[policy.default.rule]]\npercent = \"25\"\n";

const NEVER: &str =
    "[policy.default]\n[[policy.default.rule]]\nallowed = false\ntext = \"Never on this line\"\n";

fn technical() -> Value {
    json!({"cancellation_reason_id": "000", "descriptor": {"code": "CONFIRM_CANCEL"}})
}

async fn start(within: &str, policy: &str) -> Market {
    let ids = ("bap.example.org", "bpp.example.org");
    let settings = format!("settle_within = \"{within}\"\n{policy}");
    Market::start_as(ids, &["ONDC:TRV11"], &settings).await
}

/// Hands a ticket over and asks to cancel it because a machine failed; the request.
async fn ask(market: &Market, id: &str) -> Value {
    let mut ticket = market.order(TICKET_1);
    ticket["message"]["order"]["id"] = json!(id);
    market.hand_over(&ticket).await;
    let request = market.cancel_of(&ticket, technical());
    let answer = market.answered(&request).await;
    assert_eq!(
        answer["message"]["order"]["status"],
        "CANCELLATION_INITIATED"
    );
    request
}

/// What follows the first answer, under the message id of the request.
async fn update(market: &Market, request: &Value) -> Value {
    let id = request["context"]["message_id"].as_str().expect("an id");
    let both = market.bap.received_times(id, 2, WAIT).await;
    let update = both.expect("an on_update in time").remove(1);
    assert_eq!(update.verdict, Ok(()), "the signature holds");
    let update = update.json();
    assert_eq!(update["context"]["action"], "on_update");
    for id in ["message_id", "transaction_id"] {
        assert_eq!(update["context"][id], request["context"][id]);
    }
    update
}

async fn last_event(market: &Market) -> Value {
    let events = market.app.get("/events?after=0").await.body;
    events["events"]
        .as_array()
        .expect("events")
        .last()
        .expect("an event")
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_settles_is_cancelled_at_the_terms_of_when_it_was_asked() {
    let market = start("1s", QUARTER).await;
    let request = ask(&market, "ticket_1").await;
    let first = last_event(&market).await;
    assert_eq!(first["type"], "order.cancellation_pending");
    assert_eq!(first["fee"]["value"], "30.00", "what it will cost is told");
    let order = update(&market, &request).await["message"]["order"].take();
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["cancellation"]["cancelled_by"], "CONSUMER");
    assert_eq!(order["cancellation"]["reason"]["descriptor"]["code"], "000");
    assert_eq!(order["quote"]["price"]["value"], "30");
    let event = last_event(&market).await;
    assert_eq!(
        (&event["type"], &event["by"], &event["refund"]["value"]),
        (
            &json!("order.cancelled"),
            &json!("customer"),
            &json!("90.00")
        )
    );
    let shown = market.app.get("/orders/ticket_1").await.body;
    assert_eq!(
        (&shown["state"], &shown["pending_cancellation"]),
        (&json!("Cancelled"), &Value::Null)
    );
    let late = market.provider("ticket_1", "refuse", &json!({})).await;
    assert_eq!(late.status, 409, "{}", late.text);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_is_left_is_known_and_goes_on_after_a_restart() {
    let mut market = start("3s", QUARTER).await;
    let request = ask(&market, "ticket_1").await;
    let shown = market.app.get("/orders/ticket_1").await.body;
    let asked = &shown["pending_cancellation"];
    let at = |member: &str| -> chrono::DateTime<chrono::Utc> {
        asked[member]
            .as_str()
            .and_then(|at| at.parse().ok())
            .expect("a time")
    };
    assert_eq!(at("until") - at("at"), chrono::TimeDelta::seconds(3));
    market.app.halt().await;
    assert_eq!(market.bap.all().len(), 1, "nothing was decided yet");
    // What was asked under another setting keeps the time that it had.
    market.app.rewrite(|text| text.replace("\"3s\"", "\"24h\""));
    market.app.resume().await;
    let order = update(&market, &request).await["message"]["order"].take();
    assert_eq!(order["status"], "CANCELLED");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_terms_forbid_it_goes_on_as_it_is_and_its_buyer_app_hears_why() {
    let market = start("200ms", NEVER).await;
    let request = ask(&market, "ticket_1").await;
    let order = update(&market, &request).await["message"]["order"].take();
    assert_eq!(order["status"], "ACTIVE", "as it was handed over");
    let told = &order["cancellation"]["additional_description"]["short_desc"];
    assert_eq!(told, "Never on this line");
    let event = last_event(&market).await;
    assert_eq!(event["type"], "order.cancellation_refused");
    let shown = market.app.get("/orders/ticket_1").await.body;
    assert_eq!(
        (&shown["state"], &shown["pending_cancellation"]),
        (&json!("Confirmed"), &Value::Null)
    );
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_meanwhile_is_over_and_not_cancelled() {
    let market = start("1s", QUARTER).await;
    let request = ask(&market, "ticket_1").await;
    let used = json!({"status": "Completed"});
    let answer = market
        .app
        .admin("PATCH", "/orders/ticket_1", Some(&used))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let order = update(&market, &request).await["message"]["order"].take();
    assert_eq!(order["status"], "COMPLETED");
    assert_eq!(order["quote"]["price"]["value"], "120");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_has_settled_is_not_decided_again() {
    let market = start("1s", QUARTER).await;
    let settled = ask(&market, "ticket_1").await;
    let by_provider = json!({"by": "provider"});
    let answer = market.provider("ticket_1", "cancel", &by_provider).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let order = update(&market, &settled).await["message"]["order"].take();
    assert_eq!(
        order["quote"]["price"]["value"], "0",
        "the provider's is free"
    );
    // Asked for later, its time ends later.
    let other = ask(&market, "ticket_2").await;
    update(&market, &other).await;
    let id = settled["context"]["message_id"].as_str().expect("an id");
    let all = market.bap.all();
    let of_first = all
        .iter()
        .filter(|one| one.message_id.as_deref() == Some(id));
    assert_eq!(of_first.count(), 2);
    market.stop().await;
}
