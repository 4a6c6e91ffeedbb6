//! What the BAP has received, and how it is going to answer.
//!
//! `receive` puts callbacks in, [`super::BapHandle`] reads and waits for them. Nothing is ever
//! taken out again.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// How a callback is answered.
#[derive(Debug, Clone, Default)]
pub enum Answer {
    /// Status 200 with an ACK.
    #[default]
    Ack,
    /// Status 200 with a NACK carrying this `error`.
    Nack(Value),
    /// This status with this body.
    Raw {
        /// The HTTP status.
        status: u16,
        /// The bytes of the body.
        body: Bytes,
    },
    /// Nothing, with the connection left open.
    Hang,
    /// The connection closes before the answer is complete.
    Close,
}

/// A callback that came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: DateTime<Utc>,
    /// Name and value of each header, in no order.
    pub headers: Vec<(String, String)>,
    /// The bytes as they came.
    pub body: Bytes,
    /// `context.message_id`, where there is one.
    pub message_id: Option<String>,
    /// Whether the signature holds, with the registry's key for it; else why not.
    pub verdict: Result<(), String>,
}

impl Received {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Default)]
pub(in crate::mock) struct Inbox {
    pub(in crate::mock) received: Vec<Received>,
    pub(in crate::mock) next: VecDeque<Answer>,
    pub(in crate::mock) usual: Answer,
}

impl Inbox {
    /// Keeps the callback and says how to answer it.
    pub(in crate::mock) fn keep(&mut self, received: Received) -> Answer {
        self.received.push(received);
        self.next.pop_front().unwrap_or_else(|| self.usual.clone())
    }

    /// The callbacks with this message id, oldest first.
    pub(in crate::mock) fn of(&self, message_id: &str) -> Vec<Received> {
        let wanted = |received: &&Received| received.message_id.as_deref() == Some(message_id);
        self.received.iter().filter(wanted).cloned().collect()
    }
}
