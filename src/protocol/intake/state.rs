//! How far an order has come: by the booking block, the order's own word and its fulfilments.

use serde_json::Value;

use super::{Error, member};
use crate::domain::order::{Booking, Fulfillment, State};
use crate::protocol::{Dialect, uhi, words};

/// The block has the first word, then an order that is over, then what its fulfilments imply.
pub(super) fn read(
    dialect: Dialect,
    order: &Value,
    fulfillments: &[Fulfillment],
    booking: &Booking,
) -> Result<State, Error> {
    if let Some(status) = booking.status {
        return Ok(status);
    }
    let word = order["status"].as_str().or(order["state"].as_str());
    let said = match word {
        None => State::Confirmed,
        Some(word) => state_of_word(dialect, word).ok_or_else(|| {
            let what = format!("{word:?} is no known state: say which in booking.status");
            member("message.order.status", &what)
        })?,
    };
    let codes = fulfillments.iter().map(|one| one.state.as_deref());
    let implied = words::state_of_fulfillments(codes);
    Ok(if said.is_final() {
        said
    } else {
        implied.unwrap_or(said)
    })
}

fn state_of_word(dialect: Dialect, word: &str) -> Option<State> {
    let own = match dialect {
        Dialect::Uhi => uhi::state_of_order_word(word),
        _ => None,
    };
    own.or_else(|| words::state_of_order_word(word))
}
