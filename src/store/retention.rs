//! What erasing and pruning take and give: plain values, the same for every store.
//!
//! How long things are kept is configuration, and when a step is taken is the caller's affair;
//! what may go at all is in the text of [`Store`](super::Store).

use chrono::{DateTime, Utc};

use super::CallbackId;
use crate::domain::ids::OrderKey;
use crate::domain::order::State;

/// A walk over what may be too old, and where its next step begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walk {
    /// Callbacks with the requests they answer, oldest first, after this number.
    Evidence(CallbackId),
    /// Orders with all that is left of them, in the order of their keys, after this one.
    Orders(Option<OrderKey>),
    /// Events, oldest first.
    Events,
    /// Audit entries, oldest first.
    Audit,
}

/// What a step removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Requests.
    pub requests: u64,
    /// Callbacks.
    pub callbacks: u64,
    /// Orders.
    pub orders: u64,
    /// Events.
    pub events: u64,
    /// Audit entries.
    pub audit: u64,
    /// Where the walk goes on; at its end, nothing.
    pub next: Option<Walk>,
}

impl Pruned {
    /// Counts what a further step removed; says whether that was anything.
    pub fn add(&mut self, step: &Pruned) -> bool {
        self.requests += step.requests;
        self.callbacks += step.callbacks;
        self.orders += step.orders;
        self.events += step.events;
        self.audit += step.audit;
        step.requests + step.callbacks + step.orders + step.events + step.audit > 0
    }
}

/// What came of erasing an order. Whatever it says is durable when it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// There is nothing left of it but what may stay.
    Done {
        /// When it was erased, now or the first time.
        at: DateTime<Utc>,
        /// Requests whose bytes went now.
        requests: u64,
        /// Callbacks whose bytes went now.
        callbacks: u64,
    },
    /// There is no such order.
    Unknown,
    /// It is not final; nothing was erased.
    NotFinal(State),
    /// A cancellation of it was asked for and is not decided; nothing was erased.
    Undecided,
    /// A callback is still owed; nothing was erased.
    Owed,
}
