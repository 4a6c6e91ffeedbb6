//! What the outside knows: the requests that were sent, the answers that were read in full,
//! and the callbacks that came in. The audit compares it with what the server says.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use beckn_bpp::crypto::digest::blake2b_512_base64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::orders::Numbered;

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub order: Numbered,
    pub message: String,
    pub body: String,
    /// Sent by a BAP that did not place the order: it must leave no trace.
    pub is_foreign: bool,
}

/// All that is known of one message id.
#[derive(Debug, Clone)]
pub struct Message {
    pub order: Numbered,
    pub is_foreign: bool,
    /// The digests of the bodies that were sent under it.
    pub sent: BTreeSet<String>,
    /// Those that were acknowledged, the answer read in full.
    pub acked: BTreeSet<String>,
}

/// See the file's text.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Orders whose intake was acknowledged.
    pub orders: BTreeSet<Numbered>,
    pub messages: BTreeMap<String, Message>,
    /// Orders whose provider decides later on what it is asked to cancel, and whether it refuses.
    pub decided_later: BTreeMap<Numbered, bool>,
    /// Orders that were to be erased, and whether that was acknowledged.
    pub erased: BTreeMap<Numbered, bool>,
}

/// Whether a message asks for a price only; it says so in its id.
pub fn is_preview(message: &str) -> bool {
    message.starts_with("preview-")
}

impl Books {
    /// Takes down a request; called before it leaves.
    pub fn sent(&mut self, request: &Request) {
        let message = self.messages.entry(request.message.clone());
        let message = message.or_insert_with(|| Message {
            order: request.order,
            is_foreign: request.is_foreign,
            sent: BTreeSet::new(),
            acked: BTreeSet::new(),
        });
        message.sent.insert(digest(request.body.as_bytes()));
    }

    /// Takes down that an ACK to this body was read in full.
    pub fn acked(&mut self, message: &str, digest: String) {
        if let Some(message) = self.messages.get_mut(message) {
            message.acked.insert(digest);
        }
    }

    /// How many messages were acknowledged.
    pub fn acknowledged(&self) -> usize {
        let acked = |message: &&Message| !message.acked.is_empty();
        self.messages.values().filter(acked).count()
    }
}

/// The digest that bodies are compared by.
pub fn digest(bytes: &[u8]) -> String {
    blake2b_512_base64(bytes)
}

/// A callback as it came in.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Which of the two BAPs got it.
    pub bap: usize,
    pub message: String,
    pub body_digest: String,
    /// Of its `message` alone, which says what became of the order.
    pub saying: String,
    /// Whether its signature held, or why not.
    pub verdict: Result<(), String>,
    /// Whether the BAP answered ACK.
    pub was_acknowledged: bool,
    /// When it had come.
    pub at: Instant,
}

#[derive(Deserialize)]
struct OnCancel<'a> {
    context: Context,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct Context {
    message_id: String,
}

impl Callback {
    /// Reads what came to a BAP; `None` when it is no callback.
    pub fn read(bap: usize, body: &[u8], verdict: Result<(), String>) -> Option<Self> {
        let on_cancel: OnCancel<'_> = serde_json::from_slice(body).ok()?;
        let saying = on_cancel.message.map_or("", RawValue::get);
        Some(Self {
            bap,
            message: on_cancel.context.message_id,
            body_digest: digest(body),
            saying: digest(saying.as_bytes()),
            verdict,
            was_acknowledged: true,
            at: Instant::now(),
        })
    }
}
