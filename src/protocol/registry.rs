//! The core `/lookup`: the question as registries understand it, and the answer in every
//! spelling they give it.
//!
//! Each registry family names the same members differently, so a row is read through tables of
//! aliases. Registries ignore filters they do not know and then return too much: [`rows_for`]
//! filters again and believes nothing but the row itself. Whether a row may be used (status,
//! validity, key) is not decided here but in `registry/`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::ids::{KeyId, SubscriberId};

const SUBSCRIBER_ID: &[&str] = &["subscriber_id", "subscriberId"];
const KEY_ID: &[&str] = &[
    "key_id",
    "ukId",
    "ukid",
    "unique_key_id",
    "pub_key_id",
    "keyId",
];
const URL: &[&str] = &["url", "subscriber_url", "cb_url", "subscriberUrl"];
const ROLE: &[&str] = &["type", "role"];
const DOMAIN: &[&str] = &["domain"];
const STATUS: &[&str] = &["status"];
const SIGNING_KEY: &[&str] = &["signing_public_key", "signingPublicKey"];
const ENCRYPTION_KEY: &[&str] = &[
    "encr_public_key",
    "encryption_public_key",
    "encryptionPublicKey",
];
const VALID_FROM: &[&str] = &["valid_from", "validFrom"];
const VALID_UNTIL: &[&str] = &["valid_until", "expires", "validUntil"];

/// Why an answer holds no rows, not even none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not JSON.
    #[error("the registry's answer is not JSON")]
    NotJson,
    /// The JSON is neither a list of subscribers nor one subscriber.
    #[error("the registry's answer is no list of subscribers")]
    NotRows,
}

/// The body of `POST /lookup`.
///
/// Every filter that a registry knows narrows its answer, so only what identifies the key is
/// sent. The key id goes as `key_id` (the core specification) and `ukId` (older registries):
/// whoever knows neither returns all keys of the subscriber, which is correct, only longer.
/// `type` and `domain` stay out: their words differ between registries (`BAP`, `bap`,
/// `buyerApp`), a mismatch would hide a subscriber that exists, and a signer with the wrong role
/// is to be told so instead of being unknown.
#[derive(Debug, Clone, Serialize)]
pub struct Lookup<'a> {
    subscriber_id: &'a SubscriberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a KeyId>,
    #[serde(rename = "ukId", skip_serializing_if = "Option::is_none")]
    uk_id: Option<&'a KeyId>,
}

impl<'a> Lookup<'a> {
    /// The question for one key of one subscriber, or for all of its keys.
    #[must_use]
    pub fn of(subscriber_id: &'a SubscriberId, key_id: impl Into<Option<&'a KeyId>>) -> Self {
        let key_id = key_id.into();
        Self {
            subscriber_id,
            key_id,
            uk_id: key_id,
        }
    }
}

/// One end of a row's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The row does not say: no limit on this side.
    Open,
    /// This instant.
    At(DateTime<Utc>),
    /// The row says something that is no time; it must not be used.
    Unreadable,
}

/// What one row says of one key of one subscriber, in the registry's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `BAP`, `bap`, `buyerApp`, ...
    pub role: Option<String>,
    /// The domains the row is for; empty means all.
    pub domains: Vec<String>,
    /// Where the subscriber is reached; may be relative.
    pub url: Option<String>,
    /// The public key that verifies its signatures.
    pub signing_key: Option<String>,
    /// The public key that challenges are encrypted for.
    pub encryption_key: Option<String>,
    /// `SUBSCRIBED` and others; registries without states leave it out.
    pub status: Option<String>,
    /// Not to be used before this.
    pub valid_from: Bound,
    /// Not to be used after this.
    pub valid_until: Bound,
}

/// Reads an answer and keeps the rows of this key of this subscriber, or of all its keys.
///
/// # Errors
/// When the answer is something else than rows, such as an error object sent with status 200:
/// that says nothing about the subscriber.
pub fn rows_for<'k>(
    answer: &[u8],
    id: &SubscriberId,
    key_id: impl Into<Option<&'k KeyId>>,
) -> Result<Vec<Row>, Error> {
    let key_id = key_id.into();
    let answer: Value = serde_json::from_slice(answer).map_err(|_| Error::NotJson)?;
    let objects = objects(&answer).ok_or(Error::NotRows)?;
    Ok(objects
        .into_iter()
        .filter(|row| is_for(row, id, key_id))
        .map(read)
        .collect())
}

