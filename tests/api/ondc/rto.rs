//! Goods that are called back while they are under way, and where they are after that.

use serde_json::{Value, json};

use super::parts::{events, shop, state_of, two_parcels, values};
use crate::market::{Market, error_of};

const GIVEN_UP: &str = "013";

/// A basket of one parcel.
fn parcel(market: &Market, id: &str, state: &str) -> Value {
    let mut basket = two_parcels(market, id, [state, state]);
    let order = &mut basket["message"]["order"];
    for list in ["items", "fulfillments"] {
        let list = order[list].as_array_mut().expect("a list");
        list.retain(|one| one["id"] == "F1" || one["fulfillment_id"] == "F1");
    }
    basket
}

fn because(reason: &str, more: Value) -> Value {
    let mut asked = json!({"by": "provider", "reason": reason});
    for (name, value) in more.as_object().expect("an object") {
        asked[name] = value.clone();
    }
    asked
}

async fn called_back(market: &Market, id: &str, more: Value) -> Value {
    let answer = market
        .provider(id, "cancel", &because(GIVEN_UP, more))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    market.last().await["message"]["order"].take()
}

async fn news(market: &Market, id: &str, body: Value) -> crate::app::Answer {
    let path = format!("/orders/{id}");
    market.app.admin("PATCH", &path, Some(&body)).await
}

