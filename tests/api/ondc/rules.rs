//! Numbers, times and tries: what sets this network's manners apart.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::{BASKET_1, RIDE_1, TICKET_1};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::app::WAIT;
use crate::market::{Market, error_of};

fn confirm(reason: &str) -> Value {
    json!({"cancellation_reason_id": reason, "descriptor": {"code": "CONFIRM_CANCEL"}})
}

async fn with_a_ride() -> (Market, Value) {
    let market = Market::start(&["ONDC:TRV10", "ONDC:RET10"]).await;
    let ride = market.order(RIDE_1);
    market.hand_over(&ride).await;
    (market, ride)
}

fn seconds_ago(seconds: i64) -> Value {
    let at = Utc::now() - TimeDelta::seconds(seconds);
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_carry_the_numbers_of_this_network() {
    let (market, ride) = with_a_ride().await;
    let good = market.cancel_of(&ride, confirm("001"));
    let with = |pointer: &str, value: Value| {
        let mut request = good.clone();
        *request.pointer_mut(pointer).expect(pointer) = value;
        request
    };
    for (request, number) in [
        (with("/context/timestamp", seconds_ago(60)), "30022"),
        (with("/message/order_id", json!("none")), "30018"),
        (
            with("/context/transaction_id", json!("another-session")),
            "30018",
        ),
        (
            with("/message/cancellation_reason_id", json!("011")),
            "30012",
        ),
        (with("/message/descriptor/code", json!("CANCEL")), "30000"),
        (
            with("/message/descriptor", json!({"name": "no code"})),
            "30000",
        ),
        (with("/context/version", json!("1.1.0")), "30000"),
        (with("/context/domain", json!("ONDC:TRV12")), "30000"),
        (
            with("/context/bap_id", json!("other-bap.example.org")),
            "30016",
        ),
    ] {
        let refused = market.refused(&request).await;
        // Mobility's errors are those of Beckn 1.x: no type, and `paths`.
        assert_eq!(error_of(&refused), (number, None), "{refused}");
        assert!(refused["error"].get("path").is_none(), "{refused}");
    }
    let text = good.to_string();
    let forged = market
        .bap
        .signer()
        .authorization(b"{}", Utc::now().timestamp());
    let url = market.app.url("/ondc/cancel");
    let reply = market
        .bap
        .post(&url, text, &forged)
        .await
        .expect("an answer");
    assert_eq!((reply.status, error_of(&reply.json()).0), (401, "30016"));
    let challenge = reply.headers["www-authenticate"].to_str().expect("text");
    assert!(
        challenge.starts_with(r#"Signature realm="bpp.example.org""#),
        "{challenge}"
    );
    let elsewhere = market.app.url("/ondc/select");
    let reply = market.bap.sign_and_post(&elsewhere, good.to_string()).await;
    let reply = reply.expect("an answer");
    assert_eq!((reply.status, error_of(&reply.json()).0), (404, "40001"));
    market.answered(&good).await;
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shops_refusals_have_a_type_and_a_path_even_before_the_message_is_read() {
    let market = Market::start(&["ONDC:RET10"]).await;
    let basket = market.order(BASKET_1);
    let url = market.app.url("/ondc/cancel");
    let reply = market
        .bap
        .post(&url, "{}", "nonsense")
        .await
        .expect("an answer");
    assert_eq!(
        error_of(&reply.json()),
        ("30016", Some("CONTEXT-ERROR")),
        "a shop's network answers as shops do"
    );
    let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "006"}));
    let refused = market.refused(&request).await;
    assert_eq!(error_of(&refused), ("30018", Some("DOMAIN-ERROR")));
    assert_eq!(refused["error"]["path"], "message.order_id");
    market.stop().await;
}

