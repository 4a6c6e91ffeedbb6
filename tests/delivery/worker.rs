//! The worker's promises: order, isolation, retries, breaker, a clean stop, survival.

mod tries;
mod turns;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use beckn_bpp::delivery::Settings;
use beckn_bpp::delivery::worker::{Error, Worker};
use beckn_bpp::store::{CallbackId, CallbackState, ClaimLimits, Store};
use chrono::{DateTime, Utc};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::host::{Host, ack, answer};
use crate::setup::{BODY, after, callback, install_tls, networks, patient, start};
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
