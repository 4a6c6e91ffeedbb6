//! The order's quote: what it says the price is, and what it says once cancelled.
//!
//! The original lines stay. `CANCELLATION_CHARGES` is added, and a `REFUND` that reverses the
//! original lines, so that the total, the sum of all lines, is the fee. Everything else in the
//! quote keeps its text.

use super::raw::{self, RawArray, RawObject, quote};
use crate::domain::money::{Currency, Error as MoneyError, Money};

/// Why a quote cannot be calculated with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An amount or currency is not readable.
    #[error("{path}: {source}")]
    Money {
        /// Where.
        path: String,
        /// What is wrong.
        source: MoneyError,
    },
    /// A member has another shape than a quote's.
    #[error("quote: {0}")]
    Shape(#[from] raw::Error),
}

/// Makes the quote of an order that of a cancelled one that costs `fee`; without a price it stays.
///
/// # Errors
/// When the quote cannot be calculated with.
pub fn set_fee(order: &mut RawObject<'_>, fee: Money) -> Result<(), Error> {
    let changed = match order.get("quote").map(Quote::read).transpose()?.flatten() {
        Some(quote) => quote.with_fee(fee)?,
        None => return Ok(()),
    };
    order.set("quote", changed);
    Ok(())
}

/// A quote with its total and the sum of its lines.
pub struct Quote<'a> {
    object: RawObject<'a>,
    /// The total, in the currency it names.
    pub total: Money,
    total_as_written: String,
    lines: Vec<Money>,
}

impl<'a> Quote<'a> {
    /// Reads a quote from its raw text; `None` when it names no price.
    ///
    /// # Errors
    /// When an amount that would be calculated with is not readable.
    pub fn read(text: &'a str) -> Result<Option<Self>, Error> {
        let object = RawObject::parse(text)?;
        let Some(price) = object.get("price") else {
            return Ok(None);
        };
        let price = RawObject::parse(price)?;
        let Some(total_as_written) = price.get("value").and_then(decimal_text) else {
            return Ok(None);
        };
        let total = amount(&price, "quote.price", None)?;
        let lines = lines(&object, total.currency)?;
        Ok(Some(Self {
            object,
            total,
            total_as_written,
            lines,
        }))
    }

    /// The raw text of the quote of a cancelled order that costs `fee`.
    ///
    /// # Errors
    /// When the quote has no longer the shape it was read with.
    pub fn with_fee(&self, fee: Money) -> Result<String, Error> {
        let mut breakup = match self.object.get("breakup") {
            Some(lines) => RawArray::parse(lines)?,
            None => RawArray::default(),
        };
        breakup.push(self.line("CANCELLATION_CHARGES", fee));
        let original: i128 = self.lines.iter().map(|line| line.minor).sum();
        if !self.lines.is_empty() {
            breakup.push(self.line("REFUND", fee.with_minor(-original)));
        }
        let price_text = self.object.get("price").unwrap_or("{}");
        let mut price = RawObject::parse(price_text)?;
        price.set("value", quote(&fee.display_like(&self.total_as_written)));
        let (price, breakup) = (price.text(), breakup.to_string());
        let mut changed = self.object.clone();
        changed.set("price", price);
        changed.set("breakup", breakup);
        Ok(changed.text())
    }

