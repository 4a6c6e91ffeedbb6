//! Whose turn it is: the order of one order, rest for a host that fails, places for all the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use beckn_bpp::delivery::Settings;
use tokio::time::timeout;

use super::{LONG, failing, over_days, worker};
use crate::host::{Host, ack};
use crate::setup::{after, callback, patient, settings, start};
use crate::watched::Watched;

#[tokio::test]
async fn callbacks_of_one_order_arrive_in_order() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([failing(), ack()]).await,
    );
    let mut ids = Vec::new();
    for n in ["1", "2", "3"] {
        let mut one = callback("o1", &host);
        one.body = n.into();
        ids.push(store.add(one).await);
    }
    let worker = worker(&store, patient());
    assert_eq!(worker.deliver_due(start()).await.expect("works"), 1);
    over_days(&worker, &store, ids[0]).await;
    let bodies: Vec<_> = host.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [b"1", b"1", b"2", b"3"]);
}

#[tokio::test]
async fn a_resting_host_gets_one_probe_and_then_everything() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([
            failing(),
            failing(),
            failing(),
            failing(),
            failing(),
            failing(),
            ack(),
        ])
        .await,
    );
    for n in 0..5 {
        store.add(callback(&format!("o{n}"), &host)).await;
    }
    let worker = worker(&store, patient());
    assert_eq!(worker.deliver_due(start()).await.expect("works"), 5);
    assert_eq!(
        worker.deliver_due(after(30)).await.expect("works"),
        0,
        "at rest"
    );
    assert_eq!(
        worker.deliver_due(after(70)).await.expect("works"),
        1,
        "a probe that fails"
    );
    assert_eq!(
        worker.deliver_due(after(100)).await.expect("works"),
        0,
        "at rest again"
    );
    assert_eq!(
        worker.deliver_due(after(200)).await.expect("works"),
        5,
        "a probe that succeeds"
    );
    assert_eq!(store.delivered(&host.lane), 5);
}

#[tokio::test]
async fn a_host_that_has_rested_and_has_nothing_due_costs_no_look_of_its_own() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([failing()]).await,
    );
    store.add(callback("o1", &host)).await;
    let settings = Settings {
        schedule: vec![Duration::ZERO],
        breaker_failures: 1,
        ..patient()
    };
    let worker = worker(&store, settings);
    assert_eq!(worker.deliver_due(start()).await.expect("works"), 1);
    store.claims.store(0, Ordering::SeqCst);
    assert_eq!(worker.deliver_due(after(200)).await.expect("works"), 0);
    assert_eq!(store.claims.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_bad_host_does_not_delay_another() {
    let store = Arc::new(Watched::default());
    let (bad, good) = (Host::tarpit().await, Host::saying([ack()]).await);
    for n in 0..40 {
        store.add(callback(&format!("bad{n}"), &bad)).await;
        store.add(callback(&format!("good{n}"), &good)).await;
    }
    // The deadline of the bad host's attempts is far beyond the limit of this test.
    let worker = worker(&store, patient());
    let good_ones = store.until(|store| store.delivered(&good.lane) == 40);
    tokio::select! {
        result = worker.run(std::future::pending()) => panic!("stopped: {result:?}"),
        done = timeout(LONG, good_ones) => done.expect("in time"),
    }
    assert_eq!(bad.seen().len(), 8, "no more than eight at a time");
}

#[tokio::test]
async fn many_slow_hosts_together_leave_places_for_the_others() {
    let store = Arc::new(Watched::default());
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(Host::tarpit().await);
    }
    for (number, host) in slow.iter().enumerate() {
        for n in 0..8 {
            store
                .add(callback(&format!("slow{number}-{n}"), host))
                .await;
        }
    }
    // Eight of the slow hosts would be enough to take all places.
    let settings = Settings {
        in_flight: 64,
        ..patient()
    };
    let worker = worker(&store, settings);
    let good = Host::saying([ack()]).await;
    let late_comers = async {
        timeout(LONG, slow[0].saw(1)).await.expect("in time");
        for n in 0..40 {
            store.add(callback(&format!("good{n}"), &good)).await;
        }
        store.until(|store| store.delivered(&good.lane) == 40).await;
    };
    tokio::select! {
        result = worker.run(std::future::pending()) => panic!("stopped: {result:?}"),
        done = timeout(LONG, late_comers) => done.expect("in time"),
    }
}

#[tokio::test]
async fn no_more_are_in_flight_than_allowed() {
    let store = Arc::new(Watched::default());
    let hosts = [
        Host::tarpit().await,
        Host::tarpit().await,
        Host::tarpit().await,
    ];
    let mut first = None;
    for n in 0..30 {
        let id = store.add(callback(&format!("o{n}"), &hosts[n % 3])).await;
        first.get_or_insert(id);
    }
    let worker = worker(
        &store,
        Settings {
            in_flight: 5,
            ..settings()
        },
    );
    let seen = async {
        store
            .until(|store| first.is_some_and(|id| store.outcomes(id) == ["timeout"]))
            .await;
    };
    tokio::select! {
        result = worker.run(std::future::pending()) => panic!("stopped: {result:?}"),
        done = timeout(LONG, seen) => done.expect("in time"),
    }
    assert!(store.leases() <= 5, "{}", store.leases());
}
