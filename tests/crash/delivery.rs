//! Killed or stopped between the ACK and the callback: the callback comes all the same, once
//! decided never different.

use std::time::Duration;

use beckn_bpp::mock::bap::Answer;
use serde_json::json;

use crate::outside::orders::Numbered;
use crate::town::{Town, WAIT, is_ack};

/// The first order of each dialect.
const ORDERS: [Numbered; 2] = [Numbered(0), Numbered(1)];

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_a_hanging_bap_never_answered_comes_again_unchanged_after_a_kill() {
    let town = Town::new();
    town.answer(&Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let mut decided = Vec::new();
    for (order, id) in ORDERS.into_iter().zip(1..) {
        let message = format!("message-{id}");
        let body = town.cancel(order, &message);
        let reply = town.post(&running, order, &body).await.expect("an answer");
        assert!(is_ack(&reply), "{reply:?}");
        decided.push((order, message, running.body_of(id).await));
    }
    for (order, message, _) in &decided {
        let bap = &town.baps[order.bap()];
        let first = bap.received(message, WAIT).await;
        assert!(first.is_some(), "the first attempt is under way");
    }
    running.process.kill();

    town.answer(&Answer::Ack);
    let running = town.start();
    for (order, message, body) in &decided {
        let bap = &town.baps[order.bap()];
        let attempts = bap.received_times(message, 2, WAIT).await;
        for attempt in attempts.expect("a second attempt") {
            assert_eq!(attempt.verdict, Ok(()));
            assert_eq!(attempt.body, body.as_bytes());
        }
    }
    running.admin.quiet(WAIT).await.expect("quiet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_decided_while_the_bap_was_down_is_the_one_that_arrives_after_a_kill() {
    let mut town = Town::new();
    let order = Numbered(1);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let body = town.cancel(order, "message-1");
    // Signed by the BAP, posted while its port is closed.
    let [bap, other] = town.baps;
    let (signer, url) = (bap.signer().clone(), bap.url.clone());
    bap.stop().await;
    let reply = {
        let now = chrono::Utc::now().timestamp();
        let authorization = signer.authorization(body.as_bytes(), now);
        let reply = other.post(&running.cancel, body, &authorization).await;
        reply.expect("an answer")
    };
    assert!(is_ack(&reply), "{reply:?}");
    let decided = running.body_of(1).await;
    running.process.kill();

    let address = url.socket_addrs(|| None).expect("an address");
    let listener = std::net::TcpListener::bind(&address[..]).expect("the port is still free");
    let registry = &town.around.registry.url;
    let bap = beckn_bpp::mock::bap::start(listener, signer, registry, "/beckn");
    town.baps = [bap.expect("a BAP"), other];
    let running = town.start();
    let received = town.baps[0].received("message-1", WAIT).await;
    let received = received.expect("the callback");
    assert_eq!(
        (received.verdict, &*received.body),
        (Ok(()), decided.as_bytes())
    );
    running.admin.quiet(WAIT).await.expect("quiet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_replayed_after_a_kill_is_acknowledged_and_has_no_second_effect() {
    let town = Town::new();
    let order = Numbered(1);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let body = town.cancel(order, "message-1");
    let reply = town.post(&running, order, &body).await.expect("an answer");
    assert!(is_ack(&reply), "{reply:?}");
    running.admin.quiet(WAIT).await.expect("quiet");
    let kept = kept(&running.admin).await;
    running.process.kill();

    let running = town.start();
    for _ in 0..3 {
        let reply = town.post(&running, order, &body).await.expect("an answer");
        assert!(is_ack(&reply), "{reply:?}");
    }
    let other = body.replace("\"001\"", "\"002\"");
    let reply = town.post(&running, order, &other).await.expect("an answer");
    assert!(!is_ack(&reply), "the same ids with another body");
    running.admin.quiet(WAIT).await.expect("quiet");
    assert_eq!(self::kept(&running.admin).await, kept);
    assert_eq!(town.received().len(), 1);
}

async fn kept(admin: &crate::outside::surroundings::Admin) -> serde_json::Value {
    let all = async |listing| admin.all(listing, "").await.expect("a listing");
    let timeline = admin.timeline(&Numbered(1).transaction()).await;
    json!([
        all("orders").await,
        all("callbacks").await,
        all("events").await,
        timeline.expect("a timeline"),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_while_callbacks_are_in_flight_ends_cleanly_and_loses_none() {
    const COUNT: u64 = 16;
    let town = Town::new();
    town.answer(&Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..COUNT).await;
    for order in (0..COUNT).map(Numbered) {
        let body = town.cancel(order, &format!("message-{}", order.0));
        let reply = town.post(&running, order, &body).await.expect("an answer");
        assert!(is_ack(&reply), "{reply:?}");
    }
    let in_flight = town.baps[0].received("message-0", WAIT).await;
    assert!(in_flight.is_some());
    let (status, log) = running.process.terminate(WAIT).expect("an end");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("the server has stopped"), "{log}");

    town.answer(&Answer::Ack);
    let running = town.start();
    running
        .admin
        .quiet(Duration::from_secs(30))
        .await
        .expect("quiet");
    let delivered = running.admin.all("callbacks", "&state=delivered").await;
    assert_eq!(delivered.expect("a listing").len() as u64, COUNT);
}
