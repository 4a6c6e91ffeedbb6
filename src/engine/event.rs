//! What the provider reads of the changes that this server makes.

use chrono::{DateTime, Utc};

use crate::domain::order::{Cancellation, Order};
use crate::store::Event;

/// The kind of a question that the provider has to answer.
pub(super) const PENDING: &str = "order.cancellation_pending";

/// That of its answer that it does not cancel.
pub(super) const REFUSED: &str = "order.cancellation_refused";

/// The order is cancelled, or one fulfilment of it.
pub(super) fn cancelled(order: &Order, cancellation: &Cancellation) -> Event {
    let kind = match cancellation.fulfillment() {
        Some(_) => "order.fulfillment_cancelled",
        None => "order.cancelled",
    };
    event(kind, order, cancellation, cancellation.at)
}

/// The provider is asked about a cancellation.
pub(super) fn pending(order: &Order, proposed: &Cancellation) -> Event {
    event(PENDING, order, proposed, proposed.at)
}

/// What the provider was asked about is not done: the order goes on.
pub(super) fn refused(order: &Order, proposed: &Cancellation, now: DateTime<Utc>) -> Event {
    event(REFUSED, order, proposed, now)
}

/// The store gives it its number.
fn event(kind: &str, order: &Order, of: &Cancellation, at: DateTime<Utc>) -> Event {
    Event {
        sequence: 0,
        kind: kind.to_owned(),
        network: order.key.network.clone(),
        order_id: order.key.id.clone(),
        external_id: order.booking.external_id.clone(),
        version: order.version,
        by: of.by,
        token: of.token.clone(),
        reason: of.reason.clone(),
        fulfillment: of.fulfillment().map(str::to_owned),
        rto: of.rto.clone(),
        charge: of.charge,
        at,
    }
}
