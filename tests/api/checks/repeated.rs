//! Rows 10 and 11: the same request again, other words under the same ids, and stale messages.
//!
//! What counts as an effect is a callback or an event; both are counted once all is settled.

use std::time::Duration;

use beckn_bpp::mock::orders::{O1, TRIP_1};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, Stage, check_ack};

impl Stage {
    /// How many callbacks and events there are, all settled.
    async fn effects(&self) -> (usize, usize) {
        self.app.settled().await;
        let kept = self.app.kept().await;
        let count = |list: &Value| list.as_array().expect("a list").len();
        (
            count(&kept["callbacks"]["callbacks"]),
            count(&kept["events"]["events"]),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_signed_again_gets_the_same_answer_and_no_second_effect() {
    let mut stage = Stage::set().await;
    for (number, (_, sample)) in DIALECTS.into_iter().enumerate() {
        let body = stage.cancel(sample).to_string();
        let now = Utc::now().timestamp();
        stage
            .takes(&Knock::signed_at(stage.bap(), now - 3, &*body))
            .await;
        assert_eq!(stage.effects().await, (number + 1, number + 1));
        let before = stage.app.kept().await;
        for created in [now - 3, now - 2, now, now + 1] {
            stage
                .takes(&Knock::signed_at(stage.bap(), created, &*body))
                .await;
        }
        assert_eq!(stage.app.kept().await, before);
        stage.app.restart().await;
        stage
            .takes(&Knock::signed_at(stage.bap(), now, &*body))
            .await;
        assert_eq!(stage.app.kept().await, before);
        assert_eq!(stage.effects().await, (number + 1, number + 1));
    }
    let received = stage.app.bap.all();
    assert_eq!(
        received.len(),
        2,
        "the BAP heard one callback of each order"
    );
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_words_under_the_same_ids_are_refused() {
    let mut stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let message = stage.cancel(sample);
        stage.takes(&stage.signed(&message)).await;
        stage.effects().await;
        let mut other_reason = message.clone();
        other_reason["message"]["cancellation_reason_id"] = json!("002");
        let mut other_order = message.clone();
        other_order["message"]["order_id"] = json!("no-such-order");
        let mut not_even_right = message.clone();
        not_even_right["message"] = json!({});
        let others = [
            other_reason.to_string(),
            other_order.to_string(),
            not_even_right.to_string(),
            format!("{message} "),
        ];
        let wanted = Wanted::word("request_reused").in_dialect(dialect);
        let wanted = wanted.at("context.message_id");
        for body in &others {
            let knock = Knock::signed(stage.bap(), body.clone());
            stage.refuses(&knock, &wanted).await;
        }
        stage.app.restart().await;
        for body in others {
            let knock = Knock::signed(stage.bap(), body);
            stage.refuses(&knock, &wanted).await;
        }
        stage.takes(&stage.signed(&message)).await;
    }
    assert_eq!(stage.effects().await, (2, 2));
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_use_its_ids_up() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let right = stage.cancel(sample);
        let mut wrong = right.clone();
        wrong["message"]["order_id"] = json!("no-such-order");
        stage.passes(&stage.signed(&wrong), dialect).await;
        stage.takes(&stage.signed(&right)).await;
        stage.hears(&right).await;
    }
    assert_eq!(stage.effects().await, (2, 2));
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_ids_of_another_caller_are_another_request() {
    let stage = Stage::set().await;
    let message = stage.cancel(O1);
    stage.takes(&stage.signed(&message)).await;
    stage.effects().await;
    let mut same_ids = message.clone();
    same_ids["context"]["bap_id"] = json!("other-bap.example.org");
    same_ids["context"]["bap_uri"] = json!(stage.app.other_bap.url.as_str());
    let knock = Knock::signed(stage.app.other_bap.signer(), same_ids.to_string());
    // Not "reused": that would tell a stranger what the BAP has asked for.
    let wanted = Wanted::word("order_not_found").at("message.order_id");
    stage.refuses(&knock, &wanted).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_are_one() {
    let stage = Stage::set().await;
    let body = stage.cancel(TRIP_1).to_string();
    let now = Utc::now().timestamp();
    let knocks = (0..50).map(|number| Knock::signed_at(stage.bap(), now - number, &*body));
    let knocks: Vec<Knock> = knocks.collect();
    let answers = join_all(knocks.iter().map(|knock| knock.send(&stage.app))).await;
    answers.iter().for_each(check_ack);
    assert_eq!(stage.effects().await, (1, 1));
    assert_eq!(stage.app.bap.all().len(), 1);
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bodies_under_one_id_sent_at_once_the_first_stands() {
    let stage = Stage::set().await;
    let message = stage.cancel(O1);
    let variants = (0..20).map(|number| {
        let mut other = message.clone();
        other["message"]["cancellation_reason_id"] = json!(format!("{number:03}"));
        stage.signed(&other)
    });
    let knocks: Vec<Knock> = variants.collect();
    let answers = join_all(knocks.iter().map(|knock| knock.send(&stage.app))).await;
    let acks = answers
        .iter()
        .filter(|answer| answer.body.get("error").is_none());
    assert_eq!(acks.count(), 1);
    for answer in answers
        .iter()
        .filter(|answer| answer.body.get("error").is_some())
    {
        assert!(
            answer.text.contains("\"request_reused: "),
            "{}",
            answer.text
        );
    }
    assert_eq!(stage.effects().await, (1, 1));
    stage.app.stop().await;
}

fn rfc3339(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_time_is_over_is_stale() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for (age_seconds, ttl) in [
            (31, "PT30S"),
            (3_601, "PT1H"),
            (2, "PT1S"),
            (86_401, "P1D"),
            (1, "PT0S"),
        ] {
            let mut message = stage.cancel(sample);
            message["context"]["timestamp"] = rfc3339(Utc::now() - TimeDelta::seconds(age_seconds));
            message["context"]["ttl"] = json!(ttl);
            let wanted = Wanted::word("stale").in_dialect(dialect).at("context.ttl");
            let answer = stage.refuses(&stage.signed(&message), &wanted).await;
            assert!(answer.text.contains("our time"), "{}", answer.text);
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_readable_ttl_a_message_does_not_age() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for ttl in [json!(null), json!("soon"), json!("30"), json!("PT10M")] {
            let mut message = stage.probe(sample);
            message["context"]["timestamp"] = rfc3339(Utc::now() - TimeDelta::seconds(120));
            match ttl.is_null() {
                true => drop(message["context"].as_object_mut().map(|c| c.remove("ttl"))),
                false => message["context"]["ttl"] = ttl,
            }
            stage.passes(&stage.signed(&message), dialect).await;
        }
        let mut zoned = stage.probe(sample);
        zoned["context"]["timestamp"] = json!("2036-01-01T05:30:00.123456+05:30");
        stage.passes(&stage.signed(&zoned), dialect).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_request_is_answered_again_after_its_time() {
    let stage = Stage::set().await;
    let at = Utc::now();
    let mut message = stage.cancel(O1);
    message["context"]["timestamp"] = rfc3339(at);
    message["context"]["ttl"] = json!("PT3S");
    stage.takes(&stage.signed(&message)).await;
    let over = at + TimeDelta::milliseconds(3_100);
    let left = (over - Utc::now()).to_std().unwrap_or(Duration::ZERO);
    tokio::time::sleep(left).await;
    stage.takes(&stage.signed(&message)).await;
    assert_eq!(stage.effects().await, (1, 1));
    stage.app.stop().await;
}
