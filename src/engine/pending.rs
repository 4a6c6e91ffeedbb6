//! A cancellation that the provider looks into first: begun on the network, settled later.
//!
//! The request is acknowledged and answered with an order whose cancellation is initiated. The
//! provider then cancels as it always does, or refuses here; either way the buyer app hears of it
//! by an `on_update` under the message id of its request.

use chrono::{DateTime, Utc};
use tracing::info;

use super::cancel::ProvenCancel;
use super::event::REFUSED;
use super::provider::told;
use super::{Engine, Error, MAX_RACES};
use crate::domain::decide::CancelRequest;
use crate::domain::ids::OrderKey;
use crate::domain::order::{Order, Party, Pending};
use crate::networks::Network;
use crate::protocol::cancel::Cancel;
use crate::protocol::on_cancel::Content;
use crate::store::{Commit, Committed, Event, OrderWrite, StoredOrder};

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
    ///
    /// # Errors
    /// When there is no such order, nothing was asked for, or it cannot be stored.
    pub async fn refuse_cancellation(
        &self,
        network: Option<&Network>,
        asked: Refusing<'_>,
        now: DateTime<Utc>,
    ) -> Result<Order, Error> {
        let Refusing { key, token, .. } = asked;
        for _ in 0..MAX_RACES {
            let stored = self.store.order(key).await?;
            let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
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
        let what = "the order keeps changing; try again".to_owned();
        Err(Error::Conflict {
            what,
            cancellation: None,
        })
    }
}

fn transaction(
    network: Option<&Network>,
    stored: &StoredOrder,
    (order, pending): (&Order, &Pending),
    (asked, now): (Refusing<'_>, DateTime<Utc>),
) -> Result<Commit, Error> {
    let callback = told(
        network,
        stored,
        Content::Kept(pending, asked.note, now),
        now,
    )?;
    let event = Event {
        by: Party::Provider,
        token: Some(asked.token.to_owned()),
        at: now,
        ..event(order, pending, REFUSED)
    };
    Ok(Commit {
        order: OrderWrite {
            key: order.key.clone(),
            expected_version: stored.order.version,
            order: Some(order.clone()),
            document: None,
        },
        request: None,
        callback,
        webhook: None,
        answers: Vec::new(),
        event: Some(event),
        now,
    })
}

/// The order once a request waits for the provider.
pub(super) fn awaiting(
    asked: &ProvenCancel<'_>,
    cancel: &Cancel,
    order: &Order,
    now: DateTime<Utc>,
) -> Order {
    order.awaiting(Pending {
        request: asked.context.message.clone(),
        reason: cancel.request.reason.clone(),
        at: now,
    })
}

/// The provider's event for a question and what became of it.
pub(super) fn event(order: &Order, pending: &Pending, kind: &str) -> Event {
    Event {
        sequence: 0,
        kind: kind.to_owned(),
        network: order.key.network.clone(),
        order_id: order.key.id.clone(),
        external_id: order.booking.external_id.clone(),
        version: order.version,
        by: Party::Customer,
        token: None,
        reason: pending.reason.clone(),
        fulfillment: None,
        rto: None,
        charge: None,
        at: pending.at,
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
