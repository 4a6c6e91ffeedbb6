//! What follows an attempt that failed: when the next one is, and what ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use beckn_bpp::delivery::Settings;
use beckn_bpp::domain::ids::NetworkName;
use beckn_bpp::store::CallbackState;
use chrono::{DateTime, Utc};

use super::{failing, over_days, worker, worker_with};
use crate::host::{Host, ack, answer};
use crate::setup::{after, callback, patient, start};
use crate::watched::Watched;

fn nack() -> Vec<u8> {
    answer(
        "200 OK",
        "",
        r#"{"message":{"ack":{"status":"NACK"}},"error":{"code":"1"}}"#,
    )
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
