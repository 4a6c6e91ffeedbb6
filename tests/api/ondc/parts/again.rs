//! A part that is cancelled more than once, at once or one after the other: one outcome.

use serde_json::json;

use super::{all_of, events, kinds, naming, shop, two_parcels};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_cancel_of_a_fulfilment_gets_the_first_answer_whatever_followed() {
    let mut market = shop().await;
    let basket = two_parcels(&market, "two", ["Pending", "Pending"]);
    market.hand_over(&basket).await;
    let request = naming(&market, &basket, "F1");
    let first = market.answered(&request).await["message"]["order"].take();
    market.app.restart().await;
    let again = market.answered(&naming(&market, &basket, "F1")).await["message"]["order"].take();
    assert_eq!(again, first);
    // The very same request is answered once.
    market.app.settled().await;
    let before = market.app.kept().await;
    assert_eq!(market.send(&request).await.status, 200);
    assert_eq!(market.app.kept().await, before);
    let asked = json!({"by": "provider", "reason": "005", "fulfillment": "F1"});
    let answer = market.provider("two", "cancel", &asked).await;
    assert_eq!(answer.body["already_cancelled"], true, "{}", answer.text);
    assert_eq!(answer.body["cancellation"]["by"], "customer");

    let whole = market.answered(&all_of(&market, &basket)).await["message"]["order"].take();
    let named = market.answered(&naming(&market, &basket, "F1")).await["message"]["order"].take();
    assert_eq!(named, whole);
    assert_eq!(events(&market).await.len(), 2);
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_cancels_of_parts_make_one_outcome_each() {
    let market = shop().await;
    let basket = two_parcels(&market, "two", ["Pending", "Pending"]);
    market.hand_over(&basket).await;
    let requests = ["F1", "F2", "F1", "F2", "F1"].map(|id| naming(&market, &basket, id));
    let answers = requests.iter().map(|request| market.answered(request));
    for answer in futures_util::future::join_all(answers).await {
        assert!(answer.get("error").is_none(), "{answer}");
    }
    let told = events(&market).await;
    assert_eq!(
        kinds(&told),
        ["order.fulfillment_cancelled", "order.cancelled"]
    );
    let shown = market.app.get("/orders/two").await.body;
    assert_eq!(shown["state"], "Cancelled");
    assert_eq!(shown["parts"].as_array().map(Vec::len), Some(1));
    market.stop().await;
}
