//! Baskets of shops, and trade between businesses.

use serde_json::{Value, json};

use super::{Bench, assert_milliseconds};
use crate::market::error_of;

const SHOPS: (&str, &str) = ("buyerNP.com", "sellerNP.com");

/// The price of the samples: what was delivered for and packed is paid.
const CHARGES: &str = r#"
[policy.charges]
[[policy.charges.rule]]
amount = "75"
currency = "INR"
"#;

async fn shops(settings: &str) -> Option<Bench> {
    let more = format!("{settings}\n{CHARGES}");
    Bench::start("ondc-retail-1.2.0", &["ONDC:RET10"], SHOPS, &more).await
}

/// The basket of the samples before it was cancelled.
fn basket(bench: &Bench) -> Value {
    let mut basket = bench.before("on_cancel", |order| {
        order["state"] = json!("Accepted");
        let fulfillment = &mut order["fulfillments"][0];
        fulfillment["state"]["descriptor"]["code"] = json!("Pending");
        fulfillment.as_object_mut().expect("one").remove("tags");
        order["quote"]["price"]["value"] = json!("415.00");
        let item = &mut order["quote"]["breakup"][0];
        item["@ondc/org/item_quantity"]["count"] = json!(2);
        item["price"]["value"] = json!("340.00");
    });
    basket["booking"] = json!({"policy": "charges"});
    basket
}

fn tag(code: &str, list: &[(&str, &str)]) -> Value {
    let entry = |(code, value): &(&str, &str)| json!({"code": code, "value": value});
    let list: Vec<Value> = list.iter().map(entry).collect();
    json!({"code": code, "list": list})
}

/// The tags that we put on the fulfilment of the samples. They have `cancel_request` alone, with
/// another reason than the order has; the code list knows the other two, and their absence here
/// contradicts the shape of a refund.
fn tags(reason: &str) -> Value {
    let before = "2023-06-03T11:00:30.000Z";
    json!([
        tag(
            "cancel_request",
            &[("reason_id", reason), ("cancelled_by", "buyerNP.com")]
        ),
        tag(
            "precancel_state",
            &[("fulfillment_state", "Pending"), ("updated_at", before)]
        ),
        tag(
            "quote_trail",
            &[
                ("type", "item"),
                ("id", "I1"),
                ("currency", "INR"),
                ("value", "-340.00")
            ]
        ),
    ])
}

const TAGS: &str = "/message/order/fulfillments/0/tags";

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_is_cancelled_as_published_for_a_reason_of_the_table() {
    let Some(bench) = shops("").await else { return };
    bench.market.hand_over(&basket(&bench)).await;
    // 004 is not in the table that the samples belong to: the table.
    let unknown = bench.market.refused(&bench.request("cancel")).await;
    assert_eq!(error_of(&unknown), ("30012", Some("DOMAIN-ERROR")));
    assert_eq!(unknown["error"]["path"], "message.cancellation_reason_id");

    let request = bench.request("cancel_force_params");
    let ours = bench.market.answered(&request).await;
    assert_milliseconds(&ours);
    let otherwise = [
        ("/message/order/cancellation/reason/id", json!("006")),
        (TAGS, tags("006")),
    ];
    bench.compare(&ours, "on_cancel", &otherwise);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_is_cancelled_as_published_where_unknown_reasons_are_taken() {
    let Some(bench) = shops("unknown_reasons = true").await else {
        return;
    };
    bench.market.hand_over(&basket(&bench)).await;
    let ours = bench.market.answered(&bench.request("cancel")).await;
    bench.compare(&ours, "on_cancel", &[(TAGS, tags("004"))]);
    bench.stop().await;
}

/// The published NACKs, as far as they are ours to send: that an order is past cancelling is
/// told after the ACK, by an `on_cancel` with the same error.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_picked_up_baskets_are_refused_with_the_published_numbers() {
    let Some(bench) = shops("").await else { return };
    let request = bench.request("cancel_force_params");
    let ours = bench.market.refused(&request).await;
    let mut published = bench.published("nack_order_not_found");
    published["error"]["message"] = ours["error"]["message"].clone();
    assert_eq!(ours, published);

    // Goods on their way are called back by the provider alone: see the sample of that below.
    let mut on_its_way = basket(&bench);
    let state = &mut on_its_way["message"]["order"]["fulfillments"][0]["state"];
    state["descriptor"]["code"] = json!("Order-picked-up");
    bench.market.hand_over(&on_its_way).await;
    let mut request = request;
    request["context"]["message_id"] = json!("M11");
    let ours = bench.market.answered(&request).await;
    let mut published = bench.published("nack_policy")["error"].take();
    published["message"] = ours["error"]["message"].clone();
    assert_eq!(ours["error"], published);
    assert!(ours.get("message").is_none());
    bench.stop().await;
}

