//! What the provider looks into for too long: at the end of its time the terms decide.
//!
//! Until when that is, and what the terms said when it was asked for, is on the order, durably, so
//! that any process finds it again. The buyer app hears of the outcome like of any other.

use chrono::{DateTime, Utc};
use tracing::info;

use super::pending::told_kept;
use super::provider::transaction;
use super::{Engine, Error, MAX_RACES, event};
use crate::domain::decide::{Decision, Denial};
use crate::domain::ids::OrderKey;
use crate::domain::order::Pending;
use crate::domain::undecided::overdue;
use crate::networks::Network;
use crate::store::{self, Commit, Committed, OrderWrite, StoredOrder};

impl Engine {
    /// The orders whose provider has had its time to look into a cancellation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn overdue(&self, now: DateTime<Utc>) -> Result<Vec<OrderKey>, store::Error> {
        self.store.overdue(now).await
    }

    /// Decides such an order by its terms, if nobody has settled it meanwhile.
    ///
    /// # Errors
    /// When it cannot be stored, or the buyer app cannot be told at present.
    pub async fn decide_overdue(
        &self,
        network: Option<&Network>,
        key: &OrderKey,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_RACES {
            let Some(stored) = self.store.order(key).await? else {
                return Ok(());
            };
            let pending = stored.order.pending.clone();
            let is_over = |pending: &Pending| pending.until.is_some_and(|until| until <= now);
            let Some(pending) = pending.filter(is_over) else {
                return Ok(());
            };
            let commit = match overdue(&stored.order, &pending, now) {
                Decision::Refused(denial) => kept(network, (&stored, &pending), &denial, now)?,
                Decision::Cancelled(cancellation) => {
                    let order = stored.order.cancelled(cancellation.clone());
                    transaction(network, &stored, (&order, None), (&cancellation, None), now)?
                }
                _ => return Ok(()),
            };
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                info!(order.id = %key.id,
                    "the provider has not decided about a cancellation in time: the terms do");
                return Ok(());
            }
        }
        Err(Error::changing())
    }
}

/// The order as it goes on, and what the buyer app is told of it.
fn kept(
    network: Option<&Network>,
    (stored, pending): (&StoredOrder, &Pending),
    denial: &Denial,
    now: DateTime<Utc>,
) -> Result<Commit, Error> {
    let order = stored.order.no_longer_asked_about();
    let callback = told_kept(network, (stored, pending), (&order, denial), now)?;
    Ok(Commit {
        event: Some(event::kept(&order, pending, None, now)),
        callback,
        ..Commit::of(OrderWrite::changed(stored, order), now)
    })
}
