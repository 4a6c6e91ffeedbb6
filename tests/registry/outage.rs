//! A registry that is slow or down: what it costs, what is believed meanwhile, how it is found again.

use std::time::{Duration, Instant};

use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::registry::{Error, Outage};
use futures_util::future::join_all;
use serde_json::json;

use crate::network::{NEGATIVE_TTL, Network, TTL, asked, at, bap, bap_id, row, row_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_registry_costs_its_timeout_and_no_more() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_millis(500);
    });
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    for answer in join_all((0..100).map(|_| network.ask(at(0)))).await {
        assert!(
            matches!(answer, Err(Error::Unavailable(Outage::Transport(_)))),
            "{answer:?}"
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(1)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_is_left_alone_and_used_again_when_it_is_back() {
    let network = Network::with(vec![row()]);
    let other = asked("known.example");
    network.mock.set_rows(vec![
        row(),
        row_with(&json!({"subscriber_id": "known.example"})),
    ]);
    assert!(network.registry.subscriber(&other, at(0)).await.is_ok());

    network.mock.behave(Behaviour::Status(500));
    for _ in 0..50 {
        let answer = network.ask(at(0)).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(network.mock.asked(), 1 + 5);
    let kept = network.registry.subscriber(&other, at(TTL - 1)).await;
    assert!(kept.is_ok(), "what is kept works without the registry");
    assert!(network.registry.is_resting());
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(
            answer,
            Err(Error::Unavailable(Outage::Status(500) | Outage::Resting))
        ),
        "{answer:?}"
    );
    assert_eq!(network.mock.asked(), 1 + 6, "one question a second");
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Resting))),
        "{answer:?}"
    );

    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(2)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_registry_is_unavailable() {
    let network = Network::with(vec![row()]);
    network.mock.stop().await;
    let answer = network.registry.subscriber(&bap(), at(0)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Transport(_)))),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_down_a_record_is_used_for_as_long_as_is_configured_and_says_so() {
    const STALE: i64 = 600;
    let network = Network::set_up(vec![row()], |settings| {
        settings.stale = Duration::from_secs(600);
    });
    let fresh = network.ask(at(0)).await.expect("registered");
    assert!(!fresh.is_stale && fresh.vouched_at == at(0));
    network.mock.behave(Behaviour::Status(500));
    for second in [TTL - 1, TTL, TTL + STALE - 1] {
        let kept = network.ask(at(second)).await.expect("kept");
        assert_eq!((kept.is_stale, kept.vouched_at), (second >= TTL, at(0)));
    }
    let answer = network.ask(at(TTL + STALE)).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    network.mock.behave(Behaviour::Filtered);
    let again = network.ask(at(TTL + STALE + 1)).await.expect("registered");
    assert!(!again.is_stale);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_told_nothing_is_used_past_its_time_and_never_past_an_hour() {
    for (configured, used_for) in [(0, 0), (86_400, 3_600)] {
        let network = Network::set_up(vec![row()], |settings| {
            settings.stale = Duration::from_secs(configured);
        });
        assert!(network.ask(at(0)).await.is_ok());
        network.mock.behave(Behaviour::Status(500));
        let within = network.ask(at(TTL + used_for - 1)).await;
        assert!(within.is_ok(), "{within:?}");
        let past = network.ask(at(TTL + used_for)).await;
        assert!(matches!(past, Err(Error::Unavailable(_))), "{past:?}");
        network.mock.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_brings_no_revoked_expired_or_purged_key_back() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.stale = Duration::from_secs(3_600);
    });
    let down_at = |second| {
        network.mock.behave(Behaviour::Status(500));
        network.ask(at(second))
    };
    assert!(network.ask(at(0)).await.is_ok());
    let revoked = row_with(&json!({"status": "UNSUBSCRIBED"}));
    network.mock.set_rows(vec![revoked]);
    assert!(matches!(
        network.ask(at(TTL)).await,
        Err(Error::NotUsable(_))
    ));
    let answer = down_at(TTL + NEGATIVE_TTL).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");

    network.mock.behave(Behaviour::Filtered);
    let short = row_with(&json!({"valid_until": at(1_000).to_rfc3339()}));
    network.mock.set_rows(vec![short]);
    assert!(network.ask(at(900)).await.is_ok());
    assert!(matches!(down_at(1_001).await, Err(Error::Unavailable(_))));

    network.mock.behave(Behaviour::Filtered);
    network.mock.set_rows(vec![row()]);
    assert!(network.ask(at(1_002)).await.is_ok());
    assert!(down_at(1_002 + TTL).await.is_ok());
    network.registry.purge(&bap_id(), None).await;
    let answer = down_at(1_003 + TTL).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_registry_that_has_failed_and_it_is_heard_when_it_answers_again() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_secs(30);
    });
    network.mock.behave(Behaviour::Status(500));
    for _ in 0..5 {
        assert!(network.ask(at(0)).await.is_err());
    }
    // Slower than anybody is kept waiting, but it does answer.
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(500)));
    let begun = Instant::now();
    let answer = network.ask(at(1)).await;
    assert!(
        matches!(answer, Err(Error::Unavailable(Outage::Resting))),
        "{answer:?}"
    );
    assert!(begun.elapsed() < Duration::from_millis(400));
    let recovered = async {
        while network.registry.is_resting() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let recovered = tokio::time::timeout(Duration::from_secs(5), recovered);
    recovered.await.expect("the probe goes on by itself");
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(1)).await.is_ok());
    network.mock.stop().await;
}
