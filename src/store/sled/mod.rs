//! The store of one process: an embedded sled directory, written by one thread.
//!
//! A job goes into a bounded queue; the committer (`committer`) writes what waits as one
//! group, syncs it, makes it known in memory (`live`), and only then answers. Reads go to the
//! tree at once (`tables`); one that meets a write which is not synced yet waits for the
//! sync. Who may be sent next is kept in memory (`schedule`) and read back by `open`. Records
//! are cut into pieces (`values`) under keys that sort as their parts (`keys`).
//! Whether the disk has room is `space`'s to know. Nothing here reads the clock.

mod audit;
mod ballast;
mod check;
#[cfg(test)]
mod check_tests;
mod commit;
mod committer;
mod copy;
mod draft;
mod erase;
mod fresh;
mod index;
mod keys;
mod leftovers;
mod life;
mod line;
mod live;
mod migrate;
mod open;
mod pack;
mod prune;
mod redrive;
mod rules;
mod salvage;
mod schedule;
mod settle;
mod space;
mod tables;
#[cfg(test)]
mod tests;
mod tip;
mod values;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::{
    AuditEntry, Callback, CallbackFilter, CallbackId, ClaimLimits, Claimed, Commit, Committed,
    Counts, Erased, Error, Event, EventTarget, Next, OrderFilter, Pruned, Redrive, ReferenceFilter,
    Settlement, Store, StoredOrder, StoredRequest, Timeline, Walk,
};
use crate::domain::ids::{NetworkName, OrderKey, RequestKey, SubscriberId, TransactionId};
use crate::domain::order::Order;
pub use check::{Digest, Report, check};
use committer::Job;
use erase::{Blanked, Marked};
use live::Live;
pub use salvage::{Named, PERHAPS_WAITING, Salvaged, Take, WAITING, salvage};
use space::Space;
use tables::Tables;

/// See the module's text.
pub struct SledStore {
    live: Arc<Live>,
    /// Gone once the store is closed, so that the files are released.
    tables: RwLock<Option<Arc<Tables>>>,
    /// Gone once the store is closed, so that the committer ends.
    queue: RwLock<Option<mpsc::Sender<Job>>>,
    committer: Mutex<Option<JoinHandle<()>>>,
    /// Absent where nobody asked for a look at the disk.
    space: Option<Space>,
}

#[async_trait]
impl Store for SledStore {
    async fn order(&self, key: &OrderKey) -> Result<Option<StoredOrder>, Error> {
        let order = self.tables()?.order(key)?;
        self.live.durable(&keys::order(key)).await?;
        Ok(order)
    }

    async fn request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, Error> {
        let request = self.tables()?.request(key)?;
        self.live.durable(&keys::request(key)).await?;
        Ok(request)
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.has_room()?;
        self.write(|reply| Job::Commit(Box::new(commit), reply))
            .await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, Error> {
        let filter = filter.clone();
        self.list(move |tables| tables.orders(&filter)).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.tables()?.events(after, self.live.last_event(), limit)
    }

    fn push_events(&self, to: Option<EventTarget>) {
        self.live.push_events(to);
    }

    async fn orders_called(&self, filter: &ReferenceFilter) -> Result<Vec<OrderKey>, Error> {
        let filter = filter.clone();
        self.list(move |tables| index::called(tables, &filter))
            .await
    }

    async fn undecided(&self) -> Result<Vec<OrderKey>, Error> {
        index::undecided(&*self.tables()?)
    }

    async fn overdue(&self, now: DateTime<Utc>) -> Result<Vec<OrderKey>, Error> {
        index::overdue(&*self.tables()?, now)
    }

    async fn event_after(&self, after: u64) {
        self.live.event_after(after).await;
    }

    async fn claim(&self, now: DateTime<Utc>, limits: &ClaimLimits) -> Result<Vec<Claimed>, Error> {
        if let Some(ended) = self.live.ended() {
            return Err(ended);
        }
        let tables = self.tables()?;
        let ids = self.live.schedule().claim(now, limits);
        let claimed = ids
            .into_iter()
            .filter_map(|id| self.read_claimed(&tables, id));
        Ok(claimed.collect())
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), Error> {
        if settlement.next == Next::Delivered {
            self.live.free_place(settlement.id);
        }
        self.write(|reply| Job::Settle(Box::new(settlement), reply))
            .await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.live.schedule().next_due())
    }