    fn line(&self, title: &str, amount: Money) -> String {
        let value = quote(&amount.display_like(&self.total_as_written));
        let currency = quote(amount.currency.code());
        format!(r#"{{"title":"{title}","price":{{"currency":{currency},"value":{value}}}}}"#)
    }
}

fn lines(quote: &RawObject<'_>, currency: Currency) -> Result<Vec<Money>, Error> {
    let Some(breakup) = quote.get("breakup") else {
        return Ok(Vec::new());
    };
    let breakup = RawArray::parse(breakup)?;
    let mut amounts = Vec::new();
    for (index, line) in breakup.iter().enumerate() {
        let line = RawObject::parse(line)?;
        if let Some(price) = line.get("price") {
            let path = format!("quote.breakup[{index}].price");
            amounts.push(amount(&RawObject::parse(price)?, &path, Some(currency))?);
        }
    }
    Ok(amounts)
}

/// The amount of a price, in the currency that is expected where one is.
///
/// # Errors
/// When it is no amount, or one in another currency.
pub(super) fn amount(
    price: &RawObject<'_>,
    path: &str,
    expected: Option<Currency>,
) -> Result<Money, Error> {
    let wrong = |source| Error::Money {
        path: path.to_owned(),
        source,
    };
    let code = price.get_str("currency").unwrap_or_default();
    let currency = match (Currency::parse(&code), expected) {
        (Ok(got), Some(expected)) if got != expected => {
            return Err(wrong(MoneyError::CurrencyMismatch { expected, got }));
        }
        (Ok(got), _) => got,
        (Err(_), Some(expected)) if code.is_empty() => expected,
        (Err(error), _) => return Err(wrong(error)),
    };
    let value = price
        .get("value")
        .and_then(decimal_text)
        .unwrap_or_else(|| "0".to_owned());
    Money::parse(&value, currency).map_err(wrong)
}

/// The decimal as written, whether the document has it as a string or as a bare number.
pub fn decimal_text(raw: &str) -> Option<String> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok(),
        Some(b'-' | b'0'..=b'9') => Some(raw.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn with_fee(text: &str, fee: &str) -> Value {
        let read = Quote::read(text).expect("readable").expect("a price");
        let fee = Money::parse(fee, read.total.currency).expect("an amount");
        serde_json::from_str(&read.with_fee(fee).expect("writable")).expect("JSON")
    }

    const RIDE: &str = r#"{"price":{"currency":"INR","value":"146"},"breakup":[
        {"title":"BASE_FARE","price":{"currency":"INR","value":"30"}},
        {"title":"DISTANCE_FARE","price":{"currency":"INR","value":"116"}}],"ttl":"PT200S"}"#;

    #[test]
    fn the_lines_of_a_cancelled_ride_add_up_to_the_fee() {
        let quote = with_fee(RIDE, "30");
        assert_eq!(quote["price"], json!({"currency": "INR", "value": "30"}));
        assert_eq!(
            quote["breakup"][2],
            json!({"title": "CANCELLATION_CHARGES",
            "price": {"currency": "INR", "value": "30"}})
        );
        assert_eq!(
            quote["breakup"][3],
            json!({"title": "REFUND",
            "price": {"currency": "INR", "value": "-146"}})
        );
        assert_eq!(quote["ttl"], "PT200S");
    }

    #[test]
    fn a_quote_without_lines_gets_the_charge_alone() {
        let quote = with_fee(r#"{"price":{"currency":"INR","value":"146.00"}}"#, "0");
        assert_eq!(quote["price"]["value"], "0.00");
        assert_eq!(quote["breakup"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_quote_that_mixes_currencies_or_is_no_number_is_refused() {
        let read = |text| Quote::read(text).map(|quote| quote.is_some());
        assert!(
            read(
                r#"{"price":{"currency":"INR","value":"1"},"breakup":[
            {"price":{"currency":"USD","value":"1"}}]}"#
            )
            .is_err()
        );
        assert!(read(r#"{"price":{"currency":"INR","value":"12.345"}}"#).is_err());
        assert!(read(r#"{"price":{"currency":"INR","value":"1e3"}}"#).is_err());
        assert!(matches!(
            read(r#"{"price":{"currency":"INR","value":12.50}}"#),
            Ok(true)
        ));
        assert!(matches!(read("{}"), Ok(false)));
    }

    proptest! {
        #[test]
        fn the_sum_of_all_lines_is_the_total_and_the_total_is_the_fee(
            lines in proptest::collection::vec(-100_000_i64..1_000_000, 1..8),
            fee in 0_i64..1_000_000,
        ) {
            let rupees = |paise: i64| {
                let inr = Currency::parse("INR").expect("a code");
                Money { minor: i128::from(paise), currency: inr }.to_string()
            };
            let total = rupees(lines.iter().sum());
            let breakup: Vec<Value> = lines.iter()
                .map(|line| json!({"price": {"currency": "INR", "value": rupees(*line)}}))
                .collect();
            let quote = json!({"price": {"currency": "INR", "value": total}, "breakup": breakup});
            let changed = with_fee(&quote.to_string(), &rupees(fee));
            let text = changed.to_string();
            let read = Quote::read(&text).expect("readable").expect("a price");
            prop_assert_eq!(read.total.minor, i128::from(fee));
            prop_assert_eq!(read.lines.iter().map(|l| l.minor).sum::<i128>(), i128::from(fee));
        }
    }
}
