//! The records a store keeps, and the plain values its methods take and return.
//!
//! They are the same for every store. What is written down is serialised with serde; what
//! is only handed in or out (`Commit`, the filters) is not. Nothing in here does
//! anything: the rules are in the text of [`Store`](super::Store) and in its implementations.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::callbacks::{Callback, CallbackId, CallbackState, NewCallback};
use crate::domain::ids::{NetworkName, OrderId, OrderKey, RequestKey, SubscriberId};
use crate::domain::order::{Order, Party, Reason, State};
use crate::domain::policy::Charge;
use crate::domain::rto::Rto;
use crate::domain::undecided::Refused;

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
    /// What it was refused with once the provider had been asked: a door answers so again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
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

/// What the provider reads of a change this server made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts events from 1, without gaps; the store fills this in.
    pub sequence: u64,
    /// `order.cancelled`, `order.fulfillment_cancelled`, ...
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
    /// The only fulfilment that it is about; absent where it is about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfillment: Option<String>,
    /// The way back of goods that were under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Rto>,
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

impl OrderWrite {
    /// A stored order stays as it was read; that it still is so is compared.
    #[must_use]
    pub fn same(stored: &StoredOrder) -> Self {
        Self {
            key: stored.order.key.clone(),
            expected_version: stored.order.version,
            order: None,
            document: None,
        }
    }

    /// A stored order becomes this one; its document stays.
    #[must_use]
    pub fn changed(stored: &StoredOrder, order: Order) -> Self {
        Self {
            order: Some(order),
            ..Self::same(stored)
        }
    }
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
    /// What becomes of requests that were accepted before and waited.
    pub answers: Vec<Answered>,
    /// The provider's event; its sequence is filled in.
    pub event: Option<Event>,
    /// The time it is committed at.
    pub now: DateTime<Utc>,
}

impl Commit {
    /// About the order alone: nobody asked, and nobody hears of it.
    #[must_use]
    pub fn of(order: OrderWrite, now: DateTime<Utc>) -> Self {
        Self {
            order,
            request: None,
            callback: None,
            webhook: None,
            answers: Vec::new(),
            event: None,
            now,
        }
    }
}

/// What becomes of a request that was accepted before, and says so from now on.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The request.
    pub request: RequestKey,
    /// The callback owed for it, where it came in on a network.
    pub callback: Option<NewCallback>,
    /// What it is refused with, where it came in through another door.
    pub refused: Option<Refused>,
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
    /// It owes a preview, and [`MAX_PREVIEWS_WAITING`](super::MAX_PREVIEWS_WAITING) of the order
    /// wait already; nothing was written.
    TooManyPreviews,
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
