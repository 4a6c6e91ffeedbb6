//! The question that the provider is asked before a cancellation is final, and its answer.
//!
//! `{"decision": "allow"}`, with a `fee` (an amount as everywhere, or its digits alone) to take
//! less than the terms say; or `{"decision": "refuse", "reason": "..."}`.

use serde_json::{Value, json};

use super::on_cancel::rfc3339;
use super::strict;
use crate::domain::money::{Currency, Money};
use crate::domain::order::Order;
use crate::domain::undecided::{Answer, Undecided};

/// The most characters of the provider's reason that the customer is told.
const MAX_REASON_CHARS: usize = 500;

/// The type of the question's message.
pub const TYPE: &str = "order.cancellation_requested";

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or JSON with a key twice.
    #[error(transparent)]
    Json(#[from] strict::Error),
    /// A member is missing or not usable.
    #[error("{0}")]
    Member(&'static str),
}

/// The question's body.
#[must_use]
pub fn question(order: &Order, undecided: &Undecided) -> String {
    let proposed = &undecided.proposed;
    let mut body = json!({
        "type": TYPE,
        "question": undecided.question,
        "network": order.key.network,
        "order_id": order.key.id,
        "external_id": order.booking.external_id,
        "version": order.version,
        "state": order.state.word(),
        "fulfillments": order.fulfillments,
        "by": proposed.by,
        "reason": proposed.reason,
        "asked_at": rfc3339(proposed.at),
        "answer_by": rfc3339(undecided.until),
    });
    if let Some(one) = proposed.fulfillment() {
        body["fulfillment"] = json!(one);
    }
    if let Some(charge) = proposed.charge {
        body["fee"] = json!(charge.fee);
        body["refund"] = json!(charge.refund);
        body["due"] = json!(charge.due);
    }
    body.to_string()
}

/// Reads an answer; `currency` is that of the order's fee.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(body: &[u8], currency: Option<Currency>) -> Result<Answer, Error> {
    let value = strict::parse(body)?;
    match value["decision"].as_str() {
        Some("allow") => Ok(Answer::Allow(fee(&value["fee"], currency)?)),
        Some("refuse") => Ok(Answer::Refuse(reason(&value["reason"])?)),
        _ => Err(Error::Member("decision: expected \"allow\" or \"refuse\"")),
    }
}

fn reason(value: &Value) -> Result<Option<String>, Error> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.trim().chars().take(MAX_REASON_CHARS).collect())),
        _ => Err(Error::Member("reason: expected a string")),
    }
}

fn fee(value: &Value, currency: Option<Currency>) -> Result<Option<Money>, Error> {
    let wrong = Error::Member(
        "fee: expected an amount in the order's currency, not below zero, such as \"20.00\"",
    );
    let money = match (value, currency) {
        (Value::Null, _) => return Ok(None),
        // Without a price there is no fee that could be another.
        (_, None) => return Ok(None),
        (Value::String(digits), Some(currency)) => Money::parse(digits, currency).ok(),
        (value, Some(currency)) => {
            let money: Option<Money> = serde_json::from_value(value.clone()).ok();
            money.filter(|money| money.currency == currency)
        }
    };
    money
        .filter(|money| money.minor >= 0)
        .map(Some)
        .ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inr() -> Option<Currency> {
        Currency::parse("INR").ok()
    }

    fn read_text(text: &str) -> Result<Answer, Error> {
        read(text.as_bytes(), inr())
    }

    #[test]
    fn an_answer_allows_for_a_fee_or_refuses_for_a_reason() {
        let fee = |minor| {
            let currency = inr().expect("a code");
            Answer::Allow(Some(Money { minor, currency }))
        };
        for (text, expected) in [
            (r#"{"decision":"allow"}"#, Answer::Allow(None)),
            (
                r#"{"decision":"allow","fee":null,"x":1}"#,
                Answer::Allow(None),
            ),
            (r#"{"decision":"allow","fee":"20"}"#, fee(2_000)),
            (
                r#"{"decision":"allow","fee":{"value":"20.50","currency":"INR"}}"#,
                fee(2_050),
            ),
            (r#"{"decision":"refuse"}"#, Answer::Refuse(None)),
            (
                r#"{"decision":"refuse","reason":" "}"#,
                Answer::Refuse(None),
            ),
            (
                r#"{"decision":"refuse","reason":"The driver is at the door"}"#,
                Answer::Refuse(Some("The driver is at the door".to_owned())),
            ),
        ] {
            assert_eq!(read_text(text).expect(text), expected);
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"decision":"maybe"}"#,
            r#"{"decision":"allow","decision":"refuse"}"#,
            r#"{"decision":"refuse","reason":7}"#,
            r#"{"decision":"allow","fee":20}"#,
            r#"{"decision":"allow","fee":"-1"}"#,
            r#"{"decision":"allow","fee":"1.001"}"#,
            r#"{"decision":"allow","fee":{"value":"20","currency":"EUR"}}"#,
        ] {
            assert!(read_text(text).is_err(), "{text}");
        }
    }
}