/// The rows of a bare list, of a list or row wrapped in `message`, or of a single row.
fn objects(answer: &Value) -> Option<Vec<&Map<String, Value>>> {
    match answer {
        Value::Array(rows) => Some(rows.iter().filter_map(Value::as_object).collect()),
        Value::Object(row) if text(row, SUBSCRIBER_ID).is_some() => Some(vec![row]),
        Value::Object(wrapper) => match wrapper.get("message")? {
            rows @ Value::Array(_) => objects(rows),
            Value::Object(row) if text(row, SUBSCRIBER_ID).is_some() => Some(vec![row]),
            _ => None,
        },
        _ => None,
    }
}

fn is_for(row: &Map<String, Value>, id: &SubscriberId, key_id: Option<&KeyId>) -> bool {
    let named = text(row, SUBSCRIBER_ID).and_then(|text| SubscriberId::parse(text).ok());
    let key_named = key_id.is_none_or(|key_id| {
        let under = |alias: &&str| row.get(*alias).and_then(Value::as_str);
        KEY_ID
            .iter()
            .any(|alias| under(alias) == Some(key_id.as_str()))
    });
    key_named && named.is_some_and(|named| named.is(id))
}

fn read(row: &Map<String, Value>) -> Row {
    let owned = |aliases| text(row, aliases).map(str::to_owned);
    Row {
        role: owned(ROLE),
        domains: texts(row, DOMAIN),
        url: owned(URL),
        signing_key: owned(SIGNING_KEY),
        encryption_key: owned(ENCRYPTION_KEY),
        status: member(row, STATUS).map(word),
        valid_from: bound(row, VALID_FROM),
        valid_until: bound(row, VALID_UNTIL),
    }
}

/// The first alias that is there and not null.
fn member<'a>(row: &'a Map<String, Value>, aliases: &[&str]) -> Option<&'a Value> {
    aliases
        .iter()
        .filter_map(|alias| row.get(*alias))
        .find(|value| !value.is_null())
}

/// The first alias with a text that is not empty.
fn text<'a>(row: &'a Map<String, Value>, aliases: &[&str]) -> Option<&'a str> {
    aliases
        .iter()
        .filter_map(|alias| row.get(*alias)?.as_str())
        .find(|text| !text.is_empty())
}

