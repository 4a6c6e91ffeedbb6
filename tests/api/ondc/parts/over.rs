//! Parts that cannot be cancelled any more, or not alone; and none that is cancelled comes back.

use serde_json::{Value, json};

use super::{all_of, inr, naming, shop, state_of, two_parcels};
use crate::market::error_of;

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilment_that_is_over_or_under_way_is_told_by_its_number() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Order-delivered", "Pending"]);
    market.hand_over(&basket).await;
    let unknown = market.refused(&naming(&market, &basket, "F9")).await;
    assert_eq!(error_of(&unknown), ("50007", Some("DOMAIN-ERROR")));
    let delivered = market.answered(&naming(&market, &basket, "F1")).await;
    assert_eq!(error_of(&delivered), ("50008", Some("DOMAIN-ERROR")));
    assert!(delivered.get("message").is_none());
    // Without the other one, all of the order has arrived.
    let order = market.answered(&naming(&market, &basket, "F2")).await["message"]["order"].take();
    assert_eq!(order["state"], "Completed");
    assert_eq!(
        market.app.get("/orders/two").await.body["state"],
        "Completed"
    );
    let over = market.answered(&all_of(&market, &basket)).await;
    assert_eq!(error_of(&over), ("50001", Some("POLICY-ERROR")));

    let basket = two_parcels(&market, "moving", ["Out-for-delivery", "Pending"]);
    market.hand_over(&basket).await;
    let moving = market.answered(&naming(&market, &basket, "F1")).await;
    assert_eq!(error_of(&moving), ("50001", Some("POLICY-ERROR")));
    market.answered(&naming(&market, &basket, "F2")).await;
    let shown = market.app.get("/orders/moving").await.body;
    assert_eq!(shown["state"], "InProgress");

    // What the provider cancelled by itself is over as well.
    let basket = two_parcels(&market, "gone", ["Cancelled", "Pending"]);
    market.hand_over(&basket).await;
    let gone = market.answered(&naming(&market, &basket, "F1")).await;
    assert_eq!(error_of(&gone), ("50008", Some("DOMAIN-ERROR")));
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_hands_over_later_does_not_bring_a_fulfilment_back() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Pending", "Pending"]);
    market.hand_over(&basket).await;
    let first = market.answered(&naming(&market, &basket, "F1")).await["message"]["order"].take();
    let put = async |basket: &Value| market.app.admin("PUT", "/orders/two", Some(basket)).await;
    assert_eq!(put(&basket).await.body["result"], "unchanged");

    let mut newer = basket.clone();
    let order = &mut newer["message"]["order"];
    order["updated_at"] = json!("2026-03-02T06:05:00.000Z");
    order["fulfillments"][0]["state"]["descriptor"]["code"] = json!("Order-picked-up");
    order["fulfillments"][1]["state"]["descriptor"]["code"] = json!("Packed");
    assert_eq!(put(&newer).await.body["result"], "updated");
    let shown = market.app.get("/orders/two").await.body;
    assert_eq!(
        [&shown["state"], &shown["price"]],
        [&json!("Confirmed"), &inr("212.50")]
    );
    let again = market.answered(&naming(&market, &basket, "F1")).await["message"]["order"].take();
    assert_eq!(state_of(&again, 1), "Packed");
    assert_eq!(again["quote"], first["quote"]);

    let news = |id: &str, state: &str| json!({"fulfillments": [{"id": id, "state": state}]});
    let patch = async |body: Value| market.app.admin("PATCH", "/orders/two", Some(&body)).await;
    let lost = patch(news("F1", "Order-picked-up")).await;
    assert_eq!(lost.status, 409, "{}", lost.text);
    assert_eq!(lost.body["cancellation"]["portion"]["fulfillment"], "F1");
    assert_eq!(patch(news("F1", "Cancelled")).await.status, 200);
    let done = patch(news("F2", "Order-delivered")).await;
    assert_eq!(done.body["state"], "Completed", "{}", done.text);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_apart_is_cancelled_as_a_whole_only() {
    let market = shop().await;
    let mut vague = two_parcels(&market, "vague", ["Pending", "Pending"]);
    vague["message"]["order"]["quote"]["price"]["value"] = json!("600.00");
    let mut trade = two_parcels(&market, "trade", ["Pending", "Pending"]);
    let context = trade["context"].as_object_mut().expect("a context");
    context.remove("core_version").expect("there before");
    context.insert("version".to_owned(), json!("2.0.2"));
    for basket in [&vague, &trade] {
        market.hand_over(basket).await;
        let refused = market.refused(&naming(&market, basket, "F1")).await;
        assert_eq!(error_of(&refused).0, "40001", "{refused}");
        let order = market.answered(&all_of(&market, basket)).await["message"]["order"].take();
        assert_eq!(order["state"], "Cancelled");
    }
    market.stop().await;
}
