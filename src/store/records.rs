//! The records a store keeps, and the plain values its methods take and return.
//!
//! They are the same for every store. What is written down is serialised with serde; what
//! is only handed in or out (`Commit`, `Claimed`, the filters) is not. Nothing in here does
//! anything: the rules are in the text of [`Store`](super::Store) and in its implementations.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    MessageId, NetworkName, OrderId, OrderKey, RequestKey, SubscriberId, TransactionId,
};
use crate::domain::order::{Order, Party, Reason, State};
use crate::domain::policy::Charge;

/// An order with the document the provider handed over.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    /// The facts.
    pub order: Order,
    /// The provider's document, byte for byte as kept at intake.
    pub document: Bytes,
}

/// An accepted request: what proves later who asked for what, and what we answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// What makes it the same request when it comes again.
    pub key: RequestKey,
    /// The order it was for.
    pub order: OrderId,
    /// The network that order is on, where a door takes requests for orders of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_network: Option<NetworkName>,
    /// BLAKE2b-512 of the raw body, base64.
    pub body_digest: String,
    /// The `Authorization` header as received.
    pub authorization: String,
    /// The public key that verified it, base64 of 32 bytes.
    pub verifying_key: String,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// When the registry vouched for that key, where this was too long ago: it could not be
    /// asked again, and the configuration lets a key be used for a while then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_key_of: Option<DateTime<Utc>>,
    /// The callback it caused; the store fills this in.
    pub callback: Option<CallbackId>,
    /// The raw body; kept beside the rest. Empty once it is erased.
    #[serde(skip)]
    pub body: Bytes,
}

impl StoredRequest {
    /// The order it was for.
    #[must_use]
    pub fn order_key(&self) -> OrderKey {
        OrderKey {
            network: self
                .order_network
                .as_ref()
                .unwrap_or(&self.key.network)
                .clone(),
            id: self.order.clone(),
        }
    }

    /// Whether the body was erased with its order: no request was ever empty.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.body.is_empty()
    }

    /// Whether a signature proved who sent it. What proves a door's client is not kept: whoever
    /// reads a token could use it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !self.authorization.is_empty()
    }
}

/// Numbers callbacks in the order they were committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallbackId(pub u64);

/// What a callback says, which decides what may hold it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackKind {
    /// The price of a cancellation; superseded when the outcome follows.
    Preview,
    /// An outcome.
    Final,
    /// A copy of one for a network's gateway; it waits for other copies alone.
    Audit,
    /// The news of a cancellation for a partner's app; it waits for no callback of the network.
    Webhook,
    /// An event for the provider's own system; it waits for the order's earlier events alone.
    Event,
    /// The reasons there are to cancel; about no order.
    Reasons,
}

impl CallbackKind {
    /// The action of the request that a callback of this kind answers.
    #[must_use]
    pub fn answers(self) -> &'static str {
        match self {
            CallbackKind::Preview
            | CallbackKind::Final
            | CallbackKind::Audit
            | CallbackKind::Webhook
            | CallbackKind::Event => "cancel",
            CallbackKind::Reasons => "get_cancellation_reasons",
        }
    }
}

/// Where a callback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// Owed.
    Pending,
    /// The subscriber acknowledged it.
    Delivered,
    /// Given up on; an operator can redrive it.
    Dead,
    /// A preview that an outcome overtook.
    Superseded,
}

/// A callback to be sent, as part of a [`Commit`].
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// Preview or outcome.
    pub kind: CallbackKind,
    /// Whom it is for.
    pub subscriber: SubscriberId,
    /// The session.
    pub transaction: TransactionId,
    /// The message it answers, or its own new id when nobody asked.
    pub message: MessageId,
    /// The whole URL it is posted to.
    pub url: String,
    /// `host:port` of the URL: what limits, breaker and fairness go by.
    pub lane: String,
    /// Whether the registry has vouched for the URL; else it is asked before each attempt.
    pub vouched: bool,
    /// The exact bytes to post; never rebuilt.
    pub body: Bytes,
}

