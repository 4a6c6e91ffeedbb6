//! What is late, and who waits no longer: words of a shop's buyer about time.

use beckn_bpp::mock::bap::Answer as Told;
use beckn_bpp::mock::orders::BASKET_1;
use beckn_bpp::mock::provider;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::parts::{events, two_parcels};
use crate::app::{WAIT, listener};
use crate::market::{Market, error_of};

fn written(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn late(fulfillment: Option<&str>) -> Value {
    let mut message = json!({"cancellation_reason_id": "006"});
    if let Some(id) = fulfillment {
        message["descriptor"] = json!({"name": "fulfillment", "short_desc": id});
    }
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn late_is_what_the_promised_time_is_past_of() {
    let market = Market::start(&["ONDC:RET10"]).await;
    let promised = |basket: &mut Value, at: usize, minutes: i64| {
        let end =
            &mut basket["message"]["order"]["fulfillments"][at]["end"]["time"]["range"]["end"];
        *end = written(Utc::now() + TimeDelta::minutes(minutes));
    };
    let mut soon = market.order(BASKET_1);
    promised(&mut soon, 0, 10);
    market.hand_over(&soon).await;
    for asked in [late(None), late(Some("F1"))] {
        let refused = market.refused(&market.cancel_of(&soon, asked)).await;
        assert_eq!(error_of(&refused), ("30014", Some("DOMAIN-ERROR")));
        assert_eq!(refused["error"]["path"], "message.cancellation_reason_id");
        let said = refused["error"]["message"].as_str().expect("a sentence");
        assert!(said.starts_with("not_late: it is promised until"), "{said}");
    }
    // Another reason is not about time; cancelled is cancelled, whatever is said then.
    let request = market.cancel_of(&soon, json!({"cancellation_reason_id": "010"}));
    let first = market.answered(&request).await["message"]["order"].take();
    let again = market.answered(&market.cancel_of(&soon, late(None))).await;
    assert_eq!(again["message"]["order"], first);

    // Each parcel has a time of its own, and an order is late with the first that is.
    for (id, named, number) in [
        ("a", Some("F1"), ""),
        ("b", Some("F2"), "30014"),
        ("c", None, ""),
    ] {
        let mut two = two_parcels(&market, id, ["Pending", "Pending"]);
        promised(&mut two, 0, -1);
        promised(&mut two, 1, 10);
        market.hand_over(&two).await;
        let request = market.cancel_of(&two, late(named));
        match number {
            "" => drop(market.answered(&request).await),
            number => assert_eq!(error_of(&market.refused(&request).await).0, number),
        }
    }
    // An order that promises nothing is not early.
    let mut vague = market.order(BASKET_1);
    vague["message"]["order"]["id"] = json!("vague");
    let fulfillment = &mut vague["message"]["order"]["fulfillments"][0];
    fulfillment
        .as_object_mut()
        .expect("one")
        .remove("end")
        .expect("there");
    market.hand_over(&vague).await;
    market.answered(&market.cancel_of(&vague, late(None))).await;
    market.stop().await;
}

fn insisting(market: &Market, order: &Value, force: &str, within: &str, id: Option<&str>) -> Value {
    let mut message = late(id);
    message["descriptor"]["tags"] = json!([{"code": "params", "list": [
        {"code": "force", "value": force}, {"code": "ttl_response", "value": within}]}]);
    market.cancel_of(order, message)
}

/// A shop whose provider is asked and says nothing.
async fn silent() -> (Market, provider::ProviderHandle) {
    silent_with("").await
}

/// The same with one more setting of the provider's.
async fn silent_with(setting: &str) -> (Market, provider::ProviderHandle) {
    let back_end = provider::start(listener()).expect("a back end");
    let silence = Told::Raw {
        status: 204,
        body: "".into(),
    };
    back_end.answer_questions(silence);
    let mut market = Market::start(&["ONDC:RET10"]).await;
    let file = market.app.directory.path().join("provider.secret");
    std::fs::write(file, provider::SECRET).expect("written");
    let hook = back_end.hook_url.clone();
    let section = format!(
        "\n[provider]\nsecret_file = \"provider.secret\"\nhook_url = \"{hook}\"\n{setting}\n"
    );
    market.app.reconfigure(|text| text + &section).await;
    (market, back_end)
}

#[tokio::test(flavor = "multi_thread")]
async fn about_a_parcel_the_provider_is_asked_by_its_own_state_at_every_door() {
    let (market, back_end) = silent_with(r#"hook_states = ["Packed"]"#).await;
    for id in ["network", "admin"] {
        let basket = two_parcels(&market, id, ["Packed", "Pending"]);
        market.hand_over(&basket).await;
    }
    let of = |id: &str, named: &str| {
        let basket = two_parcels(&market, id, ["Packed", "Pending"]);
        let named = json!({"name": "fulfillment", "short_desc": named});
        market.cancel_of(
            &basket,
            json!({"cancellation_reason_id": "010", "descriptor": named}),
        )
    };
    market.answered(&of("network", "F2")).await;
    let asked = json!({"by": "customer", "reason": "010", "fulfillment": "F2"});
    let answer = market.provider("admin", "cancel", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(back_end.questions().is_empty(), "nothing here is packed");
    assert_eq!(market.send(&of("admin", "F1")).await.status, 200);
    let is_asked = back_end.until(WAIT, |all| !all.questions().is_empty());
    assert!(is_asked.await, "that one is");
    market.stop().await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_got_no_answer_in_time_may_insist_on_one() {
    let (market, back_end) = silent().await;
    let mut baskets = Vec::new();
    for (id, within) in [("overdue", "PT0S"), ("in_time", "PT1H")] {
        let basket = two_parcels(&market, id, ["Pending", "Pending"]);
        market.hand_over(&basket).await;
        let asked = insisting(&market, &basket, "no", within, Some("F1"));
        assert_eq!(market.send(&asked).await.status, 200);
        baskets.push((basket, asked));
    }
    let part = |id: &'static str| {
        let app = &market.app;
        async move { app.get(&format!("/orders/{id}")).await.body }
    };
    // Too soon, it waits like every other request.
    let (basket, _) = &baskets[1];
    market
        .send(&insisting(&market, basket, "yes", "PT1H", Some("F1")))
        .await;
    let shown = part("in_time").await;
    assert_eq!(
        shown["undecided"]["waiting"].as_array().map(Vec::len),
        Some(2)
    );
    // Of another part it cannot be known yet.
    let refused = market
        .send(&insisting(&market, basket, "yes", "PT1H", Some("F2")))
        .await;
    assert_eq!(error_of(&refused.json()).0, "31003");

    let (basket, first) = &baskets[0];
    let answer = market
        .answered(&insisting(&market, basket, "yes", "PT1H", Some("F1")))
        .await;
    let order = &answer["message"]["order"];
    assert_eq!(
        order["fulfillments"][0]["state"]["descriptor"]["code"],
        "Cancelled"
    );
    assert_eq!(order["state"], "Accepted");
    let id = first["context"]["message_id"].as_str().expect("an id");
    let told = market.bap.received(id, WAIT).await.expect("an answer");
    assert_eq!(told.json()["message"]["order"], *order);
    let shown = part("overdue").await;
    assert_eq!(
        [&shown["undecided"], &shown["cancellation"]],
        [&Value::Null; 2]
    );
    assert_eq!(shown["parts"].as_array().map(Vec::len), Some(1));
    let kinds: Vec<_> = events(&market)
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    let cancelled = kinds
        .iter()
        .filter(|kind| **kind == "order.fulfillment_cancelled");
    assert_eq!(cancelled.count(), 1);

    back_end.decide(&json!({"decision": "refuse", "reason": "It is at the door"}));
    let (_, first) = &baskets[1];
    let id = first["context"]["message_id"].as_str().expect("an id");
    let told = market
        .bap
        .received(id, WAIT)
        .await
        .expect("an answer")
        .json();
    assert_eq!(told["error"]["message"], "It is at the door");
    assert_eq!(part("in_time").await["state"], "Confirmed");
    let question = back_end.questions().pop().expect("a question").json();
    assert_eq!(question["fulfillment"], "F1");
    market.stop().await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_insists_first_is_answered_like_everybody() {
    let market = Market::start(&["ONDC:RET10"]).await;
    let basket = market.order(BASKET_1);
    market.hand_over(&basket).await;
    let request = insisting(&market, &basket, "yes", "PT1H", None);
    let order = market.answered(&request).await["message"]["order"].take();
    assert_eq!(order["state"], "Cancelled");
    market.stop().await;
}
