//! What becomes of an order that is known already when news of it arrives.
//!
//! An order that is final stays final; news older than what is known is ignored; the terms stay
//! as they were frozen when the order was first taken in, until the provider sends others. What
//! a message leaves out (price, payments, terms, members of the booking block) stays as it is.

use bytes::Bytes;

use super::terms::check_currency;
use super::{News, TakenIn, block};
use crate::domain::money::{Error as MoneyError, Money};
use crate::domain::order::{Order, State};
use crate::engine::Error;
use crate::store::StoredOrder;

/// What is stored after the news, and what that means. `new` is what they say, with the parts of
/// the order that are gone by now.
pub(super) fn merge(
    (news, new): (&News<'_>, &Order),
    document: &Bytes,
    stored: Option<&StoredOrder>,
) -> Result<(Order, TakenIn), Error> {
    let Some(StoredOrder {
        order: known,
        document: known_document,
    }) = stored
    else {
        return Ok((first(news, new)?, TakenIn::Created));
    };
    // There is nothing left to compare with, and nothing may come back.
    if known.erased_at.is_some() {
        return Ok((known.clone(), TakenIn::Unchanged));
    }
    let booking = block::merged(&known.booking, &news.block)?;
    let same_booking = news.block.is_empty() || booking == known.booking;
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
    let order = Order {
        booking,
        ..updated(known, (news, new))?
    };
    Ok((order, TakenIn::Updated))
}

/// The order as it is first known.
fn first(news: &News<'_>, new: &Order) -> Result<Order, Error> {
    let order = Order {
        policy: news.terms.first()?,
        ..new.clone()
    };
    check_currency(&order.policy, order.price.as_ref())?;
    Ok(order)
}

/// The newer order, with what only the older one says.
fn updated(known: &Order, (news, new): (&News<'_>, &Order)) -> Result<Order, Error> {
    // A message that does not repeat the price must not make a cancellation free, and one that
    // does not repeat the payments must not keep what was paid.
    let price = new.price.or(known.price);
    let said = news.payments.as_ref().map(|payments| payments.sum(price));
    let said = said.transpose()?.flatten();
    let order = Order {
        version: known.version + 1,
        booked_at: known.booked_at,
        price,
        paid: said.or(known.paid).or(new.paid),
        policy: news.terms.renewed(known)?,
        undecided: known.undecided.clone(),
        pending: known.pending.clone(),
        ..new.clone()
    };
    check_currency(&order.policy, order.price.as_ref())?;
    in_one_currency(order)
}

/// What was paid, and what a cancellation that waits would cost, is in the currency of the price.
fn in_one_currency(mut order: Order) -> Result<Order, Error> {
    let Some(price) = order.price else {
        return Ok(order);
    };
    if order.paid.is_some_and(|paid| paid.minor == 0) {
        order.paid = Some(price.with_minor(0));
    }
    let undecided = order.undecided.as_ref().map(|asked| &asked.proposed);
    let pending = order.pending.as_ref();
    let pending = pending.and_then(|asked| asked.proposed.as_deref());
    let proposed = undecided.into_iter().chain(pending);
    let fees = proposed.filter_map(|one| Some(one.charge?.fee));
    let other = |amount: &Money| amount.currency != price.currency;
    let found = fees.chain(order.paid).find(other);
    match found {
        Some(amount) => {
            let error = MoneyError::CurrencyMismatch {
                expected: amount.currency,
                got: price.currency,
            };
            Err(Error::Invalid(format!("the price: {error}")))
        }
        None => Ok(order),
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
