//! The `booking.cancel` webhook: who hears of what, how often, and under which signature.

use std::time::Duration;

use beckn_bpp::crypto::webhook::Key;
use beckn_bpp::mock::bap::{self, Answer as BapAnswer, BapHandle, Received};
use beckn_bpp::mock::orders::VISIT_1;
use beckn_bpp::mock::partner::{self, Account};
use chrono::Utc;
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use super::{Door, booked, claims, hs256, token_of};
use crate::app::{WAIT, listener};
use crate::uhi::{Health, assert_ack, message_id};

const WEBHOOK_SECRET: &str = "a-key-for-webhooks";

/// Somebody who takes posts and keeps them.
fn receiver(health_registry: &Url) -> BapHandle {
    let key = include_str!("../../../keys/cli-bap.signing");
    let signer = crate::uhi::signer("hook.example.org", key);
    bap::start(listener(), signer, health_registry, "/hook").expect("a receiver")
}

/// A door whose third partner hears of cancellations there.
async fn hooked(url: &str) -> (Door, TempDir) {
    let keys = tempfile::tempdir().expect("a directory");
    let key = keys.path().join("hook.key");
    std::fs::write(&key, WEBHOOK_SECRET).expect("written");
    let partner = format!(
        "[consultations.partner.three]\nclient_id = \"client-3\"\nbusiness_id = \"biz-3\"\n\
         hip_ids = [\"IN0000000003\"]\nwebhook_url = \"{url}\"\nwebhook_key_file = \"{}\"\n",
        key.display()
    );
    (Door::open_with(&partner).await, keys)
}

