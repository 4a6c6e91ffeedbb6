//! A cancellation that the provider looks into first: begun on the network, settled later.
//!
//! The request is acknowledged and answered with an order whose cancellation is initiated. The
//! provider then cancels as it always does, or refuses here, or lets the time for it pass; either
//! way the buyer app hears of it by an `on_update` under the message id of its request.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::info;

use super::cancel::ProvenCancel;
use super::provider::told;
use super::{Engine, Error, MAX_RACES, event};
use crate::domain::decide::{CancelRequest, Denial};
use crate::domain::ids::OrderKey;
use crate::domain::order::{Cancellation, Order, Party, Pending};
use crate::domain::undecided::Answer;
use crate::networks::Network;
use crate::protocol::cancel::Cancel;
use crate::protocol::on_cancel::{Content, Kept};
use crate::store::{Commit, Committed, NewCallback, OrderWrite, StoredOrder};

/// What the provider's side says when it does not cancel.
#[derive(Debug, Clone, Copy)]
pub struct Refusing<'a> {
    /// The order.
    pub key: &'a OrderKey,
    /// Why, in a sentence for people.
    pub note: Option<&'a str>,
    /// The name of the admin token that asks.
    pub token: &'a str,
}

impl Engine {
    /// Settles what was asked for: the order is not cancelled, and is over. The buyer app is told.
    /// Where the provider is being asked a question about the order, this is the answer to it, and
    /// the order goes on.
    ///
    /// # Errors
    /// When there is no such order, nothing was asked for, or it cannot be stored.
    pub async fn refuse_cancellation(
        &self,
        network: Option<&Network>,
        asked: Refusing<'_>,
        now: DateTime<Utc>,
    ) -> Result<Order, Error> {
        let Refusing { key, token, note } = asked;
        for _ in 0..MAX_RACES {
            let stored = self.store.order(key).await?;
            let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
            if let Some(undecided) = &stored.order.undecided {
                let refuse = Answer::Refuse(note.map(str::to_owned));
                let question = (key, &undecided.question);
                self.resolve(network, question, &refuse, now).await?;
                let told = self.store.order(key).await?;
                return Ok(told.map_or(stored.order, |told| told.order));
            }
            let Some(pending) = &stored.order.pending else {
                return Err(nothing_asked(&stored.order));
            };
            let order = stored.order.kept(now);
            let commit = transaction(network, &stored, (&order, pending), (asked, now))?;
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                info!(order.id = %key.id, token, "a cancellation is refused by the provider");
                return Ok(order);
            }
        }
        Err(Error::changing())
    }
}

fn transaction(
    network: Option<&Network>,
    stored: &StoredOrder,
    (order, pending): (&Order, &Pending),
    (asked, now): (Refusing<'_>, DateTime<Utc>),
) -> Result<Commit, Error> {
    let kept = Kept {
        pending,
        note: asked.note,
        at: now,
        is_over: true,
    };
    let callback = told(network, stored, Content::Kept(kept), now)?;
    let event = event::kept(order, pending, Some(asked.token), now);
    Ok(Commit {
        callback,
        event: Some(event),
        ..Commit::of(OrderWrite::changed(stored, order.clone()), now)
    })
}

/// The buyer app was told that it is looked into: now that the order goes on, and why.
pub(super) fn told_kept(
    network: Option<&Network>,
    (stored, pending): (&StoredOrder, &Pending),
    (order, denial): (&Order, &Denial),
    now: DateTime<Utc>,
) -> Result<Option<NewCallback>, Error> {
    let sentence = denial.sentence();
    let kept = Kept {
        pending,
        note: Some(&sentence),
        at: now,
        is_over: order.state.is_final(),
    };
    told(network, stored, Content::Kept(kept), now)
}

/// The order once a request waits for the provider, or for the time that it has to pass.
pub(super) fn awaiting(
    asked: &ProvenCancel<'_>,
    cancel: &Cancel,
    (order, proposed): (&Order, &Option<Cancellation>),
    now: DateTime<Utc>,
) -> Order {
    let within = TimeDelta::from_std(asked.network.settings.settle_within);
    order.awaiting(Pending {
        until: within
            .ok()
            .and_then(|within| now.checked_add_signed(within)),
        proposed: proposed.clone().map(Box::new),
        ..meanwhile(asked, cancel, now)
    })
}

/// What the buyer app is told while a question to the provider is open that has a time of its own.
pub(super) fn meanwhile(asked: &ProvenCancel<'_>, cancel: &Cancel, now: DateTime<Utc>) -> Pending {
    Pending {
        request: asked.context.message.clone(),
        reason: cancel.request.reason.clone(),
        at: now,
        until: None,
        proposed: None,
    }
}

/// A provider that cancels what was asked for does so for the reason that was given.
pub(super) fn settling(order: &Order, request: &CancelRequest) -> CancelRequest {
    let mut request = request.clone();
    let asked = order
        .pending
        .as_ref()
        .filter(|_| request.by == Party::Provider);
    if let (Some(pending), None) = (asked, &request.reason.id) {
        request.reason.id.clone_from(&pending.reason.id);
    }
    request
}

/// Nobody but the provider can settle it.
pub(super) fn waiting() -> Error {
    let what = "the provider has to decide on a cancellation that was asked for: cancel by \
                provider, or refuse";
    Error::Conflict {
        what: what.to_owned(),
        cancellation: None,
    }
}

fn nothing_asked(order: &Order) -> Error {
    Error::Conflict {
        what: "no cancellation waits for the provider".to_owned(),
        cancellation: order.cancellation.clone().map(Box::new),
    }
}
