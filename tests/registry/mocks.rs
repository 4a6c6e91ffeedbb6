//! The mock BAP and the mock registry, which other tests rely on.

use std::time::Duration;

use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::bap;
use beckn_bpp::mock::registry as mock;
use beckn_bpp::registry::Error;
use serde_json::json;
use url::Url;

use crate::network::{Network, at, listener, new_client, row, signing_key};

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_bap_proves_what_it_receives_and_answers_as_told() {
    new_client(Duration::from_secs(5));
    let registry = mock::start(listener(), vec![]).expect("a listener");
    let signer = |id: &str, seed| Signer {
        scheme: Scheme::Beckn,
        subscriber_id: id.to_owned(),
        key_id: "k1".to_owned(),
        key: signing_key(seed),
        lifetime_seconds: 300,
    };
    let start = |signer| bap::start(listener(), signer, &registry.url, "/beckn").expect("started");
    let bap = start(signer("bap.example", 1));
    let sender = start(signer("bpp.example", 2));
    let impostor = start(signer("bpp.example", 3));
    registry.set_rows(vec![mock::row(sender.signer(), "BPP", &sender.url)]);
    let url = Url::parse(&format!("{}/on_cancel", bap.url)).expect("a URL");
    let body = |id: &str| json!({"context": {"message_id": id}}).to_string();

    bap.answer_next([bap::Answer::Nack(json!({"code": "1"})), bap::Answer::Close]);
    let nack = sender
        .sign_and_post(&url, body("m1"))
        .await
        .expect("an answer");
    assert_eq!(nack.json()["message"]["ack"]["status"], "NACK");
    assert_eq!(nack.json()["error"]["code"], "1");
    assert!(sender.sign_and_post(&url, body("m1")).await.is_err());
    let ack = impostor
        .sign_and_post(&url, body("m2"))
        .await
        .expect("an answer");
    assert_eq!(ack.json()["message"]["ack"]["status"], "ACK");

    let soon = Duration::from_secs(5);
    let twice = bap.received_times("m1", 2, soon).await.expect("both");
    assert!(
        twice.iter().all(|received| received.verdict.is_ok()),
        "{twice:?}"
    );
    assert_eq!(twice[0].body, body("m1"));
    let forged = bap.received("m2", soon).await.expect("received");
    assert!(forged.verdict.is_err());
    assert!(bap.received("m3", Duration::ZERO).await.is_none());
    assert_eq!(bap.all().len(), 3);

    let (received, sent) = tokio::join!(
        bap.received("m4", soon),
        sender.sign_and_post(&url, body("m4"))
    );
    assert!(received.is_some() && sent.is_ok());
    for party in [bap, sender, impostor] {
        party.stop().await;
    }
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_registry_lists_nobody_who_does_not_sign() {
    let network = Network::with(vec![]);
    let subscribe = network.mock.url.join("subscribe").expect("a URL");
    let mut subscription = row();
    subscription["nonce"] = json!("n1");
    let client = new_client(Duration::from_secs(5));
    let post = client
        .post(subscribe)
        .header("content-type", "application/json");
    let sent = post.body(subscription.to_string()).send().await;
    assert_eq!(sent.expect("an answer").status().as_u16(), 400);
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    network.mock.stop().await;
}
