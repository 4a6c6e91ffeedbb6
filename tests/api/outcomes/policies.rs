//! What a cancellation costs by the provider's terms, and which terms those are.

use beckn_bpp::mock::orders::O1;
use serde_json::{Value, json};

use super::expected::{Shown, cancelled_1, cancelled_at, message, order_0_9};
use super::{THIRTY, VERSIONS, check, events, inr, order, placed};
use crate::app::TestApp;
use crate::rides::{Ride, answering, text};

const NAMED: &str = r#"
[policy.default]
[[policy.default.rule]]
percent = "50"
[policy.gold]
[[policy.gold.rule]]
by = ["customer"]
amount = "12.50"
currency = "INR"
[[policy.gold.rule]]
by = ["provider"]
amount = "5"
currency = "INR"
"#;

/// Fee, refund and due of the last event.
async fn told(app: &TestApp) -> (Value, Value, Value) {
    let event = events(app).await.pop().expect("an event");
    let part = |name: &str| event[name]["value"].clone();
    (part("fee"), part("refund"), part("due"))
}

/// Cancels it as its BAP; the total of the quote that comes back.
async fn total(app: &TestApp, ride: &Ride) -> Value {
    let callback = ride.cancel().answered(app).await;
    callback.json()["message"]["order"]["quote"]["price"]["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_policy_takes_a_share_and_a_named_one_an_amount() {
    let app = TestApp::start_with(NAMED).await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        assert_eq!(total(&app, &ride).await, "73");
        assert_eq!(
            told(&app).await,
            (json!("73.00"), json!("0.00"), json!("73.00"))
        );
        let gold = Ride::placed_by(&app.bap, version, &format!("G-{version}"));
        let gold = gold.booking(json!({"policy": "gold"}));
        gold.hand_over(&app).await;
        assert_eq!(total(&app, &gold).await, "12.50");
        assert_eq!(
            told(&app).await,
            (json!("12.50"), json!("0.00"), json!("12.50"))
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orders_own_terms_go_before_every_policy() {
    let app = TestApp::start_with(NAMED).await;
    app.hand_over(O1).await;
    let message = app.cancel_of(O1);
    app.send(&message).await;
    let callback = app.callback(&message.message).await.json();
    assert_eq!(
        callback["message"]["order"]["quote"]["price"]["value"],
        "30"
    );
    assert_eq!(order(&app, "O1").await["policy"]["name"], "order");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_decides_refund_and_due() {
    let app = TestApp::start_with(THIRTY).await;
    let paid = |amount: &str| {
        format!(
            r#"{{"type":"ON-ORDER","status":"PAID","params":{{"amount":"{amount}","currency":"INR"}}}}"#
        )
    };
    let whole = r#"{"type":"ON-ORDER","status":"PAID"}"#.to_owned();
    for (number, payment, refund, due) in [
        (0, paid("146"), "116.00", "0.00"),
        (1, paid("10.50"), "0.00", "19.50"),
        (2, paid("30"), "0.00", "0.00"),
        (3, whole, "116.00", "0.00"),
        (4, paid("146").replace("PAID", "NOT-PAID"), "0.00", "30.00"),
    ] {
        for version in VERSIONS {
            let ride = Ride::placed_by(&app.bap, version, &format!("R-{number}-{version}"));
            let ride = match version {
                "0.9.1" => ride.with("payment", &payment),
                _ => ride.with("payments", &format!("[{payment}]")),
            };
            ride.hand_over(&app).await;
            let callback = ride.cancel().answered(&app).await;
            assert!(
                text(&callback).contains(&payment),
                "payments stay as they were"
            );
            assert_eq!(
                told(&app).await,
                (json!("30.00"), json!(refund), json!(due))
            );
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_of_the_day_of_intake_hold_whatever_the_configuration_says_later() {
    let mut app = TestApp::start_with(NAMED).await;
    let mut rides = Vec::new();
    for version in VERSIONS {
        rides.push(placed(&app, version, &format!("R-{version}")).await);
        let gold = Ride::placed_by(&app.bap, version, &format!("G-{version}"));
        let gold = gold.booking(json!({"policy": "gold"}));
        gold.hand_over(&app).await;
        rides.push(gold);
    }
    app.reconfigure(|text| {
        let kept = text.split("[policy.gold]").next().expect("a beginning");
        kept.replace(r#"percent = "50""#, r#"percent = "100""#)
    })
    .await;
    for ride in &rides {
        let again = ride.put(&app).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert!(again.text.contains("unchanged"), "{}", again.text);
    }
    for (ride, fee) in rides.iter().zip(["73", "12.50", "73", "12.50"]) {
        assert_eq!(total(&app, ride).await, fee, "{}", ride.id);
    }
    let new = placed(&app, "1.1.0", "R-new").await;
    assert_eq!(total(&app, &new).await, "146");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_an_order_leave_its_frozen_terms_alone() {
    let mut app = TestApp::start_with(NAMED).await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    app.reconfigure(|text| text.replace(r#"percent = "50""#, r#"percent = "100""#))
        .await;
    let news = ride
        .with("x_news", "true")
        .with("updated_at", r#""2026-03-02T06:30:00Z""#);
    let answer = news.put(&app).await;
    assert_eq!(
        (answer.status, &answer.body["result"]),
        (200, &json!("updated"))
    );
    assert_eq!(total(&app, &news).await, "73");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_cancellation_is_free_and_leaves_unsolicited() {
    let app = TestApp::start_with(THIRTY).await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        let asked = json!({"by": "provider", "reason": "013", "note": "Driver fell ill"});
        let answer = app
            .admin("POST", &format!("/orders/{}/cancel", ride.id), Some(&asked))
            .await;
        assert_eq!(
            (answer.status, &answer.body["already_cancelled"]),
            (200, &json!(false))
        );
        app.settled().await;
        let callback = app.bap.all().pop().expect("a callback");
        assert_eq!(callback.verdict, Ok(()));
        let at = cancelled_at(&order(&app, &ride.id).await);
        let reason = r#"{"id":"013","descriptor":{"code":"013","short_desc":"Driver fell ill"}}"#;
        let shown = Shown {
            by: "PROVIDER",
            reason,
            at: &at,
        };
        let order = match version {
            "0.9.1" => order_0_9(&ride, "Cancelled", None),
            _ => cancelled_1(&ride, "0", &shown),
        };
        let id = callback.message_id.clone().expect("an id");
        assert_ne!(id, ride.context.raw("message_id").trim_matches('"'));
        let context = answering(&ride.context, &callback).text("message_id", &id);
        let expected = format!(r#"{{"context":{},{}}}"#, context.compact(), message(&order));
        assert_eq!(text(&callback), expected);
        let event = events(&app).await.pop().expect("an event");
        assert_eq!(
            (&event["by"], &event["fee"]),
            (&json!("provider"), &inr("0.00"))
        );
        assert_eq!(
            event["reason"],
            json!({"id": "013", "text": "Driver fell ill"})
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_charge_for_a_providers_cancellation_and_the_desk_for_a_customers() {
    let app = TestApp::start_with(NAMED).await;
    for (by, fee) in [("provider", "5.00"), ("customer", "12.50")] {
        let ride = Ride::placed_by(&app.bap, "1.1.0", &format!("R-{by}"));
        let ride = ride.booking(json!({"policy": "gold"}));
        ride.hand_over(&app).await;
        let path = format!("/orders/{}/cancel", ride.id);
        let answer = app.admin("POST", &path, Some(&json!({"by": by}))).await;
        assert_eq!(answer.body["cancellation"]["charge"]["fee"], inr(fee));
        assert_eq!(told(&app).await.0, fee);
        let again = app
            .admin("POST", &path, Some(&json!({"by": "provider"})))
            .await;
        assert_eq!(again.body["already_cancelled"], true);
        assert_eq!(again.body["cancellation"], answer.body["cancellation"]);
    }
    app.settled().await;
    assert_eq!(
        app.bap.all().len(),
        2,
        "the second of each tells nobody anything"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_after_the_providers_own_gets_the_providers_cancellation() {
    let app = TestApp::start_with(THIRTY).await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    app.admin(
        "POST",
        "/orders/R-1/cancel",
        Some(&json!({"by": "provider"})),
    )
    .await;
    let request = ride.cancel();
    let callback = request.answered(&app).await;
    let at = cancelled_at(&order(&app, "R-1").await);
    let shown = Shown {
        by: "PROVIDER",
        reason: "",
        at: &at,
    };
    check(
        &request,
        &callback,
        &message(&cancelled_1(&ride, "0", &shown)),
    );
    assert_eq!(events(&app).await.len(), 1);
    app.stop().await;
}
