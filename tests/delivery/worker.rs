//! The worker's promises: order, isolation, retries, breaker, a clean stop, survival.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use beckn_bpp::delivery::Settings;
use beckn_bpp::delivery::worker::{Error, Worker};
use beckn_bpp::domain::ids::NetworkName;
use beckn_bpp::store::{CallbackId, CallbackState, ClaimLimits, Store};
use chrono::{DateTime, Utc};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::host::{Host, ack, answer};

use crate::setup::{BODY, after, callback, install_tls, networks, patient, settings, start};
use crate::watched::Watched;

/// Longer than anything here takes; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(30);

fn worker(store: &Arc<Watched>, settings: Settings) -> Worker {
    worker_with(store, settings, start)
}

fn worker_with(store: &Arc<Watched>, settings: Settings, clock: fn() -> DateTime<Utc>) -> Worker {
    install_tls();
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    Worker::new(store, networks(), settings, clock).expect("a worker")
}

fn failing() -> Vec<u8> {
    answer("503 Later", "", "")
}

fn nack() -> Vec<u8> {
    answer(
        "200 OK",
        "",
        r#"{"message":{"ack":{"status":"NACK"}},"error":{"code":"1"}}"#,
    )
}

/// Delivers at each of many later times, as a worker would over days; stops when nothing is left.
async fn over_days(worker: &Worker, store: &Watched, id: CallbackId) {
    for _ in 0..50 {
        let callback = store.get(id);
        if callback.state != CallbackState::Pending {
            return;
        }
        worker
            .deliver_due(callback.next_at)
            .await
            .expect("the store works");
    }
}

#[tokio::test]
async fn a_callback_is_delivered_once_and_its_attempt_recorded() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    let id = store.add(callback("o1", &host)).await;
    let worker = worker(&store, patient());
    assert_eq!(worker.deliver_due(after(5)).await.expect("works"), 1);
    assert_eq!(worker.deliver_due(after(9)).await.expect("works"), 0);
    let callback = store.get(id);
    assert_eq!(callback.state, CallbackState::Delivered);
    let attempt = &callback.attempts[0];
    assert_eq!(
        (attempt.at, attempt.outcome.as_str(), attempt.status),
        (after(5), "delivered", Some(200))
    );
    assert_eq!(host.seen()[0].body, BODY.as_bytes());
}

static TICKS: AtomicI64 = AtomicI64::new(0);

fn ticking() -> DateTime<Utc> {
    after(TICKS.fetch_add(1, Ordering::SeqCst))
}

#[tokio::test]
async fn every_attempt_repeats_the_body_under_a_fresh_signature() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([failing(), ack()]).await,
    );
    let id = store.add(callback("o1", &host)).await;
    let worker = worker_with(&store, patient(), ticking);
    over_days(&worker, &store, id).await;
    let seen = host.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body);
    assert_ne!(
        seen[0].header("authorization"),
        seen[1].header("authorization")
    );
}

#[tokio::test]
async fn a_host_that_keeps_failing_gets_the_whole_schedule() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([failing()]).await,
    );
    let id = store.add(callback("o1", &host)).await;
    // The breaker has its own test.
    let worker = worker(
        &store,
        Settings {
            breaker_failures: 99,
            ..patient()
        },
    );
    over_days(&worker, &store, id).await;
    let callback = store.get(id);
    assert_eq!(callback.state, CallbackState::Dead);
    assert_eq!(store.outcomes(id), ["http_status"; 11]);
    let gap = |n: usize| (callback.attempts[n + 1].at - callback.attempts[n].at).num_seconds();
    for (n, step) in [2, 10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200]
        .into_iter()
        .enumerate()
    {
        assert!(
            (step * 8 / 10 - 1..=step * 12 / 10 + 60).contains(&gap(n)),
            "step {n}: {}",
            gap(n)
        );
    }
}

#[tokio::test]
async fn a_nack_is_tried_three_more_times_and_its_error_kept() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([nack()]).await);
    let id = store.add(callback("o1", &host)).await;
    over_days(&worker(&store, patient()), &store, id).await;
    assert_eq!(store.get(id).state, CallbackState::Dead);
    assert_eq!(store.outcomes(id), ["nack"; 4]);
    assert_eq!(store.get(id).attempts[3].detail, r#"{"code":"1"}"#);
}

#[tokio::test]
async fn retry_after_moves_the_next_attempt() {
    let slow = answer("429 Slow Down", "Retry-After: 4\r\n", "");
    let (store, host) = (Arc::new(Watched::default()), Host::saying([slow]).await);
    let id = store.add(callback("o1", &host)).await;
    worker(&store, patient())
        .deliver_due(start())
        .await
        .expect("works");
    assert!(store.get(id).next_at >= after(4));
}

#[tokio::test]
async fn a_forbidden_url_is_dead_at_once() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    let mut forbidden = callback("o1", &host);
    forbidden.callback.url = "ftp://127.0.0.1/".into();
    let id = store.add(forbidden).await;
    worker(&store, patient())
        .deliver_due(start())
        .await
        .expect("works");
    assert_eq!(store.get(id).state, CallbackState::Dead);
    assert_eq!(store.outcomes(id), ["blocked_address"]);
}

