//! Goods under way are called back by hand, one fulfilment of several too.

use beckn_bpp::mock::orders::BASKET_1;
use serde_json::json;

use crate::admin::by_hand;
use crate::market::Market;

#[tokio::test(flavor = "multi_thread")]
async fn goods_under_way_are_called_back_and_shown() {
    let market = Market::start(&["ONDC:RET10"]).await;
    let mut basket = market.order(BASKET_1);
    let list = &mut basket["message"]["order"]["fulfillments"];
    list[0]["state"]["descriptor"]["code"] = json!("Out-for-delivery");
    let mut second = list[0].clone();
    second["id"] = json!("F2");
    list.as_array_mut().expect("a list").push(second);
    market.hand_over(&basket).await;
    let cancel = ["order", "cancel", "basket_1", "--reason", "013"];
    by_hand(&market.app, &cancel).fails(1, "say which comes back");
    let named = [
        "--fulfillment",
        "F1",
        "--rto-charge",
        "20.00",
        "--rto-id",
        "R1",
    ];
    let told = by_hand(&market.app, &[&cancel[..], &named].concat())
        .expect(0)
        .out;
    assert!(
        told.starts_with("fulfilment F1 of order basket_1 is cancelled\n"),
        "{told}"
    );
    assert!(
        told.contains("F1 by R1: RTO-Initiated, for 20.00 INR"),
        "{told}"
    );
    let more = [
        "--fulfillment",
        "F2",
        "--rto-retry-count",
        "3",
        "--rto-cancelled-by",
        "lsp.com",
    ];
    let json = by_hand(&market.app, &[&cancel[..], &more, &["--json"]].concat());
    let rto = json.expect(0).json()["cancellation"]["rto"].take();
    assert_eq!([&rto["id"], &rto["cancelled_by"]], ["F2-RTO", "lsp.com"]);
    assert_eq!(rto["retry_count"], 3);
    let shown = by_hand(&market.app, &["order", "show", "basket_1"])
        .expect(0)
        .out;
    assert!(
        shown.contains("without     fulfilment F1") && shown.contains("F2-RTO"),
        "{shown}"
    );
    market.stop().await;
}
