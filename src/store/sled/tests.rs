//! What only sled's side can show: a slow, failing or panicking sync, a full queue, and
//! directories that are locked, damaged or of another format. The promises that every store
//! keeps are in `tests/store_contract`.

mod files;
mod retention;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::committer::JOBS_WAITING;
use super::*;
use crate::domain::ids::{MessageId, OrderId};
use crate::domain::order::{Party, Reason};
use crate::store::{Attempt, CallbackKind, NewCallback, OrderWrite};

const CACHE_BYTES: u64 = 8 << 20;

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

pub(super) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

pub(super) fn open_at(path: &Path) -> Result<SledStore, Error> {
    SledStore::open(path, CACHE_BYTES, now())
}

fn open_with(path: &Path, sync: impl FnMut() -> io::Result<()> + Send + 'static) -> SledStore {
    let opened = open::open(path, CACHE_BYTES, now()).expect("opens");
    SledStore::start(opened, Box::new(sync)).expect("starts")
}

pub(super) fn key(id: &str) -> OrderKey {
    OrderKey {
        network: NetworkName::parse("mobility").expect("valid"),
        id: OrderId::parse(id).expect("valid"),
    }
}

fn request_key(message: &str) -> RequestKey {
    RequestKey {
        network: key("any").network,
        caller: "bap.example".to_owned(),
        transaction: TransactionId::parse("t1").expect("valid"),
        message: MessageId::parse(message).expect("valid"),
        action: "cancel".to_owned(),
    }
}

/// A commit of a request and a callback; the order is left absent.
pub(super) fn commit(message: &str) -> Commit {
    let request = StoredRequest {
        key: request_key(message),
        order: OrderId::parse(message).expect("valid"),
        body_digest: "digest".to_owned(),
        authorization: "Signature".to_owned(),
        verifying_key: "key".to_owned(),
        received_at: now(),
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body: Bytes::from_static(b"{}"),
    };
    let callback = NewCallback {
        vouched: true,
        kind: CallbackKind::Final,
        subscriber: SubscriberId::parse("bap.example").expect("valid"),
        transaction: request.key.transaction.clone(),
        message: request.key.message.clone(),
        url: "https://bap.example/on_cancel".to_owned(),
        lane: "bap.example:443".to_owned(),
        body: Bytes::from_static(b"{}"),
    };
    Commit {
        order: OrderWrite {
            key: key(message),
            expected_version: 0,
            order: None,
            document: None,
        },
        request: Some(request),
        callback: Some(callback),
        webhook: None,
        answers: Vec::new(),
        event: Some(event(message)),
        now: now(),
    }
}

fn event(order: &str) -> Event {
    Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: key(order).network,
        order_id: key(order).id,
        external_id: None,
        version: 1,
        by: Party::Customer,
        token: None,
        reason: Reason::default(),
        fulfillment: None,
        rto: None,
        charge: None,
        at: now(),
    }
}

pub(super) fn limits() -> ClaimLimits {
    ClaimLimits {
        total: 100,
        per_lane: 100,
        closed_lanes: Vec::new(),
        lanes_to_probe: Vec::new(),
    }
}

