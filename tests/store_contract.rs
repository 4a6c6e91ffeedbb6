//! What every store promises, as one suite that runs against each of them.
//!
//! The functions in `promises` know a store by its trait alone, and reopen it through
//! [`Home`]. The macro at the end makes a test of each for each kind of store. What only one
//! kind can show (a failing disk, a locked directory) is tested beside that kind.

#[path = "store_contract/found.rs"]
mod found;
#[path = "store_contract/retention.rs"]
mod retention;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use beckn_bpp::domain::ids::{
    MessageId, NetworkName, OrderId, OrderKey, RequestKey, SubscriberId, TransactionId,
};
use beckn_bpp::domain::money::{Currency, Money};
use beckn_bpp::domain::order::{Booking, Order, Party, Reason, State};
use beckn_bpp::domain::policy::{Charge, Policy};
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    Attempt, AuditEntry, CallbackFilter, CallbackId, CallbackKind, CallbackState, ClaimLimits,
    Claimed, Commit, Committed, Counts, Event, MAX_ATTEMPTS_KEPT, NewCallback, Next, OrderFilter,
    OrderWrite, Redrive, Settlement, Store, StoredRequest,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tempfile::TempDir;

/// Where a store lives, so that a test can open it again.
#[async_trait]
trait Home: Send + Sync {
    /// Opens the store.
    async fn open(&self) -> Arc<dyn Store>;
}

struct SledHome(TempDir);

impl SledHome {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[async_trait]
impl Home for SledHome {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SledStore::open(self.path(), 16 << 20, at(0)).expect("opens"))
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("a time")
}

fn network() -> NetworkName {
    NetworkName::parse("mobility").expect("valid")
}

fn subscriber(id: &str) -> SubscriberId {
    SubscriberId::parse(id).expect("valid")
}

fn session(id: &str) -> TransactionId {
    TransactionId::parse(id).expect("valid")
}

fn key(id: &str) -> OrderKey {
    OrderKey {
        network: network(),
        id: OrderId::parse(id).expect("valid"),
    }
}

fn rupees(text: &str) -> Money {
    let currency = Currency::parse("INR").expect("a code");
    Money::parse(text, currency).expect("an amount")
}