/// Every published message is valid for 30 seconds; one that does not say so is, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stale_after_its_ttl_or_else_after_thirty_seconds() {
    let (market, ride) = with_a_ride().await;
    let made = |seconds: i64, ttl: Value| {
        let mut request = market.cancel_of(&ride, confirm("001"));
        request["message"]["descriptor"]["code"] = json!("SOFT_CANCEL");
        request["context"]["timestamp"] = seconds_ago(seconds);
        match ttl {
            Value::Null => {
                let context = request["context"].as_object_mut().expect("a context");
                context.remove("ttl").expect("there before");
            }
            ttl => request["context"]["ttl"] = ttl,
        }
        request
    };
    for stale in [
        made(35, Value::Null),
        made(35, json!("soon")),
        made(10, json!("PT5S")),
    ] {
        let refused = market.refused(&stale).await;
        assert_eq!(error_of(&refused).0, "30022");
        assert_eq!(refused["error"]["paths"], "context.ttl");
    }
    for fresh in [made(5, Value::Null), made(60, json!("PT2M"))] {
        let answer = market.answered(&fresh).await;
        assert_eq!(
            answer["context"]["ttl"], "PT30S",
            "ours, whatever theirs was"
        );
    }
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_has_a_fresh_timestamp_and_nothing_else_changes() {
    let (market, ride) = with_a_ride().await;
    let down = Answer::Raw {
        status: 503,
        body: "busy".into(),
    };
    market.bap.answer_next([down]);
    let request = market.cancel_of(&ride, confirm("001"));
    market.send(&request).await;
    let id = request["context"]["message_id"].as_str().expect("an id");
    let tries = market
        .bap
        .received_times(id, 2, WAIT)
        .await
        .expect("two tries");
    let [mut first, mut second] = [0, 1].map(|at| tries[at].json());
    let time = |message: &mut Value| -> DateTime<Utc> {
        let time = message["context"]["timestamp"].take();
        time.as_str().expect("text").parse().expect("a time")
    };
    assert!(time(&mut first) < time(&mut second));
    assert_eq!(first, second);
    assert_eq!(tries[1].verdict, Ok(()));
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_passing_fault_of_the_buyer_app_is_tried_again_after_a_nack() {
    let (market, ride) = with_a_ride().await;
    let soft = || {
        let mut request = market.cancel_of(&ride, confirm("001"));
        request["message"]["descriptor"]["code"] = json!("SOFT_CANCEL");
        request
    };
    let outcomes = |callback: &Value| -> Vec<String> {
        let attempts = callback["attempts"].as_array().expect("attempts").iter();
        attempts
            .map(|one| one["outcome"].as_str().expect("a word").to_owned())
            .collect()
    };
    // Four steps of tries follow the first: NACKs are not counted here.
    let passing = || Answer::Nack(json!({"code": "23001", "message": "try again"}));
    market
        .bap
        .answer_next([passing(), passing(), passing(), passing()]);
    market.send(&soft()).await;
    market.app.settled().await;
    let shown = market.app.get("/callbacks?limit=10").await.body;
    let delivered = &shown["callbacks"][0];
    let detail = market
        .app
        .get(&format!("/callbacks/{}", delivered["id"]))
        .await
        .body;
    assert_eq!(detail["state"], "delivered", "{detail}");
    assert_eq!(
        outcomes(&detail),
        [
            "nack_for_now",
            "nack_for_now",
            "nack_for_now",
            "nack_for_now",
            "delivered"
        ]
    );

    market.bap.answer_next([Answer::Nack(
        json!({"code": "22503", "message": "the total"}),
    )]);
    market.send(&soft()).await;
    market.app.settled().await;
    let dead = market.app.get("/callbacks?state=dead").await.body;
    let detail = market
        .app
        .get(&format!("/callbacks/{}", dead["callbacks"][0]["id"]))
        .await
        .body;
    assert_eq!(outcomes(&detail), ["nack"]);
    assert!(
        detail["attempts"][0]["detail"]
            .as_str()
            .expect("text")
            .contains("22503")
    );
    market.stop().await;
}

/// The registry answers only who is registered and signs.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_looked_up_by_a_signed_question() {
    let (market, ride) = with_a_ride().await;
    let ours = {
        let mut rows = market.app.registry.rows.lock().expect("no test panicked");
        let at = rows
            .iter()
            .position(|row| row["type"] == "BPP")
            .expect("our row");
        rows.remove(at)
    };
    let request = market.cancel_of(&ride, confirm("001"));
    let reply = market.send(&request).await;
    assert_eq!((reply.status, error_of(&reply.json()).0), (503, "31001"));
    market
        .app
        .registry
        .rows
        .lock()
        .expect("no test panicked")
        .push(ours);
    market.answered(&request).await;
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_another_version_or_domain_is_not_taken_in() {
    let market = Market::start(&["ONDC:TRV10", "ONDC:RET10"]).await;
    for (member, value, fault) in [
        (
            "version",
            "1.1.0",
            "1.2.x, 2.0.x or, for rides and tickets, 2.1.x",
        ),
        ("version", "3.0.0", "expected"),
        ("domain", "ONDC:TRV12", "served by no joined network"),
    ] {
        let mut ride = market.order(RIDE_1);
        ride["context"][member] = json!(value);
        let answer = market.app.admin("PUT", "/orders/ride_1", Some(&ride)).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(fault), "{}", answer.text);
    }
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rides_and_tickets_of_2_1_are_cancelled_as_those_of_2_0_and_answered_in_their_version() {
    let market = Market::start(&["ONDC:TRV10", "ONDC:TRV11", "ONDC:RET10"]).await;
    for sample in [RIDE_1, TICKET_1] {
        let mut orders = Vec::new();
        for version in ["2.0.1", "2.1.0"] {
            let mut order = market.order(sample);
            order["context"]["version"] = json!(version);
            order["message"]["order"]["id"] = json!(format!("{}-{version}", sample.id));
            market.hand_over(&order).await;
            let soft = json!({"cancellation_reason_id": "001",
                "descriptor": {"code": "SOFT_CANCEL"}});
            let priced = market.answered(&market.cancel_of(&order, soft)).await;
            assert_eq!(priced["message"]["order"]["status"], "SOFT_CANCEL");
            let mut answer = market
                .answered(&market.cancel_of(&order, confirm("001")))
                .await;
            assert_eq!(answer["context"]["version"], version);
            let cancelled = &mut answer["message"]["order"];
            assert_eq!(cancelled["status"], "CANCELLED");
            assert_eq!(cancelled["cancellation"]["cancelled_by"], "CONSUMER");
            cancelled["id"] = json!(null);
            cancelled["cancellation"]["time"] = json!(null);
            for member in ["updated_at", "fulfillments"] {
                cancelled[member] = json!(null);
            }
            orders.push(cancelled.take());
        }
        assert_eq!(orders[0], orders[1], "{}", sample.id);
    }
    let basket = market.order(BASKET_1);
    market.hand_over(&basket).await;
    let mut request = market.cancel_of(&basket, json!({"cancellation_reason_id": "010"}));
    let context = request["context"].as_object_mut().expect("an object");
    context.remove("core_version");
    context.insert("version".to_owned(), json!("2.1.0"));
    let refused = market.refused(&request).await;
    let why = refused["error"]["message"].as_str().expect("a sentence");
    assert!(why.starts_with("unknown_version"), "{why}");
    market.stop().await;
}

/// A shop's order is `In-progress` from the moment it is packed, and can be cancelled until it
/// leaves.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_packed_can_be_cancelled_and_what_has_left_cannot() {
    let market = Market::start(&["ONDC:RET10"]).await;
    for (code, is_cancelled) in [
        ("Packed", true),
        ("Agent-assigned", true),
        ("Order-picked-up", false),
        ("Order-delivered", false),
    ] {
        let mut basket = market.order(BASKET_1);
        let order = &mut basket["message"]["order"];
        order["id"] = json!(code);
        order["state"] = json!("In-progress");
        order["fulfillments"][0]["state"]["descriptor"]["code"] = json!(code);
        market.hand_over(&basket).await;
        let request = market.cancel_of(&basket, json!({"cancellation_reason_id": "010"}));
        let answer = market.answered(&request).await;
        assert_eq!(answer.get("error").is_none(), is_cancelled, "{code}");
        if is_cancelled {
            let tags = &answer["message"]["order"]["fulfillments"][0]["tags"];
            assert_eq!(tags[1]["code"], "precancel_state");
            assert_eq!(tags[1]["list"][0]["value"], code);
        } else {
            assert_eq!(error_of(&answer), ("50001", Some("POLICY-ERROR")));
        }
    }
    market.stop().await;
}