    async fn work(&self) {
        self.live.work().await;
    }

    async fn callbacks(&self, filter: &CallbackFilter) -> Result<Vec<Callback>, Error> {
        let filter = filter.clone();
        self.list(move |tables| tables.callbacks(&filter)).await
    }

    async fn callback(&self, id: CallbackId) -> Result<Option<Claimed>, Error> {
        self.tables()?.callback(id)
    }

    async fn redrive(
        &self,
        ids: &[CallbackId],
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<CallbackId>, Error> {
        let token = token.to_owned();
        self.redrive_in_jobs(ids, &Redrive { at: now, token }).await
    }

    async fn would_redrive(&self, ids: &[CallbackId]) -> Result<Vec<CallbackId>, Error> {
        let ids = ids.to_vec();
        self.list(move |tables| redrive::rehearse(tables, &ids))
            .await
    }

    async fn hold(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error> {
        let subscriber = subscriber.cloned();
        self.write(|reply| Job::Hold(subscriber, reply)).await
    }

    async fn release(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error> {
        let subscriber = subscriber.cloned();
        self.write(|reply| Job::Release(subscriber, reply)).await
    }

    async fn holds(&self) -> Result<Vec<String>, Error> {
        Ok(self.live.schedule().holds())
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), Error> {
        self.write(|reply| Job::Note(Box::new(entry), reply)).await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Error> {
        self.list(move |tables| audit::after(tables, after, limit))
            .await
    }

    async fn timeline(
        &self,
        network: &NetworkName,
        transaction: &TransactionId,
    ) -> Result<Timeline, Error> {
        let (network, transaction) = (network.clone(), transaction.clone());
        self.list(move |tables| tables.timeline(&network, &transaction))
            .await
    }

    async fn erase(&self, order: &OrderKey, now: DateTime<Utc>) -> Result<Erased, Error> {
        let order = order.clone();
        let marked = self.write(|reply| Job::MarkErased(order.clone(), now, reply));
        let at = match marked.await? {
            Marked::Erased(at) => at,
            Marked::Not(why) => return Ok(why),
        };
        let left = self.list(move |tables| erase::left(tables, &order)).await?;
        let mut gone = Blanked::default();
        for blank in left {
            gone += self.write(|reply| Job::Blank(blank, reply)).await?;
        }
        let Blanked {
            requests,
            callbacks,
        } = gone;
        Ok(Erased::Done {
            at,
            requests,
            callbacks,
        })
    }

    async fn prune(&self, walk: Walk, before: DateTime<Utc>) -> Result<Pruned, Error> {
        let due = self.list(move |tables| prune::due(tables, walk, before));
        match due.await? {
            due if due.is_empty() => Ok(due.pruned()),
            due => self.write(|reply| Job::Prune(due, before, reply)).await,
        }
    }

    async fn counts(&self) -> Result<Counts, Error> {
        Ok(self.live.schedule().counts())
    }

    fn writable(&self) -> Result<(), Error> {
        if let Some(ended) = self.live.ended() {
            return Err(ended);
        }
        self.has_room()?;
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(mpsc::Sender::capacity) {
            Some(0) => Err(Error::Busy),
            Some(_) => Ok(()),
            None => Err(Error::Stopped("it was closed".to_owned())),
        }
    }

    async fn close(&self) {
        if let Some(committer) = self.end() {
            // It answers for its own panics.
            let _ = tokio::task::spawn_blocking(move || committer.join()).await;
        }
    }
}

impl SledStore {
    fn has_room(&self) -> Result<(), Error> {
        self.space.as_ref().map_or(Ok(()), Space::check)
    }

    /// Reads what was just claimed. A record that cannot be read must not keep the others
    /// from being sent: it is said in the log, and stays out until the store reopens.
    fn read_claimed(&self, tables: &Tables, id: CallbackId) -> Option<Claimed> {
        if let Some(claimed) = self.live.fresh(id) {
            return Some(claimed);
        }
        let error = match tables.callback(id) {
            Ok(Some(claimed)) => return Some(claimed),
            Ok(None) => values::corrupt(&keys::callback(id), None),
            Err(error) => error,
        };
        self.live.schedule().end_lease(id);
        tracing::error!(callback.id = id.0, %error, "A callback cannot be read and is not sent.");
        None
    }
}
