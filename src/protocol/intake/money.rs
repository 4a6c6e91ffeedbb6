//! What an order costs, and what is paid of it.

use serde_json::Value;

use super::Error;
use crate::domain::money::{Currency, Error as MoneyError, Money};
use crate::domain::order::Booking;
use crate::protocol::quote::{Quote, decimal_text};
use crate::protocol::raw::{RawArray, RawObject};

/// The total of the quote, else the price that the booking block tells.
pub(super) fn price(order_text: &str, booking: &Booking) -> Result<Option<Money>, Error> {
    let order = RawObject::parse(order_text)?;
    let quote = order.get("quote").map(Quote::read).transpose()?.flatten();
    Ok(quote.map(|quote| quote.total).or(booking.price))
}

/// The payments that a document lists. One that lists none says nothing of what is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payments {
    paid: Vec<Payment>,
}

/// One that is marked `PAID`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Payment {
    path: String,
    /// As it is written; without one it is the whole price.
    amount: Option<String>,
    currency: Option<Currency>,
}

impl Payments {
    /// The payments of an order.
    ///
    /// # Errors
    /// When a payment has another shape, or a currency that is none.
    pub(super) fn read(order: &Value, order_text: &str) -> Result<Option<Self>, Error> {
        let raw_order = RawObject::parse(order_text)?;
        let mut payments = match raw_order.get("payments") {
            Some(list) if order["payments"].is_array() => RawArray::parse(list)?,
            _ => RawArray::default(),
        };
        let one = raw_order.get("payment");
        let one = one.filter(|_| payments.is_empty() && !order["payment"].is_null());
        if let Some(one) = one {
            payments.push(one);
        }
        if payments.is_empty() {
            return Ok(None);
        }
        let mut paid = Vec::new();
        for (index, payment) in payments.iter().enumerate() {
            let payment = RawObject::parse(payment)?;
            if payment.get_str("status").as_deref() == Some("PAID") {
                paid.push(Payment::read(&payment, format!("payments[{index}]"))?);
            }
        }
        Ok(Some(Self { paid }))
    }

    /// The sum of those marked `PAID`, of an order that costs `price`; `None` where neither the
    /// price nor the payments tell its currency.
    ///
    /// # Errors
    /// Names the payment whose amount cannot be read, or is in another currency than the price.
    pub fn sum(&self, price: Option<Money>) -> Result<Option<Money>, Error> {
        let told = || self.paid.iter().find_map(|payment| payment.currency);
        let Some(currency) = price.map(|price| price.currency).or_else(told) else {
            return Ok(None);
        };
        let mut sum = Money::zero(currency);
        for payment in &self.paid {
            let amount = payment.amount(currency, price);
            let amount = amount.map_err(|source| payment.fault(source))?;
            let Some(amount) = amount else {
                return Ok(None);
            };
            sum = sum.with_minor(sum.minor + amount.minor);
        }
        Ok(Some(sum))
    }
}

impl Payment {
    fn read(payment: &RawObject<'_>, path: String) -> Result<Self, Error> {
        let params = payment.get("params").map(RawObject::parse);
        let params = params.and_then(Result::ok).unwrap_or_default();
        let read = Self {
            path,
            amount: params.get("amount").and_then(decimal_text),
            currency: None,
        };
        match params.get_str("currency").as_deref() {
            None | Some("") => Ok(read),
            Some(code) => match Currency::parse(code) {
                Ok(currency) => Ok(Self {
                    currency: Some(currency),
                    ..read
                }),
                Err(source) => Err(read.fault(source)),
            },
        }
    }

    fn amount(
        &self,
        expected: Currency,
        price: Option<Money>,
    ) -> Result<Option<Money>, MoneyError> {
        match (self.currency, &self.amount) {
            (Some(got), _) if got != expected => {
                Err(MoneyError::CurrencyMismatch { expected, got })
            }
            (_, Some(text)) => Money::parse(text, expected).map(Some),
            (_, None) => Ok(price),
        }
    }

    fn fault(&self, source: MoneyError) -> Error {
        Error::Paid {
            path: self.path.clone(),
            source,
        }
    }
}
