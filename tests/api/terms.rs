//! An order's own terms, and policies by their further conditions, over the wire.

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::rides::{Ride, SESSION};

/// The page of terms that a term points to.
const PAGE: &str =
    r#"{"external_ref":{"mimetype":"text/html","url":"https://bpp.example.org/terms"}}"#;

fn ride(app: &TestApp, id: &str) -> Ride {
    Ride::placed_by(&app.bap, "1.1.0", id)
}

fn paid(amount: &str) -> String {
    format!(
        r#"[{{"type":"PRE-ORDER","status":"PAID","params":{{"amount":"{amount}","currency":"INR"}}}}]"#
    )
}

/// Cancels it as its BAP, and gives fee, refund and due as the provider hears them.
async fn cost(app: &TestApp, ride: &Ride) -> [Value; 3] {
    let callback = ride.cancel().answered(app).await.json();
    let order = app.get(&format!("/orders/{}", ride.id)).await.body;
    let charge = &order["cancellation"]["charge"];
    let total = &callback["message"]["order"]["quote"]["price"]["value"];
    let total = total
        .as_str()
        .expect("a total")
        .parse::<f64>()
        .expect("a number");
    let fee = charge["fee"]["value"]
        .as_str()
        .expect("a fee")
        .parse::<f64>();
    assert_eq!(fee, Ok(total), "the total is the fee");
    ["fee", "refund", "due"].map(|part| charge[part]["value"].clone())
}