/// A sync that says when it began and waits until it may go on.
fn gated() -> (
    impl FnMut() -> io::Result<()> + Send,
    mpsc::Receiver<()>,
    mpsc::Sender<()>,
) {
    let (began, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let sync = move || {
        let _ = began.send(());
        // An error is a gate that was dropped: open for good.
        let _ = may_go_on.recv();
        Ok(())
    };
    (sync, has_begun, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_or_handed_out_before_it_is_synced() {
    let directory = directory();
    let (sync, has_begun, go_on) = gated();
    let store = Arc::new(open_with(directory.path(), sync));
    let writer = Arc::clone(&store);
    let written = tokio::spawn(async move { writer.commit(commit("m1")).await });
    has_begun.recv().expect("the sync begins");

    assert!(!written.is_finished());
    assert!(
        store
            .claim(now(), &limits())
            .await
            .expect("claims")
            .is_empty()
    );
    assert!(store.events(0, 9).await.expect("reads").is_empty());
    let read_key = request_key("m1");
    let mut read = Box::pin(store.request(&read_key));
    let waits = tokio::time::timeout(Duration::ZERO, &mut read).await;
    assert!(waits.is_err(), "the request is applied but not synced");
    let other = store.request(&request_key("m2")).await.expect("reads");
    assert!(other.is_none(), "others are not held up");

    drop(go_on);
    assert!(read.await.expect("reads").is_some());
    store.event_after(0).await;
    assert_eq!(store.events(0, 9).await.expect("reads").len(), 1);
    let done = written.await.expect("ends").expect("commits");
    assert_eq!(
        done,
        Committed::Done {
            callback: Some(CallbackId(1))
        }
    );
    assert_eq!(
        store.claim(now(), &limits()).await.expect("claims").len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_gets_the_next_callback_while_a_delivery_is_being_written() {
    let directory = directory();
    let (sync, has_begun, go_on) = gated();
    let store = Arc::new(open_with(directory.path(), sync));
    for message in ["m1", "m2"] {
        go_on.send(()).expect("the committer lives");
        store.commit(commit(message)).await.expect("commits");
        has_begun.recv().expect("synced");
    }
    let one = ClaimLimits {
        per_lane: 1,
        ..limits()
    };
    let claim = async || store.claim(now(), &one).await.expect("claims");
    let first = claim().await[0].callback.id;
    assert!(claim().await.is_empty(), "the host has one already");

    let settler = Arc::clone(&store);
    let settling = tokio::spawn(async move { settler.settle(delivered(first)).await });
    has_begun.recv().expect("the sync of the settlement begins");
    assert!(!settling.is_finished());
    assert_ne!(claim().await[0].callback.id, first);

    drop(go_on);
    settling.await.expect("ends").expect("settles");
    assert!(claim().await.is_empty(), "the second is still in flight");
}

#[tokio::test]
async fn a_redrive_of_many_lets_others_in_between() {
    let directory = directory();
    let syncs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&syncs);
    let store = open_with(directory.path(), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    for number in 0..100 {
        store
            .commit(commit(&format!("m{number}")))
            .await
            .expect("commits");
    }
    let claimed = store.claim(now(), &limits()).await.expect("claims");
    let ids: Vec<_> = claimed.iter().map(|one| one.callback.id).collect();
    for id in &ids {
        let dead = Settlement {
            next: Next::Dead,
            ..delivered(*id)
        };
        store.settle(dead).await.expect("settles");
    }
    syncs.store(0, Ordering::SeqCst);
    let redriven = store.redrive(&ids, "ops", now()).await.expect("redrives");
    assert_eq!(redriven, ids);
    assert_eq!(
        syncs.load(Ordering::SeqCst),
        4,
        "thirty-two at most at once"
    );
}

fn delivered(id: CallbackId) -> Settlement {
    let attempt = Attempt {
        at: now(),
        duration_ms: 1,
        outcome: "delivered".to_owned(),
        status: Some(200),
        detail: String::new(),
        signed: None,
    };
    let next = Next::Delivered;
    Settlement {
        id,
        attempt,
        next,
        follow_ups: Vec::new(),
    }
}

#[tokio::test]
async fn one_job_more_than_may_wait_is_refused_at_once() {
    let directory = directory();
    let (sync, has_begun, go_on) = gated();
    let store = open_with(directory.path(), sync);
    let (reply, first) = oneshot::channel();
    store
        .enqueue(Job::Hold(None, reply))
        .expect("the committer takes it");
    has_begun.recv().expect("the sync begins");

    let mut waiting = Vec::new();
    for _ in 0..JOBS_WAITING {
        let (reply, answer) = oneshot::channel();
        store.enqueue(Job::Release(None, reply)).expect("waits");
        waiting.push(answer);
    }
    assert!(matches!(store.hold(None).await, Err(Error::Busy)));
    assert!(matches!(store.writable(), Err(Error::Busy)));

    drop(go_on);
    first.await.expect("answers").expect("holds");
    for answer in waiting {
        answer.await.expect("answers").expect("releases");
    }
    store.writable().expect("writable again");
}

#[tokio::test]
async fn a_failed_sync_stops_the_store_and_is_never_tried_again() {
    let directory = directory();
    let (tried, tries) = mpsc::channel();
    let store = open_with(directory.path(), move || {
        let _ = tried.send(());
        Err(io::Error::other("the disk is gone"))
    });
    let (one, other) = tokio::join!(store.commit(commit("m1")), store.commit(commit("m2")));
    for result in [one, other, store.commit(commit("m3")).await] {
        assert!(matches!(result, Err(Error::Stopped(why)) if why.contains("the disk is gone")));
    }
    assert!(store.stopped().await.contains("the disk is gone"));
    assert!(matches!(store.writable(), Err(Error::Stopped(_))));
    let claim = store.claim(now(), &limits()).await;
    assert!(matches!(claim, Err(Error::Stopped(_))));
    let read = store.request(&request_key("m1")).await;
    assert!(
        matches!(read, Err(Error::Stopped(_))),
        "it may not be durable"
    );
    store.close().await;
    assert_eq!(tries.iter().count(), 1);
}

#[tokio::test]
async fn a_panic_in_the_committer_leaves_nobody_waiting() {
    let directory = directory();
    let store = open_with(directory.path(), || panic!("a panic for this test"));
    let result = store.commit(commit("m1")).await;
    assert!(matches!(result, Err(Error::Stopped(why)) if why.contains("panicked")));
    assert!(store.stopped().await.contains("panicked"));
}

pub(super) fn write_raw(path: &Path, record: &[u8], value: &[u8]) {
    let db = sled::open(path).expect("opens");
    let (entry, _) = pack::bytes(value).expect("short");
    db.insert(record, entry).expect("writes");
}
