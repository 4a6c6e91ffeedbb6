//! What is kept, and the promise it is kept with.
//!
//! [`Store`] is the only seam in the program with two implementations (embedded sled here,
//! PostgreSQL for more than one machine). Each method is one whole transaction; a method that
//! changes something returns only when the change is on stable storage. Nothing in here knows
//! what a cancellation is: it compares versions, keeps request keys unique, numbers events
//! without gaps, and hands out callbacks one at a time per order.

mod callbacks;
mod records;
mod references;
mod retention;
pub mod sled;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::ids::{NetworkName, OrderKey, RequestKey, SubscriberId, TransactionId};
use crate::domain::order::Order;

pub use callbacks::{
    Attempt, Callback, CallbackId, CallbackKind, CallbackState, ClaimLimits, Claimed,
    MAX_ATTEMPTS_KEPT, MAX_PREVIEWS_WAITING, MAX_REDRIVES_KEPT, NewCallback, Next, Redrive,
    Settlement, Signed,
};
pub use records::{
    Answered, AuditEntry, CallbackFilter, Commit, Committed, Counts, Event, EventTarget,
    OrderFilter, OrderWrite, StoredOrder, StoredRequest, Timeline,
};
pub use references::{ReferenceField, ReferenceFilter};
pub use retention::{Erased, Pruned, Walk};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More work waits than may wait; nothing was written.
    #[error("the store's queue is full")]
    Busy,
    /// An earlier write failed; nothing is written until the process restarts and recovers.
    #[error("the store stopped after a failed write: {0}")]
    Stopped(String),
    /// The disk has too little room: nothing new is accepted, or the store cannot even open.
    #[error(
        "the disk that holds the store at {path} has too little room: {free} free, {need} needed"
    )]
    NoSpace {
        /// The directory.
        path: String,
        /// How much is free, with its unit.
        free: String,
        /// How much must be, with its unit.
        need: String,
    },
    /// Another process has the directory open.
    #[error("another process holds the store at {path}; one sled directory serves one process")]
    Locked {
        /// The directory.
        path: String,
    },
    /// Written by a newer release.
    #[error("the store has format {found}, this release reads up to {known}: use a newer release")]
    TooNew {
        /// The number in the store.
        found: u32,
        /// The newest number this release knows.
        known: u32,
    },
    /// A record cannot be read back.
    #[error("the store is corrupt: {what}")]
    Corrupt {
        /// Which record or tree.
        what: String,
        /// What reading it said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The file system or the database said no.
    #[error("the store cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// sled said no.
    #[error("the store cannot be used: {0}")]
    Sled(#[from] ::sled::Error),
}

/// Orders, requests, callbacks and events, kept as one. See the module's text for the promise.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads an order with its document. What it returns is durable.
    async fn order(&self, key: &OrderKey) -> Result<Option<StoredOrder>, Error>;

    /// Reads an accepted request. What it returns is durable, so that it may be answered again.
    async fn request(&self, key: &RequestKey) -> Result<Option<StoredRequest>, Error>;

    /// Writes one transaction and returns when it is on stable storage.
    async fn commit(&self, commit: Commit) -> Result<Committed, Error>;

    /// Lists orders. A listing may show a change a moment before it is durable.
    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, Error>;

    /// The orders that a partner calls so, in the order of their keys, at most as many as wanted.
    async fn orders_called(&self, filter: &ReferenceFilter) -> Result<Vec<OrderKey>, Error>;

    /// The orders with a cancellation that the provider is asked about. May show one a moment
    /// before it is durable.
    async fn undecided(&self) -> Result<Vec<OrderKey>, Error>;

    /// The orders with a cancellation that the provider should have decided on by `now`, the longest
    /// overdue first. May show one a moment before it is durable.
    async fn overdue(&self, now: DateTime<Utc>) -> Result<Vec<OrderKey>, Error>;

    /// From now on each event is owed to them as well, as a callback of its order committed with
    /// it: in the order of the events of that order.
    fn push_events(&self, to: Option<EventTarget>);

    /// Reads durable events with a sequence above `after`, in order.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Error>;

    /// Returns when there may be an event with a sequence above `after`.
    async fn event_after(&self, after: u64);

    /// Hands out callbacks that are due: never two of one order at a time, never a held
    /// subscriber's; lanes in turn, the subscribers of a lane in turn, the oldest of each first.
    /// Only durable ones. One that was delivered takes no place in its lane any more, even while
    /// its settlement is being written.
    async fn claim(&self, now: DateTime<Utc>, limits: &ClaimLimits) -> Result<Vec<Claimed>, Error>;

    /// Records an attempt and what follows it, and ends the lease. A preview that would be
    /// tried again while an outcome of its order waits is superseded instead. A callback that
    /// is not in flight is left alone: its lease has ended, and what came after it stands.
    async fn settle(&self, settlement: Settlement) -> Result<(), Error>;

    /// When the next callback becomes due that is neither in flight nor held.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Error>;

    /// Returns when there may be something new to claim, or another time in
    /// [`Store::next_due`]. What changes while nobody waits is kept for one who waits next.
    async fn work(&self);

    /// Lists callbacks.
    async fn callbacks(&self, filter: &CallbackFilter) -> Result<Vec<Callback>, Error>;

    /// Reads a callback with its body.
    async fn callback(&self, id: CallbackId) -> Result<Option<Claimed>, Error>;

    /// Makes dead callbacks due at `now`, with a new run of the schedule, behind those of
    /// their orders that already wait; returns those it did. Each remembers the `token` that
    /// asked. A preview that an outcome has overtaken stays dead, for its price is no news any
    /// more; so does one of an order of which [`MAX_PREVIEWS_WAITING`] wait, and all of an erased
    /// order. Not one transaction, for nobody is to wait long behind it: after an error, what was
    /// redriven until then stays so.
    async fn redrive(
        &self,
        ids: &[CallbackId],
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<CallbackId>, Error>;

    /// Those of them that [`Store::redrive`] would make due now; changes nothing.
    async fn would_redrive(&self, ids: &[CallbackId]) -> Result<Vec<CallbackId>, Error>;

    /// Stops sending, to one subscriber or to all (`None`), until released; survives restarts.
    /// What is in flight is not called back.
    async fn hold(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error>;

    /// Ends a hold; `None` ends the hold on all, and every other.
    async fn release(&self, subscriber: Option<&SubscriberId>) -> Result<(), Error>;

    /// The holds in force: subscriber ids, `*` for all.
    async fn holds(&self) -> Result<Vec<String>, Error>;

    /// Writes down what an admin token asks for, before it is done. Needs no room to be left:
    /// it is little, and operators are needed most where a disk is full.
    async fn note(&self, entry: AuditEntry) -> Result<(), Error>;

    /// Reads audit entries with a sequence above `after`, in order. A listing may show one a
    /// moment before it is durable.
    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Error>;

    /// Reads what is kept of a session.
    async fn timeline(
        &self,
        network: &NetworkName,
        transaction: &TransactionId,
    ) -> Result<Timeline, Error>;

    /// Removes personal data and raw messages of a final order that nothing is owed for, neither
    /// a callback nor a decision, and keeps amounts, ids, states, times and what recognises a
    /// repeated request. The order says so at once and takes part in nothing any more; returns
    /// when the rest is gone too. Asked again, it finishes what an end of the process left.
    async fn erase(&self, order: &OrderKey, now: DateTime<Utc>) -> Result<Erased, Error>;

    /// Takes one small step of a walk over what may be too old, and removes what is older than
    /// `before`: callbacks that are not owed with the requests they answer, orders that are final
    /// and nothing is owed for, as above, events, of which the newest always stays, or audit entries.
    async fn prune(&self, walk: Walk, before: DateTime<Utc>) -> Result<Pruned, Error>;

    /// Counts for health and metrics.
    async fn counts(&self) -> Result<Counts, Error>;

    /// Whether a commit could succeed now. While the disk is nearly full it could not; what is
    /// claimed can be settled all the same.
    ///
    /// # Errors
    /// Says why it could not.
    fn writable(&self) -> Result<(), Error>;

    /// Writes out what is queued and releases the files.
    async fn close(&self);
}

/// The `[store]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// Embedded, for one process.
    Sled {
        /// The directory.
        path: std::path::PathBuf,
        /// sled's page cache, in bytes.
        cache_bytes: u64,
        /// How much room must be left on its disk.
        min_free: MinFree,
    },
}

/// How much room is kept on a disk for what has been accepted already: the smaller of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinFree {
    /// As a size; with 0 there is no mark.
    pub bytes: u64,
    /// As a share of the disk.
    pub percent: u32,
}
