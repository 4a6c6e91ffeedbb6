//! One fulfilment of a shop's order, cancelled alone, and what is left of the order.

mod again;
mod over;

use beckn_bpp::mock::bap::Answer as Told;
use beckn_bpp::mock::orders::BASKET_1;
use serde_json::{Value, json};

use crate::market::Market;

/// A tenth of whatever is cancelled.
const TENTH: &str = r#"
[policy.default]
[[policy.default.rule]]
percent = "10"
"#;

pub async fn shop() -> Market {
    let ids = ("bap.example.org", "bpp.example.org");
    Market::start_as(ids, &["ONDC:RET10"], TENTH).await
}

fn line(about: &str, kind: &str, count: Option<u64>, value: &str) -> Value {
    let mut line = json!({"@ondc/org/item_id": about, "@ondc/org/title_type": kind,
        "title": kind, "price": {"currency": "INR", "value": value}});
    if let Some(count) = count {
        line["@ondc/org/item_quantity"] = json!({"count": count});
    }
    line
}

/// Two parcels for 475 and 165: I1 is in the first, I2 in the second, I3 in both.
pub fn two_parcels(market: &Market, id: &str, states: [&str; 2]) -> Value {
    let mut basket = market.order(BASKET_1);
    let order = &mut basket["message"]["order"];
    order["id"] = json!(id);
    let item = |id: &str, place: &str, count: u64| json!({"id": id, "fulfillment_id": place, "quantity": {"count": count}});
    order["items"] = json!([
        item("I1", "F1", 2),
        item("I2", "F2", 1),
        item("I3", "F1", 2),
        item("I3", "F2", 1)
    ]);
    let first = order["fulfillments"][0].take();
    let parcel = |(at, state): (usize, &str)| {
        let mut parcel = first.clone();
        parcel["id"] = json!(["F1", "F2"][at]);
        parcel["state"]["descriptor"]["code"] = json!(state);
        parcel
    };
    order["fulfillments"] = states.into_iter().enumerate().map(parcel).collect();
    order["quote"]["price"]["value"] = json!("640.00");
    order["quote"]["breakup"] = json!([
        line("I1", "item", Some(2), "340.00"),
        line("F1", "delivery", None, "50.00"),
        line("F1", "packing", None, "25.00"),
        line("I2", "item", Some(1), "100.00"),
        line("F2", "delivery", None, "30.00"),
        line("I2", "tax", None, "5.00"),
        line("I3", "item", Some(3), "90.00")
    ]);
    order["payment"]["params"]["amount"] = json!("640.00");
    basket
}

fn naming(market: &Market, order: &Value, id: &str) -> Value {
    let message = json!({"cancellation_reason_id": "006",
        "descriptor": {"name": "fulfillment", "short_desc": id}});
    market.cancel_of(order, message)
}

fn all_of(market: &Market, order: &Value) -> Value {
    market.cancel_of(order, json!({"cancellation_reason_id": "010"}))
}

/// The lines of a quote and, last, its total.
pub fn values(order: &Value) -> Vec<&str> {
    let lines = order["quote"]["breakup"].as_array().expect("lines").iter();
    lines
        .chain([&order["quote"]])
        .map(|priced| priced["price"]["value"].as_str().expect("a value"))
        .collect()
}

pub fn state_of(order: &Value, at: usize) -> &str {
    let code = &order["fulfillments"][at]["state"]["descriptor"]["code"];
    code.as_str().expect("a code")
}