fn arrives(id: &str, state: &str) -> Value {
    json!({"fulfillments": [{"id": id, "state": state}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_comes_back_for_nothing_unless_the_provider_says_otherwise() {
    let market = shop().await;
    market
        .hand_over(&parcel(&market, "one", "Order-picked-up"))
        .await;
    let order = called_back(&market, "one", json!({})).await;
    assert_eq!(order["state"], "Cancelled");
    assert_eq!(
        order["cancellation"],
        json!({"cancelled_by": "bpp.example.org", "reason": {"id": "013"}})
    );
    assert_eq!(
        [state_of(&order, 0), state_of(&order, 1)],
        ["Cancelled", "RTO-Initiated"]
    );
    let back = &order["fulfillments"][1];
    assert_eq!([&back["id"], &back["type"]], ["F1-RTO", "RTO"]);
    let request = &order["fulfillments"][0]["tags"][0];
    let codes: Vec<_> = request["list"].as_array().expect("a list").iter().collect();
    assert_eq!(codes[0], &json!({"code": "rto_id", "value": "F1-RTO"}));
    let lines = values(&order);
    assert!(lines.iter().all(|value| *value == "0.00"), "{lines:?}");
    assert_eq!(order["quote"]["breakup"][2]["@ondc/org/item_id"], "F1-RTO");

    let told = events(&market).await;
    let [event] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(event["type"], "order.cancelled");
    assert_eq!([&event["rto"]["of"], &event["rto"]["id"]], ["F1", "F1-RTO"]);
    let shown = market.app.get("/orders/one").await.body;
    assert_eq!(shown["fulfillments"][1]["state"], "RTO-Initiated");
    assert_eq!(shown["cancellation"]["charge"]["refund"]["value"], "640.00");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_names_the_way_back_and_what_it_costs() {
    let market = shop().await;
    market
        .hand_over(&parcel(&market, "one", "Out-for-delivery"))
        .await;
    let rto = json!({"id": "R7", "charge": "45.50", "retry_count": 2});
    let order = called_back(&market, "one", json!({"rto": rto})).await;
    let lines = values(&order);
    assert_eq!([lines[2], lines[lines.len() - 1]], ["45.50", "45.50"]);
    let trail = &order["fulfillments"][1]["tags"][0]["list"];
    assert_eq!(trail[1], json!({"code": "id", "value": "R7"}));
    assert_eq!(trail[3], json!({"code": "value", "value": "45.50"}));
    let shown = market.app.get("/orders/one").await.body;
    let charge = &shown["cancellation"]["charge"];
    assert_eq!(
        [&charge["fee"]["value"], &charge["refund"]["value"]],
        ["45.50", "594.50"]
    );
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_under_way_and_for_a_reason_that_says_so_comes_back() {
    let market = shop().await;
    for (id, state) in [("moving", "Out-for-delivery"), ("packed", "Packed")] {
        market.hand_over(&parcel(&market, id, state)).await;
    }
    market.app.settled().await;
    let before = market.app.kept().await;
    let rto = |rto: Value| json!({"rto": rto});
    for (id, asked, status) in [
        ("moving", because("020", json!({})), 409),
        ("moving", because("020", rto(json!({}))), 422),
        ("packed", because(GIVEN_UP, rto(json!({}))), 422),
        (
            "moving",
            because(GIVEN_UP, rto(json!({"charge": "lots"}))),
            422,
        ),
        (
            "moving",
            because(GIVEN_UP, rto(json!({"charge": "-1"}))),
            422,
        ),
        (
            "moving",
            because(GIVEN_UP, rto(json!({"charge": "640.01"}))),
            422,
        ),
        ("moving", because(GIVEN_UP, rto(json!({"id": "F1"}))), 422),
        ("moving", because(GIVEN_UP, rto(json!({"id": " "}))), 422),
        ("moving", because(GIVEN_UP, rto(json!({"ids": "R"}))), 400),
        ("moving", json!({"by": "customer", "reason": "003"}), 409),
    ] {
        let answer = market.provider(id, "cancel", &asked).await;
        assert_eq!(answer.status, status, "{asked}: {}", answer.text);
    }
    assert_eq!(market.app.kept().await, before);
    let order = called_back(&market, "moving", rto(json!({"charge": "640"}))).await;
    assert_eq!(*values(&order).last().expect("a total"), "640.00");
    let order = called_back(&market, "packed", json!({})).await;
    assert_eq!(
        order["fulfillments"].as_array().map(Vec::len),
        Some(1),
        "it never left"
    );
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_are_is_told_of_a_cancelled_order_and_nothing_else_of_it_changes() {
    let mut market = shop().await;
    let basket = parcel(&market, "one", "Out-for-delivery");
    market.hand_over(&basket).await;
    let first = called_back(&market, "one", json!({"rto": {"charge": "50"}})).await;
    let put = market.app.admin("PUT", "/orders/one", Some(&basket)).await;
    assert_eq!(put.body["result"], "unchanged", "{}", put.text);
    for (body, status) in [
        (arrives("F1", "Order-delivered"), 409),
        (json!({"status": "Completed"}), 409),
        (
            json!({"status": "Completed", "fulfillments": [{"id": "F1-RTO", "state": "RTO-Delivered"}]}),
            409,
        ),
        (arrives("F1-RTO", "Order-delivered"), 422),
    ] {
        let answer = news(&market, "one", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    let arrived = news(&market, "one", arrives("F1-RTO", "RTO-Delivered")).await;
    assert_eq!(
        (arrived.status, &arrived.body["applied"]),
        (200, &json!(true)),
        "{}",
        arrived.text
    );
    assert_eq!(arrived.body["state"], "Cancelled");
    assert_eq!(
        arrived.body["cancellation"]["rto"]["state"],
        "RTO-Delivered"
    );
    let again = news(&market, "one", arrives("F1-RTO", "RTO-Delivered")).await;
    assert_eq!(
        (again.status, &again.body["applied"]),
        (200, &json!(false)),
        "{}",
        again.text
    );
    let disposed = news(&market, "one", arrives("F1-RTO", "RTO-Disposed")).await;
    assert_eq!(disposed.status, 409, "{}", disposed.text);

    market.app.restart().await;
    let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "003"}));
    let later = market.answered(&request).await["message"]["order"].take();
    assert_eq!(state_of(&later, 1), "RTO-Delivered");
    for same in ["quote", "cancellation", "items", "state"] {
        assert_eq!(later[same], first[same], "{same}");
    }
    assert_eq!(events(&market).await.len(), 1);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_comes_back_alone_and_the_rest_goes_on() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Out-for-delivery", "Order-picked-up"]);
    market.hand_over(&basket).await;
    let vague = market
        .provider("two", "cancel", &because(GIVEN_UP, json!({})))
        .await;
    assert_eq!(vague.status, 422, "{}", vague.text);
    let named = json!({"fulfillment": "F1", "rto": {"charge": "20"}});
    let order = called_back(&market, "two", named.clone()).await;
    assert_eq!(order["state"], "Accepted");
    assert!(order.get("cancellation").is_none());
    let states = [0, 1, 2].map(|at| state_of(&order, at));
    assert_eq!(states, ["Cancelled", "Order-picked-up", "RTO-Initiated"]);
    let left = [
        "0.00", "0.00", "20.00", "0.00", "100.00", "30.00", "5.00", "30.00", "185.00",
    ];
    assert_eq!(values(&order), left);
    let items = order["items"].as_array().expect("items");
    let back: Vec<_> = items
        .iter()
        .filter(|item| item["fulfillment_id"] == "F1-RTO")
        .collect();
    assert_eq!(back.len(), 2);
    assert_eq!(back[0]["quantity"]["count"], 2);
    let again = market
        .provider("two", "cancel", &because(GIVEN_UP, named))
        .await;
    assert_eq!(again.body["already_cancelled"], true, "{}", again.text);

    let told = news(&market, "two", arrives("F1-RTO", "RTO-Disposed")).await;
    assert_eq!(told.body["state"], "InProgress", "{}", told.text);
    let done = news(&market, "two", arrives("F2", "Order-delivered")).await;
    assert_eq!(done.body["state"], "Completed", "{}", done.text);
    let kinds = events(&market).await;
    assert_eq!(kinds.len(), 1);
    assert_eq!(kinds[0]["type"], "order.fulfillment_cancelled");
    assert_eq!(kinds[0]["rto"]["id"], "F1-RTO");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_told_of_also_when_the_rest_was_delivered_or_cancelled() {
    let market = shop().await;
    for id in ["delivered", "cancelled"] {
        let basket = two_parcels(&market, id, ["Out-for-delivery", "Pending"]);
        market.hand_over(&basket).await;
        called_back(&market, id, json!({"fulfillment": "F1"})).await;
        let shown = market.app.get(&format!("/orders/{id}")).await.body;
        assert_eq!(shown["state"], "Confirmed", "nothing is under way any more");
        let state = match id {
            "delivered" => news(&market, id, arrives("F2", "Order-delivered"))
                .await
                .body["state"]
                .take(),
            _ => {
                let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "010"}));
                let order = market.answered(&request).await["message"]["order"].take();
                assert_eq!(state_of(&order, 2), "RTO-Initiated");
                json!("Cancelled")
            }
        };
        let arrived = news(&market, id, arrives("F1-RTO", "RTO-Delivered")).await;
        assert_eq!(
            (arrived.status, &arrived.body["state"]),
            (200, &state),
            "{}",
            arrived.text
        );
        assert_eq!(
            arrived.body["parts"][0]["cancellation"]["rto"]["state"],
            "RTO-Delivered"
        );
    }
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_does_not_call_back_what_is_under_way() {
    let market = shop().await;
    let basket = parcel(&market, "one", "Out-for-delivery");
    market.hand_over(&basket).await;
    let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "003"}));
    let answer = market.answered(&request).await;
    assert_eq!(error_of(&answer), ("50001", Some("POLICY-ERROR")));
    market.stop().await;
}