/// Whoever takes them back keeps what was delivered for and packed.
const RETURNED: &str = r#"
[policy.returned]
[[policy.returned.rule]]
by = ["provider"]
amount = "75"
currency = "INR"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn goods_under_way_that_nobody_takes_come_back_as_published() {
    let Some(bench) = shops(RETURNED).await else {
        return;
    };
    let mut under_way = bench.before("on_cancel_rto", |order| {
        order["state"] = json!("In-progress");
        order["items"].as_array_mut().expect("items").truncate(1);
        order["items"][0]["quantity"]["count"] = json!(2);
        let fulfillments = order["fulfillments"].as_array_mut().expect("a list");
        fulfillments.truncate(1);
        fulfillments[0]["state"]["descriptor"]["code"] = json!("Out-for-delivery");
        fulfillments[0].as_object_mut().expect("one").remove("tags");
        let quote = &mut order["quote"];
        quote["price"]["value"] = json!("415.00");
        let lines = quote["breakup"].as_array_mut().expect("lines");
        lines.retain(|line| line["@ondc/org/item_id"] != "F1-RTO");
        lines[0]["@ondc/org/item_quantity"]["count"] = json!(2);
        lines[0]["price"]["value"] = json!("340.00");
    });
    under_way["booking"] = json!({"policy": "returned"});
    bench.market.hand_over(&under_way).await;
    let asked = json!({"by": "provider", "reason": "013",
        "rto": {"charge": "50.00", "retry_count": 3, "cancelled_by": "lsp.com"}});
    let answer = bench.market.provider("O1", "cancel", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ours = bench.market.last().await;
    assert_milliseconds(&ours);
    let order = "/message/order";
    let start = "/message/order/fulfillments/1/start/time/timestamp";
    let tries = [
        ("retry_count", "3"),
        ("rto_id", "F1-RTO"),
        ("reason_id", "013"),
    ];
    let [precancel, trail] = [1, 2].map(|at| tags("013")[at].clone());
    let mut precancel = precancel;
    precancel["list"][0]["value"] = json!("Out-for-delivery");
    let request = [&tries[..], &[("cancelled_by", "lsp.com")]].concat();
    let way_back = [
        ("type", "delivery"),
        ("id", "F1-RTO"),
        ("currency", "INR"),
        ("value", "50.00"),
    ];
    let otherwise = [
        // Nobody asked for it, so it has an id of its own.
        ("/context/message_id", ours["context"]["message_id"].clone()),
        // The sample's order is `Completed` and has no cancellation. An order of one fulfilment
        // that comes back ends `Cancelled`, and such an order says by whom and why.
        ("/message/order/state", json!("Cancelled")),
        (
            "/message/order/cancellation",
            json!({"cancelled_by": "lsp.com", "reason": {"id": "013"}}),
        ),
        // The sample leaves out what the fulfilment was before, and that its goods are refunded.
        (
            TAGS,
            json!([tag("cancel_request", &request), precancel, trail]),
        ),
        // The sample calls the kind of line `title_type` in this trail alone; it is `type`.
        (
            "/message/order/fulfillments/1/tags",
            json!([tag("quote_trail", &way_back)]),
        ),
        (start, ours.pointer(start).expect(order).clone()),
    ];
    bench.compare(&ours, "on_cancel_rto", &otherwise);
    let started = ours.pointer(start).and_then(Value::as_str).expect("a time");
    assert_eq!(ours["message"]["order"]["updated_at"], started);
    bench.stop().await;
}

const TRADE: (&str, &str) = ("buyerapp.com", "sellerapp.com");

/// The order of a trade sample before it was cancelled.
fn goods(bench: &Bench, name: &str) -> Value {
    bench.before(name, |order| {
        order["state"] = json!("Accepted");
        order["fulfillments"][0]["state"]["descriptor"]["code"] = json!("Pending");
        let lines = order["quote"]["breakup"].as_array_mut().expect("lines");
        lines.retain(|line| line["@ondc/org/title_type"] != "refund");
        order["quote"]["price"]["value"] = json!("53600.00");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn trade_is_cancelled_by_either_side_exactly_as_published() {
    let domains = ["ONDC:RET10"];
    let Some(bench) = Bench::start("ondc-b2b-2.0.2", &domains, TRADE, "").await else {
        return;
    };
    bench.market.hand_over(&goods(&bench, "on_cancel")).await;
    let ours = bench.market.answered(&bench.request("cancel")).await;
    assert_milliseconds(&ours);
    bench.compare(&ours, "on_cancel", &[]);

    let mut sold_out = goods(&bench, "on_cancel_merchant");
    sold_out["message"]["order"]["id"] = json!("03");
    bench.market.hand_over(&sold_out).await;
    let asked = json!({"by": "provider", "reason": "005"});
    let answer = bench.market.provider("03", "cancel", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ours = bench.market.last().await;
    let otherwise = [
        ("/message/order/id", json!("03")),
        ("/context/message_id", ours["context"]["message_id"].clone()),
    ];
    bench.compare(&ours, "on_cancel_merchant", &otherwise);
    bench.stop().await;
}
