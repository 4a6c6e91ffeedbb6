//! Beckn 1.x: what a cancellation changes in an order.
//!
//! `status`, the fulfilments' states, the quote, `updated_at` where there is one, and the
//! `cancellation` block.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::on_cancel::{Error, rfc3339};
use super::quote::set_fee;
use super::raw::{RawArray, RawObject, quote};
use super::words::cancelled_fulfillment_code;
use crate::domain::order::{Cancellation, Party, Reason};

/// The order as cancelled.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    order.set("status", quote("CANCELLED"));
    fulfillments(order, cancellation.at);
    price(order, cancellation)?;
    set_updated_at(order, cancellation.at);
    order.set("cancellation", block(cancellation));
    Ok(())
}

/// The order with what cancelling it would cost. `SOFT_CANCEL` is outside the core list of
/// statuses; the on-demand ride rules of layer 2 ask for it.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn quoted(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    order.set("status", quote("SOFT_CANCEL"));
    price(order, cancellation)
}

/// When the order was changed last, where it has a member for that.
pub(super) fn set_updated_at(order: &mut RawObject<'_>, at: DateTime<Utc>) {
    if order.get("updated_at").is_some() {
        order.set("updated_at", quote(&rfc3339(at)));
    }
}

/// The quote always shows charge and refund in 1.x, a free cancellation included.
fn price(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    match cancellation.charge {
        Some(charge) => Ok(set_fee(order, charge.fee)?),
        None => Ok(()),
    }
}

/// Intake took the document as it is, so whatever has not the shape of a fulfilment is left
/// alone: it must not make the order one that nobody can cancel.
fn fulfillments(order: &mut RawObject<'_>, at: DateTime<Utc>) {
    let Some(list) = order.array("fulfillments") else {
        return;
    };
    let mut changed = RawArray::default();
    for item in list.iter() {
        changed.push(cancelled_fulfillment(item, at));
    }
    let changed = changed.to_string();
    order.set("fulfillments", changed);
}

fn cancelled_fulfillment(item: &str, at: DateTime<Utc>) -> String {
    let Ok(mut fulfillment) = RawObject::parse(item) else {
        return item.to_owned();
    };
    let code = fulfillment_code(&fulfillment);
    let code = cancelled_fulfillment_code(code.as_deref());
    set_fulfillment_code(&mut fulfillment, code, at);
    fulfillment.text()
}

/// The code of `state.descriptor`, where there is one.
#[must_use]
pub fn fulfillment_code(fulfillment: &RawObject<'_>) -> Option<String> {
    let state = fulfillment.object("state")?;
    let descriptor = state.object("descriptor")?;
    descriptor.get_str("code").map(Cow::into_owned)
}

/// Sets `state.descriptor` to the code alone: its name and texts described the state before.
/// A state that is no object is replaced.
pub fn set_fulfillment_code(fulfillment: &mut RawObject<'_>, code: &str, at: DateTime<Utc>) {
    let text = fulfillment.get("state").unwrap_or("{}").to_owned();
    let mut state = RawObject::parse(&text).unwrap_or_default();
    state.set("descriptor", json!({"code": code}).to_string());
    if state.get("updated_at").is_some() {
        state.set("updated_at", quote(&rfc3339(at)));
    }
    let state = state.text();
    fulfillment.set("state", state);
}

/// The word of `cancellation.cancelled_by`.
#[must_use]
pub fn cancelled_by(by: Party) -> &'static str {
    match by {
        Party::Customer | Party::Partner => "CONSUMER",
        Party::Provider => "PROVIDER",
    }
}

fn block(cancellation: &Cancellation) -> String {
    let by = cancelled_by(cancellation.by);
    let at = rfc3339(cancellation.at);
    let mut block = format!(r#"{{"cancelled_by":"{by}","time":"{at}""#);
    if let Some(reason) = option(&cancellation.reason) {
        block.push_str(r#","reason":"#);
        block.push_str(&reason);
    }
    block.push('}');
    block
}

/// The reason as an `Option`: `{id, descriptor {code, short_desc}}`.
fn option(reason: &Reason) -> Option<String> {
    let id = reason.id.as_deref().map(quote);
    let text = reason.text.as_deref().map(quote);
    match (id, text) {
        (None, None) => None,
        (Some(id), None) => Some(format!(r#"{{"id":{id},"descriptor":{{"code":{id}}}}}"#)),
        (None, Some(text)) => Some(format!(r#"{{"descriptor":{{"short_desc":{text}}}}}"#)),
        (Some(id), Some(text)) => Some(format!(
            r#"{{"id":{id},"descriptor":{{"code":{id},"short_desc":{text}}}}}"#
        )),
    }
}