/// One text or a list of texts.
fn texts(row: &Map<String, Value>, aliases: &[&str]) -> Vec<String> {
    let one = text(row, aliases).into_iter();
    let many = member(row, aliases).and_then(Value::as_array);
    one.chain(many.into_iter().flatten().filter_map(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// A status that is no text must not pass for an absent one.
fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn bound(row: &Map<String, Value>, aliases: &[&str]) -> Bound {
    let Some(value) = member(row, aliases) else {
        return Bound::Open;
    };
    value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map_or(Bound::Unreadable, |time| Bound::At(time.to_utc()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(answer: &Value) -> Result<Vec<Row>, Error> {
        let id = SubscriberId::parse("bap.example").expect("valid");
        let key = KeyId::parse("k1").expect("valid");
        rows_for(answer.to_string().as_bytes(), &id, &key)
    }

    fn only(answer: &Value) -> Row {
        let mut rows = rows(answer).expect("rows");
        assert_eq!(rows.len(), 1, "{answer}");
        rows.remove(0)
    }

    fn row_with(member: &str, value: &Value) -> Value {
        let mut row = json!({"subscriber_id": "bap.example", "key_id": "k1"});
        row[member] = value.clone();
        row
    }

    #[test]
    fn the_question_names_subscriber_and_key_and_nothing_that_hides_rows() {
        let id = SubscriberId::parse("https://bap.example/").expect("valid");
        let key = KeyId::parse("k1").expect("valid");
        assert_eq!(
            serde_json::to_value(Lookup::of(&id, &key)).expect("plain texts"),
            json!({"subscriber_id": "https://bap.example/", "key_id": "k1", "ukId": "k1"})
        );
    }

    #[test]
    fn every_spelling_of_the_key_id_is_read() {
        for alias in KEY_ID {
            only(&json!([{"subscriber_id": "bap.example", *alias: "k1"}]));
        }
        only(&json!([{"subscriberId": "bap.example", "keyId": "k1"}]));
        only(&json!([{"subscriber_id": "bap.example", "key_id": null, "ukId": "k1"}]));
        only(
            &json!([{"subscriber_id": "bap.example", "unique_key_id": "a-uuid", "pub_key_id": "k1"}]),
        );
    }

    #[test]
    fn every_spelling_of_the_other_members_is_read() {
        type Get = fn(Row) -> Option<String>;
        let tables: [(&[&str], Get); 5] = [
            (URL, |row| row.url),
            (ROLE, |row| row.role),
            (STATUS, |row| row.status),
            (SIGNING_KEY, |row| row.signing_key),
            (ENCRYPTION_KEY, |row| row.encryption_key),
        ];
        for (aliases, get) in tables {
            for alias in aliases {
                let row = only(&json!([row_with(alias, &json!("x"))]));
                assert_eq!(get(row).as_deref(), Some("x"), "{alias}");
            }
        }
    }

    #[test]
    fn an_answer_may_be_a_list_a_wrapped_list_or_one_row() {
        let row = row_with("type", &json!("BAP"));
        for answer in [
            json!([row]),
            json!({"message": [row]}),
            json!({"message": row}),
            row.clone(),
        ] {
            assert_eq!(only(&answer).role.as_deref(), Some("BAP"), "{answer}");
        }
        assert_eq!(rows(&json!([])), Ok(vec![]));
        assert_eq!(rows(&json!({"message": []})), Ok(vec![]));
    }

    #[test]
    fn what_is_no_list_of_rows_says_nothing_about_the_subscriber() {
        for answer in [
            json!("none"),
            json!(null),
            json!({}),
            json!({"message": {"ack": {"status": "NACK"}}, "error": {"code": "1"}}),
            json!({"error": "try later"}),
        ] {
            assert_eq!(rows(&answer), Err(Error::NotRows), "{answer}");
        }
        let id = SubscriberId::parse("bap.example").expect("valid");
        let key = KeyId::parse("k1").expect("valid");
        assert_eq!(rows_for(b"<html>", &id, &key), Err(Error::NotJson));
    }

    #[test]
    fn rows_of_others_and_of_other_keys_are_dropped() {
        let answer = json!([
            {"subscriber_id": "other.example", "key_id": "k1"},
            {"subscriber_id": "bap.example.evil.example", "key_id": "k1"},
            {"subscriber_id": "bap.example", "key_id": "k2"},
            {"subscriber_id": "bap.example", "key_id": "K1"},
            {"subscriber_id": "bap.example"},
            {"key_id": "k1"},
            "text", null, 7,
        ]);
        assert_eq!(rows(&answer), Ok(vec![]));
        only(&json!([{"subscriber_id": "https://bap.example/", "key_id": "k1"}]));
    }

    #[test]
    fn times_are_open_when_missing_and_unreadable_when_not_rfc_3339() {
        let instant = "2026-01-01T00:00:00Z".parse().expect("a time");
        for (value, bound) in [
            (json!(null), Bound::Open),
            (json!("2026-01-01T05:30:00.000+05:30"), Bound::At(instant)),
            (json!(""), Bound::Unreadable),
            (json!("2026-01-01"), Bound::Unreadable),
            (json!(1_767_225_600), Bound::Unreadable),
        ] {
            for alias in VALID_UNTIL {
                let row = only(&json!([row_with(alias, &value)]));
                assert_eq!(row.valid_until, bound, "{alias} {value}");
            }
            let row = only(&json!([row_with("valid_from", &value)]));
            assert_eq!(row.valid_from, bound, "{value}");
        }
        let row = only(&json!([row_with("type", &json!("BAP"))]));
        assert_eq!(
            (row.valid_from, row.valid_until),
            (Bound::Open, Bound::Open)
        );
    }

    #[test]
    fn a_domain_may_be_one_word_or_several_and_a_status_of_another_type_is_not_absent() {
        let row = only(&json!([row_with("domain", &json!("mobility"))]));
        assert_eq!(row.domains, ["mobility"]);
        let row = only(&json!([row_with("domain", &json!(["a", "b"]))]));
        assert_eq!(row.domains, ["a", "b"]);
        let row = only(&json!([row_with("status", &json!(false))]));
        assert_eq!(row.status.as_deref(), Some("false"));
    }
}
