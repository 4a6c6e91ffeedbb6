//! Orders are handed over, shown and listed.
//!
//! The document is the provider's: it comes back as it came. What is read out of it is tried
//! with the wire formats.

use beckn_bpp::mock::orders::{O1, O2, O3, TRIP_1, TRIP_2};
use serde_json::{Value, json};

use super::{cancel, check_problem, document, put, renamed};
use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_handed_over_is_shown_with_its_document() {
    let app = TestApp::start().await;
    let whole = document(&app, O1);
    let answer = put(&app, "O1", &whole).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let wanted = json!({"network": "mobility", "id": "O1", "result": "created"});
    assert_eq!(answer.body, wanted);
    let shown = app.get("/orders/O1").await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.headers["content-type"], "application/json");
    let order = &shown.body;
    assert_eq!(order["state"], "Confirmed");
    assert_eq!(order["version"], 1);
    assert_eq!(
        order["price"],
        json!({"value": "146.00", "currency": "INR"})
    );
    assert_eq!(order["cancellation"], Value::Null);
    assert_eq!(order["placed_by"]["bap_id"], "bap.example.org");
    assert_eq!(order["document"]["order"], whole["message"]["order"]);
    assert_eq!(order["document"]["context"], whole["context"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_the_document_stay_as_written() {
    let app = TestApp::start().await;
    let text = document(&app, TRIP_1).to_string();
    let text = text.replace("\"count\":1", "\"count\":1.50,\"e\":1e2");
    let request = app.http.put(app.admin_url("/orders/trip_1"));
    let request = request.bearer_auth(&app.token).body(text);
    assert_eq!(crate::app::answer(request).await.status, 201);
    let shown = app.get("/orders/trip_1").await;
    assert!(
        shown.text.contains("\"count\":1.50,\"e\":1e2"),
        "{}",
        shown.text
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_changes_nothing_newer_updates_and_older_is_ignored() {
    let app = TestApp::start().await;
    let first = document(&app, O1);
    assert_eq!(put(&app, "O1", &first).await.status, 201);
    let again = put(&app, "O1", &first).await;
    assert_eq!(
        (again.status, &again.body["result"]),
        (200, &json!("unchanged"))
    );
    assert_eq!(app.get("/orders/O1").await.body["version"], 1);

    let mut newer = first.clone();
    newer["message"]["order"]["updated_at"] = json!("2026-03-02T06:10:00Z");
    newer["message"]["order"]["billing"]["name"] = json!("A. Rao");
    let answer = put(&app, "O1", &newer).await;
    assert_eq!(
        (answer.status, &answer.body["result"]),
        (200, &json!("updated"))
    );

    let answer = put(&app, "O1", &first).await;
    assert_eq!(
        (answer.status, &answer.body["result"]),
        (200, &json!("unchanged"))
    );
    let shown = app.get("/orders/O1").await.body;
    assert_eq!(shown["version"], 2);
    assert_eq!(shown["document"]["order"]["billing"]["name"], "A. Rao");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_is_never_brought_back_to_life() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    assert_eq!(
        cancel(&app, "O1", json!({"by": "provider"})).await.status,
        200
    );
    app.settled().await;
    let before = app.kept().await;
    let mut newer = document(&app, O1);
    let again = put(&app, "O1", &newer).await;
    assert_eq!(
        (again.status, &again.body["result"]),
        (200, &json!("unchanged"))
    );
    newer["message"]["order"]["updated_at"] = json!("2026-03-03T00:00:00Z");
    let answer = put(&app, "O1", &newer).await;
    check_problem(&answer, 409);
    assert_eq!(answer.body["cancellation"]["by"], "provider");
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_order_is_refused_with_the_member_at_fault() {
    let app = TestApp::start().await;
    let right = document(&app, O1);
    let but = |pointer: &str, value: Value| {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).expect("a member") = value;
        wrong
    };
    let booking = |block: Value| {
        let mut wrong = right.clone();
        wrong["booking"] = block;
        wrong
    };
    for (wrong, named) in [
        (but("/message/order/id", json!("O9")), "O9"),
        (but("/message/order/id", json!(7)), "message.order.id"),
        (
            but("/message/order/status", json!("TELEPORTED")),
            "message.order.status",
        ),
        (
            but("/message/order/quote/price/value", json!("a lot")),
            "quote",
        ),
        (but("/message/order", json!([])), "message.order"),
        (but("/context/domain", json!("parcels")), "context.domain"),
        (but("/context/version", json!("2.0.0")), "context.version"),
        (but("/context/bap_id", json!(null)), "context.bap_id"),
        (
            but("/context/bap_uri", json!("ftp://bap.example.org")),
            "context.bap_uri",
        ),
        (but("/context/bap_uri", json!(1)), "context.bap_uri"),
        (
            but("/context/transaction_id", json!("")),
            "context.transaction_id",
        ),
        (booking(json!({"network": "parcels"})), "booking.network"),
        (booking(json!({"status": "Vanished"})), "booking"),
        (booking(json!({"colour": "red"})), "colour"),
        (json!({}), "message"),
        (json!([]), "an object"),
    ] {
        let answer = put(&app, "O1", &wrong).await;
        assert_ne!(answer.status, 201, "{named}");
        check_problem(&answer, 422);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(named), "{named} in {detail}");
    }
    for text in ["", "{", "{\"message\":1,\"message\":2}", "\u{feff}{}"] {
        let request = app.http.put(app.admin_url("/orders/O1"));
        let request = request.bearer_auth(&app.token).body(text);
        check_problem(&crate::app::answer(request).await, 422);
    }
    // A policy is looked for where the order has no terms of its own.
    let mut other = document(&app, TRIP_1);
    other["booking"] = json!({"policy": "golden"});
    let answer = put(&app, "trip_1", &other).await;
    check_problem(&answer, 422);
    assert!(answer.text.contains("booking.policy"), "{}", answer.text);
    check_problem(&put(&app, "a%20b", &right).await, 400);
    check_problem(&app.get("/orders/O1").await, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_no_network_has_a_booking_alone() {
    let app = TestApp::start().await;
    let booking = json!({"booking": {"status": "Confirmed", "starts_at": "2036-01-01T10:00:00Z",
        "external_id": "venue-7/5", "price": {"value": "500", "currency": "INR"}}});
    let answer = put(&app, "B1", &booking).await;
    let wanted = json!({"network": "none", "id": "B1", "result": "created"});
    assert_eq!((answer.status, answer.body), (201, wanted));
    let shown = app.get("/orders/B1").await.body;
    assert_eq!(shown["placed_by"], Value::Null);
    assert_eq!(shown["booking"]["external_id"], "venue-7/5");
    assert_eq!(
        shown["price"],
        json!({"value": "500.00", "currency": "INR"})
    );
    app.stop().await;
}

/// The ids on the pages that follow one another.
async fn pages(app: &TestApp, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let answer = app.get(&format!("/orders?{query}{after}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let orders = answer.body["orders"].as_array().expect("a list");
        assert!(orders.iter().all(|order| order.get("document").is_none()));
        let ids = orders
            .iter()
            .map(|order| order["id"].as_str().expect("an id").to_owned());
        let ids: Vec<String> = ids.collect();
        if !ids.is_empty() {
            pages.push(ids);
        }
        let Some(next) = answer.body["next"].as_str() else {
            return pages;
        };
        after = format!("&after={}", next.replace('/', "%2F"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_a_page_at_a_time_and_by_state() {
    let app = TestApp::start().await;
    for sample in [O1, O2, O3, TRIP_1, TRIP_2] {
        app.hand_over(sample).await;
    }
    let slashed = renamed(&app, TRIP_1, "a/b");
    assert_eq!(put(&app, "a%2Fb", &slashed).await.status, 201);
    let all = ["O1", "O2", "O3", "a/b", "trip_1", "trip_2"];
    for limit in [1, 2, 4, 6, 1_000_000] {
        let pages = pages(&app, &format!("limit={limit}")).await;
        assert_eq!(pages.concat(), all, "limit {limit}");
        assert!(pages.iter().all(|page| page.len() <= limit));
    }
    assert_eq!(pages(&app, "state=InProgress").await.concat(), ["O2"]);
    assert_eq!(pages(&app, "state=Cancelled").await.concat(), [""; 0]);
    assert_eq!(
        pages(&app, "network=mobility&limit=5").await.concat().len(),
        6
    );
    assert_eq!(pages(&app, "network=none").await.concat(), [""; 0]);
    cancel(&app, "O1", json!({"by": "provider"})).await;
    assert_eq!(pages(&app, "state=Cancelled").await.concat(), ["O1"]);
    for wrong in [
        "state=Gone",
        "after=x",
        "network=a%20b",
        "limit=many",
        "limit=-1",
    ] {
        check_problem(&app.get(&format!("/orders?{wrong}")).await, 400);
    }
    app.stop().await;
}