async fn told(app: &TestApp, id: &str) -> Value {
    let order = app.get(&format!("/orders/{id}")).await.body;
    order["cancellation"]["terms"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_term_whose_cancel_by_has_not_passed_applies_and_the_latest_goes_on() {
    let app = TestApp::start().await;
    let now = chrono::Utc::now();
    let terms = r#"[{"cancel_by":{"duration":"PT2H"},"cancellation_fee":{"percentage":"50"}},
        {"cancel_by":{"duration":"PT60M"},"cancellation_fee":{"percentage":"0"}}]"#;
    for (minutes, fee) in [(30, "0.00"), (90, "73.00"), (1_000, "73.00")] {
        let booked = now - chrono::TimeDelta::minutes(minutes);
        let ride = ride(&app, &format!("R-{minutes}"))
            .with("cancellation_terms", terms)
            .with("created_at", &format!("{:?}", booked.to_rfc3339()));
        ride.hand_over(&app).await;
        assert_eq!(cost(&app, &ride).await[0], fee, "{minutes} minutes later");
    }
    for (minutes, fee) in [(-5, "30.00"), (5, "10.00")] {
        let until = now + chrono::TimeDelta::minutes(minutes);
        let until = until.to_rfc3339();
        let terms = format!(
            r#"[{{"cancellation_fee":{{"amount":{{"currency":"INR","value":"30"}}}}}},
            {{"cancel_by":{{"timestamp":"{until}"}},"cancellation_fee":{{"amount":{{"currency":"INR","value":"10"}}}}}}]"#
        );
        let ride = ride(&app, &format!("T-{minutes}")).with("cancellation_terms", &terms);
        ride.hand_over(&app).await;
        assert_eq!(
            cost(&app, &ride).await[0],
            fee,
            "{minutes} minutes from now"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_go_back_is_part_of_the_fee() {
    let app = TestApp::start().await;
    let fee = r#"[{"cancellation_fee":{"amount":{"currency":"INR","value":"30"}}}]"#;
    for (number, refund, payment, expected) in [
        (
            0,
            r#"[{"refund_eligible":false}]"#,
            "146",
            ["146.00", "0.00", "0.00"],
        ),
        (
            1,
            r#"[{"refund_eligible":false}]"#,
            "100",
            ["100.00", "0.00", "0.00"],
        ),
        (
            2,
            r#"[{"refund_eligible":false}]"#,
            "20",
            ["30.00", "0.00", "10.00"],
        ),
        (
            3,
            r#"[{"refund_eligible":true,"refund_amount":{"currency":"INR","value":"46"}}]"#,
            "146",
            ["100.00", "46.00", "0.00"],
        ),
        (
            4,
            r#"[{"refund_amount":{"currency":"INR","value":"140"}}]"#,
            "146",
            ["30.00", "116.00", "0.00"],
        ),
        (
            5,
            r#"[{"fulfillment_state":{"descriptor":{"code":"RIDE_ARRIVED_PICKUP"}},"refund_eligible":false}]"#,
            "146",
            ["30.00", "116.00", "0.00"],
        ),
    ] {
        let ride = ride(&app, &format!("R-{number}"))
            .with("cancellation_terms", fee)
            .with("refund_terms", refund)
            .with("payments", &paid(payment));
        ride.hand_over(&app).await;
        assert_eq!(
            cost(&app, &ride).await,
            expected.map(|amount| json!(amount)),
            "{refund}"
        );
    }
    // What goes back when the provider cancels is no matter of the customer's terms.
    let ride = ride(&app, "R-provider")
        .with("cancellation_terms", fee)
        .with("refund_terms", r#"[{"refund_eligible":false}]"#)
        .with("payments", &paid("146"));
    ride.hand_over(&app).await;
    let asked = json!({"by": "provider"});
    let answer = app
        .admin("POST", "/orders/R-provider/cancel", Some(&asked))
        .await;
    assert_eq!(
        answer.body["cancellation"]["charge"]["refund"]["value"],
        "146.00"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_term_only_points_to_a_page_the_policy_of_that_day_stands_in() {
    let half = "[policy.default]\n[[policy.default.rule]]\npercent = \"50\"\n\
                [[policy.default.rule]]\nby = [\"provider\"]\namount = \"5\"\ncurrency = \"INR\"";
    let mut app = TestApp::start_with(half).await;
    let terms = format!(
        r#"[{{"cancel_by":{{"duration":"PT60M"}},"cancellation_fee":{{"percentage":"0"}}}},{PAGE}]"#
    );
    let late = ride(&app, "R-late").with("cancellation_terms", &terms);
    let page = ride(&app, "R-page").with("cancellation_terms", &format!("[{PAGE}]"));
    let by_provider = ride(&app, "R-provider").with("cancellation_terms", &format!("[{PAGE}]"));
    for ride in [&late, &page, &by_provider] {
        ride.hand_over(&app).await;
    }
    app.reconfigure(|text| text.replace(r#"percent = "50""#, r#"percent = "100""#))
        .await;
    // News of the order bring the same terms again; what stands in was agreed before.
    let news = late
        .with("x_news", "true")
        .with("updated_at", r#""2026-03-02T06:30:00Z""#);
    assert_eq!(news.put(&app).await.body["result"], "updated");
    for ride in [&news, &page] {
        assert_eq!(cost(&app, ride).await[0], "73.00", "{}", ride.id);
        assert_eq!(told(&app, &ride.id).await["policy"], "default");
    }
    let asked = json!({"by": "provider"});
    let answer = app
        .admin("POST", "/orders/R-provider/cancel", Some(&asked))
        .await;
    assert_eq!(
        answer.body["cancellation"]["charge"]["fee"]["value"],
        "5.00"
    );
    let new = ride(&app, "R-new").with("cancellation_terms", &format!("[{PAGE}]"));
    new.hand_over(&app).await;
    assert_eq!(cost(&app, &new).await[0], "146.00");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_without_a_zone_is_in_that_of_the_network() {
    let kolkata = TestApp::start_with("time_zone = \"Asia/Kolkata\"").await;
    let utc = TestApp::start().await;
    let ahead = chrono::TimeDelta::minutes(330);
    for (app, offset) in [(&utc, chrono::TimeDelta::zero()), (&kolkata, ahead)] {
        for (minutes, fee) in [(-5, "30.00"), (5, "10.00")] {
            let until = chrono::Utc::now() + offset + chrono::TimeDelta::minutes(minutes);
            let until = until.format("%Y-%m-%dT%H:%M:%S");
            let terms = format!(
                r#"[{{"cancellation_fee":{{"amount":{{"currency":"INR","value":"30"}}}}}},
                {{"cancel_by":{{"timestamp":"{until}"}},"cancellation_fee":{{"amount":{{"currency":"INR","value":"10"}}}}}}]"#
            );
            let ride = ride(app, &format!("T-{minutes}")).with("cancellation_terms", &terms);
            ride.hand_over(app).await;
            assert_eq!(cost(app, &ride).await[0], fee, "{until}");
        }
    }
    kolkata.stop().await;
    utc.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_that_is_free_by_an_amount_of_0_beside_a_share_is_remarked_on() {
    let app = TestApp::start().await;
    let terms = |amount: &str| {
        format!(
            r#"[{{"cancellation_fee":{{"amount":{{"currency":"INR","value":"{amount}"}},"percentage":"30"}}}}]"#
        )
    };
    let odd = ride(&app, "R-1").with("cancellation_terms", &terms("0"));
    let answer = odd.put(&app).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let remark = answer.body["remarks"][0].as_str().expect("a remark");
    assert!(
        remark.starts_with("message.order.cancellation_terms[0]"),
        "{remark}"
    );
    assert!(remark.contains("free, not 30 %"), "{remark}");
    let lines = app
        .admin_text("POST", "/orders", Some(odd.on_confirm().replace('\n', " ")))
        .await;
    assert!(lines.text.contains(remark), "{}", lines.text);
    let plain = ride(&app, "R-2").with("cancellation_terms", &terms("5"));
    let answer = plain.put(&app).await;
    assert_eq!(answer.body.get("remarks"), None, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_shown_as_a_policy_says_them() {
    let app =
        TestApp::start_with("[policy.default]\n[[policy.default.rule]]\npercent = \"12.5\"").await;
    let page = ride(&app, "R-1").with("cancellation_terms", &format!("[{PAGE}]"));
    let own = ride(&app, "R-2").with(
        "cancellation_terms",
        r#"[{"cancellation_fee":{"percentage":"10"}}]"#,
    );
    for ride in [&page, &own] {
        ride.hand_over(&app).await;
    }
    let policy = async |id: &str| app.get(&format!("/orders/{id}")).await.body["policy"].take();
    assert_eq!(policy("R-2").await["rules"][0]["fee"]["percentage"], "10");
    let beside = policy("R-1").await["otherwise"].take();
    assert_eq!(beside["rules"][0]["fee"]["percentage"], "12.5");
    assert_eq!(cost(&app, &page).await[0], "18.25");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_the_terms_want_is_wanted_from_the_provider_too_when_it_cancels_for_others() {
    let wanted =
        "[policy.default]\n[[policy.default.rule]]\npercent = \"50\"\nreason_required = true";
    let app = TestApp::start_with(wanted).await;
    for by in ["customer", "partner"] {
        ride(&app, by).hand_over(&app).await;
        let path = format!("/orders/{by}/cancel");
        let answer = app.admin("POST", &path, Some(&json!({"by": by}))).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains("reason_required"), "{}", answer.text);
        let reason = json!({"by": by, "reason": "001"});
        assert_eq!(app.admin("POST", &path, Some(&reason)).await.status, 200);
    }
    ride(&app, "R-1").hand_over(&app).await;
    let own = json!({"by": "provider"});
    let answer = app.admin("POST", "/orders/R-1/cancel", Some(&own)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_cannot_be_read_are_refused_at_intake_by_their_place() {
    let app = TestApp::start().await;
    for (member, terms, place) in [
        (
            "cancellation_terms",
            r#"[{"cancel_by":{"duration":"60 minutes"},"cancellation_fee":{"percentage":"0"}}]"#,
            "message.order.cancellation_terms[0]",
        ),
        (
            "refund_terms",
            r#"[{"refund_eligible":true},{"refund_amount":{"currency":"INR","value":"1.234"}}]"#,
            "message.order.refund_terms[1]",
        ),
        (
            "refund_terms",
            r#"[{"refund_amount":{"currency":"USD","value":"1"}}]"#,
            "expected an amount in INR, got one in USD",
        ),
    ] {
        let answer = ride(&app, "R-bad").with(member, terms).put(&app).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(place), "{}", answer.text);
    }
    app.stop().await;
}

/// Free while it is not confirmed; over the network dearer than at the desk; else a tenth.
const CONDITIONS: &str = r#"
[policy.default]
[[policy.default.rule]]
order_states = ["Pending", "AwaitingProvider"]
percent = "0"
[[policy.default.rule]]
doors = ["network"]
percent = "50"
text = "Half of the fare through an app"
[[policy.default.rule]]
percent = "10"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_look_at_the_orders_state_and_at_the_door() {
    let app = TestApp::start_with(CONDITIONS).await;
    for (number, status, fee) in [(0, "Pending", "0.00"), (1, "Confirmed", "73.00")] {
        let ride = ride(&app, &format!("R-{number}")).booking(json!({"status": status}));
        ride.hand_over(&app).await;
        assert_eq!(cost(&app, &ride).await[0], fee);
    }
    let basis = told(&app, "R-1").await;
    let sentence = "Half of the fare through an app";
    let version = app.get("/orders/R-1").await.body["policy"]["version"].clone();
    assert_eq!(
        basis,
        json!({"policy": "default", "version": version, "rule": 2, "sentence": sentence})
    );
    assert_eq!(version.as_str().map(str::len), Some(12));
    ride(&app, "R-2").hand_over(&app).await;
    let asked = json!({"by": "customer"});
    let answer = app.admin("POST", "/orders/R-2/cancel", Some(&asked)).await;
    assert_eq!(
        answer.body["cancellation"]["charge"]["fee"]["value"],
        "14.60"
    );
    assert_eq!(answer.body["cancellation"]["terms"]["rule"], 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_costs_what_the_cancellation_then_costs() {
    let app = TestApp::start_with(CONDITIONS).await;
    let ride = ride(&app, "R-1").with("payments", &paid("100"));
    ride.hand_over(&app).await;
    let soft = ride.soft_cancel("SOFT_CANCEL").answered(&app).await.json();
    let quote = soft["message"]["order"]["quote"].clone();
    assert_eq!(soft["context"]["transaction_id"], SESSION);
    let hard = ride.cancel().answered(&app).await.json();
    assert_eq!(hard["message"]["order"]["quote"], quote);
    app.stop().await;
}
