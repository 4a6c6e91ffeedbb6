//! What a wish to cancel is about: the order, or one fulfilment of it, and what is left after.
//!
//! Whoever names a fulfilment that is all that is left of an order means the order. One of several
//! is decided on as an order of its own; once cancelled, it is so in the stored document too, and
//! stays so whatever the provider hands over later.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::cancel::text;
use super::{Error, provider};
use crate::domain::decide::{CancelRequest, Decision, Denial, decide};
use crate::domain::money::Money;
use crate::domain::order::{Cancellation, Fulfillment, Order, State};
use crate::domain::portion::Portion;
use crate::domain::undecided::Undecided;
use crate::networks::Network;
use crate::protocol::on_cancel::{self, Style};
use crate::protocol::ondc::retail;
use crate::protocol::quote::Quote;
use crate::protocol::raw::RawObject;
use crate::protocol::{Dialect, words};
use crate::store::StoredOrder;

/// Why a fulfilment cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// There is none with this id.
    #[error("the order has no such fulfilment")]
    Unknown,
    /// Its network has no message for that.
    #[error("one fulfilment of several cannot be cancelled alone; cancel the order")]
    NotAlone,
    /// Its price is nowhere to be seen.
    #[error("the quote does not tell what this fulfilment costs; cancel the order")]
    NoPrice,
}

/// What is meant, to be decided on.
#[derive(Debug)]
pub(super) struct Aim<'a> {
    /// The order, or the fulfilment as an order of its own.
    pub order: Cow<'a, Order>,
    fulfillment: Option<String>,
    is_over: bool,
}

impl<'a> Aim<'a> {
    /// What is meant by an order and, where one is named, a fulfilment.
    pub(super) fn at(stored: &'a StoredOrder, named: Option<&str>) -> Result<Self, Fault> {
        let order = &stored.order;
        let whole = Self {
            order: Cow::Borrowed(order),
            fulfillment: None,
            is_over: false,
        };
        let Some(id) = named else {
            return Ok(whole);
        };
        let is_named = |one: &&Fulfillment| one.id.as_deref() == Some(id);
        let one = order.fulfillments.iter().find(is_named);
        let one = one.ok_or(Fault::Unknown)?;
        if order.cancellation.is_some() {
            return Ok(whole);
        }
        let is_over = order.part(id).is_none() && own_state(one).is_some_and(State::is_final);
        let others = order.fulfillments.iter().filter(|one| !is_named(one));
        let is_last = others.clone().all(is_gone) && order.part(id).is_none();
        if is_last {
            return Ok(Self { is_over, ..whole });
        }
        let price = match is_over || order.part(id).is_some() {
            true => None,
            false => price(stored, id)?,
        };
        Ok(Self {
            order: Cow::Owned(order.only(one, state_of(order, one), price)),
            fulfillment: Some(id.to_owned()),
            is_over,
        })
    }

    /// What comes of the wish.
    pub(super) fn decide(&self, request: &CancelRequest, now: DateTime<Utc>) -> Decision {
        match self.is_over {
            true => Decision::Refused(Denial::Fulfillment),
            false => self.about(decide(&self.order, request, now)),
        }
    }

    /// The decision, which says what it is about.
    pub(super) fn about(&self, decision: Decision) -> Decision {
        let portion = self.fulfillment.clone().map(Portion::Fulfillment);
        let about = |cancellation: Cancellation| Cancellation {
            portion: portion.or(cancellation.portion),
            ..cancellation
        };
        match decision {
            Decision::Cancelled(cancellation) => Decision::Cancelled(about(cancellation)),
            Decision::Quoted(cancellation) => Decision::Quoted(about(cancellation)),
            other => other,
        }
    }

    /// Whether what is meant is neither cancelled nor over.
    pub(super) fn is_open(&self) -> bool {
        !self.is_over && self.order.cancellation.is_none()
    }

    /// The fulfilment that is meant alone.
    pub(super) fn fulfillment(&self) -> Option<&str> {
        self.fulfillment.as_deref()
    }

    /// Whether a question to the provider is about the same.
    pub(super) fn is_asked_about(&self, undecided: &Undecided) -> bool {
        undecided.proposed.fulfillment() == self.fulfillment()
    }
}

/// The dialect that an order was handed over in.
pub(super) fn dialect(stored: &StoredOrder) -> Option<Dialect> {
    let document = RawObject::parse(text(&stored.document)).ok()?;
    on_cancel::dialect_of(document.get("context")?)
}

fn own_state(one: &Fulfillment) -> Option<State> {
    words::state_of_fulfillment(one.state.as_deref()?)
}

fn is_gone(one: &Fulfillment) -> bool {
    one.state.as_deref().is_some_and(words::is_gone)
}

fn implied(order: &Order) -> Option<State> {
    let codes = order.fulfillments.iter().map(|one| one.state.as_deref());
    words::state_of_fulfillments(codes)
}

