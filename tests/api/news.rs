//! What later messages of an order change, and what they leave as it was agreed or known.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rides::Ride;

const TEN: &str = r#"[{"cancellation_fee":{"amount":{"currency":"INR","value":"10"}}}]"#;
const PAGE: &str =
    r#"[{"external_ref":{"mimetype":"text/html","url":"https://bpp.example.org/terms"}}]"#;
const FLEX: &str = "[policy.flex]\n[[policy.flex.rule]]\npercent = \"50\"";
const QUOTE: &str = r#"{"price":{"currency":"INR","value":"146"}}"#;

fn ride(app: &TestApp, id: &str) -> Ride {
    Ride::placed_by(&app.bap, "1.1.0", id)
}

fn paid(amount: &str) -> String {
    format!(r#"[{{"status":"PAID","params":{{"amount":"{amount}","currency":"INR"}}}}]"#)
}

/// The same order some minutes later.
fn later(mut ride: Ride, minute: u32) -> Ride {
    ride.order = ride
        .order
        .text("updated_at", &format!("2026-03-02T07:{minute:02}:00Z"));
    ride
}

fn without(mut ride: Ride, member: &str) -> Ride {
    ride.order = ride.order.without(member);
    ride
}

async fn updates(app: &TestApp, ride: &Ride) {
    let answer = ride.put(app).await;
    let result = &answer.body["result"];
    assert_eq!(
        (answer.status, result),
        (200, &json!("updated")),
        "{}",
        answer.text
    );
}

async fn order(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/orders/{id}")).await.body
}

async fn fee(app: &TestApp, ride: &Ride) -> Value {
    ride.cancel().answered(app).await;
    order(app, &ride.id).await["cancellation"]["charge"]["fee"]["value"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn agreed_terms_stay_where_a_message_repeats_only_the_policy_beside_them() {
    let mut app = TestApp::start_with(FLEX).await;
    let flex = json!({"policy": "flex"});
    let own = ride(&app, "R-own")
        .with("cancellation_terms", TEN)
        .booking(flex.clone());
    let page = ride(&app, "R-page")
        .with("cancellation_terms", PAGE)
        .booking(flex.clone());
    for ride in [&own, &page] {
        ride.hand_over(&app).await;
    }
    app.reconfigure(|text| text.replace(r#"percent = "50""#, r#"percent = "100""#))
        .await;
    for (ride, expected) in [(own, "10.00"), (page, "73.00")] {
        let news = without(later(ride, 1), "cancellation_terms");
        updates(&app, &news).await;
        assert_eq!(order(&app, &news.id).await["policy"]["name"], "order");
        assert_eq!(fee(&app, &news).await, expected, "{}", news.id);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_frozen_asks_nothing_of_the_present_configuration() {
    let two =
        format!("{FLEX}\n[policy.gold]\n[[policy.gold.rule]]\namount = \"5\"\ncurrency = \"INR\"");
    let mut app = TestApp::start_with(&two).await;
    let flex = ride(&app, "R-1").booking(json!({"policy": "flex"}));
    let gold = ride(&app, "R-2").booking(json!({"policy": "gold"}));
    for ride in [&flex, &gold] {
        ride.hand_over(&app).await;
    }
    app.reconfigure(|text| {
        let text = text.replace("policy.flex", "policy.other");
        text.replace("currency = \"INR\"", "currency = \"USD\"")
    })
    .await;
    for ride in [&flex, &gold] {
        let answer = ride.put(&app).await;
        assert_eq!(answer.body["result"], "unchanged", "{}", answer.text);
    }
    updates(&app, &later(gold.clone(), 1)).await;
    assert_eq!(fee(&app, &gold).await, "5.00");
    let started = later(flex, 1).with(
        "fulfillments",
        r#"[{"id":"F1","state":{"descriptor":{"code":"RIDE_STARTED"}}}]"#,
    );
    updates(&app, &started).await;
    assert_eq!(order(&app, "R-1").await["state"], "InProgress");
    // Another one is looked up.
    let other = ride(&app, "R-3").booking(json!({"policy": "flex"}));
    assert_eq!(other.put(&app).await.status, 422);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn price_and_payments_stay_each_by_itself_where_a_message_leaves_them_out() {
    let app = TestApp::start().await;
    let first = ride(&app, "R-1")
        .with("cancellation_terms", TEN)
        .with("payments", &paid("146"));
    first.hand_over(&app).await;
    let money = async || {
        let order = order(&app, "R-1").await;
        ["price", "paid"].map(|part| order[part]["value"].clone())
    };
    assert_eq!(money().await, ["146.00", "146.00"]);
    updates(&app, &without(later(first.clone(), 1), "payments")).await;
    assert_eq!(money().await, ["146.00", "146.00"], "no payments");
    updates(&app, &later(first.clone(), 2).with("payments", "[]")).await;
    assert_eq!(money().await, ["146.00", "146.00"], "a list of none");
    let no_quote = without(
        later(first.clone(), 3).with("payments", &paid("100")),
        "quote",
    );
    updates(&app, &no_quote).await;
    assert_eq!(money().await, ["146.00", "100.00"], "no quote");
    let whole = r#"[{"status":"PAID"}]"#;
    updates(
        &app,
        &without(later(first.clone(), 4).with("payments", whole), "quote"),
    )
    .await;
    assert_eq!(
        money().await,
        ["146.00", "146.00"],
        "the price that is known"
    );
    let back = later(first.clone(), 5).with("payments", r#"[{"status":"NOT-PAID"}]"#);
    updates(&app, &back).await;
    assert_eq!(money().await, ["146.00", "0.00"]);
    updates(
        &app,
        &without(later(first.clone(), 6), "payments").with("quote", QUOTE),
    )
    .await;
    assert_eq!(money().await, ["146.00", "0.00"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_another_currency_than_the_price_is_refused() {
    let app = TestApp::start().await;
    let dollars = r#"[{"status":"PAID","params":{"amount":"146","currency":"USD"}}]"#;
    let first = ride(&app, "R-1").with("payments", dollars);
    let answer = first.put(&app).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    for part in ["payments[0]", "INR", "USD"] {
        assert!(answer.text.contains(part), "{}", answer.text);
    }
    ride(&app, "R-1").hand_over(&app).await;
    let answer = without(later(first, 1), "quote").put(&app).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_block_is_merged_member_by_member() {
    let app = TestApp::start().await;
    let first = ride(&app, "R-1").booking(json!({"tenant": "clinic-7", "status": "Confirmed",
        "starts_at": "2036-03-02T10:00:00Z", "external_reference": "app:1",
        "patient": {"id": "p1", "partner_id": "q1"}}));
    first.hand_over(&app).await;
    let block = json!({"external_id": "x-9", "tenant": null, "patient": {"partner_id": "q2"}});
    updates(&app, &later(first.clone(), 1).booking(block)).await;
    let merged = json!({"external_id": "x-9", "starts_at": "2036-03-02T10:00:00Z",
        "external_reference": "app:1", "patient": {"id": "p1", "partner_id": "q2"}});
    assert_eq!(order(&app, "R-1").await["booking"], merged);
    let mut bare = later(first.clone(), 2);
    bare.booking = None;
    updates(&app, &bare).await;
    assert_eq!(order(&app, "R-1").await["booking"], merged);
    let wrong = later(first, 3)
        .booking(json!({"tenant": 7}))
        .put(&app)
        .await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_what_is_still_to_come_are_refused_and_freeze_nothing() {
    let app = TestApp::start().await;
    let first = ride(&app, "R-1");
    first.hand_over(&app).await;
    let ahead = first
        .clone()
        .with("updated_at", r#""2036-01-01T00:00:00Z""#);
    let answer = ahead.put(&app).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("still to come"), "{}", answer.text);
    let patch = async |body: Value| app.admin("PATCH", "/orders/R-1", Some(&body)).await;
    let arrived = json!([{"id": "F1", "state": "RIDE_ARRIVED_PICKUP"}]);
    let answer =
        patch(json!({"fulfillments": arrived, "occurred_at": "2036-01-01T00:00:00Z"})).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    // A clock may be a little ahead.
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(20)).to_rfc3339();
    let answer = patch(json!({"fulfillments": arrived, "occurred_at": soon})).await;
    assert_eq!(answer.body["applied"], true, "{}", answer.text);
    let started = json!([{"id": "F1", "state": "RIDE_STARTED"}]);
    let answer = patch(json!({"fulfillments": started})).await;
    assert_eq!(answer.body["state"], "InProgress", "{}", answer.text);
    app.stop().await;
}
