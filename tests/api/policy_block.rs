//! A policy that an order brings in its booking block.

use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::rides::Ride;

/// The same rules as a section, under a name.
const SECTION: &str = r#"
[policy.default]
[[policy.default.rule]]
percent = "100"
[policy.gold]
[[policy.gold.rule]]
before_start = "2h"
percent = "0"
[[policy.gold.rule]]
by = ["customer"]
percent = "12.5"
floor = "20"
cap = "100"
currency = "INR"
reason_required = true
text = "An eighth of the fare"
"#;

fn gold() -> Value {
    json!({"rule": [
        {"before_start": "2h", "percent": 0},
        {"by": ["customer"], "percent": 12.5, "floor": "20", "cap": "100", "currency": "INR",
            "reason_required": true, "text": "An eighth of the fare"}]})
}

fn half() -> Value {
    json!({"rule": [{"percent": "50"}]})
}

fn ride(app: &TestApp, id: &str, policy: &Value) -> Ride {
    Ride::placed_by(&app.bap, "1.1.0", id).booking(json!({"policy": policy}))
}

async fn order(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/orders/{id}")).await.body
}

/// Name and version of the terms that an order has.
async fn frozen(app: &TestApp, id: &str) -> [Value; 2] {
    let order = order(app, id).await;
    ["name", "version"].map(|member| order["policy"][member].clone())
}

async fn fee(app: &TestApp, ride: &Ride) -> Value {
    ride.cancel().answered(app).await;
    let cancellation = order(app, &ride.id).await["cancellation"].take();
    cancellation["charge"]["fee"]["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_on_the_order_is_frozen_shown_and_charged_like_the_same_one_by_its_name() {
    let app = TestApp::start_with(SECTION).await;
    let (named, brought) = (
        ride(&app, "R-1", &json!("gold")),
        ride(&app, "R-2", &gold()),
    );
    named.hand_over(&app).await;
    brought.hand_over(&app).await;
    let [name, version] = frozen(&app, "R-1").await;
    assert_eq!(name, "gold");
    assert_eq!(
        frozen(&app, "R-2").await,
        [json!("booking.policy"), version.clone()]
    );
    assert_eq!(order(&app, "R-2").await["booking"]["policy"], gold());
    let mut previews = Vec::new();
    for id in ["R-1", "R-2"] {
        let path = format!("/orders/{id}/cancellation-preview?by=customer");
        let preview = app.get(&path).await;
        assert_eq!(preview.status, 200, "{}", preview.text);
        let text = preview
            .text
            .replace("booking.policy", "gold")
            .replace("R-2", "R-1");
        assert!(text.contains("An eighth of the fare"), "{text}");
        // The moment that was asked about is another.
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        without_times(&mut value);
        previews.push(value);
    }
    assert_eq!(previews[0], previews[1]);
    for ride in [&named, &brought] {
        assert_eq!(fee(&app, ride).await, "20.00", "{}", ride.id);
    }
    let basis = order(&app, "R-2").await["cancellation"]["terms"].take();
    let expected = json!({"policy": "booking.policy", "version": version, "rule": 2,
        "sentence": "An eighth of the fare"});
    assert_eq!(basis, expected);
    app.stop().await;
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["at", "from", "until"] {
                members.remove(name);
            }
            members.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_it_is_said_at_once_and_nothing_is_stored() {
    let app = TestApp::start_with(SECTION).await;
    let before = app.kept().await;
    let put = async |policy: Value| -> Answer { ride(&app, "R-1", &policy).put(&app).await };
    let wrong = json!({"rules": [], "rule": [
        {"percent": "101", "befor_start": "2h"},
        {"amount": "30", "order_states": ["Started", "Completed"], "doors": ["window"]},
        {"allowed": false, "percent": "5"},
        {"percent": "5", "amount": "5", "currency": "INR", "reason_required": "yes"}]});
    let answer = put(wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let told = answer.body["detail"].as_str().expect("a sentence");
    for fault in [
        "booking.policy.rule[1].percent = \"101\": expected a share from 0 to 100",
        "booking.policy.rule[1].befor_start: unknown key: did you mean `before_start`?",
        "booking.policy.rule[2].amount = \"30\": an amount needs `currency` beside it",
        "booking.policy.rule[2].order_states[1] = \"Started\"",
        "cannot be cancelled whatever a rule says",
        "booking.policy.rule[2].doors[1] = \"window\"",
        "booking.policy.rule[3].percent",
        "a rule with allowed = false has no fee",
        "a fee is one or the other",
        "booking.policy.rule[4].reason_required",
        "booking.policy.rules: unknown key: did you mean `rule`?",
    ] {
        assert!(told.contains(fault), "{fault}\n{told}");
    }
    for (policy, fault) in [
        (
            json!({}),
            "booking.policy.rule: missing: expected at least one rule",
        ),
        (json!({"rule": []}), "booking.policy.rule"),
        (json!({"rule": {"percent": "5"}}), "booking.policy.rule"),
        (
            json!({"rule": [{"amount": "5", "currency": "EUR"}]}),
            "expected an amount in INR",
        ),
        (
            json!(7),
            "booking.policy: expected the name of a configured policy, or a policy",
        ),
        (json!("silver"), "is not configured"),
    ] {
        let answer = put(policy).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(fault), "{fault}\n{}", answer.text);
        assert!(!answer.text.contains("BECKN_BPP__"), "{}", answer.text);
    }
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_until_the_provider_sends_another() {
    let app = TestApp::start_with(SECTION).await;
    let first = ride(&app, "R-1", &half());
    first.hand_over(&app).await;
    let agreed = frozen(&app, "R-1").await;
    assert_eq!(first.put(&app).await.body["result"], "unchanged");
    let at = |minute: u32| format!(r#""2026-03-02T07:{minute:02}:00Z""#);
    let news = Ride::placed_by(&app.bap, "1.1.0", "R-1").with("updated_at", &at(1));
    assert_eq!(news.put(&app).await.body["result"], "updated");
    assert_eq!(
        frozen(&app, "R-1").await,
        agreed,
        "news that say nothing of terms"
    );
    let other = ride(&app, "R-1", &gold()).with("updated_at", &at(2));
    assert_eq!(other.put(&app).await.body["result"], "updated");
    let changed = frozen(&app, "R-1").await;
    assert!(
        changed[0] == "booking.policy" && changed != agreed,
        "{changed:?}"
    );
    let named = ride(&app, "R-1", &json!("gold")).with("updated_at", &at(3));
    assert_eq!(named.put(&app).await.body["result"], "updated");
    assert_eq!(frozen(&app, "R-1").await[0], "gold");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stands_in_where_the_orders_own_terms_leave_the_price_open() {
    let app = TestApp::start_with(SECTION).await;
    let page =
        r#"[{"external_ref":{"mimetype":"text/html","url":"https://bpp.example.org/terms"}}]"#;
    let open = ride(&app, "R-1", &half()).with("cancellation_terms", page);
    open.hand_over(&app).await;
    assert_eq!(frozen(&app, "R-1").await[0], "order");
    assert_eq!(fee(&app, &open).await, "73.00");
    let basis = order(&app, "R-1").await["cancellation"]["terms"].take();
    assert_eq!(basis["policy"], "booking.policy");
    app.stop().await;
}
