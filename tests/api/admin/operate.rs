//! What an operator looks at: refusals, metrics, health, the timeline of a session.
//!
//! Metrics are counted for the whole process, over all tests of this binary: only that a line
//! is there is looked at, never its number.

use beckn_bpp::mock::orders::{O1, TRIP_1};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{cancel, check_problem};
use crate::app::{Answer, TestApp, answer};

async fn public(app: &TestApp, path: &str) -> Answer {
    answer(app.http.get(app.url(path))).await
}

async fn untrusted(app: &TestApp, path: &str) -> Answer {
    answer(app.http.get(app.admin_url(path))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_thousand_refusals_are_kept() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/refusals").await.body, json!({"refusals": []}));
    let refuse = async |number: usize| {
        let action = format!("/a{number}");
        answer(app.http.post(app.url(&action))).await
    };
    for start in (0..1_000).step_by(50) {
        join_all((start..start + 50).map(refuse)).await;
    }
    for number in 1_000..1_010 {
        refuse(number).await;
    }
    let kept = app.get("/refusals").await.body;
    let kept = kept["refusals"].as_array().expect("a list");
    assert_eq!(kept.len(), 1_000);
    for (place, number) in (1_000..1_010).rev().enumerate() {
        let detail = kept[place]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&format!("\"a{number}\"")), "{detail}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_keeps_header_step_and_digest_and_no_body() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    let mut message = app.cancel_of(TRIP_1);
    message.order = "someone-elses-order".to_owned();
    let text = message.to_json().to_string();
    app.send_text(&text).await;
    let kept = app.get("/refusals").await;
    let refusal = &kept.body["refusals"][0];
    assert_eq!(refusal["reason"], "order_not_found");
    assert_eq!(refusal["body_bytes"], text.len());
    let digest = beckn_bpp::crypto::digest::blake2b_512_base64(text.as_bytes());
    assert_eq!(refusal["body_digest"], digest);
    let header = refusal["authorization"].as_str().unwrap_or_default();
    assert!(header.contains("bap.example.org|k1|ed25519"), "{header}");
    assert!(!kept.text.contains("someone-elses-order"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_went_to_the_wrong_listener_is_shown_to_nobody() {
    let app = TestApp::start().await;
    let headers = ["Bearer {}", "bearer  {}", "{}", "Basic {}", "{} {}"];
    for header in headers.map(|form| form.replace("{}", &app.token)) {
        let request = app.http.post(app.url("/cancel")).body("{}");
        let request = request.header("Content-Type", "application/json");
        let refused = answer(request.header("Authorization", header)).await;
        assert_eq!(refused.status, 401, "{}", refused.text);
        assert!(!refused.text.contains(&app.token[..12]), "{}", refused.text);
    }
    let kept = app.get("/refusals").await;
    let kept_of = |place: usize| &kept.body["refusals"][place]["authorization"];
    let expected = ["another text", "Basic", "another text", "bearer", "Bearer"];
    for (place, shown) in expected.into_iter().enumerate() {
        assert_eq!(kept_of(place), shown);
    }
    assert!(!kept.text.contains(&app.token[..12]), "{}", kept.text);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_without_a_token_are_served_where_configured_and_nothing_else_is() {
    let mut app = TestApp::start().await;
    app.reconfigure(|text| text.replace("[http]", "[http]\nmetrics_bind = \"127.0.0.1:0\""))
        .await;
    let at = app
        .server
        .as_ref()
        .and_then(|server| server.metrics_address);
    let at = at.expect("a third listener");
    let get = async |path: &str| answer(app.http.get(format!("http://{at}{path}"))).await;
    let metrics = get("/metrics").await;
    assert_eq!(metrics.status, 200, "{}", metrics.text);
    assert!(
        metrics.text.contains("bpp_callbacks_pending 0"),
        "{}",
        metrics.text
    );
    assert_eq!(get("/health/ready").await.status, 200);
    for path in [
        "/orders",
        "/callbacks",
        "/refusals",
        "/audit",
        "/",
        "/cancel",
    ] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
    check_problem(&untrusted(&app, "/metrics").await, 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happens() {
    let app = TestApp::start().await;
    app.hand_over(O1).await;
    app.send_text("{").await;
    let message = app.cancel_of(O1);
    app.send(&message).await;
    app.callback(&message.message).await;
    app.settled().await;
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4");
    for line in [
        "bpp_requests_total{action=\"cancel\",outcome=\"ack\"} ",
        "bpp_requests_total{action=\"cancel\",outcome=\"invalid_json\"} ",
        "bpp_callback_attempts_total{outcome=\"delivered\"} ",
        "bpp_callbacks_pending ",
        "bpp_callbacks_dead ",
        "bpp_inflight_requests ",
        "# TYPE bpp_requests_total counter",
    ] {
        assert!(metrics.text.contains(line), "{line} in {}", metrics.text);
    }
    assert!(
        !metrics.text.contains("bap.example.org"),
        "no label per subscriber"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_on_both_listeners_without_a_token() {
    let app = TestApp::start().await;
    for answers in [
        [
            public(&app, "/health/live").await,
            public(&app, "/health/ready").await,
        ],
        [
            untrusted(&app, "/health/live").await,
            untrusted(&app, "/health/ready").await,
        ],
    ] {
        let [live, ready] = answers;
        assert_eq!((live.status, &live.body["status"]), (200, &json!("live")));
        let wanted = json!({"status": "ready", "checks": {"store": "ok",
            "accepting": "ok", "registries": "ok"}});
        assert_eq!((ready.status, ready.body), (200, wanted));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_serves_its_own_paths_alone() {
    let app = TestApp::start().await;
    for path in ["/orders", "/callbacks", "/events", "/refusals", "/metrics"] {
        let request = app.http.get(app.url(path)).bearer_auth(&app.token);
        let answer = answer(request).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("unknown_action"), "{}", answer.text);
    }
    for (method, path) in [
        ("POST", "/cancel"),
        ("DELETE", "/orders/trip_1"),
        ("GET", "/nowhere"),
        ("POST", "/events"),
    ] {
        check_problem(&app.admin(method, path, None).await, 404);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_told_as_a_timeline() {
    let app = TestApp::start().await;
    let message = app.cancelled(O1).await;
    let answer = app
        .get(&format!("/transactions/{}", message.transaction))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let timeline = answer.body["timeline"].as_array().expect("a list").clone();
    let steps: Vec<&str> = timeline
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    assert_eq!(
        steps,
        [
            "request acknowledged",
            "callback decided",
            "callback attempted"
        ]
    );
    assert_eq!(timeline[0]["caller"], "bap.example.org");
    assert_eq!(timeline[0]["message_id"], message.message);
    assert_eq!(timeline[2]["outcome"], "delivered");
    check_problem(&app.get("/transactions/no-such-session").await, 404);
    check_problem(&app.get("/transactions/a%20b").await, 400);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_cancel_is_on_the_timeline_too() {
    let app = TestApp::start().await;
    app.hand_over(TRIP_1).await;
    cancel(&app, "trip_1", json!({"by": "provider"})).await;
    app.settled().await;
    let answer = app.get("/transactions/1209849124").await;
    let steps: Vec<&Value> = answer.body["timeline"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["what"])
        .collect();
    assert_eq!(steps, ["callback decided", "callback attempted"]);
    app.stop().await;
}
