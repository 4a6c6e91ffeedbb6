//! The tree, and what reads it: orders, events, callbacks, sessions.
//!
//! A batch becomes visible as a whole only to one look at the tree; [`Tables::apply`] and the
//! reads of records that change together share a lock, so that these never see half of one.
//! Listings go through keys in order without loading more than they return, and take the
//! lock for one record at a time.

use std::collections::{BTreeSet, BinaryHeap};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use sled::{Batch, Db, Tree};

use super::draft::Numbers;
use super::keys::{self, Key};
use super::line::{self, Waiting};
use super::{commit, values};
use crate::domain::ids::{NetworkName, OrderKey, RequestKey, TransactionId};
use crate::domain::order::Order;
use crate::store::{
    Callback, CallbackFilter, CallbackId, CallbackState, Claimed, Error, Event, OrderFilter,
    StoredOrder, StoredRequest, Timeline,
};

/// See the module's text.
pub(super) struct Tables {
    db: Db,
    pub(super) applying: RwLock<()>,
}

type Entry = sled::Result<(sled::IVec, sled::IVec)>;
type Ids = Box<dyn Iterator<Item = Result<CallbackId, Error>>>;

impl Tables {
    /// Takes over an open database.
    pub(super) fn new(db: Db) -> Self {
        Self {
            db,
            applying: RwLock::new(()),
        }
    }

    /// The one tree.
    pub(super) fn tree(&self) -> &Tree {
        &self.db
    }

    /// Makes a batch visible, whole. sled recovers either all of it or nothing.
    pub(super) fn apply(&self, batch: Batch) -> Result<(), Error> {
        let _alone = self
            .applying
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(self.db.apply_batch(batch)?)
    }

