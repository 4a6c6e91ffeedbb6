//! What becomes of an order that is known already when news of it arrives.
//!
//! An order that is final stays final; news older than what is known is ignored; the terms stay
//! as they were frozen when the order was first taken in, until the provider sends others. A
//! message without a booking block leaves the block as it is.

use bytes::Bytes;

use super::TakenIn;
use super::terms::check_currency;
use crate::domain::order::{Booking, Order, PolicyBlock, State};
use crate::domain::policy::{INLINE, OWN, Policy};
use crate::engine::Error;
use crate::store::StoredOrder;

/// What is stored after `new` arrives, and what that means.
pub(super) fn merge(
    new: &Order,
    document: &Bytes,
    stored: Option<&StoredOrder>,
) -> Result<(Order, TakenIn), Error> {
    let Some(StoredOrder {
        order: known,
        document: known_document,
    }) = stored
    else {
        return Ok((new.clone(), TakenIn::Created));
    };
    // There is nothing left to compare with, and nothing may come back.
    if known.erased_at.is_some() {
        return Ok((known.clone(), TakenIn::Unchanged));
    }
    let same_booking = new.booking == Booking::default() || new.booking == known.booking;
    let same = known_document == document && same_booking;
    if same || new.occurred_at < known.occurred_at {
        return Ok((known.clone(), TakenIn::Unchanged));
    }
    if known.state.is_final() {
        return Err(final_already(known));
    }
    if new.state == State::Cancelled {
        let what = "cancel it with POST /orders/{id}/cancel, so that everybody hears of it";
        return Err(Error::Invalid(what.to_owned()));
    }
    Ok((updated(known, new)?, TakenIn::Updated))
}

/// The newer order, with what only the older one says.
fn updated(known: &Order, new: &Order) -> Result<Order, Error> {
    let mut order = Order {
        version: known.version + 1,
        booked_at: known.booked_at,
        undecided: known.undecided.clone(),
        pending: known.pending.clone(),
        ..new.clone()
    };
    order.policy = match brings_terms(known, new) {
        true => renewed(&known.policy, new),
        false => known.policy.clone(),
    };
    if new.booking == Booking::default() {
        // The status was that of another message.
        order.booking = Booking {
            status: None,
            ..known.booking.clone()
        };
    }
    // A message that does not repeat the price must not make a cancellation free.
    if new.price.is_none() {
        (order.price, order.paid) = (known.price, known.paid);
    }
    check_currency(&order.policy, order.price.as_ref())?;
    Ok(order)
}

/// Whether a message says which terms hold. One that says nothing must not turn terms that
/// were agreed into the present default, or into none.
fn brings_terms(known: &Order, new: &Order) -> bool {
    new.policy.name == OWN || !is_agreed(&known.policy, new)
}

/// Whether a message's booking block says no other policy than one that was agreed. A configured
/// one is frozen, whatever its name stands for by now; one that is brought is what it says.
fn is_agreed(agreed: &Policy, new: &Order) -> bool {
    match &new.booking.policy {
        None => true,
        Some(PolicyBlock::Named(name)) => *name == agreed.name,
        Some(PolicyBlock::Inline(_)) => {
            let brought = new.policy.otherwise.as_deref().unwrap_or(&new.policy);
            agreed.name == INLINE && agreed.version == brought.version
        }
    }
}

/// The new terms. What stands in for them stays the policy that was agreed before, unless the
/// message names another.
fn renewed(known: &Policy, new: &Order) -> Policy {
    let agreed = match known.name.as_str() {
        OWN => known.otherwise.as_deref(),
        _ => Some(known),
    };
    let agreed = agreed.filter(|agreed| is_agreed(agreed, new));
    match (agreed, &new.policy.otherwise) {
        (Some(agreed), Some(_)) => Policy {
            otherwise: Some(Box::new(agreed.clone())),
            ..new.policy.clone()
        },
        _ => new.policy.clone(),
    }
}

/// What cannot be done to an order because it is final.
pub(in crate::engine) fn final_already(known: &Order) -> Error {
    let what = match known.state {
        State::Cancelled => "the order is cancelled".to_owned(),
        state => format!("the order is final: {}", state.word()),
    };
    Error::Conflict {
        what,
        cancellation: known.cancellation.clone().map(Box::new),
    }
}
