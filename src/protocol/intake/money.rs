//! What an order costs, and what is paid of it.

use serde_json::Value;

use super::Error;
use crate::domain::money::{Error as MoneyError, Money};
use crate::domain::order::Booking;
use crate::protocol::quote::{Quote, decimal_text};
use crate::protocol::raw::{RawArray, RawObject};

/// The total of the quote, else the price that the booking block tells.
pub(super) fn price(order_text: &str, booking: &Booking) -> Result<Option<Money>, Error> {
    let order = RawObject::parse(order_text)?;
    let quote = order.get("quote").map(Quote::read).transpose()?.flatten();
    Ok(quote.map(|quote| quote.total).or(booking.price))
}

/// The sum of the payments marked `PAID`; one without an amount counts as the whole price.
pub(super) fn paid(
    order: &Value,
    order_text: &str,
    price: Option<Money>,
) -> Result<Option<Money>, Error> {
    let Some(price) = price else { return Ok(None) };
    let raw_order = RawObject::parse(order_text)?;
    let mut payments = match raw_order.get("payments") {
        Some(list) if order["payments"].is_array() => RawArray::parse(list)?,
        _ => RawArray::default(),
    };
    if let (true, Some(one)) = (payments.is_empty(), raw_order.get("payment")) {
        payments.push(one);
    }
    let mut minor = 0;
    for (index, payment) in payments.iter().enumerate() {
        let payment = RawObject::parse(payment)?;
        if payment.get_str("status").as_deref() == Some("PAID") {
            minor += amount_paid(&payment, price).map_err(|source| Error::Paid {
                path: format!("payments[{index}]"),
                source,
            })?;
        }
    }
    Ok(Some(price.with_minor(minor)))
}

fn amount_paid(payment: &RawObject<'_>, price: Money) -> Result<i128, MoneyError> {
    let amount = payment
        .get("params")
        .and_then(|params| RawObject::parse(params).ok())
        .and_then(|params| params.get("amount").and_then(decimal_text));
    match amount {
        Some(text) => Money::parse(&text, price.currency).map(|amount| amount.minor),
        None => Ok(price.minor),
    }
}