fn assert_signed(post: &Received) {
    let mut headers = post.headers.iter();
    let header = headers.find(|(name, _)| name == "eka-webhook-signature");
    let header = &header.expect("a signature").1;
    let now = Utc::now().timestamp();
    let verified = Key::new(WEBHOOK_SECRET).verify(header, &post.body, now, 180);
    assert_eq!(verified, Ok(()), "{header}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_hears_of_a_cancellation_once_whoever_cancels() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nowhere = "http://127.0.0.1:1".parse().expect("a URL");
    let hook = receiver(&nowhere);
    let (door, _keys) = hooked(&format!("{}/on_cancel", hook.url)).await;
    let health = &door.health;
    for id in ["by-patient", "by-clinic"] {
        let patient = json!({"id": "pt-3", "hip_id": "IN0000000003"});
        health.hand_over_as(id, &booked(health, id, &patient)).await;
    }
    hook.answer_next([
        BapAnswer::Raw {
            status: 500,
            body: "".into(),
        },
        BapAnswer::Raw {
            status: 202,
            body: "thanks".into(),
        },
    ]);
    for _first_and_again in 0..2 {
        let mut message = health.cancel_of(VISIT_1);
        message["message"]["order"]["id"] = json!("by-patient");
        health.answered(&message).await;
        health.app.settled().await;
    }
    let posts = hook.all();
    assert_eq!(
        posts.len(),
        2,
        "the same news twice, for the first try failed"
    );
    assert_eq!(posts[0].body, posts[1].body);
    let news = posts[1].json();
    let kept = health.app.get("/orders/by-patient").await.body;
    assert_eq!(
        news.as_object()
            .expect("an object")
            .keys()
            .collect::<Vec<_>>(),
        [
            "service",
            "event",
            "event_time",
            "transaction_id",
            "timestamp",
            "business_id",
            "client_id",
            "data"
        ]
    );
    assert_eq!(
        (&news["service"], &news["event"]),
        (&json!("uhi"), &json!("booking.cancel"))
    );
    assert_eq!(
        (&news["business_id"], &news["client_id"]),
        (&json!("biz-3"), &json!("client-3"))
    );
    assert_eq!(news["transaction_id"], kept["placed_by"]["transaction_id"]);
    assert_eq!(news["data"], json!({"status": "SUCCESS"}));
    for post in &posts {
        assert_signed(post);
    }
    let clinic = json!({"by": "provider", "reason": "FACILITY_CLOSURE"});
    assert_eq!(
        health.cancel_for_clinic("by-clinic", &clinic).await.status,
        200
    );
    assert_eq!(
        health.cancel_for_clinic("visit_1", &clinic).await.status,
        200
    );
    health.app.settled().await;
    assert_eq!(hook.all().len(), 3, "and not of the bookings of others");
    let kinds = health.app.get("/callbacks?limit=1000").await.text;
    assert!(kinds.contains("\"webhook\"") && !kinds.contains("a-key-for-webhooks"));
    door.health.stop().await;
    hook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_news_is_owed_by_the_cancellation_itself_and_waits_for_no_eua() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let account = Account {
        client_id: "client-3".to_owned(),
        issuer: String::new(),
        audience: String::new(),
        token_secret: String::new(),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
    };
    let app = partner::start(listener(), account).expect("an app");
    let (door, _keys) = hooked(app.url.as_str()).await;
    let health = &door.health;
    let patient = json!({"id": "pt-3", "hip_id": "IN0000000003"});
    health
        .hand_over_as("visit_3", &booked(health, "visit_3", &patient))
        .await;
    let eua = json!({"subscriber": "eua.example.org"});
    let held = health
        .app
        .admin("POST", "/callbacks/hold", Some(&eua))
        .await;
    assert_eq!(held.status, 200, "{}", held.text);
    let mut message = health.cancel_of(VISIT_1);
    message["message"]["order"]["id"] = json!("visit_3");
    assert_ack(&health.send(&message).await);
    let session = VISIT_1.transaction().expect("a sample");
    let news = app.news_of(&session, WAIT).await.expect("news");
    assert_eq!(news.verdict, Ok(()));
    assert!(health.eua.all().is_empty(), "nothing has left for the EUA");
    health
        .app
        .admin("POST", "/callbacks/release", Some(&eua))
        .await;
    health.callback(message_id(&message)).await;
    health.app.settled().await;
    assert_eq!(app.all().len(), 1);
    door.health.stop().await;
    app.stop().await;
}

/// A visit of the third partner's.
async fn visit_of_three(health: &Health, id: &str) {
    let patient = json!({"id": "pt-3", "hip_id": "IN0000000003"});
    health.hand_over_as(id, &booked(health, id, &patient)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_tokens_and_webhooks_are_read_again_when_their_files_change() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let hook = receiver(&"http://127.0.0.1:1".parse().expect("a URL"));
    let (door, keys) = hooked(&format!("{}/on_cancel", hook.url)).await;
    let (secret, other) = ("another-secret-of-partners-long-enough", "another-key");
    // A file that holds no key changes nothing.
    let token_key = door.keys.path().join("token.key");
    std::fs::write(&token_key, "too short").expect("written");
    std::fs::write(keys.path().join("hook.key"), other).expect("written");
    let clinic = json!({"by": "provider", "reason": "FACILITY_CLOSURE"});
    let signed_anew = async {
        for number in 0.. {
            let id = format!("v{number}");
            visit_of_three(&door.health, &id).await;
            door.health.cancel_for_clinic(&id, &clinic).await;
            door.health.app.settled().await;
            let post = hook.all().pop().expect("news");
            let mut headers = post.headers.iter();
            let header = headers.find(|(name, _)| name == "eka-webhook-signature");
            let header = &header.expect("a signature").1;
            let now = Utc::now().timestamp();
            if Key::new(other).verify(header, &post.body, now, 180).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(WAIT, signed_anew).await;
    in_time.expect("the new key signs");
    let bearing = |token: &str| {
        let headers = door.headers();
        headers.with("Authorization", &format!("Bearer {token}"))
    };
    let old = bearing(&door.token);
    assert_eq!(door.post(&old, "{").await.status, 400, "the old key holds");
    std::fs::write(&token_key, secret).expect("written");
    let new = bearing(&token_of(&hs256(), &claims(), secret));
    let taken = async {
        while door.post(&new, "{").await.status != 400 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(WAIT, taken).await;
    in_time.expect("the new key is taken");
    assert_eq!(door.post(&old, "{").await.status, 401, "and the old is not");
    door.health.stop().await;
    hook.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_for_a_partner_that_is_gone_is_not_sent_and_can_be_redriven_once_it_is_back() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let hook = receiver(&"http://127.0.0.1:1".parse().expect("a URL"));
    let (mut door, _keys) = hooked(&format!("{}/on_cancel", hook.url)).await;
    let health = &mut door.health;
    visit_of_three(health, "visit_3").await;
    let partner = json!({"subscriber": "client:client-3"});
    let clinic = json!({"by": "provider", "reason": "FACILITY_CLOSURE"});
    let hold = |what: &str| format!("/callbacks/{what}");
    health
        .app
        .admin("POST", &hold("hold"), Some(&partner))
        .await;
    health.cancel_for_clinic("visit_3", &clinic).await;
    let renamed = |text: String| text.replace("\"client-3\"", "\"client-4\"");
    health.app.reconfigure(renamed).await;
    health
        .app
        .admin("POST", &hold("release"), Some(&partner))
        .await;
    health.app.settled().await;
    let dead = health.app.get("/callbacks?state=dead").await.body;
    assert_eq!(dead["callbacks"][0]["kind"], "webhook", "{dead}");
    let path = format!("/callbacks/{}", dead["callbacks"][0]["id"]);
    let shown = health.app.get(&path).await.text;
    assert!(shown.contains("no partner client:client-3"), "{shown}");
    assert!(hook.all().is_empty(), "nothing left unsigned");
    let back = |text: String| text.replace("\"client-4\"", "\"client-3\"");
    health.app.reconfigure(back).await;
    health
        .app
        .admin("POST", &format!("{path}/redrive"), None)
        .await;
    health.app.settled().await;
    let posts = hook.all();
    assert_eq!(posts.len(), 1);
    assert_signed(&posts[0]);
    door.health.stop().await;
    hook.stop().await;
}
