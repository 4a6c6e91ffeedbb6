//! ONDC mobility (rides, bus and metro tickets): what a cancellation changes in an order.
//!
//! The shapes are those of Beckn 1.x with three differences: a reason is its code alone, tickets
//! have refunds of their own, and where a machine failed the provider may first say that it looks
//! into it (`CANCELLATION_INITIATED`) and settle it by an `on_update`. All of that is the
//! provider's doing, so `cancelled_by` is `PROVIDER` then, whoever asked. A fulfilment without a
//! state gets none: a ticket's is in its authorization.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::lines;
use crate::domain::order::{Cancellation, Party, Pending, Reason};
use crate::protocol::on_cancel::{Error, Kept, rfc3339};
use crate::protocol::raw::{RawArray, RawObject, quote};
use crate::protocol::{v1, words};

/// The order as cancelled.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    order.set("status", quote("CANCELLED"));
    fulfillments(order, cancellation.at);
    price(order, cancellation)?;
    v1::set_updated_at(order, cancellation.at);
    let mut block = block(cancellation.by, cancellation.at);
    add_reason(&mut block, &cancellation.reason);
    order.set("cancellation", block.to_string());
    Ok(())
}

/// The order with what cancelling it would cost.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn quoted(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    order.set("status", quote("SOFT_CANCEL"));
    price(order, cancellation)
}

/// The order while the provider looks into it. The published list of words has
/// `CANCEL_INITIATED`, the published messages the longer word.
pub fn initiated(order: &mut RawObject<'_>, pending: &Pending) {
    order.set("status", quote("CANCELLATION_INITIATED"));
    v1::set_updated_at(order, pending.at);
    let block = block(Party::Provider, pending.at);
    order.set("cancellation", block.to_string());
}

/// The order as it stays when it is not cancelled after all. Published messages know only one that
/// is over then; one that goes on has the word that it was handed over with.
pub fn kept(order: &mut RawObject<'_>, kept: &Kept<'_>) {
    if kept.is_over {
        order.set("status", quote("COMPLETED"));
    }
    v1::set_updated_at(order, kept.at);
    let mut block = block(Party::Provider, kept.at);
    let code_alone = Reason {
        text: None,
        ..kept.pending.reason.clone()
    };
    add_reason(&mut block, &code_alone);
    if let Some(note) = kept.note {
        block["additional_description"] = json!({"short_desc": note});
    }
    order.set("cancellation", block.to_string());
}

fn price(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    let quote = order.get("quote").map(str::to_owned);
    if let (Some(charge), Some(quote)) = (cancellation.charge, quote) {
        order.set("quote", lines::returned(&quote, charge.fee)?);
    }
    Ok(())
}

fn fulfillments(order: &mut RawObject<'_>, at: DateTime<Utc>) {
    let Some(list) = order.array("fulfillments") else {
        return;
    };
    let mut changed = RawArray::default();
    for item in list.iter() {
        changed.push(cancelled_fulfillment(item, at).unwrap_or_else(|| item.to_owned()));
    }
    let changed = changed.to_string();
    order.set("fulfillments", changed);
}

fn cancelled_fulfillment(item: &str, at: DateTime<Utc>) -> Option<String> {
    let mut fulfillment = RawObject::parse(item).ok()?;
    let before = v1::fulfillment_code(&fulfillment)?;
    let code = words::cancelled_fulfillment_code(Some(&before));
    v1::set_fulfillment_code(&mut fulfillment, code, at);
    Some(fulfillment.text())
}

fn block(by: Party, at: DateTime<Utc>) -> Value {
    json!({"cancelled_by": v1::cancelled_by(by), "time": rfc3339(at)})
}

/// `{"descriptor": {"code", "short_desc"}}`.
fn add_reason(block: &mut Value, reason: &Reason) {
    if let Some(id) = &reason.id {
        block["reason"]["descriptor"]["code"] = json!(id);
    }
    if let Some(text) = &reason.text {
        block["reason"]["descriptor"]["short_desc"] = json!(text);
    }
}
