//! What the provider reads of the changes that this server makes.

use chrono::{DateTime, Utc};

use crate::domain::order::{Cancellation, Order, Party, Pending, Reason};
use crate::domain::policy::Charge;
use crate::store::Event;

const CANCELLED: &str = "order.cancelled";

/// A question that the provider has to answer.
const PENDING: &str = "order.cancellation_pending";

/// Its answer that it does not cancel.
const REFUSED: &str = "order.cancellation_refused";

/// The order is cancelled.
pub(super) fn cancelled(order: &Order, cancellation: &Cancellation) -> Event {
    event(CANCELLED, order, Said::of(cancellation), cancellation.at)
}

/// The provider is asked about a cancellation.
pub(super) fn pending(order: &Order, proposed: &Cancellation) -> Event {
    event(PENDING, order, Said::of(proposed), proposed.at)
}

/// What the provider was asked about is not done: the order goes on.
pub(super) fn refused(order: &Order, proposed: &Cancellation, now: DateTime<Utc>) -> Event {
    event(REFUSED, order, Said::of(proposed), now)
}

/// The provider has to look into a cancellation.
pub(super) fn awaited(order: &Order, pending: &Pending) -> Event {
    let said = Said {
        by: Party::Customer,
        token: None,
        reason: &pending.reason,
        charge: None,
    };
    event(PENDING, order, said, pending.at)
}

/// The provider has looked into it, and this token says that the order is not cancelled.
pub(super) fn kept(order: &Order, pending: &Pending, token: &str, now: DateTime<Utc>) -> Event {
    let said = Said {
        by: Party::Provider,
        token: Some(token),
        reason: &pending.reason,
        charge: None,
    };
    event(REFUSED, order, said, now)
}

/// What an event says besides the order and the time.
struct Said<'a> {
    by: Party,
    token: Option<&'a str>,
    reason: &'a Reason,
    charge: Option<Charge>,
}

impl<'a> Said<'a> {
    fn of(cancellation: &'a Cancellation) -> Self {
        Self {
            by: cancellation.by,
            token: cancellation.token.as_deref(),
            reason: &cancellation.reason,
            charge: cancellation.charge,
        }
    }
}

/// The store gives it its number.
fn event(kind: &str, order: &Order, said: Said<'_>, at: DateTime<Utc>) -> Event {
    Event {
        sequence: 0,
        kind: kind.to_owned(),
        network: order.key.network.clone(),
        order_id: order.key.id.clone(),
        external_id: order.booking.external_id.clone(),
        version: order.version,
        by: said.by,
        token: said.token.map(str::to_owned),
        reason: said.reason.clone(),
        charge: said.charge,
        at,
    }
}
