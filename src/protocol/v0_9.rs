//! Beckn 0.9.x: what a cancellation changes in an order.
//!
//! The order is returned whole with another `state`; the quote changes only when there is a
//! fee, and nothing else does.

use super::on_cancel::Error;
use super::quote::set_fee;
use super::raw::{RawObject, quote};
use crate::domain::order::Cancellation;

/// The order as cancelled, with the network's word for it (`Cancelled`).
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled(
    order: &mut RawObject<'_>,
    cancellation: &Cancellation,
    word: &str,
) -> Result<(), Error> {
    order.set("state", quote(word));
    price(order, cancellation)
}

/// The order with what cancelling it would cost.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn quoted(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    order.set("state", quote("SOFT_CANCEL"));
    price(order, cancellation)
}

fn price(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    match cancellation.charge {
        Some(charge) if charge.fee.minor > 0 => Ok(set_fee(order, charge.fee)?),
        _ => Ok(()),
    }
}
