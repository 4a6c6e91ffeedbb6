//! The envelope of every message: who asks whom for what, when, and for how long.
//!
//! Reads the context once into typed values for the checks; the answer is spliced from the raw
//! text, so nothing read here needs to be written back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Dialect;
use super::iso8601::Duration8601;
use super::kind::Kind;
use super::time::Time;
use crate::domain::ids::{self, MessageId, SubscriberId, TransactionId};
use crate::domain::refusal::{Refusal, Word};

/// The context of a request, as far as it is acted upon.
#[derive(Debug, Clone)]
pub struct Context {
    /// The dialect of its version.
    pub dialect: Dialect,
    /// The domain, where the message names one.
    pub domain: Option<String>,
    /// The action it says it is.
    pub action: String,
    /// The buyer app that asks, UHI's `consumer_id`; its absence is refused by the signer check.
    pub bap_id: Option<SubscriberId>,
    /// Where that app wants its callback.
    pub bap_uri: String,
    /// The provider platform it is meant for, where named.
    pub bpp_id: Option<SubscriberId>,
    /// The session.
    pub transaction: TransactionId,
    /// The message.
    pub message: MessageId,
    /// When it was made.
    pub timestamp: DateTime<Utc>,
    /// When it stops being valid, where it says so.
    pub valid_until: Option<DateTime<Utc>>,
}

/// The dialect a message claims, as early as it can be known; decides the shape of a NACK.
#[must_use]
pub fn dialect_of(kind: Kind, message: &Value) -> Option<Dialect> {
    let context = &message["context"];
    let version = version(context).ok()?;
    kind.dialect(version, context["domain"].as_str())
}

/// Reads the context of a message on a network of that kind.
///
/// # Errors
/// `unknown_version`, or `context_invalid` naming the member that is missing or unusable.
pub fn read(kind: Kind, message: &Value) -> Result<Context, Refusal> {
    let context = &message["context"];
    if !context.is_object() {
        return Err(invalid("context", "expected an object"));
    }
    let version = version(context)?;
    let domain = optional(context, "domain")?;
    let dialect = kind.dialect(version, domain).ok_or_else(|| {
        let got: String = version.chars().take(20).collect();
        let expected = kind.profile().versions;
        Refusal::new(
            Word::UnknownVersion,
            format!("expected {expected}, got {got:?}"),
        )
        .at("context.version")
    })?;
    let names = dialect.members();
    let timestamp = timestamp(dialect, required(context, "timestamp")?)?;
    Ok(Context {
        dialect,
        domain: domain.map(str::to_owned),
        action: required(context, "action")?.to_owned(),
        bap_id: id(context, names.bap_id, SubscriberId::parse)?,
        bap_uri: required(context, names.bap_uri)?.to_owned(),
        bpp_id: id(context, names.bpp_id, SubscriberId::parse)?,
        transaction: present(context, "transaction_id", TransactionId::parse)?,
        message: present(context, "message_id", MessageId::parse)?,
        timestamp,
        valid_until: valid_until(kind, context, timestamp),
    })
}

/// `version` or `core_version`: whichever is there; both must agree.
fn version(context: &Value) -> Result<&str, Refusal> {
    match (
        optional(context, "version")?,
        optional(context, "core_version")?,
    ) {
        (Some(a), Some(b)) if a != b => Err(invalid(
            "context.version",
            "version and core_version differ",
        )),
        (Some(version), _) | (None, Some(version)) => Ok(version),
        (None, None) => {
            let detail = "expected context.version or context.core_version, got neither";
            Err(Refusal::new(Word::UnknownVersion, detail).at("context.version"))
        }
    }
}

/// An unreadable ttl counts as absent: published samples misuse the member. Some networks know
/// how long a message is valid that does not say so.
fn valid_until(kind: Kind, context: &Value, made: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let said = context["ttl"].as_str().and_then(Duration8601::parse);
    let usual = kind.profile().ttl_seconds.map(i64::from);
    let usual = || made.checked_add_signed(TimeDelta::seconds(usual?));
    said.map(|ttl| ttl.after(made)).or_else(usual)
}

/// On UHI a context's time without a zone is taken, as UTC: parties are told to write UTC.
fn timestamp(dialect: Dialect, text: &str) -> Result<DateTime<Utc>, Refusal> {
    let read = match (dialect, Time::parse(text)) {
        (_, Some(Time::Instant(instant))) => Some(instant),
        (Dialect::Uhi, Some(Time::Local(local))) => Some(local.and_utc()),
        _ => None,
    };
    read.ok_or_else(|| {
        invalid(
            "context.timestamp",
            "expected RFC 3339, such as 2026-01-01T00:00:00.000Z",
        )
    })
}

fn present<T>(
    context: &Value,
    key: &str,
    parse: fn(&str) -> Result<T, ids::Error>,
) -> Result<T, Refusal> {
    id(context, key, parse)?.ok_or_else(|| invalid(&format!("context.{key}"), "it is required"))
}

