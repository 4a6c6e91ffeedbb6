//! Which callbacks may be sent now: the first of each order, by lane and subscriber.
//!
//! Only the first waiting callback of an order is in here; its successor comes in when it
//! ends, which keeps an order's callbacks one at a time. The schedule lives in memory (about
//! fifty bytes for each order with a callback owed) and is rebuilt when the store opens, so
//! leases need no record. It holds durable callbacks only: the committer changes it after
//! its sync, never before.
//!
//! Costs: a claim looks at each lane once, then takes the first of an ordered set for each
//! callback it hands out. Subscribers have queues of their own within a [`Lane`], so a held one
//! with a long queue is passed over in one step, however long its queue is.

mod lane;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::lane::Lane;
use crate::store::{CallbackId, ClaimLimits, Counts};

/// The first waiting callback of an order.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Its number.
    pub id: CallbackId,
    /// When it is due.
    pub due: DateTime<Utc>,
    /// Its lane.
    pub lane: String,
    /// Its subscriber, in the form that is compared.
    pub subscriber: String,
}

/// All of them in turn, beginning after the one that was served last.
fn in_turn<'a, T>(
    all: &'a BTreeMap<Arc<str>, T>,
    last_served: Option<&str>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a T)> {
    let last = last_served.unwrap_or("");
    let behind = (Bound::Excluded(last), Bound::Unbounded);
    let upto = (Bound::Unbounded, Bound::Included(last));
    let turn = all.range::<str, _>(behind);
    turn.chain(all.range::<str, _>(upto))
}

/// Held subscribers: the id as compared, and as written.
type Held = BTreeMap<String, String>;

#[derive(Debug)]
struct Lease {
    lane: Arc<str>,
    settling: bool,
    /// Whether it counts among those in flight to its lane.
    takes_place: bool,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    lanes: BTreeMap<Arc<str>, Lane>,
    leases: HashMap<CallbackId, Lease>,
    /// The lane served last; the next claim begins after it.
    last_served: Option<Arc<str>>,
    all_held: bool,
    held: Held,
    counts: Counts,
}

impl Schedule {
    /// Lets a callback wait for its time.
    pub(super) fn add(&mut self, head: Head) {
        let lane = self.lanes.entry(Arc::from(head.lane)).or_default();
        lane.add(&head.subscriber, (head.due, head.id));
    }

    /// Takes a waiting callback out; does nothing when it is not waiting.
    pub(super) fn withdraw(&mut self, head: &Head) {
        let Some(lane) = self.lanes.get_mut(head.lane.as_str()) else {
            return;
        };
        lane.withdraw(&head.subscriber, (head.due, head.id));
        self.drop_idle_lane(&head.lane);
    }

    /// Takes a callback out unless it is being sent at this moment; says whether it was not.
    pub(super) fn withdraw_unless_in_flight(&mut self, head: &Head) -> bool {
        let lease = self.leases.get(&head.id);
        let in_flight = lease.is_some_and(|lease| !lease.settling);
        if !in_flight {
            self.withdraw(head);
        }
        !in_flight
    }

    /// Takes the right to settle a callback; only the first who asks gets it.
    pub(super) fn begin_settling(&mut self, id: CallbackId) -> bool {
        let lease = self.leases.get_mut(&id).filter(|lease| !lease.settling);
        lease.is_some_and(|lease| {
            lease.settling = true;
            true
        })
    }

    /// Frees the place of a callback that its host has taken, though its lease goes on until
    /// that is durable: a host is done with it once it has answered. Says whether another
    /// waits for the place.
    pub(super) fn free_place(&mut self, id: CallbackId) -> bool {
        let lease = self.leases.get_mut(&id).filter(|lease| lease.takes_place);
        let Some(lease) = lease else { return false };
        lease.takes_place = false;
        self.lanes.get_mut(&lease.lane).is_some_and(|lane| {
            lane.in_flight = lane.in_flight.saturating_sub(1);
            lane.has_waiting()
        })
    }

    /// Ends a lease, and frees the place that it may still take.
    pub(super) fn end_lease(&mut self, id: CallbackId) {
        self.free_place(id);
        let Some(lease) = self.leases.remove(&id) else {
            return;
        };
        self.drop_idle_lane(&lease.lane);
    }

