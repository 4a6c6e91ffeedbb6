//! Many questions at once: few reach the registry, and nobody takes the answer from another.

use std::time::{Duration, Instant};

use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::registry::{Error, Outage};
use futures_util::future::join_all;

use crate::network::{Network, TTL, asked, at, row};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_ask_one_question() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_millis(200)));
    let answers = join_all((0..100).map(|_| network.ask(at(0)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 1);
    let answers = join_all((0..100).map(|_| network.ask(at(TTL - 1)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 1);
    let answers = join_all((0..100).map(|_| network.ask(at(TTL)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_take_the_answer_of_the_others_with_it() {
    let network = Network::with(vec![row()]);
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let asked = async {
        while network.mock.asked() == 0 {
            tokio::task::yield_now().await;
        }
        network.mock.behave(Behaviour::Filtered);
    };
    // Goes away as soon as its question has arrived.
    let impatient = async {
        tokio::select! {
            answer = network.ask(at(0)) => Some(answer),
            () = asked => None,
        }
    };
    let patient = async {
        // Comes second, and takes over the question when the first has gone.
        tokio::task::yield_now().await;
        network.ask(at(0)).await
    };
    let (gone, answered) = tokio::join!(impatient, patient);
    assert!(gone.is_none() && answered.is_ok(), "{answered:?}");
    assert_eq!(network.mock.asked(), 2);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_the_registry_dislikes_do_not_shut_it_for_others() {
    let network = Network::with(vec![row()]);
    network.mock.behave(Behaviour::Status(400));
    for _ in 0..20 {
        let answer = network.ask(at(0)).await;
        assert!(
            matches!(answer, Err(Error::Unavailable(Outage::Status(400)))),
            "{answer:?}"
        );
    }
    network.mock.behave(Behaviour::Filtered);
    assert!(network.ask(at(0)).await.is_ok());
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_made_up_ids_cost_twenty_questions_a_second() {
    let network = Network::set_up(vec![], |settings| {
        settings.lookups_per_second = 20;
        // On a busy machine an answer may take long; here it must come.
        settings.timeout = Duration::from_secs(60);
    });
    let ids: Vec<_> = (0..10_000)
        .map(|n| asked(&format!("{n}.example")))
        .collect();
    let begun = Instant::now();
    let asked = ids.iter().map(|id| network.registry.subscriber(id, at(0)));
    let answers = join_all(asked).await;
    let allowed = 20 + begun.elapsed().as_millis() as u64 * 20 / 1_000 + 1;
    assert!(network.mock.asked() >= 20, "the cap is no smaller than set");
    assert!(
        network.mock.asked() <= allowed,
        "{} > {allowed}",
        network.mock.asked()
    );
    let unknown = answers.iter().filter(|a| matches!(a, Err(Error::Unknown)));
    assert_eq!(unknown.count() as u64, network.mock.asked());
    let capped = |a: &&Result<_, _>| {
        matches!(
            a,
            Err(Error::Unavailable(
                Outage::TooManyLookups | Outage::TooManyWaiting
            ))
        )
    };
    let capped = answers.iter().filter(capped).count() as u64;
    assert_eq!(capped + network.mock.asked(), 10_000);
    network.mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_wait_for_a_slow_registry_there_are_never_too_many() {
    let network = Network::set_up(vec![row()], |settings| {
        settings.timeout = Duration::from_secs(1);
    });
    network
        .mock
        .behave(Behaviour::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    let ask = || async { (network.ask(at(0)).await, begun.elapsed()) };
    let answers = join_all((0..300).map(|_| ask())).await;
    let is_full =
        |answer: &Result<_, _>| matches!(answer, Err(Error::Unavailable(Outage::TooManyWaiting)));
    let full = answers.iter().filter(|(answer, _)| is_full(answer));
    let full: Vec<_> = full.map(|(_, after)| *after).collect();
    assert_eq!(full.len(), 200, "a hundred may wait");
    assert!(full.iter().all(|after| *after < Duration::from_millis(900)));
    network.mock.stop().await;
}
