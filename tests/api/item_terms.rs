//! Terms of single items go before those of the order, for their part of the price.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rides::Ride;

/// Two seats at 100 each, one box at 60, and 40 for the booking.
const QUOTE: &str = r#"{"price":{"currency":"INR","value":"300"},"breakup":[
    {"title":"Seats","item":{"id":"seat"},"price":{"currency":"INR","value":"200"}},
    {"title":"Box","item":{"id":"box"},"price":{"currency":"INR","value":"60"}},
    {"title":"Booking","price":{"currency":"INR","value":"40"}}]}"#;

const PAID: &str = r#"[{"status":"PAID","params":{"amount":"300","currency":"INR"}}]"#;

const HALF: &str = "[policy.default]\n[[policy.default.rule]]\npercent = \"50\"\n";

fn percent(share: &str) -> Value {
    json!([{"cancellation_fee": {"percentage": share}}])
}

fn amount(value: &str) -> Value {
    json!([{"cancellation_fee": {"amount": {"currency": "INR", "value": value}}}])
}

/// An order of these items, whose other terms are those of the policy.
fn order(app: &TestApp, id: &str, items: &Value) -> Ride {
    Ride::placed_by(&app.bap, "1.1.0", id)
        .with("quote", QUOTE)
        .with("payments", PAID)
        .with("items", &items.to_string())
}

/// Cancels it as its BAP; fee and refund as the provider hears them, and the sentence.
async fn cancelled(app: &TestApp, ride: &Ride) -> (String, String, String) {
    let callback = ride.cancel().answered(app).await.json();
    let order = app.get(&format!("/orders/{}", ride.id)).await.body;
    let charge = &order["cancellation"]["charge"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fee = text(&charge["fee"]["value"]);
    let total = &callback["message"]["order"]["quote"]["price"]["value"];
    let number = |text: &str| text.parse::<f64>().expect("a number");
    assert_eq!(number(&fee), number(&text(total)), "the total is the fee");
    let sentence = text(&order["cancellation"]["terms"]["sentence"]);
    (fee, text(&charge["refund"]["value"]), sentence)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_items_terms_hold_for_its_part_and_the_others_for_the_rest() {
    let app = TestApp::start_with(HALF).await;
    for (number, items, order_terms, fee) in [
        // The whole box, and half of the other 240.
        (
            0,
            json!([{"id": "seat"}, {"id": "box", "cancellation_terms": percent("100")}]),
            None,
            "180.00",
        ),
        // The order's own terms are a tenth: of the 240.
        (
            1,
            json!([{"id": "seat"}, {"id": "box", "cancellation_terms": percent("100")}]),
            Some(percent("10")),
            "84.00",
        ),
        // Seats are free, the box costs five, half of the booking is kept.
        (
            2,
            json!([{"id": "seat", "cancellation_terms": percent("0")},
            {"id": "box", "cancellation_terms": amount("5")}]),
            None,
            "25.00",
        ),
        // No more than what it costs.
        (
            3,
            json!([{"id": "box", "cancellation_terms": amount("500")}]),
            Some(percent("0")),
            "60.00",
        ),
        // Without a line of the quote its own price counts, as often as it was selected.
        (
            4,
            json!([{"id": "cap", "price": {"currency": "INR", "value": "10"},
            "quantity": {"selected": {"count": 3}}, "cancellation_terms": percent("100")}]),
            Some(percent("0")),
            "30.00",
        ),
        // Two items of one id: no line says which it is of.
        (
            5,
            json!([{"id": "seat", "price": {"currency": "INR", "value": "100"}, "cancellation_terms": percent("100")},
            {"id": "seat"}]),
            Some(percent("0")),
            "100.00",
        ),
        // A page names no price: the box is left with the rest.
        (
            6,
            json!([{"id": "box", "cancellation_terms": [{"external_ref": {"url": "https://bpp.example.org/t"}}]}]),
            None,
            "150.00",
        ),
    ] {
        let mut ride = order(&app, &format!("R-{number}"), &items);
        if let Some(terms) = order_terms {
            ride = ride.with("cancellation_terms", &terms.to_string());
        }
        ride.hand_over(&app).await;
        assert_eq!(cancelled(&app, &ride).await.0, fee, "{number}: {items}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_each_item_and_the_provider_pays_for_none() {
    let app = TestApp::start_with(HALF).await;
    let items = json!([{"id": "seat", "cancellation_terms": percent("0")},
        {"id": "box", "cancellation_terms": percent("100"), "refund_terms": [{"refund_eligible": false}]}]);
    let ride = order(&app, "R-1", &items);
    ride.hand_over(&app).await;
    let soft = ride.soft_cancel("SOFT_CANCEL").answered(&app).await.json();
    let quoted = soft["message"]["order"]["quote"].clone();
    let (fee, refund, sentence) = cancelled(&app, &ride).await;
    assert_eq!((fee.as_str(), refund.as_str()), ("80.00", "220.00"));
    assert_eq!(quoted["price"]["value"], "80");
    assert_eq!(
        sentence,
        "item seat: Cancelling is free; item box: Cancelling costs 100 % of the price, what is \
         paid does not go back; the rest: Cancelling costs 50 % of the price"
    );
    let ride = order(&app, "R-2", &items);
    ride.hand_over(&app).await;
    let by_provider = json!({"by": "provider"});
    let answer = app
        .admin("POST", "/orders/R-2/cancel", Some(&by_provider))
        .await;
    let charge = &answer.body["cancellation"]["charge"];
    assert_eq!(charge["fee"]["value"], "0.00", "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_that_counts_is_that_of_the_items_own_fulfilment() {
    let app = TestApp::start_with(HALF).await;
    let by_state = json!([
        {"fulfillment_state": {"descriptor": {"code": "PACKED"}}, "cancellation_fee": {"percentage": "100"}},
        {"cancellation_fee": {"percentage": "0"}}]);
    let items = json!([{"id": "seat", "fulfillment_ids": ["F1"], "cancellation_terms": by_state},
        {"id": "box", "fulfillment_ids": ["F2"], "cancellation_terms": by_state}]);
    let state = |id: &str, code: &str| json!({"id": id, "state": {"descriptor": {"code": code}}});
    let fulfillments = json!([state("F1", "OPEN"), state("F2", "PACKED")]).to_string();
    let ride = order(&app, "R-1", &items)
        .with("cancellation_terms", &percent("0").to_string())
        .with("fulfillments", &fulfillments);
    ride.hand_over(&app).await;
    assert_eq!(cancelled(&app, &ride).await.0, "60.00");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_of_an_item_that_cannot_be_priced_are_refused_by_their_place() {
    let app = TestApp::start_with(HALF).await;
    for (items, place) in [
        (
            json!([{"id": "x"}, {"id": "cap", "cancellation_terms": percent("5")}]),
            "message.order.items[1].cancellation_terms[0]: expected a line of the quote or a price",
        ),
        (
            json!([{"id": "box", "cancellation_terms": percent("a lot")}]),
            "message.order.items[0].cancellation_terms[0]",
        ),
        (
            json!([{"id": "box", "refund_terms": [{}, {"refund_amount": {"currency": "INR", "value": "1.234"}}]}]),
            "message.order.items[0].refund_terms[1]",
        ),
        (
            json!([{"id": "cap", "price": {"currency": "USD", "value": "1"}, "cancellation_terms": percent("5")}]),
            "expected an amount in INR, got one in USD",
        ),
    ] {
        let answer = order(&app, "R-1", &items).put(&app).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(place), "{place}\n{}", answer.text);
    }
    app.stop().await;
}
