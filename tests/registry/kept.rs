//! For how long an answer is believed, and what ends that earlier.

use std::time::Duration;

use beckn_bpp::domain::ids::SubscriberId;
use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::registry::{Error, Pin, Unusable};
use futures_util::future::join_all;
use serde_json::json;

use crate::network::{
    NEGATIVE_TTL, Network, asked, at, bap, bap_id, k1, public_key, row, row_with, signing_key,
};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_is_believed_for_a_short_while() {
    let network = Network::with(vec![]);
    for second in [0, 1, NEGATIVE_TTL - 1] {
        let answer = network.ask(at(second)).await;
        assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    }
    assert_eq!(network.mock.asked(), 1);
    network.mock.set_rows(vec![row()]);
    assert!(network.ask(at(NEGATIVE_TTL)).await.is_ok());
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_is_unknown_and_purging_forgets_it() {
    let network = Network::with(vec![row()]);
    network.mock.behave(Behaviour::Status(404));
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    network.mock.behave(Behaviour::Filtered);
    assert!(matches!(network.ask(at(0)).await, Err(Error::Unknown)));
    let spelled_otherwise = SubscriberId::parse("https://bap.example/").expect("valid");
    let purged = network
        .registry
        .purge(&spelled_otherwise, Some(&k1()))
        .await;
    assert_eq!(purged, [bap()]);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strange_spelling_of_an_id_does_not_spoil_the_usual_one() {
    let network = Network::with(vec![row()]);
    let strange = asked("http://bap.example//");
    let answer = network.registry.subscriber(&strange, at(0)).await;
    assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_never_used_past_its_validity() {
    let short = row_with(&json!({"valid_until": at(60).to_rfc3339()}));
    let network = Network::with(vec![short.clone()]);
    assert!(network.ask(at(0)).await.is_ok());
    assert!(network.ask(at(59)).await.is_ok());
    assert_eq!(network.mock.asked(), 1);
    let answer = network.ask(at(61)).await;
    assert!(
        matches!(answer, Err(Error::NotUsable(Unusable::Expired { until, .. })) if until == at(60)),
        "{answer:?}"
    );
    assert_eq!(network.mock.asked(), 2);

    let renewed = row_with(&json!({"valid_until": at(6_000).to_rfc3339()}));
    network.mock.set_rows(vec![renewed, short]);
    assert!(network.ask(at(61 + NEGATIVE_TTL)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_makes_a_record_live_longer_than_ten_minutes() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.cache_ttl = Duration::from_secs(86_400);
    });
    assert!(network.ask(at(0)).await.is_ok());
    assert!(network.ask(at(600)).await.is_ok());
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_found_at_once_but_asked_for_only_every_thirty_seconds() {
    let network = Network::with(vec![row()]);
    assert!(network.ask(at(0)).await.is_ok());
    let rotated = |seed| vec![row_with(&json!({"signing_public_key": public_key(seed)}))];

    network.mock.set_rows(rotated(2));
    let answers = join_all((0..100).map(|_| network.refresh(at(1)))).await;
    for answer in answers {
        let key = answer.expect("registered").verifying_key.to_base64();
        assert_eq!(key, public_key(2));
    }
    assert_eq!(network.mock.asked(), 2);

    network.mock.set_rows(rotated(3));
    let kept = network.refresh(at(30)).await.expect("registered");
    assert_eq!(kept.verifying_key.to_base64(), public_key(2));
    assert_eq!(network.mock.asked(), 2);
    let fresh = network.refresh(at(31)).await.expect("registered");
    assert_eq!(fresh.verifying_key.to_base64(), public_key(3));
    assert_eq!(network.mock.asked(), 3);
    let same = network.ask(at(31)).await.expect("registered");
    assert_eq!(same.verifying_key.to_base64(), public_key(3));
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_notices_revocation_but_survives_an_outage() {
    let network = Network::with(vec![row()]);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.behave(Behaviour::Status(500));
    assert!(network.refresh(at(1)).await.is_ok());
    network.mock.behave(Behaviour::Filtered);
    let revoked = row_with(&json!({"status": "UNSUBSCRIBED"}));
    network.mock.set_rows(vec![revoked]);
    for answer in [network.refresh(at(40)).await, network.ask(at(41)).await] {
        assert!(
            matches!(&answer, Err(Error::NotUsable(Unusable::NotSubscribed { status })) if status == "UNSUBSCRIBED"),
            "{answer:?}"
        );
    }
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_under_way_when_a_key_was_purged_is_not_kept() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(300)));
    let purge = async {
        while network.mock.asked() == 0 {
            tokio::task::yield_now().await;
        }
        network.registry.purge(&bap_id(), None).await;
        network.mock.behave(Behaviour::Filtered);
    };
    let (under_way, ()) = tokio::join!(network.ask(at(0)), purge);
    assert!(under_way.is_ok());
    network.mock.set_rows(vec![]);
    let answer = network.ask(at(0)).await;
    assert!(matches!(answer, Err(Error::Unknown)), "{answer:?}");
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_pinned_subscriber_no_other_key_is_believed() {
    let pin = |seed| Pin {
        subscriber: SubscriberId::parse("https://bap.example/").expect("valid"),
        key: signing_key(seed).verifying_key(),
    };
    for (pins, is_believed) in [
        (vec![pin(1)], true),
        (vec![pin(2), pin(1)], true),
        (vec![pin(2)], false),
    ] {
        let network = Network::set_up(vec![row()], |settings| settings.pins = pins);
        let answer = network.ask(at(0)).await;
        assert_eq!(answer.is_ok(), is_believed, "{answer:?}");
        if let Err(error) = answer {
            let fingerprint = signing_key(1).verifying_key().fingerprint();
            assert!(error.to_string().contains(&fingerprint), "{error}");
        }
        network.mock.stop().await;
    }
}