/// A callback and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Its number.
    pub id: CallbackId,
    /// Preview or outcome.
    pub kind: CallbackKind,
    /// The network and order it is about.
    pub order: OrderKey,
    /// Whom it is for.
    pub subscriber: SubscriberId,
    /// The session.
    pub transaction: TransactionId,
    /// The message id it carries.
    pub message: MessageId,
    /// The whole URL.
    pub url: String,
    /// `host:port` of the URL.
    pub lane: String,
    /// Whether the registry had vouched for the URL when it was committed.
    pub vouched: bool,
    /// Where it stands.
    pub state: CallbackState,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
    /// When it is due, while pending.
    pub next_at: DateTime<Utc>,
    /// Attempts in the present run of the schedule; a redrive starts a new run.
    pub attempts_in_run: u32,
    /// Every attempt, oldest first; at most [`MAX_ATTEMPTS_KEPT`] are kept.
    pub attempts: Vec<Attempt>,
    /// Who had it sent again, oldest first; at most [`MAX_REDRIVES_KEPT`] are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redrives: Vec<Redrive>,
}

/// How many attempts a callback remembers.
pub const MAX_ATTEMPTS_KEPT: usize = 64;

/// How many redrives a callback remembers.
pub const MAX_REDRIVES_KEPT: usize = 16;

/// A dead callback was given a new run of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// When.
    pub at: DateTime<Utc>,
    /// The name of the admin token that asked for it.
    pub token: String,
}

/// One try to deliver a callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: u64,
    /// What came of it, in a fixed word: `delivered`, `nack`, `http_status`, `timeout`, ...
    pub outcome: String,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The answer's beginning or the transport's complaint, cut short.
    pub detail: String,
    /// What it was signed with; absent when nothing left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// What makes an attempt's `Authorization` header again, byte for byte: the header without what
/// the network's settings and the fixed grammar say anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// With which of our keys.
    pub key_id: String,
    /// Its public half, base64 of 32 bytes; records of earlier releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// When, in milliseconds of Unix time: `created`, and the timestamp of a renewed body.
    pub at_ms: i64,
    /// `expires` minus `created`.
    pub lifetime_seconds: i64,
    /// Whether the body's timestamp was renewed.
    pub restamped: bool,
    /// The signature, base64 of 64 bytes.
    pub signature: String,
}

/// A callback handed out to be sent: a lease, held until it is settled or the store reopens.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The callback as it stood when claimed.
    pub callback: Callback,
    /// The bytes to post. Empty once they are erased.
    pub body: Bytes,
}

impl Claimed {
    /// Whether the bytes were erased with their order: no callback was ever empty.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.body.is_empty()
    }
}

/// What may be claimed at once.
#[derive(Debug, Clone, Default)]
pub struct ClaimLimits {
    /// At most this many now.
    pub total: usize,
    /// At most this many in flight per lane.
    pub per_lane: usize,
    /// Lanes that get nothing at present (open breakers).
    pub closed_lanes: Vec<String>,
}

/// How an attempt ended for the callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Acknowledged.
    Delivered,
    /// Due again at this time.
    Retry(DateTime<Utc>),
    /// Given up on.
    Dead,
}

/// The result of an attempt.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The claimed callback.
    pub id: CallbackId,
    /// The attempt to record.
    pub attempt: Attempt,
    /// What follows.
    pub next: Next,
    /// Further callbacks that are owed because of this attempt, from the same transaction on.
    pub follow_ups: Vec<NewCallback>,
}

/// What the provider reads of a change this server made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts events from 1, without gaps; the store fills this in.
    pub sequence: u64,
    /// `order.cancelled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The network the order is on.
    pub network: NetworkName,
    /// The order.
    pub order_id: OrderId,
    /// The provider's own id for it.
    pub external_id: Option<String>,
    /// The order's version after the change.
    pub version: u64,
    /// Who caused it.
    pub by: Party,
    /// The name of the admin token that asked for it; absent when it came over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The money, absent when the order has no price.
    #[serde(flatten)]
    pub charge: Option<Charge>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Something an admin token asked for that changes what happens or takes messages out. Written
