//! The bodies of the bookings door: what a partner asks, the booking it is shown, and its
//! failures.
//!
//! The contract has two forms of failure: a code in an object, or a plain text; and two ways to
//! write money: major units or minor ones. Which is meant where is a setting, for the contract
//! contradicts itself. Amounts are JSON numbers here, written digit by digit: no float is made.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::strict;
use crate::domain::ids::OrderId;
use crate::domain::money::Money;
use crate::domain::order::{Cancellation, Order, Party, State};

/// The most characters of a reason.
pub const MAX_REASON_CHARS: usize = 500;

/// What a booking id begins with that is a partner's own reference.
const EXTERNAL: &str = "ext:";

/// What a partner wants of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Why, in words.
    pub reason: String,
    /// On whose account.
    pub by: Party,
}

/// What names a booking at this door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Our id.
    Id(OrderId),
    /// The partner's own reference or id.
    External(String),
}

impl Reference {
    /// Reads the path's segment, decoded once; `None` names no booking.
    #[must_use]
    pub fn parse(segment: &str) -> Option<Self> {
        match segment.strip_prefix(EXTERNAL) {
            Some("") => None,
            Some(reference) => Some(Self::External(reference.to_owned())),
            None => OrderId::parse(segment).ok().map(Self::Id),
        }
    }
}

/// How amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// In units of the currency, with its decimals: `60.00`.
    Major,
    /// In the smallest units there are: `6000`.
    Minor,
}

/// How failures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// As documented: a key that does not do is a plain text, all else has a code.
    Documented,
    /// Every failure is a plain text.
    Flat,
    /// Every failure has a code.
    Structured,
}

/// Why a request cannot be read; names the member.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or JSON with a key twice.
    #[error(transparent)]
    Json(#[from] strict::Error),
    /// A member is missing or not usable.
    #[error("{member}: {what}")]
    Member {
        /// Which member.
        member: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// Reads the body of `POST /v1/bookings/{booking_id}/cancel`.
///
/// # Errors
/// Names the first member that cannot be used.
pub fn read(body: &[u8]) -> Result<Asked, Error> {
    let value = strict::parse(body)?;
    if !value.is_object() {
        return Err(fault("the body", "expected an object"));
    }
    Ok(Asked {
        reason: reason(&value["reason"])?,
        by: cancelled_by(&value["cancelled_by"])?,
    })
}

fn reason(value: &Value) -> Result<String, Error> {
    let text = match value {
        Value::Null => return Err(fault("reason", "it is required")),
        Value::String(text) => text.trim(),
        _ => return Err(fault("reason", "expected a string")),
    };
    match text.chars().count() {
        0 => Err(fault("reason", "it must not be empty")),
        1..=MAX_REASON_CHARS => Ok(text.to_owned()),
        longer => {
            let what = format!("expected at most {MAX_REASON_CHARS} characters, got {longer}");
            Err(fault("reason", what))
        }
    }
}

fn cancelled_by(value: &Value) -> Result<Party, Error> {
    match value {
        Value::Null => Ok(Party::Partner),
        Value::String(word) if word == "partner" => Ok(Party::Partner),
        Value::String(word) if word == "customer" => Ok(Party::Customer),
        _ => Err(fault(
            "cancelled_by",
            "expected \"partner\" or \"customer\"",
        )),
    }
}

fn fault(member: &'static str, what: impl Into<String>) -> Error {
    let what = what.into();
    Error::Member { member, what }
}

/// The word for a state. Two have none in the contract: an order that has begun or failed is
/// called so.
#[must_use]
pub fn status(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::AwaitingProvider => "awaiting_therapist",
        State::Confirmed => "confirmed",
        State::InProgress => "in_progress",
        State::Completed => "completed",
        State::NoShow => "no_show",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}

#[derive(Serialize)]
struct Booking<'a> {
    id: &'a str,
    status: &'static str,
    start_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    price: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation: Option<Cancelled>,
}

#[derive(Serialize)]
struct Cancelled {
    fee: Option<Amount>,
    policy: Option<String>,
    cancelled_at: String,
}

#[derive(Serialize)]
struct Amount {
    amount: Box<RawValue>,
    currency: String,
}

#[derive(Serialize)]
struct Enveloped<'a> {
    data: Booking<'a>,
}

/// The body of every success: `{"data": Booking}`.
///
/// # Errors
/// When it cannot be written, which no order causes.
pub fn booking(order: &Order, amounts: Amounts) -> serde_json::Result<String> {
    let cancellation = order.cancellation.as_ref();
    let data = Booking {
        id: order.key.id.as_str(),
        status: status(order.state),
        start_at: order.starts_at().map(time),
        venue_id: order.booking.tenant.as_deref(),
        external_reference: order.booking.external_reference.as_deref(),
        external_id: order.booking.external_id.as_deref(),
        price: order
            .price
            .map(|price| amount(price, amounts))
            .transpose()?,
        cancellation: cancellation
            .map(|cancellation| cancelled(order, cancellation, amounts))
            .transpose()?,
    };
    serde_json::to_string(&Enveloped { data })
}

