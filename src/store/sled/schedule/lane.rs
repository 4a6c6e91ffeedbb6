//! What waits for one host: a queue for each subscriber, and whose turn it is.
//!
//! Several subscribers may live on one host, behind a shared proxy say. They take turns, as lanes
//! do: one that has thousands waiting delays another by one of them. Within a queue the oldest
//! goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Held, in_turn};
use crate::store::CallbackId;

/// When a callback is due, and its number.
type Entry = (DateTime<Utc>, CallbackId);

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queues: BTreeMap<Arc<str>, BTreeSet<Entry>>,
    /// The subscriber served last; the next is looked for behind it.
    last_served: Option<Arc<str>>,
    /// How many of its callbacks are in flight.
    pub(super) in_flight: usize,
}

impl Lane {
    /// Lets a callback of a subscriber wait.
    pub(super) fn add(&mut self, subscriber: &str, entry: Entry) {
        if let Some(queue) = self.queues.get_mut(subscriber) {
            queue.insert(entry);
        } else {
            let queue = BTreeSet::from([entry]);
            self.queues.insert(Arc::from(subscriber), queue);
        }
    }

    /// Takes a waiting callback out; does nothing when it is not waiting.
    pub(super) fn withdraw(&mut self, subscriber: &str, entry: Entry) {
        if let Some(queue) = self.queues.get_mut(subscriber) {
            queue.remove(&entry);
            if queue.is_empty() {
                self.queues.remove(subscriber);
            }
        }
    }

    /// Takes the callback whose turn it is, if one is due.
    pub(super) fn take(&mut self, now: DateTime<Utc>, held: &Held) -> Option<CallbackId> {
        let subscriber = Arc::clone(self.in_turn(now, held)?);
        let entry = *self.queues.get(&subscriber)?.first()?;
        self.withdraw(&subscriber, entry);
        self.last_served = Some(subscriber);
        self.in_flight += 1;
        Some(entry.1)
    }

    /// The next subscriber that is not held and has something due.
    fn in_turn(&self, now: DateTime<Utc>, held: &Held) -> Option<&Arc<str>> {
        let mut turn = in_turn(&self.queues, self.last_served.as_deref());
        let is_due = |queue: &BTreeSet<Entry>| queue.first().is_some_and(|(due, _)| *due <= now);
        turn.find(|(who, queue)| is_due(queue) && !held.contains_key(&***who))
            .map(|(who, _)| who)
    }

    /// Whether one of its callbacks could be taken.
    pub(super) fn has_due(&self, now: DateTime<Utc>, held: &Held) -> bool {
        self.in_turn(now, held).is_some()
    }

    /// When the next callback of a subscriber that is not held becomes due.
    pub(super) fn next_due(&self, held: &Held) -> Option<DateTime<Utc>> {
        let open = self.queues.iter();
        let open = open.filter(|(who, _)| !held.contains_key(&***who));
        open.filter_map(|(_, queue)| queue.first().map(|(due, _)| *due))
            .min()
    }

    /// Whether any waits, held or not, due or not.
    pub(super) fn has_waiting(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Whether there is nothing to be known of it.
    pub(super) fn is_idle(&self) -> bool {
        self.queues.is_empty() && self.in_flight == 0
    }
}
