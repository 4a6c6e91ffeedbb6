//! What the settings of a health network change.

use beckn_bpp::mock::orders::{VISIT_1, VISIT_2};
use serde_json::{Value, json};

use super::{CANCEL_REASON, Health, assert_ack, message_id};

const WORDS: &str = "@clinic.example/cancel_reason_text";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tag_for_words_an_other_reason_needs_them_and_they_are_sent_on() {
    let health = Health::start_with(&format!("reason_text_tag = \"{WORDS}\"")).await;
    health.hand_over(VISIT_1).await;
    health.hand_over(VISIT_2).await;
    let mut message = health.cancel_of(VISIT_1);
    let tags = &mut message["message"]["order"]["fulfillment"]["tags"];
    tags[CANCEL_REASON] = json!("PATIENT_OTHER");
    health.refuses(&message, 200, "reason_required").await;
    let tags = &mut message["message"]["order"]["fulfillment"]["tags"];
    tags[WORDS] = json!("I moved to another town");
    let answer = health.answered(&message).await.json();
    let tags = &answer["message"]["order"]["fulfillment"]["tags"];
    assert_eq!(tags[WORDS], "I moved to another town");
    let order = health
        .app
        .get(&format!("/orders/{}", VISIT_1.id))
        .await
        .body;
    assert_eq!(
        order["cancellation"]["reason"]["text"],
        "I moved to another town"
    );

    let asked = json!({"by": "provider", "reason": "DOCTOR_OTHER", "note": "The roof leaks"});
    assert_eq!(
        health.cancel_for_clinic(VISIT_2.id, &asked).await.status,
        200
    );
    health.app.settled().await;
    let last = health.eua.all().pop().expect("an on_cancel").json();
    assert_eq!(
        last["message"]["order"]["fulfillment"]["tags"][WORDS],
        "The roof leaks"
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_tag_words_are_kept_to_ourselves() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let asked = json!({"by": "provider", "reason": "DOCTOR_OTHER", "note": "The roof leaks"});
    assert_eq!(
        health.cancel_for_clinic(VISIT_1.id, &asked).await.status,
        200
    );
    health.app.settled().await;
    let sent = health.eua.all().pop().expect("an on_cancel").body;
    assert!(!String::from_utf8_lossy(&sent).contains("roof"));
    let events = health.app.get("/events?after=0").await.text;
    assert!(events.contains("The roof leaks"));
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_may_be_left_out_where_the_setting_allows_it() {
    let health = Health::start_with("reason_required = false").await;
    health.hand_over(VISIT_1).await;
    let mut message = health.cancel_of(VISIT_1);
    message["message"]["order"]["fulfillment"]["tags"][CANCEL_REASON] = Value::Null;
    let answer = health.answered(&message).await.json();
    let tags = &answer["message"]["order"]["fulfillment"]["tags"];
    assert_eq!(tags["@abdm/gov.in/cancelledby"], "patient");
    assert_eq!(tags.get(CANCEL_REASON), None);
    health.copy(message_id(&message)).await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pin_is_kept_and_sent_on_only_where_the_setting_asks_for_it() {
    let health = Health::start_with("send_pin = true").await;
    health.hand_over(VISIT_1).await;
    let answer = health.answered(&health.cancel_of(VISIT_1)).await.json();
    let placed = health.placed(VISIT_1);
    assert_eq!(
        answer["message"]["order"]["authorization"],
        placed["message"]["order"]["authorization"]
    );
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_has_an_action_of_its_own_where_the_setting_asks_for_it() {
    let health = Health::start_with("audit_action = \"on_cancel_audit\"").await;
    health.hand_over(VISIT_1).await;
    let message = health.cancel_of(VISIT_1);
    let sent = health.answered(&message).await.body;
    let copy = health.copy(message_id(&message)).await.body;
    let (sent, copy) = (
        String::from_utf8_lossy(&sent),
        String::from_utf8_lossy(&copy),
    );
    let renamed = sent.replace(r#""action":"on_cancel""#, r#""action":"on_cancel_audit""#);
    assert_ne!(sent, renamed);
    assert_eq!(copy, renamed, "nothing else differs");
    health.stop().await;
}

/// A visit at ten by the clinic's clock is free of charge until two hours before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_without_a_zone_is_one_on_the_clocks_of_the_network() {
    let policy = "[policy.default]\n[[policy.default.rule]]\nbefore_start = \"2h\"\n\
        [[policy.default.rule]]\nallowed = false";
    for (zone, hours, allowed) in [
        ("Asia/Kolkata", 3, true),
        ("Asia/Kolkata", 1, false),
        ("UTC", 1, false),
        ("UTC", 3, true),
    ] {
        let health = Health::start_with(&format!("time_zone = \"{zone}\"\n{policy}")).await;
        let offset = if zone == "UTC" { 0 } else { 330 };
        let start = chrono::Utc::now() + chrono::TimeDelta::minutes(hours * 60 + offset);
        let mut document = health.placed(VISIT_1);
        let fulfillment = &mut document["message"]["order"]["fulfillment"];
        fulfillment["start"]["time"]["timestamp"] = json!(start.format("%FT%T").to_string());
        health.hand_over_as(VISIT_1.id, &document).await;
        let message = health.cancel_of(VISIT_1);
        let answer = health.answered(&message).await.json();
        assert_eq!(
            answer.get("message").is_some(),
            allowed,
            "{zone}, {hours} h ahead: {answer}"
        );
        health.copy(message_id(&message)).await;
        health.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_has_its_copy_even_if_the_first_attempts_met_no_network() {
    let mut health = Health::start().await;
    health.hand_over(VISIT_1).await;
    let eua = json!({"subscriber": "eua.example.org"});
    let app = &mut health.app;
    app.admin("POST", "/callbacks/hold", Some(&eua)).await;
    let asked = json!({"by": "provider", "reason": "FACILITY_CLOSURE"});
    let cancelled = app
        .admin("POST", "/orders/visit_1/cancel", Some(&asked))
        .await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let left = |text: String| text.replace("[network.health]", "[network.elsewhere]");
    app.reconfigure(left).await;
    app.admin("POST", "/callbacks/release", Some(&eua)).await;
    app.settled().await;
    let dead = app.get("/callbacks?state=dead").await.body;
    let path = format!("/callbacks/{}", dead["callbacks"][0]["id"]);
    let shown = app.get(&path).await.text;
    assert!(shown.contains("unknown_network"), "{shown}");
    let back = |text: String| text.replace("[network.elsewhere]", "[network.health]");
    app.reconfigure(back).await;
    app.admin("POST", &format!("{path}/redrive"), None).await;
    app.settled().await;
    assert_eq!(health.eua.all().len(), 1);
    assert_eq!(
        health.gateway.inbox.all().len(),
        1,
        "and the copy is owed once"
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_policy_charges_nothing_where_a_network_has_no_charges() {
    let more = "[policy.default]\n[[policy.default.rule]]\namount = \"30\"\ncurrency = \"INR\"\n\
        [policy.named]\n[[policy.named.rule]]\namount = \"40\"\ncurrency = \"INR\"";
    let health = Health::start_with(more).await;
    for (id, booking) in [("plain", json!({})), ("named", json!({"policy": "named"}))] {
        let mut document = health.placed(VISIT_1);
        document["message"]["order"]["id"] = json!(id);
        document["booking"] = booking;
        health.hand_over_as(id, &document).await;
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"]["id"] = json!(id);
        health.answered(&message).await;
    }
    let events = health.app.get("/events?after=0").await.body;
    let fee = |number: usize| events["events"][number]["fee"]["value"].clone();
    assert_eq!(
        (fee(0), fee(1)),
        (json!("0.00"), json!("40.00")),
        "{events}"
    );
    health.app.settled().await;
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_the_words_of_another_network_is_not_taken() {
    let health = Health::start().await;
    let mut document = health.placed(VISIT_1);
    document["context"]["core_version"] = json!("0.9.1");
    let answer = health
        .app
        .admin("PUT", "/orders/visit_1", Some(&document))
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    document = health.placed(VISIT_1);
    document["booking"] = json!({"network": "mobility"});
    let answer = health
        .app
        .admin("PUT", "/orders/visit_1", Some(&document))
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(
        answer.text.contains("0.9.x or 1.x on network mobility"),
        "{}",
        answer.text
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_waits_for_the_first_attempt_and_for_nothing_else() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.eua.answer(beckn_bpp::mock::bap::Answer::Hang);
    let first = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&first).await);
    let second = health.cancel_of(VISIT_1);
    assert_ack(&health.send(&second).await);
    health.copy(message_id(&first)).await;
    health.eua.answer(beckn_bpp::mock::bap::Answer::Ack);
    health.callback(message_id(&second)).await;
    health.copy(message_id(&second)).await;
    health.app.settled().await;
    health.stop().await;
}
