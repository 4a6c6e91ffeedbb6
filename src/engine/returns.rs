//! Goods that the provider calls back while they are under way (RTO), and their way back.
//!
//! Which reasons mean that goods come back is in the network's table. The way back has a
//! fulfilment of its own; where it stands is news like any other, also of an order that is over.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::aim::{self, Aim};
use super::{Error, reasons};
use crate::domain::decide::{CancelRequest, Decision};
use crate::domain::money::Money;
use crate::domain::order::{Fulfillment, Order, Party, State};
use crate::domain::rto::{Rto, decide_return};
use crate::networks::Network;
use crate::protocol::{Dialect, words};
use crate::store::StoredOrder;

/// The longest id of a fulfilment that is made here.
const MAX_ID_CHARS: usize = 255;

/// What the provider says of the way back; all of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The id of the fulfilment that brings the goods back; without it, that of the one that was
    /// under way and `-RTO`.
    pub id: Option<String>,
    /// What the way back costs, as a decimal in the order's currency; without it, nothing.
    pub charge: Option<String>,
    /// How often delivery was tried.
    pub retry_count: Option<u32>,
    /// The carrier that gave up, as the network calls it; without it, the provider.
    pub cancelled_by: Option<String>,
}

/// Decides for the provider: goods that are under way come back, if the reason says so.
pub(super) fn decide(
    network: Option<&Network>,
    (stored, aim): (&StoredOrder, &Aim<'_>),
    (request, wish): (&CancelRequest, Option<&Wish>),
    now: DateTime<Utc>,
) -> Result<Decision, Error> {
    let is_called_back = aim.order.cancellation.is_none()
        && aim.order.state == State::InProgress
        && request.by == Party::Provider
        && comes_back(network, stored, request);
    if is_called_back {
        let parcel = under_way(&aim.order)?;
        let rto = rto(&stored.order, parcel, &wish.cloned().unwrap_or_default())?;
        let decision = decide_return(&aim.order, request, rto, now);
        return decision
            .map(|decision| aim.about(decision))
            .map_err(|error| Error::Invalid(error.to_string()));
    }
    match (wish, &aim.order.cancellation) {
        (Some(_), None) => Err(Error::Invalid(
            "rto: nothing comes back here: that is for goods of a shop that are under way, \
             cancelled by the provider for a reason that says so"
                .to_owned(),
        )),
        _ => Ok(aim.decide(request, now)),
    }
}

fn comes_back(network: Option<&Network>, stored: &StoredOrder, request: &CancelRequest) -> bool {
    let dialect = aim::dialect(stored).filter(|dialect| *dialect == Dialect::OndcRetail);
    let known = network.zip(dialect).zip(request.reason.id.as_deref());
    known.is_some_and(|((network, dialect), id)| {
        let table = network.reasons(Some(dialect));
        reasons::known(&table, id).is_some_and(|reason| reason.comes_back)
    })
}

/// The only fulfilment that is under way, with its id.
fn under_way(order: &Order) -> Result<&str, Error> {
    let state = |one: &&Fulfillment| {
        let code = one.state.as_deref().filter(|code| !words::is_return(code));
        code.and_then(words::state_of_fulfillment)
    };
    let in_state = |wanted| {
        let all = order.fulfillments.iter();
        all.filter(move |one| state(one) == Some(wanted))
    };
    let moving: Vec<&Fulfillment> = in_state(State::InProgress).collect();
    let is_one_of_several = moving.len() > 1 || in_state(State::Completed).next().is_some();
    match moving.as_slice() {
        [one] if !is_one_of_several => one
            .id
            .as_deref()
            .ok_or_else(|| Error::Invalid("the fulfilment that is under way has no id".to_owned())),
        [] => Err(Error::Invalid(
            "no fulfilment of the order is under way by its state: tell with PATCH /orders/{id}"
                .to_owned(),
        )),
        _ => Err(Error::Invalid(
            "fulfillment: say which comes back; others are under way or delivered".to_owned(),
        )),
    }
}

fn rto(order: &Order, of: &str, wish: &Wish) -> Result<Rto, Error> {
    let id = wish.id.clone().unwrap_or_else(|| format!("{of}-RTO"));
    let is_taken = order
        .fulfillments
        .iter()
        .any(|one| one.id.as_ref() == Some(&id));
    if is_taken || id.trim().is_empty() || id.chars().count() > MAX_ID_CHARS {
        let what = "rto.id: expected an id that no fulfilment of the order has";
        return Err(Error::Invalid(what.to_owned()));
    }
    if wish
        .cancelled_by
        .as_deref()
        .is_some_and(|by| by.trim().is_empty())
    {
        let what = "rto.cancelled_by: expected the subscriber id of a carrier";
        return Err(Error::Invalid(what.to_owned()));
    }
    Ok(Rto {
        of: of.to_owned(),
        id,
        state: words::RTO_INITIATED.to_owned(),
        charge: charge(order, wish.charge.as_deref())?,
        retry_count: wish.retry_count,
        cancelled_by: wish.cancelled_by.clone(),
    })
}

fn charge(order: &Order, written: Option<&str>) -> Result<Option<Money>, Error> {
    let refused = |what: String| Error::Invalid(format!("rto.charge: {what}"));
    let charge = match (order.price, written) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(refused("the order has no price".to_owned())),
        (Some(price), written) => Money::parse(written.unwrap_or("0"), price.currency),
    };
    match charge {
        Ok(charge) if charge.minor >= 0 => Ok(Some(charge)),
        Ok(_) => Err(refused("expected nothing below 0".to_owned())),
        Err(error) => Err(refused(error.to_string())),
    }
}