/// Where one fulfilment stands. That an order has begun says so of each, unless it is known from
/// the others.
fn state_of(order: &Order, one: &Fulfillment) -> State {
    match own_state(one) {
        Some(own) => own,
        None if order.state == State::InProgress && implied(order) == Some(order.state) => {
            State::Confirmed
        }
        None => order.state,
    }
}

fn price(stored: &StoredOrder, id: &str) -> Result<Option<Money>, Fault> {
    if dialect(stored) != Some(Dialect::OndcRetail) {
        return Err(Fault::NotAlone);
    }
    let Some(total) = stored.order.price else {
        return Ok(None);
    };
    let document = RawObject::parse(text(&stored.document)).unwrap_or_default();
    let order = document.object("order").unwrap_or_default();
    match retail::price_of(&order, id, total) {
        Ok(Some(price)) => Ok(Some(price)),
        Ok(None) | Err(_) => Err(Fault::NoPrice),
    }
}

/// The order once a cancellation is done, and its document where that changes with it.
pub(super) fn cancelled(
    network: Option<&Network>,
    stored: &StoredOrder,
    cancellation: &Cancellation,
) -> Result<(Order, Option<Bytes>), Error> {
    let named = cancellation.fulfillment();
    if named.is_none() && cancellation.rto.is_none() {
        return Ok((stored.order.cancelled(cancellation.clone()), None));
    }
    let network = network.ok_or_else(|| provider::not_joined(&stored.order))?;
    let aim = Aim::at(stored, named).map_err(|fault| Error::Invalid(fault.to_string()))?;
    let order = match named {
        Some(_) => stored.order.without(&aim.order, cancellation.clone()),
        None => stored.order.cancelled(cancellation.clone()),
    };
    let document = on_cancel::written(text(&stored.document), cancellation, &network.style())?;
    let mut order = read_again(order, &document);
    if named.is_some() {
        order.state = goes_on(&stored.order, &order);
        if order.state.is_final() {
            order.occurred_at = order.occurred_at.max(cancellation.at);
        }
    }
    Ok((order, Some(document.into())))
}

/// The state of an order without a fulfilment that was in it.
fn goes_on(before: &Order, after: &Order) -> State {
    match (implied(before), implied(after)) {
        (_, Some(State::Completed)) => State::Completed,
        (was, now) if was == Some(before.state) => now.unwrap_or(State::Confirmed),
        _ => before.state,
    }
}

/// What the document says otherwise than before: its fulfilments, and what is left of the price.
fn read_again(mut order: Order, document: &str) -> Order {
    let read: Value = serde_json::from_str(document).unwrap_or_default();
    let list = read["order"]["fulfillments"].as_array();
    for (at, item) in list.into_iter().flatten().enumerate() {
        let state = item["state"]["descriptor"]["code"].as_str();
        let state = state.map(str::to_owned);
        match order.fulfillments.get_mut(at) {
            Some(known) => known.state = state,
            None => order.fulfillments.push(Fulfillment {
                id: item["id"].as_str().map(str::to_owned),
                state,
                ..Fulfillment::default()
            }),
        }
    }
    if order.cancellation.is_none() && order.price.is_some() {
        let whole = RawObject::parse(document).unwrap_or_default();
        let quote = whole.object("order");
        let quote = quote.as_ref().and_then(|order| order.get("quote"));
        let quote = quote.and_then(|quote| Quote::read(quote).ok().flatten());
        order.price = quote.map(|quote| quote.total).or(order.price);
    }
    order
}

/// What is handed over, with what was cancelled of it before.
pub(super) fn with_parts(
    network: Option<&Network>,
    stored: Option<&StoredOrder>,
    (order, document): (&Order, &Bytes),
) -> Result<(Order, Bytes), Error> {
    let has_written = |known: &&Order| {
        let rto = known.cancellation.as_ref().and_then(|how| how.rto.as_ref());
        known.erased_at.is_none() && (rto.is_some() || !known.parts.is_empty())
    };
    let known = stored.map(|stored| &stored.order).filter(has_written);
    match known.zip(network) {
        Some((known, network)) => still_cancelled(known, order.clone(), document, &network.style()),
        None => Ok((order.clone(), document.clone())),
    }
}

/// A newer document of the provider with what was cancelled of its order before, if it does not
/// say so itself.
fn still_cancelled(
    known: &Order,
    new: Order,
    document: &Bytes,
    style: &Style<'_>,
) -> Result<(Order, Bytes), Error> {
    let mut written = text(document).to_owned();
    let parts = known.parts.iter().map(|part| &part.cancellation);
    let called_back = known.cancellation.iter().filter(|how| how.rto.is_some());
    for cancellation in parts.chain(called_back) {
        written = on_cancel::written(&written, cancellation, style)?;
    }
    let mut order = read_again(new.clone(), &written);
    order.parts.clone_from(&known.parts);
    if !order.state.is_final() {
        order.state = goes_on(&new, &order);
    }
    Ok((order, written.into()))
}