    /// Leases callbacks that are due: one of each lane, then again, until no lane has more.
    pub(super) fn claim(&mut self, now: DateTime<Utc>, limits: &ClaimLimits) -> Vec<CallbackId> {
        let mut claimed = Vec::new();
        let mut lanes = self.lanes_in_turn(now, limits);
        while !lanes.is_empty() && claimed.len() < limits.total {
            lanes.retain(|(lane, most)| {
                let id = (claimed.len() < limits.total).then(|| self.claim_one(lane, now, *most));
                id.flatten().map(|id| claimed.push(id)).is_some()
            });
        }
        claimed
    }

    /// The lanes that have something due and room for it, each with the most it may have in
    /// flight, beginning after the one served last.
    fn lanes_in_turn(&self, now: DateTime<Utc>, limits: &ClaimLimits) -> Vec<(Arc<str>, usize)> {
        if self.all_held {
            return Vec::new();
        }
        let most = most_of_lane(limits);
        in_turn(&self.lanes, self.last_served.as_deref())
            .map(|(name, lane)| (name, lane, most(name)))
            .filter(|(_, lane, most)| lane.in_flight < *most && lane.has_due(now, &self.held))
            .map(|(name, _, most)| (Arc::clone(name), most))
            .collect()
    }

    fn claim_one(
        &mut self,
        name: &Arc<str>,
        now: DateTime<Utc>,
        most: usize,
    ) -> Option<CallbackId> {
        let lane = self.lanes.get_mut(name)?;
        if lane.in_flight >= most {
            return None;
        }
        let id = lane.take(now, &self.held)?;
        let lease = Lease {
            lane: Arc::clone(name),
            settling: false,
            takes_place: true,
        };
        self.leases.insert(id, lease);
        self.last_served = Some(Arc::clone(name));
        Some(id)
    }

    /// When the next callback that is neither held nor in flight becomes due.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.all_held {
            return None;
        }
        let lanes = self.lanes.values();
        lanes.filter_map(|lane| lane.next_due(&self.held)).min()
    }

    /// Holds a subscriber, or all.
    pub(super) fn hold(&mut self, subscriber: Option<(String, String)>) {
        match subscriber {
            None => self.all_held = true,
            Some((compared, written)) => drop(self.held.insert(compared, written)),
        }
    }

    /// Ends the hold on a subscriber, or every hold.
    pub(super) fn release(&mut self, subscriber: Option<&str>) {
        match subscriber {
            Some(subscriber) => drop(self.held.remove(subscriber)),
            None => {
                self.all_held = false;
                self.held.clear();
            }
        }
    }

    /// The holds in force, `*` for all.
    pub(super) fn holds(&self) -> Vec<String> {
        let all = self.all_held.then(|| "*".to_owned());
        all.into_iter().chain(self.held.values().cloned()).collect()
    }

    /// How many callbacks are owed and given up on.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts callbacks owed and given up on.
    pub(super) fn count(&mut self, pending: i64, dead: i64) {
        let counts = &mut self.counts;
        counts.callbacks_pending = counts.callbacks_pending.saturating_add_signed(pending);
        counts.callbacks_dead = counts.callbacks_dead.saturating_add_signed(dead);
    }

    fn drop_idle_lane(&mut self, name: &str) {
        if self.lanes.get(name).is_some_and(Lane::is_idle) {
            self.lanes.remove(name);
        }
    }
}

/// How many a lane may have in flight.
fn most_of_lane(limits: &ClaimLimits) -> impl Fn(&str) -> usize {
    let to_probe = limits.lanes_to_probe.iter().map(String::as_str);
    let closed = limits.closed_lanes.iter().map(String::as_str);
    let few = to_probe.map(|lane| (lane, limits.per_lane.min(1)));
    let few: HashMap<&str, usize> = few.chain(closed.map(|lane| (lane, 0))).collect();
    move |lane| few.get(lane).copied().unwrap_or(limits.per_lane)
}

#[cfg(test)]
mod tests;