pub async fn events(market: &Market) -> Vec<Value> {
    let mut listed = market.app.get("/events?after=0").await.body;
    match listed["events"].take() {
        Value::Array(events) => events,
        other => panic!("{other}"),
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect()
}

fn inr(value: &str) -> Value {
    json!({"currency": "INR", "value": value})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fulfilment_of_several_goes_and_the_rest_of_the_order_lives_on() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Packed", "Pending"]);
    market.hand_over(&basket).await;
    let order = market.answered(&naming(&market, &basket, "F1")).await["message"]["order"].take();
    assert_eq!(order["state"], "Accepted");
    assert!(order.get("cancellation").is_none(), "{order}");
    assert_eq!(
        [state_of(&order, 0), state_of(&order, 1)],
        ["Cancelled", "Pending"]
    );
    let counts = |order: &Value| -> Vec<u64> {
        let items = order["items"].as_array().expect("items").iter();
        items
            .map(|item| item["quantity"]["count"].as_u64().expect("a count"))
            .collect()
    };
    assert_eq!(counts(&order), [0, 1, 0, 1]);
    // Two of three I3 are cancelled, and of the charges of F1 the fee alone stays.
    let left = [
        "0.00", "47.50", "0.00", "100.00", "30.00", "5.00", "30.00", "212.50",
    ];
    assert_eq!(values(&order), left);
    assert_eq!(
        order["quote"]["breakup"][0]["@ondc/org/item_quantity"]["count"],
        0
    );
    assert_eq!(
        order["quote"]["breakup"][6]["@ondc/org/item_quantity"]["count"],
        1
    );
    let tags = order["fulfillments"][0]["tags"].as_array().expect("tags");
    let codes: Vec<_> = tags
        .iter()
        .map(|tag| tag["code"].as_str().expect("a code"))
        .collect();
    let trails = ["quote_trail"; 4];
    assert_eq!(
        codes,
        [&["cancel_request", "precancel_state"][..], &trails].concat()
    );
    let moved: Vec<_> = tags[2..]
        .iter()
        .map(|tag| &tag["list"][3]["value"])
        .collect();
    assert_eq!(moved, ["-340.00", "-2.50", "-25.00", "-60.00"]);
    assert_eq!(
        order["fulfillments"][1],
        basket["message"]["order"]["fulfillments"][1]
    );

    let shown = market.app.get("/orders/two").await.body;
    assert_eq!(shown["state"], "Confirmed");
    assert_eq!(shown["cancellation"], Value::Null);
    assert_eq!(shown["price"], inr("212.50"));
    let part = &shown["parts"][0];
    assert_eq!(
        [&part["price"], &part["paid"]],
        [&inr("475.00"), &inr("475.00")]
    );
    let part = &part["cancellation"];
    assert_eq!(part["portion"], json!({"fulfillment": "F1"}));
    assert_eq!(
        part["charge"],
        json!({"fee": inr("47.50"), "refund": inr("427.50"), "due": inr("0.00")})
    );
    let told = events(&market).await;
    assert_eq!(kinds(&told), ["order.fulfillment_cancelled"]);
    assert_eq!(told[0]["fulfillment"], "F1");
    assert_eq!(
        [&told[0]["fee"], &told[0]["refund"]],
        [&inr("47.50"), &inr("427.50")]
    );
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_cancelled_later_at_its_own_price() {
    let mut market = shop().await;
    let named = two_parcels(&market, "named", ["Pending", "Pending"]);
    let whole = two_parcels(&market, "whole", ["Pending", "Pending"]);
    for basket in [&named, &whole] {
        market.hand_over(basket).await;
        market.answered(&naming(&market, basket, "F1")).await;
    }
    market.app.restart().await;
    for (id, request) in [
        ("named", naming(&market, &named, "F2")),
        ("whole", all_of(&market, &whole)),
    ] {
        let order = market.answered(&request).await["message"]["order"].take();
        assert_eq!(order["state"], "Cancelled");
        assert_eq!(order["cancellation"]["cancelled_by"], "bap.example.org");
        assert_eq!([state_of(&order, 0), state_of(&order, 1)], ["Cancelled"; 2]);
        // The fee of the first part stays as it was agreed, beside that of the rest.
        let left = [
            "0.00", "47.50", "0.00", "0.00", "16.50", "0.00", "0.00", "64.00",
        ];
        assert_eq!(values(&order), left);
        let shown = market.app.get(&format!("/orders/{id}")).await.body;
        assert_eq!(shown["state"], "Cancelled");
        let charge = &shown["cancellation"]["charge"];
        let rest = json!({"fee": inr("16.50"), "refund": inr("148.50"), "due": inr("0.00")});
        assert_eq!(*charge, rest);
    }
    let told = events(&market).await;
    let [part, all] = ["order.fulfillment_cancelled", "order.cancelled"];
    assert_eq!(kinds(&told), [part, part, all, all]);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paid_for_the_part_is_not_given_back() {
    let market = shop().await;
    // 200 of 640 are paid: 165 of it for what stays, so 35 for what goes.
    let mut basket = two_parcels(&market, "two", ["Pending", "Pending"]);
    basket["message"]["order"]["payment"]["params"]["amount"] = json!("200.00");
    market.hand_over(&basket).await;
    market.answered(&naming(&market, &basket, "F1")).await;
    market.answered(&all_of(&market, &basket)).await;
    let shown = market.app.get("/orders/two").await.body;
    let part = &shown["parts"][0]["cancellation"]["charge"];
    assert_eq!(
        *part,
        json!({"fee": inr("47.50"), "refund": inr("0.00"), "due": inr("12.50")})
    );
    let rest = &shown["cancellation"]["charge"];
    assert_eq!(
        *rest,
        json!({"fee": inr("16.50"), "refund": inr("148.50"), "due": inr("0.00")})
    );
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_may_cancel_a_part_through_the_provider_and_its_app_hears_of_it() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Pending", "Pending"]);
    market.hand_over(&basket).await;
    let asked = json!({"by": "customer", "reason": "010", "fulfillment": "F2"});
    let busy = Told::Raw {
        status: 503,
        body: "busy".into(),
    };
    market.bap.answer_next([busy]);
    let answer = market.provider("two", "cancel", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["state"], "Confirmed");
    let order = market.last().await["message"]["order"].take();
    assert_eq!(
        [state_of(&order, 0), state_of(&order, 1)],
        ["Pending", "Cancelled"]
    );
    let asked = json!({"by": "provider", "reason": "002", "fulfillment": "F1"});
    let ended = market.provider("two", "cancel", &asked).await;
    assert_eq!(ended.body["state"], "Cancelled", "{}", ended.text);

    let basket = two_parcels(&market, "more", ["Pending", "Pending"]);
    market.hand_over(&basket).await;
    let update = market.provider("more", "cancel", &asked).await;
    assert_eq!(update.status, 422, "{}", update.text);
    assert!(update.text.contains("on_update"), "{}", update.text);
    market.stop().await;
}
