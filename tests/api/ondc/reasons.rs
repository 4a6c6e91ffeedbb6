//! Which reasons are taken from whom, and which part of an order may be meant.

use beckn_bpp::mock::orders::{BASKET_1, RIDE_1};
use serde_json::{Value, json};

use crate::market::{Market, error_of};

const DOMAINS: [&str; 2] = ["ONDC:TRV10", "ONDC:RET10"];

fn ride_because(reason: &str) -> Value {
    json!({"cancellation_reason_id": reason, "descriptor": {"code": "SOFT_CANCEL"}})
}

async fn started(settings: &str) -> (Market, Value, Value) {
    let ids = ("bap.example.org", "bpp.example.org");
    let market = Market::start_as(ids, &DOMAINS, settings).await;
    let [ride, basket] = [RIDE_1, BASKET_1].map(|sample| market.order(sample));
    market.hand_over(&ride).await;
    market.hand_over(&basket).await;
    (market, ride, basket)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_domain_has_its_own_table_and_a_sellers_code_is_not_the_buyers() {
    let (market, ride, basket) = started("").await;
    for sellers in ["011", "012", "013", "014", "13"] {
        let request = market.cancel_of(&ride, ride_because(sellers));
        let refused = market.refused(&request).await;
        assert_eq!(error_of(&refused).0, "30012");
        let message = refused["error"]["message"].as_str().expect("a sentence");
        assert!(message.contains("the provider's to use"), "{message}");
    }
    for odd in ["abc", "1.5", "-7"] {
        let request = market.cancel_of(&ride, ride_because(odd));
        assert_eq!(
            error_of(&market.refused(&request).await).0,
            "30012",
            "{odd}"
        );
    }
    // 7 and 42 are in no table of rides: published messages use such numbers.
    for taken in ["000", "1", "005", "7", "42"] {
        market
            .answered(&market.cancel_of(&ride, ride_because(taken)))
            .await;
    }
    for refused in ["002", "004", "005", "007", "013", "022", "023", "998", "7"] {
        let request = market.cancel_of(&basket, json!({"cancellation_reason_id": refused}));
        let answer = market.refused(&request).await;
        assert_eq!(
            error_of(&answer),
            ("30012", Some("DOMAIN-ERROR")),
            "{refused}"
        );
    }
    let request = market.cancel_of(&basket, json!({}));
    let answer = market.refused(&request).await;
    assert_eq!(
        error_of(&answer),
        ("30012", Some("DOMAIN-ERROR")),
        "it must have one"
    );
    let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "010"}));
    let order = market.answered(&request).await["message"]["order"].take();
    assert_eq!(order["cancellation"]["reason"]["id"], "010");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyers_code_is_not_the_providers_either() {
    let (market, ..) = started("").await;
    for (order, reason, status) in [
        ("ride_1", json!("001"), 422),
        ("ride_1", json!(null), 422),
        ("basket_1", json!("006"), 422),
        ("basket_1", json!("020"), 200),
        ("ride_1", json!("013"), 200),
    ] {
        let asked = json!({"by": "provider", "reason": reason});
        let answer = market.provider(order, "cancel", &asked).await;
        assert_eq!(answer.status, status, "{order} {reason}: {}", answer.text);
    }
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_may_refuse_what_its_table_does_not_know_or_have_a_table_of_its_own() {
    let (market, ride, _) = started("unknown_reasons = false").await;
    for unknown in ["7", "11"] {
        let request = market.cancel_of(&ride, ride_because(unknown));
        assert_eq!(
            error_of(&market.refused(&request).await).0,
            "30012",
            "{unknown}"
        );
    }
    for known in ["001", "5"] {
        market
            .answered(&market.cancel_of(&ride, ride_because(known)))
            .await;
    }
    market.stop().await;

    let own = r#"
[[network.market.reason]]
id = "051"
text = "The slot does not suit"
by = ["customer"]
"#;
    let (market, ride, _) = started(own).await;
    let request = market.cancel_of(&ride, ride_because("001"));
    assert_eq!(error_of(&market.refused(&request).await).0, "30012");
    market
        .answered(&market.cancel_of(&ride, ride_because("051")))
        .await;
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_spellings_of_soft_and_confirm_are_read_and_one_is_written() {
    let (market, ride, _) = started("").await;
    for (code, status) in [
        ("SOFT-CANCEL", "SOFT_CANCEL"),
        ("CONFIRM-CANCEL", "CANCELLED"),
    ] {
        let asked = json!({"cancellation_reason_id": "001", "descriptor": {"code": code}});
        let answer = market.answered(&market.cancel_of(&ride, asked)).await;
        assert_eq!(answer["message"]["order"]["status"], status);
    }
    market.stop().await;
}

/// A shop's request may name a fulfilment in its descriptor.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_fulfilment_must_be_there_and_may_be_all_that_is_left() {
    let (market, _, basket) = started("").await;
    let naming = |order: &Value, id: &str| {
        market.cancel_of(
            order,
            json!({"cancellation_reason_id": "006",
            "descriptor": {"name": "fulfillment", "short_desc": id}}),
        )
    };
    let refused = market.refused(&naming(&basket, "F9")).await;
    assert_eq!(error_of(&refused), ("50007", Some("DOMAIN-ERROR")));
    assert_eq!(refused["error"]["path"], "message.descriptor.short_desc");

    let mut two = basket.clone();
    two["message"]["order"]["id"] = json!("basket_2");
    let mut second = two["message"]["order"]["fulfillments"][0].clone();
    second["id"] = json!("F2");
    let list = two["message"]["order"]["fulfillments"].as_array_mut();
    list.expect("a list").push(second.clone());
    // Once the other one is cancelled, the named one is all of the order.
    second["state"]["descriptor"]["code"] = json!("Cancelled");
    two["message"]["order"]["id"] = json!("basket_3");
    two["message"]["order"]["fulfillments"][1] = second.clone();
    market.hand_over(&two).await;
    let order = market.answered(&naming(&two, "F1")).await["message"]["order"].take();
    assert_eq!(order["state"], "Cancelled");
    assert_eq!(
        order["fulfillments"][0]["tags"][0]["code"],
        "cancel_request"
    );
    assert_eq!(
        order["fulfillments"][1], second,
        "it was cancelled before, and not by this"
    );
    let order = market.answered(&naming(&basket, "F1")).await["message"]["order"].take();
    assert_eq!(order["cancellation"]["cancelled_by"], "bap.example.org");
    market.stop().await;
}