#[tokio::test]
async fn a_network_that_was_taken_out_may_come_back() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    let mut foreign = callback("o1", &host);
    foreign.callback.order.network = NetworkName::parse("gone").expect("a name");
    let id = store.add(foreign).await;
    worker(&store, patient())
        .deliver_due(start())
        .await
        .expect("works");
    assert_eq!(store.get(id).state, CallbackState::Pending);
    assert_eq!(store.outcomes(id), ["unknown_network"]);
}

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

#[tokio::test]
async fn new_work_and_due_retries_wake_the_loop() {
    let (store, host) = (
        Arc::new(Watched::default()),
        Host::saying([failing(), ack()]).await,
    );
    let schedule = vec![Duration::ZERO, Duration::from_millis(30)];
    let worker = worker_with(
        &store,
        Settings {
            schedule,
            ..patient()
        },
        Utc::now,
    );
    let steps = async {
        for n in 1..4 {
            store.add(callback(&format!("o{n}"), &host)).await;
            store.until(|store| store.delivered(&host.lane) == n).await;
        }
    };
    tokio::select! {
        result = worker.run(std::future::pending()) => panic!("stopped: {result:?}"),
        done = timeout(LONG, steps) => done.expect("in time"),
    }
    assert_eq!(host.seen().len(), 4);
}

#[tokio::test]
async fn work_that_cannot_be_handed_out_does_not_make_the_loop_spin() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    store.add(callback("o1", &host)).await;
    // Somebody else's lease on the first holds back the second, which stays due.
    let one = ClaimLimits {
        total: 1,
        per_lane: 1,
        closed_lanes: Vec::new(),
        lanes_to_probe: Vec::new(),
    };
    store.claim(start(), &one).await.expect("works");
    store.add(callback("o1", &host)).await;
    let worker = worker(&store, patient());
    let ended = timeout(
        Duration::from_millis(300),
        worker.run(std::future::pending()),
    )
    .await;
    assert!(ended.is_err());
    let claims = store.claims.load(Ordering::SeqCst);
    assert!(claims < 10, "{claims} claims");
}

#[tokio::test]
async fn a_stop_in_flight_loses_nothing_and_takes_nothing_new() {
    let store = Arc::new(Watched::default());
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let host = Host::start(move |_, mut stream| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            stream.write_all(&ack()).await
        }
    })
    .await;
    let id = store.add(callback("o1", &host)).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = worker(&store, patient());
    let running = tokio::spawn(async move { running.run(async { drop(stopped.await) }).await });
    timeout(LONG, host.saw(1)).await.expect("in time");
    let late = store.add(callback("o2", &host)).await;
    timeout(LONG, host.saw(2)).await.expect("in time");
    stop.send(()).expect("the worker runs");
    // The stop is seen before the answers, which are let go one after the other.
    tokio::task::yield_now().await;
    let third = store.add(callback("o3", &host)).await;
    go.notify_one();
    timeout(LONG, store.until(|store| store.delivered(&host.lane) == 1))
        .await
        .expect("in time");
    assert!(!running.is_finished());
    go.notify_one();
    timeout(LONG, running)
        .await
        .expect("in time")
        .expect("no panic")
        .expect("a clean stop");
    assert_eq!(store.leases(), 0);
    assert_eq!(store.get(id).state, CallbackState::Delivered);
    assert_eq!(store.get(late).state, CallbackState::Delivered);
    assert!(store.get(third).attempts.is_empty());
}

#[tokio::test]
async fn a_store_that_no_longer_settles_ends_the_loop_with_its_error() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    store.add(callback("o1", &host)).await;
    store.stopped.store(true, Ordering::SeqCst);
    let worker = worker(&store, patient());
    let ended = timeout(LONG, worker.run(std::future::pending()))
        .await
        .expect("in time");
    assert!(matches!(ended, Err(Error::Store(_))), "{ended:?}");
}

#[tokio::test]
async fn a_store_without_room_is_asked_again_rather_than_the_attempt_forgotten() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    let id = store.add(callback("o1", &host)).await;
    store.busy.store(2, Ordering::SeqCst);
    worker(&store, patient())
        .deliver_due(start())
        .await
        .expect("works");
    assert_eq!(store.outcomes(id), ["delivered"]);
    assert_eq!(host.seen().len(), 1);
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A clock that fails whenever a signature needs it: a fault in the middle of an attempt.
fn broken() -> DateTime<Utc> {
    PANICS.fetch_add(1, Ordering::SeqCst);
    panic!("a fault on purpose");
}

#[tokio::test]
async fn a_panic_is_one_failed_attempt_and_the_third_parks_the_callback() {
    let (store, host) = (Arc::new(Watched::default()), Host::saying([ack()]).await);
    let id = store.add(callback("o1", &host)).await;
    over_days(&worker_with(&store, patient(), broken), &store, id).await;
    assert_eq!(store.outcomes(id), ["panic", "panic", "poison"]);
    assert_eq!(store.get(id).state, CallbackState::Dead);
    assert_eq!((store.leases(), PANICS.load(Ordering::SeqCst)), (0, 3));
}
