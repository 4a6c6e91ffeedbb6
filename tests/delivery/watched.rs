//! The real sled store in a directory of its own, watched from outside: who is in flight, when
//! something was settled. A test can make it refuse to settle, as a full or a broken disk would.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use beckn_bpp::domain::ids::{NetworkName, OrderKey, RequestKey, SubscriberId, TransactionId};
use beckn_bpp::domain::order::Order;
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    AuditEntry, Callback, CallbackFilter, CallbackId, CallbackState, ClaimLimits, Claimed, Commit,
    Committed, Counts, Erased, Error, Event, EventTarget, NewCallback, OrderFilter, OrderWrite,
    Pruned, ReferenceFilter, Settlement, Store, StoredOrder, StoredRequest, Timeline, Walk,
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::sync::watch;

const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Whoever reads the order with this id panics.
pub const PANICS: &str = "panics";

/// Reading the order with this id never ends.
pub const HANGS: &str = "hangs";

pub struct Watched {
    sled: SledStore,
    added: Mutex<Vec<CallbackId>>,
    in_flight: Mutex<HashSet<CallbackId>>,
    settled: watch::Sender<usize>,
    /// How often a claim was made.
    pub claims: AtomicUsize,
    /// Whether settling fails.
    pub stopped: AtomicBool,
    /// How often settling says that there is no room, before it works.
    pub busy: AtomicUsize,
    /// The orders that wait for the provider, where a test says so.
    pub to_decide: Mutex<Vec<OrderKey>>,
    /// The ids of orders that were read, each time.
    pub read: watch::Sender<Vec<String>>,
    /// Removed after the store is closed.
    _directory: TempDir,
}

impl Default for Watched {
    fn default() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sled = SledStore::open(directory.path(), CACHE_BYTES, crate::setup::start());
        Self {
            sled: sled.expect("a store"),
            added: Mutex::default(),
            in_flight: Mutex::default(),
            settled: watch::Sender::default(),
            claims: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            to_decide: Mutex::default(),
            read: watch::Sender::default(),
            _directory: directory,
        }
    }
}