fn order(id: &str, version: u64, state: State) -> Order {
    Order {
        key: key(id),
        version,
        placement: None,
        state,
        fulfillments: Vec::new(),
        price: Some(rupees("250.00")),
        paid: Some(rupees("250.00")),
        policy: Policy::free(),
        booked_at: at(0),
        occurred_at: at(0),
        booking: Booking::default(),
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

fn request(order: &str, message: &str) -> StoredRequest {
    StoredRequest {
        key: RequestKey {
            network: network(),
            caller: "bap.example".to_owned(),
            transaction: session("t1"),
            message: MessageId::parse(message).expect("valid"),
            action: "cancel".to_owned(),
        },
        order: OrderId::parse(order).expect("valid"),
        body_digest: format!("digest of {message}"),
        authorization: "Signature keyId=\"bap.example|k1|ed25519\"".to_owned(),
        verifying_key: "key".to_owned(),
        received_at: at(0),
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body: Bytes::from(format!("{{\"message\": \"{message}\"}}")),
    }
}

fn asked_for(target: &str, seconds: i64) -> AuditEntry {
    AuditEntry {
        sequence: 0,
        at: at(seconds),
        token: "ops".to_owned(),
        action: "order.cancel".to_owned(),
        network: Some(network()),
        target: Some(target.to_owned()),
    }
}

fn callback(kind: CallbackKind, host: &str, message: &str) -> NewCallback {
    NewCallback {
        vouched: true,
        kind,
        subscriber: subscriber(host),
        transaction: session("t1"),
        message: MessageId::parse(message).expect("valid"),
        url: format!("https://{host}/on_cancel"),
        lane: format!("{host}:443"),
        body: Bytes::from(format!("{{\"answers\": \"{message}\"}}")),
    }
}

fn event(order: &str, version: u64) -> Event {
    Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: network(),
        order_id: OrderId::parse(order).expect("valid"),
        external_id: None,
        version,
        by: Party::Customer,
        token: None,
        reason: Reason::default(),
        fulfillment: None,
        rto: None,
        charge: (version == 2).then(|| Charge::of(rupees("20.50"), Some(rupees("250")))),
        at: at(0),
    }
}

/// Compares the version and writes nothing.
fn nothing(id: &str, expected_version: u64) -> Commit {
    Commit {
        order: OrderWrite {
            key: key(id),
            expected_version,
            order: None,
            document: None,
        },
        request: None,
        callback: None,
        webhook: None,
        answers: Vec::new(),
        event: None,
        now: at(0),
    }
}

fn intake(id: &str, state: State) -> Commit {
    let mut commit = nothing(id, 0);
    commit.order.order = Some(order(id, 1, state));
    commit.order.document = Some(Bytes::from_static(b"{\"document\": 1}"));
    commit
}

/// Cancels an order of version 1: order, request, callback and event at once.
fn cancel(id: &str, message: &str) -> Commit {
    let mut commit = nothing(id, 1);
    commit.order.order = Some(order(id, 2, State::Cancelled));
    commit.request = Some(request(id, message));
    commit.callback = Some(callback(CallbackKind::Final, "bap.example", message));
    commit.event = Some(event(id, 2));
    commit
}

/// Owes a callback for an order that is not kept.
fn owing(id: &str, kind: CallbackKind, host: &str, message: &str) -> Commit {
    let mut commit = nothing(id, 0);
    commit.callback = Some(callback(kind, host, message));
    commit
}

async fn commit(store: &dyn Store, commit: Commit) -> Option<CallbackId> {
    match store.commit(commit).await.expect("commits") {
        Committed::Done { callback } => callback,
        other => panic!("it should be written: {other:?}"),
    }
}

async fn owe(store: &dyn Store, order: &str, kind: CallbackKind) -> CallbackId {
    let owing = owing(order, kind, "bap.example", "m");
    commit(store, owing).await.expect("a callback")
}

fn limits(total: usize, per_lane: usize) -> ClaimLimits {
    ClaimLimits {
        total,
        per_lane,
        closed_lanes: Vec::new(),
    }
}

async fn claim(store: &dyn Store, now: DateTime<Utc>) -> Vec<Claimed> {
    let claimed = store.claim(now, &limits(1_000, 1_000)).await;
    claimed.expect("claims")
}

async fn claim_ids(store: &dyn Store, now: DateTime<Utc>) -> Vec<CallbackId> {
    let claimed = claim(store, now).await;
    claimed.iter().map(|claimed| claimed.callback.id).collect()
}

async fn settle(store: &dyn Store, id: CallbackId, next: Next) {
    settle_with(store, id, next, Vec::new()).await;
}

async fn settle_with(store: &dyn Store, id: CallbackId, next: Next, follow_ups: Vec<NewCallback>) {
    let attempt = Attempt {
        at: at(0),
        duration_ms: 5,
        outcome: "http_status".to_owned(),
        status: Some(500),
        detail: String::new(),
        signed: None,
    };
    let settlement = Settlement {
        id,
        attempt,
        next,
        follow_ups,
    };
    store.settle(settlement).await.expect("settles");
}

async fn state(store: &dyn Store, id: CallbackId) -> CallbackState {
    let read = store.callback(id).await.expect("reads");
    read.expect("a callback").callback.state
}

async fn counts(store: &dyn Store) -> Counts {
    store.counts().await.expect("counts")
}

async fn sequences(store: &dyn Store) -> Vec<u64> {
    let events = store.events(0, usize::MAX).await.expect("reads");
    events.iter().map(|event| event.sequence).collect()
}

async fn listed(store: &dyn Store, filter: CallbackFilter) -> Vec<u64> {
    let filter = CallbackFilter {
        limit: if filter.limit == 0 { 100 } else { filter.limit },
        ..filter
    };
    let callbacks = store.callbacks(&filter).await.expect("lists");
    callbacks.iter().map(|callback| callback.id.0).collect()
}

mod promises {
    use super::*;

    pub async fn a_commit_is_read_back_whole(home: &dyn Home) {
        let store = home.open().await;
        commit(&*store, intake("o1", State::Confirmed)).await;
        let id = commit(&*store, cancel("o1", "m1"))
            .await
            .expect("a callback");

        let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
        assert_eq!(stored.order, order("o1", 2, State::Cancelled));
        assert_eq!(stored.document, "{\"document\": 1}", "the document is kept");
        let kept = store
            .request(&request("o1", "m1").key)
            .await
            .expect("reads");
        let expected = StoredRequest {
            callback: Some(id),
            ..request("o1", "m1")
        };
        assert_eq!(kept, Some(expected));
        let owed = store.callback(id).await.expect("reads").expect("kept");
        assert_eq!(owed.body, "{\"answers\": \"m1\"}");
        assert_eq!(owed.callback.state, CallbackState::Pending);
        assert_eq!(owed.callback.next_at, at(0));
        let events = store.events(0, 10).await.expect("reads");
        let expected = Event {
            sequence: 1,
            ..event("o1", 2)
        };
        assert_eq!(events, [expected]);
        assert!(store.order(&key("o2")).await.expect("reads").is_none());
    }

    pub async fn of_two_hundred_racing_commits_exactly_one_wins(home: &dyn Home) {
        let store = home.open().await;
        commit(&*store, intake("o1", State::Confirmed)).await;
        let racers: Vec<_> = (0..200)
            .map(|number| {
                let store = Arc::clone(&store);
                let commit = cancel("o1", &format!("m{number}"));
                tokio::spawn(async move { store.commit(commit).await.expect("answers") })
            })
            .collect();
        let mut done = 0;
        for racer in racers {
            match racer.await.expect("ends") {
                Committed::Done { .. } => done += 1,
                other => assert_eq!(other, Committed::OrderChanged),
            }
        }
        assert_eq!(done, 1);
        assert_eq!(sequences(&*store).await, [1]);
        assert_eq!(counts(&*store).await.callbacks_pending, 1);
    }

    pub async fn the_same_request_is_written_once_and_then_told(home: &dyn Home) {
        let store = home.open().await;
        commit(&*store, intake("o1", State::Confirmed)).await;
        let racers: Vec<_> = (0..50)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.commit(cancel("o1", "m1")).await })
            })
            .collect();
        let mut done = Vec::new();
        let mut known = Vec::new();
        for racer in racers {
            match racer.await.expect("ends").expect("answers") {
                Committed::Done { callback } => done.push(callback),
                Committed::RequestKnown(stored) => known.push(*stored),
                Committed::OrderChanged => panic!("the request goes before the order"),
            }
        }
        assert_eq!((done.len(), known.len()), (1, 49));
        let stored = StoredRequest {
            callback: done[0],
            ..request("o1", "m1")
        };
        assert!(known.iter().all(|known| *known == stored));
    }

    pub async fn a_refused_commit_leaves_nothing_behind(home: &dyn Home) {
        let store = home.open().await;
        commit(&*store, intake("o1", State::Confirmed)).await;
        commit(&*store, cancel("o1", "m1")).await;
        let refused = [
            store.commit(cancel("o1", "m2")).await.expect("answers"),
            store
                .commit(intake("o1", State::Pending))
                .await
                .expect("answers"),
            store.commit(cancel("o2", "m3")).await.expect("answers"),
        ];
        assert!(
            refused
                .iter()
                .all(|answer| *answer == Committed::OrderChanged)
        );
        let mut again = cancel("o1", "m1");
        again.order.expected_version = 2;
        let again = store.commit(again).await.expect("answers");
        assert!(matches!(again, Committed::RequestKnown(_)));

        let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
        assert_eq!(stored.order.version, 2);
        assert!(store.order(&key("o2")).await.expect("reads").is_none());
        for message in ["m2", "m3"] {
            let unknown = store.request(&request("o1", message).key).await;
            assert_eq!(unknown.expect("reads"), None);
        }
        assert_eq!(sequences(&*store).await, [1]);
        assert_eq!(counts(&*store).await.callbacks_pending, 1);
        let all = CallbackFilter::default();
        assert_eq!(listed(&*store, all).await, [1]);
    }

    pub async fn a_commit_without_an_order_compares_the_version_only(home: &dyn Home) {
        let store = home.open().await;
        commit(&*store, intake("o1", State::Confirmed)).await;
        assert_eq!(commit(&*store, nothing("o1", 1)).await, None);
        let changed = store.commit(nothing("o1", 2)).await.expect("answers");
        assert_eq!(changed, Committed::OrderChanged);
        let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
        assert_eq!(stored.order.version, 1);
    }

    pub async fn events_and_callbacks_are_numbered_without_gaps_across_reopening(home: &dyn Home) {
        let mut expected = Vec::new();
        for round in 0..3_u64 {
            let store = home.open().await;
            for number in 0..5_u64 {
                let id = format!("o{round}-{number}");
                commit(&*store, intake(&id, State::Confirmed)).await;
                let callback = commit(&*store, cancel(&id, &id)).await;
                // A refusal in between takes no number.
                store.commit(cancel(&id, "late")).await.expect("answers");
                let next = round * 5 + number + 1;
                assert_eq!(callback, Some(CallbackId(next)));
                expected.push(next);
            }
            assert_eq!(sequences(&*store).await, expected);
            store.close().await;
        }
        let store = home.open().await;
        let page = store.events(4, 3).await.expect("reads");
        let page: Vec<u64> = page.iter().map(|event| event.sequence).collect();
        assert_eq!(page, [5, 6, 7]);
        assert!(store.events(15, 3).await.expect("reads").is_empty());
    }

    pub async fn waiting_for_an_event_ends_when_there_is_one(home: &dyn Home) {
        let store = home.open().await;
        let waiter = Arc::clone(&store);
        let waiting = tokio::spawn(async move { waiter.event_after(0).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut with_event = nothing("o1", 0);
        with_event.event = Some(event("o1", 1));
        commit(&*store, with_event).await;
        waiting.await.expect("ends");
        store.event_after(0).await;
    }

    pub async fn work_that_came_while_nobody_waited_is_not_missed(home: &dyn Home) {
        let store = home.open().await;
        owe(&*store, "o1", CallbackKind::Final).await;
        store.work().await;
        assert_eq!(claim_ids(&*store, at(0)).await, [CallbackId(1)]);
        settle(&*store, CallbackId(1), Next::Retry(at(9))).await;
        store.work().await;
        assert_eq!(store.next_due().await.expect("reads"), Some(at(9)));
    }

    pub async fn callbacks_of_an_order_go_one_at_a_time_and_in_order(home: &dyn Home) {
        let store = home.open().await;
        for _ in 0..3 {
            owe(&*store, "o1", CallbackKind::Final).await;
        }
        owe(&*store, "o2", CallbackKind::Final).await;
        let first = claim_ids(&*store, at(0)).await;
        assert_eq!(first, [CallbackId(1), CallbackId(4)]);
        assert!(claim_ids(&*store, at(0)).await.is_empty());

        settle(&*store, CallbackId(1), Next::Retry(at(10))).await;
        assert!(
            claim_ids(&*store, at(9)).await.is_empty(),
            "its turn is kept"
        );
        assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(1)]);
        settle(&*store, CallbackId(1), Next::Delivered).await;
        assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(2)]);
        settle(&*store, CallbackId(2), Next::Dead).await;
        assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(3)]);
        assert_eq!(
            state(&*store, CallbackId(1)).await,
            CallbackState::Delivered
        );
        assert_eq!(state(&*store, CallbackId(2)).await, CallbackState::Dead);
    }

    pub async fn waiting_previews_close_when_an_outcome_is_committed(home: &dyn Home) {
        let store = home.open().await;
        owe(&*store, "o1", CallbackKind::Preview).await;
        owe(&*store, "o1", CallbackKind::Preview).await;
        owe(&*store, "o2", CallbackKind::Preview).await;
        owe(&*store, "o1", CallbackKind::Final).await;
        for id in [1, 2] {
            assert_eq!(
                state(&*store, CallbackId(id)).await,
                CallbackState::Superseded
            );
        }
        assert_eq!(counts(&*store).await.callbacks_pending, 2);
        let claimed: HashSet<_> = claim_ids(&*store, at(0)).await.into_iter().collect();
        assert_eq!(claimed, HashSet::from([CallbackId(3), CallbackId(4)]));
    }

    pub async fn a_preview_in_flight_that_was_overtaken_is_not_tried_again(home: &dyn Home) {
        let store = home.open().await;
        for (order, next) in [
            ("o1", Next::Retry(at(60))),
            ("o2", Next::Delivered),
            ("o3", Next::Dead),
        ] {
            let preview = owe(&*store, order, CallbackKind::Preview).await;
            assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
            let outcome = owe(&*store, order, CallbackKind::Final).await;
            assert_eq!(state(&*store, preview).await, CallbackState::Pending);
            assert!(claim_ids(&*store, at(0)).await.is_empty());
            settle(&*store, preview, next).await;
            let expected = match next {
                Next::Retry(_) => CallbackState::Superseded,
                Next::Delivered => CallbackState::Delivered,
                Next::Dead => CallbackState::Dead,
            };
            assert_eq!(state(&*store, preview).await, expected);
            assert_eq!(claim_ids(&*store, at(0)).await, [outcome]);
            settle(&*store, outcome, Next::Delivered).await;
        }
    }

    pub async fn a_dead_preview_is_not_redriven_after_the_outcome(home: &dyn Home) {
        let store = home.open().await;
        let preview = owe(&*store, "o1", CallbackKind::Preview).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
        settle(&*store, preview, Next::Dead).await;
        let redriven = store
            .redrive(&[preview], "ops", at(1))
            .await
            .expect("redrives");
        assert_eq!(redriven, [preview], "nothing has overtaken it yet");
        assert_eq!(claim_ids(&*store, at(1)).await, [preview]);
        settle(&*store, preview, Next::Dead).await;
        owe(&*store, "o1", CallbackKind::Final).await;
        let redriven = store
            .redrive(&[preview], "ops", at(2))
            .await
            .expect("redrives");
        assert!(redriven.is_empty());
        assert_eq!(state(&*store, preview).await, CallbackState::Dead);
    }

    pub async fn a_preview_that_nothing_overtook_is_tried_again(home: &dyn Home) {
        let store = home.open().await;
        let preview = owe(&*store, "o1", CallbackKind::Preview).await;
        let second = owe(&*store, "o1", CallbackKind::Preview).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
        settle(&*store, preview, Next::Retry(at(5))).await;
        assert_eq!(claim_ids(&*store, at(5)).await, [preview]);
        settle(&*store, preview, Next::Delivered).await;
        assert_eq!(claim_ids(&*store, at(5)).await, [second]);
    }

    pub async fn a_lane_with_ten_thousand_does_not_delay_the_others(home: &dyn Home) {
        let store = home.open().await;
        let mut owed = tokio::task::JoinSet::new();
        for task in 0..50 {
            let store = Arc::clone(&store);
            owed.spawn(async move {
                for number in 0..200 {
                    let id = format!("o{task}-{number}");
                    let busy = owing(&id, CallbackKind::Final, "busy.example", "m");
                    commit(&*store, busy).await;
                }
            });
        }
        owed.join_all().await;
        for host in ["a.example", "b.example", "c.example"] {
            commit(&*store, owing(host, CallbackKind::Final, host, "m")).await;
        }
        let mut claimed = HashMap::new();
        for claim in store.claim(at(0), &limits(8, 8)).await.expect("claims") {
            *claimed.entry(claim.callback.lane).or_insert(0) += 1;
        }
        let expected = [
            ("a.example:443", 1),
            ("b.example:443", 1),
            ("busy.example:443", 5),
            ("c.example:443", 1),
        ];
        let expected = expected.map(|(lane, count)| (lane.to_owned(), count));
        assert_eq!(claimed, HashMap::from(expected));
        assert_eq!(counts(&*store).await.callbacks_pending, 10_003);
    }

    pub async fn a_lane_is_limited_and_a_closed_one_gets_nothing(home: &dyn Home) {
        let store = home.open().await;
        for number in 0..5 {
            owe(&*store, &format!("o{number}"), CallbackKind::Final).await;
        }
        let closed = ClaimLimits {
            closed_lanes: vec!["bap.example:443".to_owned()],
            ..limits(10, 10)
        };
        assert!(
            store
                .claim(at(0), &closed)
                .await
                .expect("claims")
                .is_empty()
        );
        let two = store.claim(at(0), &limits(10, 2)).await.expect("claims");
        assert_eq!(two.len(), 2);
        assert!(
            store
                .claim(at(0), &limits(10, 2))
                .await
                .expect("claims")
                .is_empty()
        );
        settle(&*store, two[0].callback.id, Next::Delivered).await;
        assert_eq!(
            store
                .claim(at(0), &limits(10, 2))
                .await
                .expect("claims")
                .len(),
            1
        );
        assert_eq!(
            store
                .claim(at(0), &limits(1, 9))
                .await
                .expect("claims")
                .len(),
            1
        );
    }

    pub async fn the_oldest_of_a_lane_goes_first(home: &dyn Home) {
        let store = home.open().await;
        let mut due = HashMap::new();
        for (order, second) in [("o1", 30), ("o2", 10), ("o3", 20)] {
            let mut owing = owing(order, CallbackKind::Final, "bap.example", "m");
            owing.now = at(second);
            due.insert(commit(&*store, owing).await.expect("a callback"), second);
        }
        assert_eq!(store.next_due().await.expect("reads"), Some(at(10)));
        assert!(claim_ids(&*store, at(9)).await.is_empty());
        let claimed = claim_ids(&*store, at(30)).await;
        let seconds: Vec<i64> = claimed.iter().map(|id| due[id]).collect();
        assert_eq!(seconds, [10, 20, 30]);
        assert_eq!(
            store.next_due().await.expect("reads"),
            None,
            "all are in flight"
        );
    }

    pub async fn holds_stop_sending_and_survive_reopening(home: &dyn Home) {
        let store = home.open().await;
        for host in ["a.example", "b.example"] {
            let mut owing = owing(host, CallbackKind::Final, host, "m");
            owing.callback.as_mut().expect("a callback").lane = "shared:443".to_owned();
            commit(&*store, owing).await;
        }
        // The same subscriber, written otherwise.
        let held = subscriber("https://a.example/");
        store.hold(Some(&held)).await.expect("holds");
        store.close().await;

        let store = home.open().await;
        assert_eq!(store.holds().await.expect("reads"), ["https://a.example/"]);
        assert_eq!(claim_ids(&*store, at(0)).await, [CallbackId(2)]);
        assert_eq!(store.next_due().await.expect("reads"), None);
        settle(&*store, CallbackId(2), Next::Retry(at(1))).await;
        store.hold(None).await.expect("holds");
        store
            .release(Some(&subscriber("a.example")))
            .await
            .expect("releases");
        store.close().await;

        let store = home.open().await;
        assert_eq!(store.holds().await.expect("reads"), ["*"]);
        assert!(claim_ids(&*store, at(9)).await.is_empty());
        store.hold(Some(&held)).await.expect("holds");
        store.release(None).await.expect("releases");
        assert!(store.holds().await.expect("reads").is_empty());
        assert_eq!(claim_ids(&*store, at(9)).await.len(), 2);
    }

    pub async fn dead_callbacks_are_redriven_at_the_back_of_their_order(home: &dyn Home) {
        let store = home.open().await;
        let dead = owe(&*store, "o1", CallbackKind::Final).await;
        claim_ids(&*store, at(0)).await;
        settle(&*store, dead, Next::Dead).await;
        let later = owe(&*store, "o1", CallbackKind::Final).await;
        assert_eq!(
            counts(&*store).await,
            Counts {
                callbacks_pending: 1,
                callbacks_dead: 1
            }
        );
        assert_eq!(
            store
                .callback(later)
                .await
                .expect("reads")
                .map(|c| c.callback.id),
            Some(later)
        );

        let ids = [dead, later, CallbackId(99)];
        let redriven = store.redrive(&ids, "ops", at(5)).await.expect("redrives");
        assert_eq!(redriven, [dead]);
        assert_eq!(
            counts(&*store).await,
            Counts {
                callbacks_pending: 2,
                callbacks_dead: 0
            }
        );
        assert_eq!(claim_ids(&*store, at(5)).await, [later]);
        settle(&*store, later, Next::Delivered).await;
        let claimed = claim(&*store, at(5)).await;
        assert_eq!(claimed[0].callback.id, dead);
        assert_eq!(claimed[0].callback.attempts_in_run, 0);
        assert_eq!(claimed[0].callback.attempts.len(), 1, "the history is kept");
        assert_eq!(claimed[0].callback.next_at, at(5));

        settle(&*store, dead, Next::Dead).await;
        store.close().await;
        let store = home.open().await;
        assert_eq!(
            counts(&*store).await,
            Counts {
                callbacks_pending: 0,
                callbacks_dead: 1
            }
        );
        store
            .redrive(&[dead], "ops", at(6))
            .await
            .expect("redrives");
        assert_eq!(claim_ids(&*store, at(6)).await, [dead], "it is first again");
        let kept = store.callback(dead).await.expect("reads").expect("kept");
        let asked = |seconds| Redrive {
            at: at(seconds),
            token: "ops".to_owned(),
        };
        assert_eq!(kept.callback.redrives, [asked(5), asked(6)]);
    }

    pub async fn what_is_asked_for_is_written_down_in_order_and_survives(home: &dyn Home) {
        let store = home.open().await;
        for target in ["o1", "o2", "o3"] {
            store.note(asked_for(target, 0)).await.expect("written");
        }
        drop(store);
        let store = home.open().await;
        store.note(asked_for("o4", 0)).await.expect("written");
        let numbered = |sequence: u64| AuditEntry {
            sequence,
            ..asked_for(&format!("o{sequence}"), 0)
        };
        let all = store.audit(0, 10).await.expect("reads");
        assert_eq!(all, [1, 2, 3, 4].map(numbered));
        let some = store.audit(1, 2).await.expect("reads");
        assert_eq!(some, [2, 3].map(numbered));
    }

    pub async fn a_callback_remembers_its_latest_attempts(home: &dyn Home) {
        let store = home.open().await;
        let id = owe(&*store, "o1", CallbackKind::Final).await;
        let tries = MAX_ATTEMPTS_KEPT + 2;
        for number in 0..tries {
            assert_eq!(claim_ids(&*store, at(0)).await, [id]);
            let attempt = Attempt {
                at: at(0),
                duration_ms: number as u64,
                outcome: "timeout".to_owned(),
                status: None,
                detail: "x".repeat(500),
                signed: None,
            };
            let next = Next::Retry(at(0));
            let settlement = Settlement {
                id,
                attempt,
                next,
                follow_ups: Vec::new(),
            };
            store.settle(settlement).await.expect("settles");
        }
        let callback = store
            .callback(id)
            .await
            .expect("reads")
            .expect("kept")
            .callback;
        assert_eq!(callback.attempts.len(), MAX_ATTEMPTS_KEPT);
        assert_eq!(callback.attempts[0].duration_ms, 2);
        assert_eq!(callback.attempts_in_run as usize, tries);
    }

    pub async fn a_callback_that_is_not_in_flight_cannot_be_settled(home: &dyn Home) {
        let store = home.open().await;
        let id = owe(&*store, "o1", CallbackKind::Final).await;
        settle(&*store, id, Next::Dead).await;
        assert_eq!(state(&*store, id).await, CallbackState::Pending);
        claim_ids(&*store, at(0)).await;
        settle(&*store, id, Next::Delivered).await;
        settle(&*store, id, Next::Retry(at(0))).await;
        assert_eq!(state(&*store, id).await, CallbackState::Delivered);
        assert_eq!(counts(&*store).await, Counts::default());
    }

    pub async fn a_follow_up_is_owed_from_the_settlement_on_in_a_line_of_its_own(home: &dyn Home) {
        let store = home.open().await;
        let answer = owe(&*store, "o1", CallbackKind::Final).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [answer]);
        let copy = callback(CallbackKind::Audit, "gateway.example", "m");
        settle_with(&*store, answer, Next::Retry(at(10)), vec![copy]).await;
        assert_eq!(counts(&*store).await.callbacks_pending, 2);
        let claimed = claim(&*store, at(0)).await;
        let [copy] = &claimed[..] else {
            panic!("the copy alone is due: {claimed:?}")
        };
        assert_eq!(copy.callback.kind, CallbackKind::Audit);
        assert_eq!(copy.body, Bytes::from_static(b"{\"answers\": \"m\"}"));
        let copy = copy.callback.id;
        settle(&*store, copy, Next::Retry(at(20))).await;
        assert_eq!(claim_ids(&*store, at(10)).await, [answer]);
        settle(&*store, answer, Next::Retry(at(30))).await;

        store.close().await;
        let store = home.open().await;
        assert_eq!(claim_ids(&*store, at(20)).await, [copy]);
        settle(&*store, copy, Next::Dead).await;
        assert_eq!(claim_ids(&*store, at(30)).await, [answer]);
        settle(&*store, answer, Next::Delivered).await;
        let dead = Counts {
            callbacks_pending: 0,
            callbacks_dead: 1,
        };
        assert_eq!(counts(&*store).await, dead);
        store
            .redrive(&[copy], "ops", at(40))
            .await
            .expect("redrives");
        assert_eq!(claim_ids(&*store, at(40)).await, [copy]);
        let session = store.timeline(&network(), &session("t1")).await;
        assert_eq!(session.expect("reads").callbacks.len(), 2);
    }

    pub async fn copies_of_an_order_wait_for_each_other_and_an_outcome_closes_none(
        home: &dyn Home,
    ) {
        let store = home.open().await;
        let first = owe(&*store, "o1", CallbackKind::Audit).await;
        let second = owe(&*store, "o1", CallbackKind::Audit).await;
        let outcome = owe(&*store, "o1", CallbackKind::Final).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [first, outcome]);
        settle(&*store, outcome, Next::Delivered).await;
        assert!(claim_ids(&*store, at(0)).await.is_empty());
        settle(&*store, first, Next::Dead).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [second]);
    }

    pub async fn reopening_frees_all_leases_and_keeps_every_line(home: &dyn Home) {
        let store = home.open().await;
        for _ in 0..2 {
            owe(&*store, "o1", CallbackKind::Final).await;
        }
        owe(&*store, "o2", CallbackKind::Preview).await;
        assert_eq!(claim_ids(&*store, at(0)).await.len(), 2);
        owe(&*store, "o2", CallbackKind::Final).await;
        store.close().await;

        let store = home.open().await;
        assert_eq!(counts(&*store).await.callbacks_pending, 4);
        assert_eq!(
            claim_ids(&*store, at(0)).await,
            [CallbackId(1), CallbackId(3)]
        );
    }

    pub async fn what_was_acknowledged_survives_a_drop_without_close(home: &dyn Home) {
        let store = home.open().await;
        for number in 0..100 {
            let id = format!("o{number}");
            commit(&*store, intake(&id, State::Confirmed)).await;
            commit(&*store, cancel(&id, &id)).await;
        }
        drop(store);
        let store = home.open().await;
        for number in 0..100 {
            let id = format!("o{number}");
            let stored = store.order(&key(&id)).await.expect("reads").expect("kept");
            assert_eq!(stored.order.version, 2);
            let known = store.request(&request(&id, &id).key).await.expect("reads");
            assert!(known.is_some());
        }
        assert_eq!(sequences(&*store).await.len(), 100);
        assert_eq!(counts(&*store).await.callbacks_pending, 100);
    }

    pub async fn a_timeline_holds_one_session_and_no_other(home: &dyn Home) {
        let store = home.open().await;
        for (number, (transaction, message)) in [("t1", "late"), ("t1", "early"), ("t10", "other")]
            .into_iter()
            .enumerate()
        {
            let id = format!("o{number}");
            let mut owing = owing(&id, CallbackKind::Final, "bap.example", message);
            let callback = owing.callback.as_mut().expect("a callback");
            callback.transaction = session(transaction);
            let mut request = request(&id, message);
            request.key.transaction = session(transaction);
            request.received_at = at(10 - number as i64);
            owing.request = Some(request);
            commit(&*store, owing).await;
        }
        let timeline = store
            .timeline(&network(), &session("t1"))
            .await
            .expect("reads");
        let requests = timeline.requests.iter();
        let requests: Vec<_> = requests
            .map(|request| (request.key.message.as_str(), request.callback))
            .collect();
        let expected = [
            ("early", Some(CallbackId(2))),
            ("late", Some(CallbackId(1))),
        ];
        assert_eq!(requests, expected);
        assert_eq!(timeline.requests[0].body, "{\"message\": \"early\"}");
        let callbacks: Vec<u64> = timeline.callbacks.iter().map(|c| c.id.0).collect();
        assert_eq!(callbacks, [1, 2]);
        let nothing = store
            .timeline(&network(), &session("t2"))
            .await
            .expect("reads");
        assert!(nothing.requests.is_empty() && nothing.callbacks.is_empty());
    }

    pub async fn orders_are_listed_in_pages(home: &dyn Home) {
        let store = home.open().await;
        for number in 0..10 {
            let state = match number % 2 {
                0 => State::Confirmed,
                _ => State::Cancelled,
            };
            commit(&*store, intake(&format!("o{number}"), state)).await;
        }
        let mut health = intake("o5", State::Confirmed);
        health.order.key.network = NetworkName::parse("health").expect("valid");
        health.order.order.as_mut().expect("an order").key = health.order.key.clone();
        commit(&*store, health).await;

        let mut filter = OrderFilter {
            limit: 4,
            ..OrderFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = store.orders(&filter).await.expect("lists");
            let Some(last) = page.last() else { break };
            filter.after = Some(last.key.clone());
            seen.extend(page.into_iter().map(|order| order.key));
        }
        assert_eq!(seen.len(), 11);
        assert!(seen.is_sorted(), "{seen:?}");
        let filter = OrderFilter {
            network: Some(network()),
            state: Some(State::Cancelled),
            after: Some(key("o3")),
            limit: 2,
            ..OrderFilter::default()
        };
        let page = store.orders(&filter).await.expect("lists");
        let page: Vec<&str> = page.iter().map(|order| order.key.id.as_str()).collect();
        assert_eq!(page, ["o5", "o7"]);
    }

    pub async fn callbacks_are_listed_in_pages_by_state_order_and_subscriber(home: &dyn Home) {
        let store = home.open().await;
        for (order, host) in [
            ("o2", "a.example"),
            ("o1", "a.example"),
            ("o2", "b.example"),
            ("o3", "b.example"),
        ] {
            commit(&*store, owing(order, CallbackKind::Final, host, "m")).await;
        }
        claim_ids(&*store, at(0)).await;
        settle(&*store, CallbackId(1), Next::Delivered).await;
        settle(&*store, CallbackId(2), Next::Dead).await;

        let all = CallbackFilter::default();
        assert_eq!(listed(&*store, all.clone()).await, [1, 2, 3, 4]);
        let page = |after, limit| CallbackFilter {
            after: Some(CallbackId(after)),
            limit,
            ..all.clone()
        };
        assert_eq!(listed(&*store, page(1, 2)).await, [2, 3]);
        let in_state = |state| CallbackFilter {
            state: Some(state),
            ..all.clone()
        };
        assert_eq!(
            listed(&*store, in_state(CallbackState::Delivered)).await,
            [1]
        );
        assert_eq!(listed(&*store, in_state(CallbackState::Dead)).await, [2]);
        assert_eq!(
            listed(&*store, in_state(CallbackState::Pending)).await,
            [3, 4]
        );
        let pending_page = CallbackFilter {
            limit: 1,
            ..in_state(CallbackState::Pending)
        };
        assert_eq!(listed(&*store, pending_page.clone()).await, [3]);
        let pending_page = CallbackFilter {
            after: Some(CallbackId(3)),
            ..pending_page
        };
        assert_eq!(listed(&*store, pending_page).await, [4]);
        let of_order = CallbackFilter {
            order: Some(key("o2")),
            ..all.clone()
        };
        assert_eq!(listed(&*store, of_order).await, [1, 3]);
        let of_subscriber = CallbackFilter {
            subscriber: Some(subscriber("https://b.example")),
            ..all
        };
        assert_eq!(listed(&*store, of_subscriber).await, [3, 4]);
    }

    pub async fn a_large_document_comes_back_byte_for_byte(home: &dyn Home) {
        let store = home.open().await;
        let document = |length: usize, seed: usize| -> Bytes {
            (0..length)
                .map(|at| ((at * 31 + seed) % 251) as u8)
                .collect()
        };
        let mut version = 0;
        for length in [200 << 10, 4_096, 4_097, 0, 8_192, 200 << 10] {
            let mut write = nothing("o1", version);
            version += 1;
            write.order.order = Some(order("o1", version, State::Confirmed));
            write.order.document = Some(document(length, version as usize));
            commit(&*store, write).await;
            let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
            assert_eq!(stored.document, document(length, version as usize));
        }
        for number in 0..20 {
            let id = format!("large-{number}");
            let mut large = cancel(&id, &id);
            large.order.expected_version = 0;
            large.order.document = Some(document(200 << 10, number));
            large.request.as_mut().expect("a request").body = document(250 << 10, number);
            large.callback.as_mut().expect("a callback").body = document(200 << 10, number);
            commit(&*store, large).await;
        }
        store.close().await;
        let store = home.open().await;
        for number in 0..20 {
            let id = format!("large-{number}");
            let known = store.request(&request(&id, &id).key).await.expect("reads");
            assert_eq!(known.expect("kept").body, document(250 << 10, number));
        }
        store.close().await;
    }

    pub async fn a_store_that_was_closed_says_so(home: &dyn Home) {
        let store = home.open().await;
        store.writable().expect("writable");
        store.close().await;
        store.close().await;
        assert!(store.writable().is_err());
        assert!(store.commit(nothing("o1", 0)).await.is_err());
        assert!(store.order(&key("o1")).await.is_err());
    }

    pub async fn sixty_four_writers_share_the_syncs(home: &dyn Home) {
        let store = home.open().await;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..64 {
            let store = Arc::clone(&store);
            writers.spawn(async move {
                for number in 0..40 {
                    let id = format!("o{writer}-{number}");
                    let mut commit = cancel(&id, &id);
                    commit.order.expected_version = 0;
                    super::commit(&*store, commit).await;
                }
            });
        }
        writers.join_all().await;
        let expected: Vec<u64> = (1..=64 * 40).collect();
        assert_eq!(sequences(&*store).await, expected);
    }
}