    /// Hands to the operating system what was applied.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.db.flush()?;
        Ok(())
    }

    /// The last numbers given out; what carries them is there.
    pub(super) fn numbers(&self) -> Result<Numbers, Error> {
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        Ok(values::record(self.tree(), keys::NUMBERS)?.unwrap_or_default())
    }

    /// Reads an order with its document.
    pub(super) fn order(&self, key: &OrderKey) -> Result<Option<StoredOrder>, Error> {
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        let Some(order) = values::record(self.tree(), &keys::order(key))? else {
            return Ok(None);
        };
        let document = values::read(self.tree(), &keys::document(key))?;
        let document = document.unwrap_or_default();
        Ok(Some(StoredOrder { order, document }))
    }

    /// Reads an accepted request.
    pub(super) fn request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, Error> {
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        commit::request_of(self.tree(), key)
    }

    /// Reads a callback with its body.
    pub(super) fn callback(&self, id: CallbackId) -> Result<Option<Claimed>, Error> {
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        let read = line::read(self.tree(), id)?;
        Ok(read.map(|(kept, body)| Claimed {
            callback: kept.callback,
            body,
        }))
    }

    /// Reads events after one number up to another, and says so when one of them is missing:
    /// sled can lose a damaged page without a word, and these are what money is paid by.
    pub(super) fn events(&self, after: u64, upto: u64, limit: usize) -> Result<Vec<Event>, Error> {
        if after >= upto {
            return Ok(Vec::new());
        }
        loop {
            let oldest = self.oldest_event()?;
            let begin = Bound::Excluded(keys::event(after));
            let end = Bound::Included(keys::event(upto));
            let entries = self.tree().range((begin, end)).take(limit);
            let events: Result<Vec<Event>, Error> = entries
                .filter_map(|entry| self.decode(entry).transpose())
                .collect();
            let events = events?;
            let first = (after + 1).max(oldest.unwrap_or(1));
            let sequences = events.iter().map(|event| event.sequence);
            if sequences.eq((first..=upto).take(limit)) {
                return Ok(events);
            }
            // Nothing was pruned while we read, so that is not why.
            if self.oldest_event()? == oldest {
                let what = format!("an event between {first} and {upto} is missing");
                return Err(Error::Corrupt { what, source: None });
            }
        }
    }

    /// The newest event there is, which is never pruned.
    pub(super) fn newest_event(&self) -> Result<Option<u64>, Error> {
        self.newest(keys::EVENT)
    }

    /// The newest audit entry there is, which is never pruned.
    pub(super) fn newest_audit_entry(&self) -> Result<Option<u64>, Error> {
        self.newest(keys::AUDIT)
    }

    fn newest(&self, kind: u8) -> Result<Option<u64>, Error> {
        let newest = self.tree().scan_prefix([kind]).keys().next_back();
        Ok(newest.transpose()?.and_then(|key| keys::last_number(&key)))
    }

    /// Those before it have been pruned, which never takes the newest.
    fn oldest_event(&self) -> Result<Option<u64>, Error> {
        let oldest = self.tree().scan_prefix([keys::EVENT]).keys().next();
        Ok(oldest.transpose()?.and_then(|key| keys::last_number(&key)))
    }

    /// Lists orders.
    pub(super) fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, Error> {
        let prefix = match &filter.network {
            Some(network) => keys::orders_of(network),
            None => vec![keys::ORDER],
        };
        let after = filter.after.as_ref().map(keys::order);
        let wanted = |order: &Result<Order, Error>| match order {
            Ok(order) => filter.wants(order),
            Err(_) => true,
        };
        self.entries_after(prefix, after)
            .filter_map(|entry| self.decode(entry).transpose())
            .filter(wanted)
            .take(filter.limit)
            .collect()
    }

    /// Lists callbacks, by the narrowest index there is for the filter.
    pub(super) fn callbacks(&self, filter: &CallbackFilter) -> Result<Vec<Callback>, Error> {
        let wanted = |callback: &Callback| {
            let state = filter.state.is_none_or(|state| state == callback.state);
            let order = filter.order.as_ref().is_none_or(|o| *o == callback.order);
            let subscriber = filter.subscriber.as_ref();
            state && order && subscriber.is_none_or(|s| s.is(&callback.subscriber))
        };
        let mut found = Vec::new();
        for id in self.candidates(filter)? {
            if found.len() >= filter.limit {
                break;
            }
            // One that a job takes out of an index meanwhile no longer fits the filter.
            found.extend(self.callback_alone(id?)?.filter(wanted));
        }
        Ok(found)
    }

    fn candidates(&self, filter: &CallbackFilter) -> Result<Ids, Error> {
        let after = filter.after.unwrap_or(CallbackId(0));
        let index = match (&filter.order, filter.state) {
            (Some(order), _) => keys::callbacks_of_order(order),
            (None, Some(CallbackState::Dead)) => vec![keys::DEAD],
            (None, Some(CallbackState::Pending)) => return self.oldest_pending(filter, after),
            (None, _) => vec![keys::CALLBACK],
        };
        let after = [&index[..], &after.0.to_be_bytes()].concat();
        let entries = self.entries_after(index, Some(after));
        Ok(Box::new(entries.map(|entry| {
            let (key, _) = entry?;
            let id = keys::last_number(&key);
            id.map(CallbackId)
                .ok_or_else(|| values::corrupt(&key, None))
        })))
    }

    /// The lines are ordered by order, not by age: looks at every place in them, however
    /// many callbacks are long done with, and keeps the `limit` oldest.
    fn oldest_pending(&self, filter: &CallbackFilter, after: CallbackId) -> Result<Ids, Error> {
        let mut oldest = BinaryHeap::new();
        for entry in self.entries_after(vec![keys::PENDING], None) {
            let Some(waiting) = self.decode::<Waiting>(entry)? else {
                continue;
            };
            let subscriber = filter.subscriber.as_ref();
            if waiting.id > after && subscriber.is_none_or(|s| s.is(&waiting.subscriber)) {
                oldest.push(waiting.id);
                if oldest.len() > filter.limit {
                    oldest.pop();
                }
            }
        }
        Ok(Box::new(oldest.into_sorted_vec().into_iter().map(Ok)))
    }

    pub(super) fn callback_alone(&self, id: CallbackId) -> Result<Option<Callback>, Error> {
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        let kept = line::kept(self.tree(), id)?;
        Ok(kept.map(|kept| kept.callback))
    }

    /// Reads what is kept of a session.
    pub(super) fn timeline(
        &self,
        network: &NetworkName,
        transaction: &TransactionId,
    ) -> Result<Timeline, Error> {
        let mut timeline = Timeline::default();
        for entry in self
            .tree()
            .scan_prefix(keys::requests_of(network, transaction))
        {
            let (key, _) = entry?;
            let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = values::read(self.tree(), &key)? {
                let request = commit::decode_request(&key, &value)?;
                timeline.requests.push(request);
            }
        }
        let mut ids: BTreeSet<_> = timeline
            .requests
            .iter()
            .filter_map(|r| r.callback)
            .collect();
        for (id, request) in self.unasked(network, transaction)? {
            ids.insert(id);
            timeline.requests.extend(request);
        }
        timeline.requests.sort_by_key(|request| request.received_at);
        for id in ids {
            timeline.callbacks.extend(self.callback_alone(id)?);
        }
        Ok(timeline)
    }

    /// The callbacks that no request of the session asked for, each with the request of a door
    /// that it owes its being to, if there was one.
    fn unasked(
        &self,
        network: &NetworkName,
        transaction: &TransactionId,
    ) -> Result<Vec<(CallbackId, Option<StoredRequest>)>, Error> {
        let marks = keys::callbacks_of_session(network, transaction);
        let mut unasked = Vec::new();
        for mark in self.tree().scan_prefix(marks).keys() {
            let mark = mark?;
            let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
            let elsewhere = values::read(self.tree(), &mark)?.filter(|at| !at.is_empty());
            let request = elsewhere.map(|at| commit::request_at(self.tree(), &at));
            let id = keys::last_number(&mark).map(CallbackId);
            let id = id.ok_or_else(|| values::corrupt(&mark, None))?;
            unasked.push((id, request.transpose()?.flatten()));
        }
        Ok(unasked)
    }

    /// The entries with the prefix whose keys come after `after`.
    pub(super) fn entries_after(
        &self,
        prefix: Key,
        after: Option<Key>,
    ) -> impl Iterator<Item = Entry> + use<> {
        let begin = match after {
            Some(after) if after > prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        let entries = self.tree().range((begin, Bound::Unbounded));
        entries.take_while(move |entry| match entry {
            Ok((key, _)) => key.starts_with(&prefix),
            Err(_) => true,
        })
    }

    /// Reads the record that begins with an entry of a listing.
    pub(super) fn decode<T: serde::de::DeserializeOwned>(
        &self,
        entry: Entry,
    ) -> Result<Option<T>, Error> {
        let (key, entry) = entry?;
        if values::further_pieces(&key, &entry)? == 0 {
            let value = values::finish(self.tree(), &key, &entry)?;
            return values::decode(&key, &value).map(Some);
        }
        // It has further pieces, which may have changed since: read it again, whole.
        let _whole = self.applying.read().unwrap_or_else(PoisonError::into_inner);
        values::record(self.tree(), &key)
    }
}