impl Watched {
    /// Owes a callback, durably.
    pub async fn add(&self, owed: Claimed) -> CallbackId {
        let Claimed { callback, body } = owed;
        let order = OrderWrite {
            key: callback.order,
            expected_version: 0,
            order: None,
            document: None,
        };
        let new = NewCallback {
            kind: callback.kind,
            subscriber: callback.subscriber,
            transaction: callback.transaction,
            message: callback.message,
            url: callback.url,
            lane: callback.lane,
            vouched: callback.vouched,
            body,
        };
        let commit = Commit {
            order,
            request: None,
            callback: Some(new),
            webhook: None,
            answers: Vec::new(),
            event: None,
            now: callback.created_at,
        };
        match self.sled.commit(commit).await.expect("committed") {
            Committed::Done { callback: Some(id) } => {
                self.added.lock().expect("not poisoned").push(id);
                id
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn get(&self, id: CallbackId) -> Callback {
        let read = self.sled.callback(id).now_or_never();
        let read = read.expect("reading does not wait").expect("readable");
        read.expect("there").callback
    }

    pub fn outcomes(&self, id: CallbackId) -> Vec<String> {
        let attempts = self.get(id).attempts.into_iter();
        attempts.map(|attempt| attempt.outcome).collect()
    }

    /// Claimed and not settled.
    pub fn leases(&self) -> usize {
        self.in_flight.lock().expect("not poisoned").len()
    }

    pub fn delivered(&self, lane: &str) -> usize {
        let added = self.added.lock().expect("not poisoned").clone();
        let of_lane = added.into_iter().map(|id| self.get(id));
        let delivered = |c: &Callback| c.lane == lane && c.state == CallbackState::Delivered;
        of_lane.filter(delivered).count()
    }

    /// Returns when the condition holds, looking after each settlement.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut settled = self.settled.subscribe();
        let held = settled.wait_for(|_| condition(self)).await;
        held.expect("the store lives");
    }
}

#[async_trait]
impl Store for Watched {
    async fn claim(&self, now: DateTime<Utc>, limits: &ClaimLimits) -> Result<Vec<Claimed>, Error> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        let claimed = self.sled.claim(now, limits).await?;
        let ids = claimed.iter().map(|claimed| claimed.callback.id);
        self.in_flight.lock().expect("not poisoned").extend(ids);
        Ok(claimed)
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Error::Stopped("no space left".into()));
        }
        let (order, less) = (Ordering::SeqCst, |left: usize| left.checked_sub(1));
        if self.busy.fetch_update(order, order, less).is_ok() {
            return Err(Error::Busy);
        }
        // Before the store knows: from then on the next lease may be given out.
        let id = settlement.id;
        let held = self.in_flight.lock().expect("not poisoned").remove(&id);
        assert!(held, "settled without a lease");
        self.sled.settle(settlement).await?;
        self.settled.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        self.sled.next_due().await
    }
    async fn work(&self) {
        self.sled.work().await;
    }
    async fn order(&self, key: &OrderKey) -> Result<Option<StoredOrder>, Error> {
        let id = key.id.as_str();
        self.read.send_modify(|read| read.push(id.to_owned()));
        match id {
            PANICS => panic!("an invariant of this order does not hold"),
            HANGS => std::future::pending().await,
            _ => self.sled.order(key).await,
        }
    }
    async fn request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, Error> {
        self.sled.request(key).await
    }
    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.sled.commit(commit).await
    }
    async fn orders_called(&self, filter: &ReferenceFilter) -> Result<Vec<OrderKey>, Error> {
        self.sled.orders_called(filter).await
    }
    async fn undecided(&self) -> Result<Vec<OrderKey>, Error> {
        let set = self.to_decide.lock().expect("not poisoned").clone();
        match set.is_empty() {
            true => self.sled.undecided().await,
            false => Ok(set),
        }
    }

    async fn overdue(&self, now: DateTime<Utc>) -> Result<Vec<OrderKey>, Error> {
        let set = self.to_decide.lock().expect("not poisoned").clone();
        match set.is_empty() {
            true => self.sled.overdue(now).await,
            false => Ok(set),
        }
    }
    fn push_events(&self, to: Option<EventTarget>) {
        self.sled.push_events(to);
    }
    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, Error> {
        self.sled.orders(filter).await
    }
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.sled.events(after, limit).await
    }
    async fn event_after(&self, after: u64) {
        self.sled.event_after(after).await;
    }
    async fn callbacks(&self, filter: &CallbackFilter) -> Result<Vec<Callback>, Error> {
        self.sled.callbacks(filter).await
    }
    async fn callback(&self, id: CallbackId) -> Result<Option<Claimed>, Error> {
        self.sled.callback(id).await
    }
    async fn redrive(
        &self,
        ids: &[CallbackId],
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<CallbackId>, Error> {
        self.sled.redrive(ids, token, now).await
    }
    async fn would_redrive(&self, ids: &[CallbackId]) -> Result<Vec<CallbackId>, Error> {
        self.sled.would_redrive(ids).await
    }
    async fn hold(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error> {
        self.sled.hold(subscriber).await
    }
    async fn release(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error> {
        self.sled.release(subscriber).await
    }
    async fn holds(&self) -> Result<Vec<String>, Error> {
        self.sled.holds().await
    }
    async fn note(&self, entry: AuditEntry) -> Result<(), Error> {
        self.sled.note(entry).await
    }
    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Error> {
        self.sled.audit(after, limit).await
    }
    async fn timeline(
        &self,
        network: &NetworkName,
        transaction: &TransactionId,
    ) -> Result<Timeline, Error> {
        self.sled.timeline(network, transaction).await
    }
    async fn erase(&self, order: &OrderKey, now: DateTime<Utc>) -> Result<Erased, Error> {
        self.sled.erase(order, now).await
    }
    async fn prune(&self, walk: Walk, before: DateTime<Utc>) -> Result<Pruned, Error> {
        self.sled.prune(walk, before).await
    }
    async fn counts(&self) -> Result<Counts, Error> {
        self.sled.counts().await
    }
    fn writable(&self) -> Result<(), Error> {
        self.sled.writable()
    }
    async fn close(&self) {
        self.sled.close().await;
    }
}