macro_rules! contract {
    ($store:ident, $home:expr, [$($promise:ident),* $(,)?]) => {
        mod $store {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    promises::$promise(&$home).await;
                }
            )*
        }
    };
}

contract!(
    sled,
    SledHome::new(),
    [
        a_commit_is_read_back_whole,
        of_two_hundred_racing_commits_exactly_one_wins,
        the_same_request_is_written_once_and_then_told,
        a_refused_commit_leaves_nothing_behind,
        a_commit_without_an_order_compares_the_version_only,
        events_and_callbacks_are_numbered_without_gaps_across_reopening,
        waiting_for_an_event_ends_when_there_is_one,
        work_that_came_while_nobody_waited_is_not_missed,
        callbacks_of_an_order_go_one_at_a_time_and_in_order,
        waiting_previews_close_when_an_outcome_is_committed,
        a_preview_in_flight_that_was_overtaken_is_not_tried_again,
        a_preview_that_nothing_overtook_is_tried_again,
        a_lane_with_ten_thousand_does_not_delay_the_others,
        a_lane_is_limited_and_a_closed_one_gets_nothing,
        the_oldest_of_a_lane_goes_first,
        holds_stop_sending_and_survive_reopening,
        a_dead_preview_is_not_redriven_after_the_outcome,
        dead_callbacks_are_redriven_at_the_back_of_their_order,
        what_is_asked_for_is_written_down_in_order_and_survives,
        a_callback_remembers_its_latest_attempts,
        a_callback_that_is_not_in_flight_cannot_be_settled,
        a_follow_up_is_owed_from_the_settlement_on_in_a_line_of_its_own,
        copies_of_an_order_wait_for_each_other_and_an_outcome_closes_none,
        reopening_frees_all_leases_and_keeps_every_line,
        what_was_acknowledged_survives_a_drop_without_close,
        a_timeline_holds_one_session_and_no_other,
        orders_are_listed_in_pages,
        callbacks_are_listed_in_pages_by_state_order_and_subscriber,
        a_large_document_comes_back_byte_for_byte,
        a_store_that_was_closed_says_so,
        sixty_four_writers_share_the_syncs,
    ]
);

#[tokio::test]
async fn sled_keeps_large_values_out_of_blob_files() {
    let home = SledHome::new();
    promises::a_large_document_comes_back_byte_for_byte(&home).await;
    let blobs = std::fs::read_dir(home.path().join("blobs")).expect("reads");
    assert_eq!(blobs.count(), 0, "nothing syncs a blob file");
}
