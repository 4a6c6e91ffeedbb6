//! Goods that were under way when they were cancelled, and come back: return to origin.
//!
//! Only the provider calls them back, because only it knows where they are. That they have left
//! is no obstacle then, and what the way back costs comes on top of the fee of the terms.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cancellation::Cancellation;
use super::decide::{CancelRequest, Decision, decide};
use super::money::Money;
use super::order::{Order, State};
use super::policy::Charge;

/// The way back of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rto {
    /// The fulfilment that was under way.
    pub of: String,
    /// The fulfilment by which it comes back.
    pub id: String,
    /// Where that stands, in the network's word.
    pub state: String,
    /// What the way back costs; absent when the order has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Money>,
    /// How often delivery was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<u32>,
    /// The carrier that gave up, as the network calls it; absent where that is the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
}

/// Why goods cannot be called back so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fee and way back are more than the price.
    #[error("rto.charge: at most {most}, which is what the fee leaves of the price")]
    TooDear {
        /// What is left of the price.
        most: Money,
    },
}

/// Decides on goods that are under way. They are priced as those that are still in the shop; a
/// rule for the state of the fulfilment sees where they are.
///
/// # Errors
/// When the way back costs more than the fee leaves of the price.
pub fn decide_return(
    order: &Order,
    request: &CancelRequest,
    rto: Rto,
    now: DateTime<Utc>,
) -> Result<Decision, Error> {
    let called_back = Order {
        state: State::Confirmed,
        ..order.clone()
    };
    match decide(&called_back, request, now) {
        Decision::Cancelled(cancellation) => {
            with_return(order, cancellation, rto).map(Decision::Cancelled)
        }
        other => Ok(other),
    }
}

fn with_return(order: &Order, cancellation: Cancellation, rto: Rto) -> Result<Cancellation, Error> {
    let price = order.price_left();
    let priced = cancellation.charge.zip(price).zip(rto.charge);
    let charge = match priced {
        Some(((charge, price), back)) => {
            let most = price.with_minor((price.minor - charge.fee.minor).max(0));
            if back.minor > most.minor {
                return Err(Error::TooDear { most });
            }
            let fee = charge.fee.with_minor(charge.fee.minor + back.minor);
            Some(Charge::of(fee, order.paid_left()))
        }
        None => cancellation.charge,
    };
    Ok(Cancellation {
        charge,
        rto: Some(rto),
        ..cancellation
    })
}
