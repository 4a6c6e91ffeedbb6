//! Erasing an order: what names a person goes, what was owed and paid stays.
//!
//! Only for an order that is over: nothing more is to be said about it, so nobody will miss what
//! is erased. The network then hears of it what it hears of orders that never were.

use chrono::{DateTime, Utc};
use tracing::info;

use super::{Engine, Error};
use crate::domain::ids::OrderKey;
use crate::store::Erased;

/// What was erased, durable when it is said.
#[derive(Debug, Clone, Copy)]
pub struct Erasure {
    /// When the order was erased, now or the first time.
    pub at: DateTime<Utc>,
    /// Requests whose bytes went now.
    pub requests: u64,
    /// Callbacks whose bytes went now.
    pub callbacks: u64,
}

impl Engine {
    /// Erases personal data and raw messages of an order; asked again, it does nothing more.
    ///
    /// # Errors
    /// When there is no such order, it is not final, or something is still owed for it.
    pub async fn erase(&self, key: &OrderKey, now: DateTime<Utc>) -> Result<Erasure, Error> {
        let what = match self.store.erase(key, now).await? {
            Erased::Done {
                at,
                requests,
                callbacks,
            } => {
                info!(order.id = %key.id, requests, callbacks, "an order is erased");
                return Ok(Erasure {
                    at,
                    requests,
                    callbacks,
                });
            }
            Erased::Unknown => return Err(Error::NotFound(key.id.clone())),
            Erased::NotFinal(state) => format!(
                "order {} is {}: only an order that is over can be erased; cancel it, or report \
                 how it ended, first",
                key.id,
                state.word()
            ),
            Erased::Undecided => format!(
                "an answer is still owed: a cancellation of order {} waits for the provider to \
                 decide; refuse it first, or wait until the time for that is over. Either needs \
                 network {} to be joined",
                key.id, key.network
            ),
            Erased::Owed => format!(
                "a callback of order {} is still owed: erase it once that is delivered or given \
                 up on",
                key.id
            ),
        };
        Err(Error::Conflict {
            what,
            cancellation: None,
        })
    }
}
