//! What an exported session says of itself: the list that the files are checked against.
//!
//! Written by the server and read back by `signature verify --evidence`. Times are those of the
//! server; what others signed is in the files.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{MessageId, NetworkName, OrderId, SubscriberId, TransactionId};
use crate::store::{CallbackId, CallbackKind, CallbackState};

/// The name of the manifest's own file.
pub const MANIFEST: &str = "manifest.json";
/// The header over the manifest's bytes.
pub const MANIFEST_AUTHORIZATION: &str = "manifest.authorization.txt";
/// The key that it verifies with.
pub const MANIFEST_KEY: &str = "manifest.public_key.txt";

/// The present form.
pub const FORMAT: u32 = 1;

/// One session on one network.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The session.
    pub transaction_id: TransactionId,
    /// What the server calls the network.
    pub network: NetworkName,
    /// Who exported it.
    pub subscriber_id: SubscriberId,
    /// When.
    pub exported_at: DateTime<Utc>,
    /// Accepted requests, oldest first.
    pub requests: Vec<Request>,
    /// Callbacks, oldest first.
    pub callbacks: Vec<Callback>,
    /// Every other file, by its name from the directory on.
    pub files: BTreeMap<String, Digest>,
}

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Its length.
    pub bytes: u64,
    /// BLAKE2b-512, base64.
    pub blake2b_512: String,
}

/// An accepted request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The raw body; absent once it is erased.
    pub body: Option<String>,
    /// The header it came with.
    pub authorization: String,
    /// The key that proved it.
    pub public_key: String,
    /// The answer's exact bytes.
    pub ack: String,
    /// BLAKE2b-512 of the raw body, base64: what the header signs, and what is left of the body.
    pub body_digest: String,
    /// Who sent it.
    pub caller: String,
    /// What it asked for.
    pub action: String,
    /// The message.
    pub message_id: MessageId,
    /// The order.
    pub order_id: OrderId,
    /// When it was accepted: the time of the transaction that the ACK waited for.
    pub received_at: DateTime<Utc>,
    /// The callback it caused.
    pub callback: Option<CallbackId>,
    /// When the registry had vouched for the key, where it could not be asked again in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_key_of: Option<DateTime<Utc>>,
}

/// A callback.
#[derive(Debug, Serialize, Deserialize)]
pub struct Callback {
    /// Its number.
    pub id: CallbackId,
    /// The exact bytes owed; absent once they are erased.
    pub body: Option<String>,
    /// Every attempt as kept, with its answer.
    pub attempts: String,
    /// Preview or outcome.
    pub kind: CallbackKind,
    /// Where it stands.
    pub state: CallbackState,
    /// Whom it is for.
    pub subscriber: SubscriberId,
    /// Where it went.
    pub url: String,
    /// The message.
    pub message_id: MessageId,
    /// The order.
    pub order_id: OrderId,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// The attempts that left, in their order.
    pub sent: Vec<Sent>,
}

/// An attempt that left with our signature.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Which of the attempts, counted from 1.
    pub attempt: usize,
    /// When it was signed.
    pub signed_at: DateTime<Utc>,
    /// The bytes that were signed, where they are left.
    pub body: Option<String>,
    /// The header it left with.
    pub authorization: String,
    /// With which of our keys.
    pub key_id: String,
    /// That key; absent when it was not kept and the server has another one by now.
    pub public_key: Option<String>,
    /// What came of it.
    pub outcome: String,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
}
