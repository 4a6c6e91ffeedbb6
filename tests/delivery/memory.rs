//! A store in memory that keeps the part of the contract that delivery uses.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use beckn_bpp::domain::ids::{NetworkName, OrderKey, RequestKey, SubscriberId, TransactionId};
use beckn_bpp::domain::order::Order;
use beckn_bpp::store::{
    Callback, CallbackFilter, CallbackId, CallbackState, ClaimLimits, Claimed, Commit, Committed,
    Counts, Erased, Error, Event, Next, OrderFilter, Pruned, Settlement, Store, StoredOrder,
    StoredRequest, Timeline, Walk,
};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};

#[derive(Default)]
struct Entry {
    claimed: Option<Claimed>,
    leased: bool,
}

impl Entry {
    fn callback(&self) -> &Callback {
        &self.claimed.as_ref().expect("filled on adding").callback
    }

    fn pending(&self) -> bool {
        self.callback().state == CallbackState::Pending
    }
}

#[derive(Default)]
pub struct Memory {
    entries: Mutex<Vec<Entry>>,
    work: Notify,
    settled: watch::Sender<usize>,
    /// How often a claim was made.
    pub claims: AtomicUsize,
    /// Whether settling fails.
    pub stopped: AtomicBool,
    /// How often settling says that there is no room, before it works.
    pub busy: AtomicUsize,
}

impl Memory {
    pub fn add(&self, mut claimed: Claimed) -> CallbackId {
        let mut entries = self.entries.lock().expect("not poisoned");
        claimed.callback.id = CallbackId(entries.len() as u64);
        let id = claimed.callback.id;
        entries.push(Entry {
            claimed: Some(claimed),
            leased: false,
        });
        self.work.notify_one();
        id
    }

    pub fn get(&self, id: CallbackId) -> Callback {
        self.entries.lock().expect("not poisoned")[id.0 as usize]
            .callback()
            .clone()
    }

    pub fn outcomes(&self, id: CallbackId) -> Vec<String> {
        self.get(id)
            .attempts
            .into_iter()
            .map(|attempt| attempt.outcome)
            .collect()
    }

    pub fn leases(&self) -> usize {
        let entries = self.entries.lock().expect("not poisoned");
        entries.iter().filter(|entry| entry.leased).count()
    }

    pub fn delivered(&self, lane: &str) -> usize {
        let entries = self.entries.lock().expect("not poisoned");
        let of_lane = entries
            .iter()
            .map(Entry::callback)
            .filter(|c| c.lane == lane);
        of_lane
            .filter(|c| c.state == CallbackState::Delivered)
            .count()
    }

    /// Returns when the condition holds, looking after each settlement.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut settled = self.settled.subscribe();
        settled
            .wait_for(|_| condition(self))
            .await
            .expect("the store lives");
    }
}

#[async_trait]
impl Store for Memory {
    async fn claim(&self, now: DateTime<Utc>, limits: &ClaimLimits) -> Result<Vec<Claimed>, Error> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        let mut entries = self.entries.lock().expect("not poisoned");
        let mut claimed = Vec::new();
        for at in 0..entries.len() {
            let (before, rest) = entries.split_at(at);
            let callback = rest[0].callback();
            let lane = entries
                .iter()
                .filter(|e| e.leased && e.callback().lane == callback.lane);
            let first = !before
                .iter()
                .any(|e| e.pending() && e.callback().order == callback.order);
            let due = rest[0].pending() && !rest[0].leased && callback.next_at <= now;
            let room = claimed.len() < limits.total && lane.count() < limits.per_lane;
            if due && first && room && !limits.closed_lanes.contains(&callback.lane) {
                entries[at].leased = true;
                claimed.push(entries[at].claimed.clone().expect("filled on adding"));
            }
        }
        Ok(claimed)
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Error::Stopped("no space left".into()));
        }
        let less = |left: usize| left.checked_sub(1);
        if self
            .busy
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
        {
            return Err(Error::Busy);
        }
        {
            let mut entries = self.entries.lock().expect("not poisoned");
            let entry = &mut entries[settlement.id.0 as usize];
            assert!(entry.leased, "settled without a lease");
            entry.leased = false;
            let callback = &mut entry.claimed.as_mut().expect("filled on adding").callback;
            callback.attempts.push(settlement.attempt);
            callback.attempts_in_run += 1;
            match settlement.next {
                Next::Delivered => callback.state = CallbackState::Delivered,
                Next::Retry(at) => callback.next_at = at,
                Next::Dead => callback.state = CallbackState::Dead,
            }
        }
        self.settled.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let entries = self.entries.lock().expect("not poisoned");
        let waiting = entries
            .iter()
            .filter(|entry| entry.pending() && !entry.leased);
        Ok(waiting.map(|entry| entry.callback().next_at).min())
    }

    async fn work(&self) {
        self.work.notified().await;
    }

    async fn order(&self, _: &OrderKey) -> Result<Option<StoredOrder>, Error> {
        unimplemented!()
    }
    async fn request(&self, _: &RequestKey) -> Result<Option<StoredRequest>, Error> {
        unimplemented!()
    }
    async fn commit(&self, _: Commit) -> Result<Committed, Error> {
        unimplemented!()
    }
    async fn orders(&self, _: &OrderFilter) -> Result<Vec<Order>, Error> {
        unimplemented!()
    }
    async fn events(&self, _: u64, _: usize) -> Result<Vec<Event>, Error> {
        unimplemented!()
    }
    async fn event_after(&self, _: u64) {
        unimplemented!()
    }
    async fn callbacks(&self, _: &CallbackFilter) -> Result<Vec<Callback>, Error> {
        unimplemented!()
    }
    async fn callback(&self, _: CallbackId) -> Result<Option<Claimed>, Error> {
        unimplemented!()
    }
    async fn redrive(&self, _: &[CallbackId], _: DateTime<Utc>) -> Result<Vec<CallbackId>, Error> {
        unimplemented!()
    }
    async fn hold(&self, _: Option<&SubscriberId>) -> Result<(), Error> {
        unimplemented!()
    }
    async fn release(&self, _: Option<&SubscriberId>) -> Result<(), Error> {
        unimplemented!()
    }
    async fn holds(&self) -> Result<Vec<String>, Error> {
        unimplemented!()
    }
    async fn timeline(&self, _: &NetworkName, _: &TransactionId) -> Result<Timeline, Error> {
        unimplemented!()
    }
    async fn erase(&self, _: &OrderKey, _: DateTime<Utc>) -> Result<Erased, Error> {
        unimplemented!()
    }
    async fn prune(&self, _: Walk, _: DateTime<Utc>) -> Result<Pruned, Error> {
        unimplemented!()
    }
    async fn counts(&self) -> Result<Counts, Error> {
        unimplemented!()
    }
    fn writable(&self) -> Result<(), Error> {
        unimplemented!()
    }
    async fn close(&self) {
        unimplemented!()
    }
}