/// before it is done, so nothing is done without one; whether it then could be done, the order
/// or callback itself tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Counts entries from 1; the store fills this in.
    pub sequence: u64,
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// The name of the token.
    pub token: String,
    /// What, in a fixed word: `order.cancel`, `callback.redrive`, ...
    pub action: String,
    /// The network of the order or session, where one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkName>,
    /// The id of the order, callback, transaction or subscriber; absent when all are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What a commit says about the order.
#[derive(Debug, Clone)]
pub struct OrderWrite {
    /// Which order.
    pub key: OrderKey,
    /// The version it must still have; 0 when it must not exist yet.
    pub expected_version: u64,
    /// The order as it is to be; `None` leaves it as it is, but still compares the version.
    pub order: Option<Order>,
    /// The document as it is to be; `None` keeps the stored one.
    pub document: Option<Bytes>,
}

/// One durable transaction: all of it, or none.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The order, compared and perhaps set.
    pub order: OrderWrite,
    /// The request that caused it; its key must be new.
    pub request: Option<StoredRequest>,
    /// The callback owed for it.
    pub callback: Option<NewCallback>,
    /// The news for a partner's app, owed besides.
    pub webhook: Option<NewCallback>,
    /// The callbacks owed for requests that were accepted before and waited.
    pub answers: Vec<Answered>,
    /// The provider's event; its sequence is filled in.
    pub event: Option<Event>,
    /// The time it is committed at.
    pub now: DateTime<Utc>,
}

/// The callback of a request that was accepted before.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The request, which says from now on that it has this callback.
    pub request: RequestKey,
    /// The callback.
    pub callback: NewCallback,
}

/// Whom events are pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTarget {
    /// What they are called in lists and holds.
    pub subscriber: SubscriberId,
    /// The whole URL.
    pub url: String,
    /// `host:port` of the URL.
    pub lane: String,
}

/// What came of a commit. Whatever it says is durable when it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Written.
    Done {
        /// The callback's number, if one was owed.
        callback: Option<CallbackId>,
    },
    /// The order has another version than expected; nothing was written.
    OrderChanged,
    /// The request key is known; nothing was written.
    RequestKnown(Box<StoredRequest>),
}

/// Which orders to list, in the order of (network, id).
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only this network.
    pub network: Option<NetworkName>,
    /// Only this state.
    pub state: Option<State>,
    /// Only those with a fulfilment by this agent.
    pub agent: Option<String>,
    /// Only those that begin at this time or later.
    pub starts_from: Option<DateTime<Utc>>,
    /// Only those that begin before this time.
    pub starts_before: Option<DateTime<Utc>>,
    /// Only after this key.
    pub after: Option<OrderKey>,
    /// At most this many.
    pub limit: usize,
}

impl OrderFilter {
    /// Whether an order is one of those wanted; the network and what comes after are left out.
    #[must_use]
    pub fn wants(&self, order: &Order) -> bool {
        let by_agent = |agent: &String| {
            let mut agents = order.fulfillments.iter().map(|one| one.agent.as_ref());
            agents.any(|one| one == Some(agent))
        };
        let starts_at = order.starts_at();
        let begins = |holds: &dyn Fn(DateTime<Utc>) -> bool| starts_at.is_some_and(holds);
        self.state.is_none_or(|state| state == order.state)
            && self.agent.as_ref().is_none_or(by_agent)
            && self.starts_from.is_none_or(|from| begins(&|at| at >= from))
            && self.starts_before.is_none_or(|to| begins(&|at| at < to))
    }
}

/// Which callbacks to list, oldest first.
#[derive(Debug, Clone, Default)]
pub struct CallbackFilter {
    /// Only this state.
    pub state: Option<CallbackState>,
    /// Only for this subscriber.
    pub subscriber: Option<SubscriberId>,
    /// Only for this order.
    pub order: Option<OrderKey>,
    /// Only after this number.
    pub after: Option<CallbackId>,
    /// At most this many.
    pub limit: usize,
}

/// All that is kept of one session on one network.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Accepted requests, oldest first, those of doors included that caused one of the callbacks.
    pub requests: Vec<StoredRequest>,
    /// Callbacks, oldest first.
    pub callbacks: Vec<Callback>,
}

/// How many of each the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Callbacks owed.
    pub callbacks_pending: u64,
    /// Callbacks given up on.
    pub callbacks_dead: u64,
}