fn id<T>(
    context: &Value,
    key: &str,
    parse: fn(&str) -> Result<T, ids::Error>,
) -> Result<Option<T>, Refusal> {
    let path = || format!("context.{key}");
    let Some(text) = optional(context, key)? else {
        return Ok(None);
    };
    parse(text)
        .map(Some)
        .map_err(|error| invalid(&path(), &error.to_string()))
}

fn required<'a>(context: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    optional(context, key)?.ok_or_else(|| invalid(&format!("context.{key}"), "it is required"))
}

fn optional<'a>(context: &'a Value, key: &str) -> Result<Option<&'a str>, Refusal> {
    match &context[key] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(invalid(&format!("context.{key}"), "expected a string")),
    }
}

fn invalid(path: &str, what: &str) -> Refusal {
    Refusal::new(Word::ContextInvalid, format!("{path}: {what}")).at(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message() -> Value {
        json!({"context": {
            "domain": "mobility", "action": "cancel", "core_version": "0.9.1",
            "bap_id": "https://mock_bap.com/", "bap_uri": "https://mock_bap.com/beckn/",
            "transaction_id": "1209849124", "message_id": "1234124234237",
            "timestamp": "2021-03-23T10:00:40.065Z", "ttl": "PT30S"
        }})
    }

    fn refused(member: &str, value: Value) -> Refusal {
        let mut message = message();
        message["context"][member] = value;
        read(Kind::Beckn, &message).expect_err(member)
    }

    #[test]
    fn a_published_context_is_read() {
        let context = read(Kind::Beckn, &message()).expect("readable");
        assert_eq!(context.dialect, Dialect::V0_9);
        assert_eq!(context.transaction.as_str(), "1209849124");
        assert_eq!(
            context.valid_until.map(|at| at.to_rfc3339()).as_deref(),
            Some("2021-03-23T10:01:10.065+00:00")
        );
    }

    #[test]
    fn the_version_decides_the_dialect_under_either_name() {
        let mut message = message();
        message["context"]["version"] = json!("0.9.1");
        assert!(
            read(Kind::Beckn, &message).is_ok(),
            "both names, same value"
        );
        message["context"]["version"] = json!("1.1.0");
        assert_eq!(
            read(Kind::Beckn, &message).expect_err("they differ").word,
            Word::ContextInvalid
        );
        message["context"]["core_version"] = Value::Null;
        assert_eq!(
            read(Kind::Beckn, &message).expect("1.x").dialect,
            Dialect::V1
        );
        for unknown in ["2.0.0", "0.8.0", "1", "1.x", "", "0.9", "1.+1.0", "0.9.+1"] {
            message["context"]["version"] = json!(unknown);
            assert_eq!(
                read(Kind::Beckn, &message).expect_err(unknown).word,
                Word::UnknownVersion
            );
        }
    }

    #[test]
    fn a_missing_or_unusable_member_is_named() {
        for member in [
            "action",
            "bap_uri",
            "transaction_id",
            "message_id",
            "timestamp",
        ] {
            for value in [Value::Null, json!(7), json!({}), json!([])] {
                let refusal = refused(member, value);
                assert_eq!(refusal.word, Word::ContextInvalid);
                assert_eq!(refusal.path, Some(format!("context.{member}")));
            }
        }
        assert_eq!(
            refused("message_id", json!("a b")).word,
            Word::ContextInvalid
        );
        assert_eq!(
            refused("timestamp", json!("yesterday")).word,
            Word::ContextInvalid
        );
        assert_eq!(
            read(Kind::Beckn, &json!({"context": 7}))
                .expect_err("no object")
                .word,
            Word::ContextInvalid
        );
        assert!(read(Kind::Beckn, &json!([])).is_err());
    }

    #[test]
    fn an_unreadable_ttl_counts_as_absent() {
        let mut message = message();
        message["context"]["ttl"] = json!("soon");
        assert_eq!(
            read(Kind::Beckn, &message).expect("readable").valid_until,
            None
        );
    }

    #[test]
    fn uhi_names_the_parties_in_its_own_words_and_may_leave_out_the_zone() {
        let message = json!({"context": {
            "domain": "nic2004:85111", "action": "cancel", "core_version": "0.7.1",
            "consumer_id": "eua-nha", "consumer_uri": "http://eua.example/api",
            "provider_id": "hspa-nha", "transaction_id": "t", "message_id": "m",
            "timestamp": "2022-07-05T15:24:35"
        }});
        let context = read(Kind::Uhi, &message).expect("readable");
        assert_eq!(
            context.bap_id.as_ref().map(SubscriberId::as_str),
            Some("eua-nha")
        );
        assert_eq!(
            context.bpp_id.as_ref().map(SubscriberId::as_str),
            Some("hspa-nha")
        );
        assert_eq!(context.bap_uri, "http://eua.example/api");
        assert_eq!(context.timestamp.to_rfc3339(), "2022-07-05T15:24:35+00:00");
        let other = read(Kind::Beckn, &message).expect_err("not spoken there");
        assert_eq!(other.word, Word::UnknownVersion);
        let mut beckn = super::tests::message();
        assert!(read(Kind::Uhi, &beckn).is_err());
        beckn["context"]["timestamp"] = json!("2021-03-23T10:00:40");
        assert!(read(Kind::Beckn, &beckn).is_err());
    }
}