fn cancelled(
    order: &Order,
    cancellation: &Cancellation,
    amounts: Amounts,
) -> serde_json::Result<Cancelled> {
    let fee = cancellation.charge.map(|charge| charge.fee);
    Ok(Cancelled {
        fee: fee.map(|fee| amount(fee, amounts)).transpose()?,
        policy: policy(order, cancellation),
        cancelled_at: time(cancellation.at),
    })
}

/// The terms of this side in words: each sentence of theirs once; where they have none of their own,
/// that of the rule which applied.
fn policy(order: &Order, cancellation: &Cancellation) -> Option<String> {
    let rules = order.policy.rules.iter();
    let own = rules.filter(|rule| rule.by.contains(&cancellation.by));
    let mut sentences: Vec<&str> = Vec::new();
    for text in own.filter_map(|rule| rule.text.as_deref()) {
        if !sentences.contains(&text) {
            sentences.push(text);
        }
    }
    match sentences.is_empty() {
        false => Some(sentences.join(" ")),
        true => cancellation
            .terms
            .as_ref()
            .map(|terms| terms.sentence.clone()),
    }
}

fn amount(money: Money, amounts: Amounts) -> serde_json::Result<Amount> {
    let digits = match amounts {
        Amounts::Major => money.to_string(),
        Amounts::Minor => money.minor.to_string(),
    };
    Ok(Amount {
        amount: RawValue::from_string(digits)?,
        currency: money.currency.code().to_owned(),
    })
}

/// UTC with `Z` and no fraction.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A failure with its code.
#[must_use]
pub fn structured(code: &str, message: &str, details: &Value) -> Value {
    json!({"error": {"code": code, "message": message, "details": details}})
}

/// A failure as a plain text, with what else is documented beside it.
#[must_use]
pub fn flat(message: &str, beside: &Value) -> Value {
    let mut body = json!({"error": message});
    if let (Some(body), Some(beside)) = (body.as_object_mut(), beside.as_object()) {
        body.extend(beside.clone());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_required_trimmed_and_bounded() {
        let asked = read(br#"{"reason":"  Guest is ill ","cancelled_by":"customer","x":1}"#);
        let expected = Asked {
            reason: "Guest is ill".to_owned(),
            by: Party::Customer,
        };
        assert_eq!(asked.expect("readable"), expected);
        let longest = "\u{e4}".repeat(MAX_REASON_CHARS);
        assert!(read(json!({"reason": longest}).to_string().as_bytes()).is_ok());
        for (body, said) in [
            (json!({}), "reason: it is required"),
            (json!({"reason": null}), "reason: it is required"),
            (json!({"reason": " \t"}), "reason: it must not be empty"),
            (json!({"reason": 7}), "reason: expected a string"),
            (
                json!({"reason": format!("{longest}x")}),
                "reason: expected at most 500",
            ),
            (json!([]), "the body: expected an object"),
        ] {
            let error = read(body.to_string().as_bytes()).expect_err(said);
            assert!(error.to_string().starts_with(said), "{error}");
        }
        assert!(read(b"{").is_err() && read(br#"{"reason":"a","reason":"b"}"#).is_err());
    }

    #[test]
    fn who_cancels_is_the_partner_unless_it_says_the_customer() {
        let by = |value: Value| {
            let body = json!({"reason": "x", "cancelled_by": value}).to_string();
            read(body.as_bytes()).map(|asked| asked.by).ok()
        };
        assert_eq!(by(Value::Null), Some(Party::Partner));
        assert_eq!(by(json!("partner")), Some(Party::Partner));
        assert_eq!(by(json!("customer")), Some(Party::Customer));
        for wrong in [json!("provider"), json!("Customer"), json!(""), json!(1)] {
            assert_eq!(by(wrong), None);
        }
    }

    #[test]
    fn a_segment_is_our_id_or_a_partners_reference() {
        let id = OrderId::parse("bkg_1").expect("an id");
        assert_eq!(Reference::parse("bkg_1"), Some(Reference::Id(id)));
        let external = Reference::External("staycation.ABC 1".to_owned());
        assert_eq!(Reference::parse("ext:staycation.ABC 1"), Some(external));
        for nothing in ["", "ext:", "a b"] {
            assert_eq!(Reference::parse(nothing), None);
        }
    }

    #[test]
    fn amounts_are_numbers_with_the_decimals_of_their_currency() {
        let written = |minor, code, amounts| {
            let currency = crate::domain::money::Currency::parse(code).expect("a code");
            let amount = amount(Money { minor, currency }, amounts).expect("written");
            serde_json::to_string(&amount).expect("JSON")
        };
        let major = r#"{"amount":60.00,"currency":"EUR"}"#;
        assert_eq!(written(6_000, "EUR", Amounts::Major), major);
        let minor = r#"{"amount":6000,"currency":"EUR"}"#;
        assert_eq!(written(6_000, "EUR", Amounts::Minor), minor);
        let yen = r#"{"amount":0,"currency":"JPY"}"#;
        assert_eq!(written(0, "JPY", Amounts::Major), yen);
    }
}
