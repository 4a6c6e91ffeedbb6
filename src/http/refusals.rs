//! The last refusals, in bounded memory: what an operator looks at when a partner calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::crypto::signature::fit_to_show;

/// How many are kept.
const KEPT: usize = 1_000;

/// How much of a header is kept, in characters.
const HEADER_CHARS: usize = 512;

/// One refused request: header, step and digest, never its body.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// The id that the answer carried.
    pub request_id: String,
    /// The network it came in on.
    pub network: String,
    /// The step that failed.
    pub reason: &'static str,
    /// What was expected and got.
    pub detail: String,
    /// The answer's status.
    pub status: u16,
    /// The `Authorization` header, cut; of another scheme than ours its name alone.
    pub authorization: Option<String>,
    /// BLAKE2b-512 of the body, where one was read.
    pub body_digest: Option<String>,
    /// The body's length.
    pub body_bytes: Option<usize>,
}

/// A ring of refusals.
#[derive(Default)]
pub struct Refusals(Mutex<VecDeque<Refused>>);

impl Refusals {
    /// Remembers one, forgetting the oldest when full.
    pub fn push(&self, mut refused: Refused) {
        // An admin token that went to the wrong port, say, is nobody's to read.
        let header = refused.authorization.as_deref().map(fit_to_show);
        refused.authorization = header.map(|header| header.chars().take(HEADER_CHARS).collect());
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == KEPT {
            ring.pop_front();
        }
        ring.push_back(refused);
    }

    /// All that are kept, newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Refused> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().cloned().collect()
    }
}
