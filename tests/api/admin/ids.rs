//! Ids in paths: they are whatever the provider made them, and may be on two networks.
//!
//! A path segment is decoded once, and what comes out must be an id.

use beckn_bpp::mock::orders::TRIP_1;
use serde_json::{Value, json};

use super::{cancel, check_problem, document, events, patch, put, renamed};
use crate::app::TestApp;
use crate::setup::parcels;

#[tokio::test(flavor = "multi_thread")]
async fn an_id_with_a_slash_or_a_percent_is_written_encoded() {
    let app = TestApp::start().await;
    for (id, encoded) in [
        ("a/b", "a%2Fb"),
        ("a/../b", "a%2F..%2Fb"),
        ("50%", "50%25"),
        ("a%2Fb", "a%252Fb"),
        (
            "https://shop.example.org/o?n=1#2",
            "https:%2F%2Fshop.example.org%2Fo%3Fn=1%232",
        ),
        ("a+b", "a+b"),
        ("a+c", "a%2Bc"),
        ("cancel", "cancel"),
        (".hidden", ".hidden"),
    ] {
        let order = renamed(&app, TRIP_1, id);
        let answer = put(&app, encoded, &order).await;
        assert_eq!(answer.status, 201, "{id}: {}", answer.text);
        assert_eq!(answer.body["id"], id);
        assert_eq!(app.get(&format!("/orders/{encoded}")).await.body["id"], id);
        let answer = patch(&app, encoded, json!({"status": "Confirmed"})).await;
        assert_eq!((answer.status, &answer.body["id"]), (200, &json!(id)));
        let answer = cancel(&app, encoded, json!({"by": "provider"})).await;
        assert_eq!((answer.status, &answer.body["id"]), (200, &json!(id)));
        let last = events(&app).await.pop().expect("an event");
        assert_eq!(last["order_id"], id);
    }
    for wrong in ["a%20b", "%00", "caf%C3%A9", "a%7Cb", &"x".repeat(256)] {
        check_problem(&app.get(&format!("/orders/{wrong}")).await, 400);
    }
    check_problem(&app.get("/orders/a/b").await, 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_on_two_networks_needs_its_network() {
    let app = TestApp::start_with(&parcels("http://127.0.0.1:9")).await;
    app.hand_over(TRIP_1).await;
    let mut other = document(&app, TRIP_1);
    other["context"]["domain"] = json!("parcels");
    let answer = put(&app, "trip_1", &other).await;
    assert_eq!(
        (answer.status, &answer.body["network"]),
        (201, &json!("parcels"))
    );
    let booking = json!({"booking": {"status": "Confirmed"}});
    assert_eq!(put(&app, "trip_1", &booking).await.body["network"], "none");

    let answer = app.get("/orders/trip_1").await;
    check_problem(&answer, 409);
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    for name in ["network=", "mobility", "parcels", "none"] {
        assert!(detail.contains(name), "{detail}");
    }
    check_problem(
        &patch(&app, "trip_1", json!({"status": "NoShow"})).await,
        409,
    );
    check_problem(
        &cancel(&app, "trip_1", json!({"by": "provider"})).await,
        409,
    );

    let path = "/orders/trip_1/cancel?network=none";
    let by = json!({"by": "provider"});
    let answer = app.admin("POST", path, Some(&by)).await;
    assert_eq!(
        (answer.status, &answer.body["network"]),
        (200, &json!("none"))
    );
    let state = async |network: &str| -> Value {
        let shown = app.get(&format!("/orders/trip_1?network={network}")).await;
        shown.body["state"].clone()
    };
    assert_eq!(state("none").await, "Cancelled");
    assert_eq!(state("mobility").await, "Confirmed");
    assert_eq!(state("parcels").await, "Confirmed");
    check_problem(&app.get("/orders/trip_1?network=health").await, 404);
    app.stop().await;
}
