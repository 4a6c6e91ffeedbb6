//! What the committer and the readers share in memory.
//!
//! The committer writes it, after its sync: schedule, watermarks, phase. Readers wait on it.
//! Between applying a batch and syncing it, readers can see writes that are not durable yet;
//! [`Live::durable`] holds back whoever has read one of those.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::draft::Effect;
use super::fresh::{Fresh, Shelf};
use super::keys::{self, Key};
use super::schedule::Schedule;
use crate::store::{CallbackId, Claimed, Error, EventTarget};

/// Whether the store writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does.
    Open,
    /// It was told to end.
    Closed,
    /// A write failed.
    Stopped(String),
}

/// See the module's text.
pub(super) struct Live {
    schedule: Mutex<Schedule>,
    fresh: Mutex<Shelf>,
    unsynced: Mutex<HashSet<Key>>,
    /// Counts groups that are done with: synced, or failed.
    groups: watch::Sender<u64>,
    last_event: watch::Sender<u64>,
    phase: watch::Sender<Phase>,
    work: Notify,
    events_to: Mutex<Option<Arc<EventTarget>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// The state of a store just opened.
    pub(super) fn new(schedule: Schedule, last_event: u64) -> Self {
        Self {
            schedule: Mutex::new(schedule),
            fresh: Mutex::default(),
            unsynced: Mutex::default(),
            groups: watch::Sender::new(0),
            last_event: watch::Sender::new(last_event),
            phase: watch::Sender::new(Phase::Open),
            work: Notify::new(),
            events_to: Mutex::default(),
        }
    }

    /// Whom events are pushed to.
    pub(super) fn events_to(&self) -> Option<Arc<EventTarget>> {
        lock(&self.events_to).clone()
    }

    /// Pushes events to them from now on.
    pub(super) fn push_events(&self, to: Option<EventTarget>) {
        *lock(&self.events_to) = to.map(Arc::new);
    }

    /// The schedule.
    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        lock(&self.schedule)
    }

    /// Notes what is about to be applied. Orders and requests are enough: all that a reader
    /// acts on, beside callbacks and events, which have marks of their own.
    pub(super) fn will_write<'a>(&self, written: impl Iterator<Item = &'a Key>) {
        let acted_on = |key: &&Key| matches!(key.first(), Some(&keys::ORDER | &keys::REQUEST));
        lock(&self.unsynced).extend(written.filter(acted_on).cloned());
    }

    /// A callback as it was committed, if nothing has become of it since.
    pub(super) fn fresh(&self, id: CallbackId) -> Option<Claimed> {
        lock(&self.fresh).look(id)
    }

    /// Takes the same, because it is about to change.
    pub(super) fn take_fresh(&self, id: CallbackId) -> Option<Fresh> {
        lock(&self.fresh).take(id)
    }

    /// Makes a synced group known.
    pub(super) fn publish(&self, effects: Vec<Effect>, last_event: u64) {
        let to_claim = effects.iter().any(changes_what_is_due);
        let mut schedule = self.schedule();
        let mut fresh = lock(&self.fresh);
        for effect in effects {
            take_effect(&mut schedule, &mut fresh, effect);
        }
        drop((schedule, fresh));
        lock(&self.unsynced).clear();
        self.groups.send_modify(|groups| *groups += 1);
        self.last_event.send_if_modified(|last| {
            let newer = last_event > *last;
            *last = last_event;
            newer
        });
        if to_claim {
            self.work.notify_one();
        }
    }

    /// Enters the last phase; the first to say so is believed.
    pub(super) fn end(&self, phase: Phase) {
        self.phase.send_if_modified(|present| {
            let open = *present == Phase::Open;
            if open {
                *present = phase;
            }
            open
        });
        self.groups.send_modify(|groups| *groups += 1);
        self.work.notify_one();
    }

    /// Why nothing is written any more, if so.
    pub(super) fn ended(&self) -> Option<Error> {
        match &*self.phase.borrow() {
            Phase::Open => None,
            Phase::Closed => Some(Error::Stopped("it was closed".to_owned())),
            Phase::Stopped(why) => Some(Error::Stopped(why.clone())),
        }
    }

    /// Returns why once nothing is written any more.
    pub(super) async fn end_reason(&self) -> Error {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase != Phase::Open).await;
        let ended = self.ended();
        ended.unwrap_or_else(|| Error::Stopped("the committer ended".to_owned()))
    }

    /// Returns the reason once a write has failed, else never.
    pub(super) async fn stopped(&self) -> String {
        let mut phase = self.phase.subscribe();
        let stopped = phase.wait_for(|phase| matches!(phase, Phase::Stopped(_)));
        match stopped.await.as_deref() {
            Ok(Phase::Stopped(why)) => why.clone(),
            _ => std::future::pending().await,
        }
    }

    /// Returns once what was read under the key before this call is durable.
    pub(super) async fn durable(&self, key: &Key) -> Result<(), Error> {
        let mut groups = self.groups.subscribe();
        // The count goes first: a group that ends between the two lines clears the set.
        let present = *groups.borrow_and_update();
        if !lock(&self.unsynced).contains(key) {
            return Ok(());
        }
        if let Phase::Stopped(why) = &*self.phase.borrow() {
            return Err(Error::Stopped(why.clone()));
        }
        // The sender lives as long as this, so the wait ends in no other way.
        let _ = groups.wait_for(|groups| *groups > present).await;
        match &*self.phase.borrow() {
            Phase::Stopped(why) => Err(Error::Stopped(why.clone())),
            _ => Ok(()),
        }
    }

    /// The last durable event.
    pub(super) fn last_event(&self) -> u64 {
        *self.last_event.borrow()
    }

    /// Returns when an event after this one is durable.
    pub(super) async fn event_after(&self, after: u64) {
        let mut last_event = self.last_event.subscribe();
        // The sender lives as long as this, so the wait ends in no other way.
        let _ = last_event.wait_for(|last| *last > after).await;
    }

    /// Lets a host that has taken this callback have the next one.
    pub(super) fn free_place(&self, id: CallbackId) {
        if self.schedule().free_place(id) {
            self.work.notify_one();
        }
    }

    /// Returns when the schedule changed since the last return. A change while nobody waits
    /// is kept for the next who does.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }
}

fn changes_what_is_due(effect: &Effect) -> bool {
    let is_due = matches!(effect, Effect::Ready(_) | Effect::Released(_));
    is_due || matches!(effect, Effect::LeaseEnded(_))
}

fn take_effect(schedule: &mut Schedule, fresh: &mut Shelf, effect: Effect) {
    match effect {
        Effect::Fresh(callback) => fresh.put(*callback),
        Effect::Ready(head) => schedule.add(head),
        Effect::Withdrawn(head) => {
            fresh.take(head.id);
            schedule.withdraw(&head);
        }
        Effect::LeaseEnded(id) => schedule.end_lease(id),
        Effect::Held(subscriber) => schedule.hold(subscriber),
        Effect::Released(subscriber) => schedule.release(subscriber.as_deref()),
        Effect::Pending(more) => schedule.count(more, 0),
        Effect::Dead(more) => schedule.count(0, more),
    }
}
