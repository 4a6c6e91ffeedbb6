//! `order cancel --filter`: a doctor's day at once.

use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use crate::admin::by_hand;
use crate::app::{BPP, TestApp};

/// Rides of that agent, beginning at noon of these days.
async fn rides(app: &TestApp, agent: &str, ids_and_days: &[(&str, &str)]) {
    for (id, day) in ids_and_days {
        let bap = ("bap.example.org", app.bap.url.as_str());
        let text = TRIP_1.placed_by(bap, (BPP, "http://bpp.example.org"));
        let mut document: serde_json::Value =
            serde_json::from_str(&text.expect("a sample")).expect("JSON");
        let order = &mut document["message"]["order"];
        order["id"] = json!(id);
        order["fulfillment"]["agent"] = json!({"id": agent});
        document["booking"] = json!({"starts_at": format!("{day}T12:00:00Z")});
        let path = format!("/orders/{id}");
        assert_eq!(app.admin("PUT", &path, Some(&document)).await.status, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_counted_first_and_cancelled_only_when_told_to_and_can_be_gone_on_with() {
    let app = TestApp::start().await;
    let day = [
        ("a", "2031-03-03"),
        ("b", "2031-03-03"),
        ("c", "2031-03-03"),
        ("d", "2031-03-04"),
    ];
    rides(&app, "dr-1", &day).await;
    rides(&app, "dr-2", &[("e", "2031-03-03")]).await;
    let filter = [
        "order",
        "cancel",
        "--filter",
        "agent=dr-1",
        "--from",
        "2031-03-03T00:00:00",
        "--to",
        "2031-03-04T00:00:00",
        "--reason",
        "013",
    ];

    let counted = by_hand(&app, &filter).expect(1);
    assert!(
        counted.out.starts_with("3 orders to cancel")
            && counted.err.contains("say --yes to cancel 3 orders"),
        "{counted:?}"
    );
    let open = app.get("/orders?state=Confirmed").await.body;
    assert_eq!(open["orders"].as_array().map(Vec::len), Some(5));

    // One is cancelled already, as after an end halfway.
    by_hand(&app, &["order", "cancel", "b"]).expect(0);
    let done = by_hand(&app, &[&filter[..], &["--yes"]].concat())
        .expect(0)
        .out;
    assert!(
        done.starts_with("2 orders to cancel, 1 that are over"),
        "{done}"
    );
    assert!(done.ends_with("2 cancelled, 0 refused\n"), "{done}");
    let cancelled = app.get("/orders?state=Cancelled").await.body;
    let ids = cancelled["orders"].as_array().expect("a list").iter();
    assert_eq!(
        ids.map(|order| &order["id"]).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    let json = by_hand(&app, &[&filter[..], &["--yes", "--json"]].concat())
        .expect(0)
        .json();
    assert_eq!(
        json,
        json!({"to_cancel": 0, "others": 3, "cancelled": 0, "refused": []})
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_and_does_not_hold_up_the_others() {
    let never = "[policy.never]\n[[policy.never.rule]]\nby = [\"provider\"]\nallowed = false";
    let app = TestApp::start_with(never).await;
    rides(&app, "dr-1", &[("a", "2031-03-03"), ("c", "2031-03-03")]).await;
    let stored = app.get("/orders/a").await.body;
    let mut message = json!({"context": stored["document"]["context"], "message": {"order": stored["document"]["order"]}});
    message["message"]["order"]["id"] = json!("b");
    message["booking"] = json!({"starts_at": "2031-03-03T12:00:00Z", "policy": "never"});
    assert_eq!(
        app.admin("PUT", "/orders/b", Some(&message)).await.status,
        201
    );
    let filter = ["order", "cancel", "--filter", "agent=dr-1", "--yes"];
    let ended = by_hand(&app, &filter).expect(1);
    assert!(
        ended.err.contains("1 of 3 orders were not cancelled")
            && ended.err.contains("order b: ")
            && ended.out.contains("2 cancelled, 1 refused"),
        "{ended:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_understood_is_a_usage_error() {
    let app = TestApp::start().await;
    for arguments in [
        &["order", "cancel"][..],
        &["order", "cancel", "a", "--filter", "agent=x"],
        &["order", "cancel", "--filter", "doctor=x"],
        &["order", "cancel", "a", "--yes"],
    ] {
        by_hand(&app, arguments).expect(2);
    }
    let bad = [
        "order", "cancel", "--filter", "agent=x", "--from", "tomorrow",
    ];
    by_hand(&app, &bad).fails(1, "starts_from: expected RFC 3339");
    app.stop().await;
}
