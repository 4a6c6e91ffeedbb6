//! The bodies of the consultations door: what a partner asks, what it is answered, and the one
//! shape of every failure (`GenericError`).
//!
//! The session is `transaction_id` in a request and `txn_id` in an answer; that is theirs. The
//! optional `reason` is ours: the contract has none, but the network wants one.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::strict;
use crate::domain::ids::{self, OrderId, SubscriberId, TransactionId};

/// What a partner wants cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The three ids that name a booking.
    pub booking: BookingIds,
    /// A reason code of the network, where the partner has one.
    pub reason: Option<String>,
}

/// What names a booking at this door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingIds {
    /// The order.
    pub order: OrderId,
    /// The provider's subscriber id.
    pub provider: SubscriberId,
    /// The session the order was placed in.
    pub transaction: TransactionId,
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

/// Reads the body of `POST .../booking/cancel`.
///
/// # Errors
/// Names the first member that cannot be used.
pub fn read(body: &[u8]) -> Result<Asked, Error> {
    let value = strict::parse(body)?;
    let text = |member: &'static str| match &value[member] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_str())),
        _ => Err(fault(member, "expected a string")),
    };
    if !value.is_object() {
        return Err(fault("the body", "expected an object"));
    }
    Ok(Asked {
        booking: BookingIds::of(
            text("order_id")?,
            text("provider_id")?,
            ("transaction_id", text("transaction_id")?),
        )?,
        reason: text("reason")?.map(str::to_owned),
    })
}

impl BookingIds {
    /// Reads the three ids; the session's member has two names.
    ///
    /// # Errors
    /// Names the first that is missing or not usable.
    pub fn of(
        order: Option<&str>,
        provider: Option<&str>,
        (member, transaction): (&'static str, Option<&str>),
    ) -> Result<Self, Error> {
        Ok(Self {
            order: id("order_id", order, OrderId::parse)?,
            provider: id("provider_id", provider, SubscriberId::parse)?,
            transaction: id(member, transaction, TransactionId::parse)?,
        })
    }

    /// The answer to a cancel: the ids for the next call.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"order_id": self.order, "provider_id": self.provider, "txn_id": self.transaction})
    }
}

fn id<T>(
    member: &'static str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, ids::Error>,
) -> Result<T, Error> {
    let text = text.ok_or_else(|| fault(member, "it is required"))?;
    parse(text).map_err(|error| fault(member, error))
}

fn fault(member: &'static str, what: impl ToString) -> Error {
    let what = what.to_string();
    Error::Member { member, what }
}

/// What the `booking.cancel` webhook tells a partner.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// When the booking was cancelled; the news is made at the same time.
    pub cancelled_at: DateTime<Utc>,
    /// The session of the booking: all that a partner can find it by.
    pub transaction: &'a TransactionId,
    /// The partner's own id of its business.
    pub business_id: &'a str,
    /// The partner's client id.
    pub client_id: &'a str,
}

impl News<'_> {
    /// Exactly the documented members.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = self.cancelled_at.timestamp();
        json!({
            "service": "uhi",
            "event": "booking.cancel",
            "event_time": at,
            "transaction_id": self.transaction,
            "timestamp": at,
            "business_id": self.business_id,
            "client_id": self.client_id,
            "data": {"status": Status::Success.word()},
        })
    }
}

/// How a cancellation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The booking is cancelled.
    Success,
    /// It is over otherwise, or has begun: it will not be cancelled any more.
    Failed,
    /// It can be cancelled, and nobody has done so yet.
    Pending,
}

impl Status {
    /// The body of `GET .../booking/cancel`.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!({"status": self.word()})
    }

    /// The word, in answers and webhooks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Success => "SUCCESS",
            Status::Failed => "FAILED",
            Status::Pending => "PENDING",
        }
    }
}

/// The body of every failure.
#[must_use]
pub fn generic_error(status: u16, code: &str, message: &str) -> Value {
    let mut letters = message.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let sentence: String = first.into_iter().chain(letters).collect();
    json!({"code": status, "error": sentence, "source_error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        read(body.as_bytes()).expect_err(body).to_string()
    }

    #[test]
    fn a_request_is_three_ids_and_its_answer_names_the_session_otherwise() {
        let body = br#"{"order_id":"3714-330853-9384","provider_id":"hspa.example.org","transaction_id":"t-1","x":1}"#;
        let asked = read(body).expect("readable");
        assert_eq!(asked.reason, None);
        assert_eq!(
            asked.booking.to_json(),
            json!({"order_id": "3714-330853-9384", "provider_id": "hspa.example.org", "txn_id": "t-1"})
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (body, said) in [
            (
                r#"{"provider_id":"p","transaction_id":"t"}"#,
                "order_id: it is required",
            ),
            (
                r#"{"order_id":"","provider_id":"p","transaction_id":"t"}"#,
                "order_id: an id must",
            ),
            (
                r#"{"order_id":"o","provider_id":7,"transaction_id":"t"}"#,
                "provider_id: expected",
            ),
            (
                r#"{"order_id":"o","provider_id":"p","txn_id":"t"}"#,
                "transaction_id: it is",
            ),
            (
                r#"{"order_id":"o","provider_id":"p","transaction_id":"a b"}"#,
                "transaction_id: an",
            ),
            ("[]", "the body: expected an object"),
        ] {
            assert!(refused(body).starts_with(said), "{}", refused(body));
        }
        assert!(read(b"{").is_err() && read(br#"{"order_id":"a","order_id":"b"}"#).is_err());
        let long = "x".repeat(256);
        assert!(refused(&format!(r#"{{"order_id":"{long}"}}"#)).contains("255"));
    }

    #[test]
    fn a_failure_has_one_shape() {
        assert_eq!(
            generic_error(404, "ORDER_NOT_FOUND", "no such booking"),
            json!({"code": 404, "error": "No such booking",
                "source_error": {"code": "ORDER_NOT_FOUND", "message": "no such booking"}})
        );
    }
}
