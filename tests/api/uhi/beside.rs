//! One server on a mobility and a health network at once: each with its own keys, registry and
//! error numbers, and neither a way into the other.

use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::orders::{TRIP_1, VISIT_1};
use beckn_bpp::mock::registry;
use serde_json::json;

use super::{Health, assert_nack, message_id};

#[tokio::test(flavor = "multi_thread")]
async fn one_server_answers_each_network_in_its_own_way() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.app.hand_over(TRIP_1).await;

    let ride = health.app.cancel_of(TRIP_1);
    let reply = health.app.send(&ride).await;
    assert_eq!(&reply.body[..], br#"{"message":{"ack":{"status":"ACK"}}}"#);
    let visit = health.cancel_of(VISIT_1);
    let answer = health.answered(&visit).await.json();
    assert_eq!(answer["message"]["order"]["state"], "CANCELLED");
    assert_eq!(answer["context"]["provider_id"], super::HSPA);
    assert_eq!(answer["context"]["bpp_id"], json!(null));

    let answer = health.app.callback(&ride.message).await.json();
    assert_eq!(answer["message"]["order"]["state"], "Cancelled");
    assert_eq!(answer["context"]["bpp_id"], crate::app::BPP);
    health.copy(message_id(&visit)).await;
    health.app.settled().await;
    assert_eq!(
        health.gateway.inbox.all().len(),
        1,
        "rides are nobody's business there"
    );
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_one_network_is_refused_on_the_path_of_the_other() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.app.hand_over(TRIP_1).await;
    let before = health.app.kept().await;

    // The mobility BAP, with its own key, in the health network's own scheme.
    let mut message = health.cancel_of(VISIT_1);
    let bap = Signer {
        scheme: Scheme::Uhi,
        ..health.app.bap.signer().clone()
    };
    message["context"]["consumer_id"] = json!(bap.subscriber_id);
    let text = message.to_string();
    let header = bap.authorization(text.as_bytes(), chrono::Utc::now().timestamp());
    let error = assert_nack(&health.post(&text, &header).await, 401, "unknown_key");
    assert_eq!(error["code"], "UHI-1406");

    // The EUA on the mobility path.
    let mut message = health.app.cancel_of(TRIP_1);
    let eua = Signer {
        scheme: Scheme::Beckn,
        ..health.eua.signer().clone()
    };
    message.bap_id = eua.subscriber_id.clone();
    let text = message.to_json().to_string();
    let header = eua.authorization(text.as_bytes(), chrono::Utc::now().timestamp());
    let reply = health
        .eua
        .post(&health.app.url("/cancel"), text, &header)
        .await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.status, 401);
    let error = &reply.json()["error"];
    assert_eq!(error["code"], "30000", "{error}");

    assert_eq!(health.app.kept().await, before);
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_one_network_cannot_be_cancelled_on_the_other() {
    let health = Health::start().await;
    health.app.hand_over(TRIP_1).await;
    let mut message = health.cancel_of(VISIT_1);
    message["message"]["order"]["id"] = json!(TRIP_1.id);
    message["context"]["transaction_id"] = json!(TRIP_1.transaction().expect("a sample"));
    health.refuses(&message, 200, "order_not_found").await;
    assert_eq!(health.state_of(TRIP_1.id).await, "Confirmed");
    health.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_network_asks_its_own_registry() {
    let health = Health::start().await;
    health.hand_over(VISIT_1).await;
    health.app.hand_over(TRIP_1).await;
    health.app.registry.behave(registry::Behaviour::Status(500));
    let visit = health.cancel_of(VISIT_1);
    health.answered(&visit).await;
    let reply = health.app.send(&health.app.cancel_of(TRIP_1)).await;
    assert_eq!(reply.status, 503);
    health.copy(message_id(&visit)).await;
    health.stop().await;
}
