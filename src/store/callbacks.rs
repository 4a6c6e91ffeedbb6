//! The records of callbacks: what is owed, what became of it, and what is handed in and out.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{MessageId, OrderKey, SubscriberId, TransactionId};

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

/// A callback to be sent, as part of a [`Commit`](super::Commit).
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
    /// `host:port` of the URL, or its host alone where any port of it may be called: what limits,
    /// breaker and fairness go by.
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
    /// What limits, breaker and fairness go by.
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

/// How many previews of one order may wait: the outcome that overtakes them closes them all at
/// once, while everybody else's requests wait.
pub const MAX_PREVIEWS_WAITING: usize = 64;

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
    /// Lanes that have one in flight at most (breakers that have rested).
    pub lanes_to_probe: Vec<String>,
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
