//! What the provider reads of the changes that this server makes.

use chrono::{DateTime, Utc};

use crate::domain::order::{Cancellation, Order, Party, Pending, Reason};
use crate::domain::policy::Charge;
use crate::domain::rto::Rto;
use crate::store::Event;

const CANCELLED: &str = "order.cancelled";

/// One fulfilment of several is.
const FULFILLMENT_CANCELLED: &str = "order.fulfillment_cancelled";

/// A question that the provider has to answer.
const PENDING: &str = "order.cancellation_pending";

/// Its answer that it does not cancel.
const REFUSED: &str = "order.cancellation_refused";

/// The order is cancelled, or one fulfilment of it.
pub(super) fn cancelled(order: &Order, cancellation: &Cancellation) -> Event {
    let kind = match cancellation.fulfillment() {
        Some(_) => FULFILLMENT_CANCELLED,
        None => CANCELLED,
    };
    event(kind, order, Said::of(cancellation), cancellation.at)
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
    event(PENDING, order, Said::asked(pending), pending.at)
}

/// It was looked into and the order is not cancelled: this token says so for the provider, or the
/// time is over and the terms do.
pub(super) fn kept(
    order: &Order,
    pending: &Pending,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Event {
    let by = match token {
        Some(_) => Party::Provider,
        None => Party::Customer,
    };
    let said = Said {
        by,
        token,
        charge: None,
        ..Said::asked(pending)
    };
    event(REFUSED, order, said, now)
}

/// What an event says besides the order and the time.
struct Said<'a> {
    by: Party,
    token: Option<&'a str>,
    reason: &'a Reason,
    fulfillment: Option<&'a str>,
    rto: Option<&'a Rto>,
    charge: Option<Charge>,
}

impl<'a> Said<'a> {
    fn asked(pending: &'a Pending) -> Self {
        let proposed = pending.proposed.as_ref();
        Self {
            by: Party::Customer,
            token: None,
            reason: &pending.reason,
            fulfillment: None,
            rto: None,
            charge: proposed.and_then(|proposed| proposed.charge),
        }
    }

    fn of(cancellation: &'a Cancellation) -> Self {
        Self {
            by: cancellation.by,
            token: cancellation.token.as_deref(),
            reason: &cancellation.reason,
            fulfillment: cancellation.fulfillment(),
            rto: cancellation.rto.as_ref(),
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
        fulfillment: said.fulfillment.map(str::to_owned),
        rto: said.rto.cloned(),
        charge: said.charge,
        at,
    }
}
