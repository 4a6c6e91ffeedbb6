//! One row of an answer: its members under all their names, and what they say.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::Form;

pub(super) const SUBSCRIBER_ID: &[&str] = &["subscriber_id", "subscriberId"];
pub(super) const KEY_ID: &[&str] = &[
    "key_id",
    "ukId",
    "ukid",
    "unique_key_id",
    "pub_key_id",
    "keyId",
];
pub(super) const URL: &[&str] = &["url", "subscriber_url", "cb_url", "subscriberUrl"];
pub(super) const ROLE: &[&str] = &["type", "role"];
const DOMAIN: &[&str] = &["domain"];
pub(super) const STATUS: &[&str] = &["status"];
pub(super) const SIGNING_KEY: &[&str] = &["signing_public_key", "signingPublicKey"];
pub(super) const ENCRYPTION_KEY: &[&str] = &[
    "encr_public_key",
    "encryption_public_key",
    "encryptionPublicKey",
];
const VALID_FROM: &[&str] = &["valid_from", "validFrom"];
pub(super) const VALID_UNTIL: &[&str] = &["valid_until", "expires", "validUntil"];

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
    /// Where the public key that verifies its signatures is: the first of these texts that is
    /// a key.
    pub verifying_keys: Vec<String>,
    /// `SUBSCRIBED` and others; registries without states leave it out.
    pub status: Option<String>,
    /// Whether a row without a status may be used.
    pub needs_status: bool,
    /// Not to be used before this.
    pub valid_from: Bound,
    /// Not to be used after this.
    pub valid_until: Bound,
}

pub(super) fn read(row: &Map<String, Value>, form: Form) -> Row {
    let owned = |aliases| text(row, aliases).map(str::to_owned);
    let keys = form.verifying_key_members().iter();
    Row {
        role: owned(ROLE),
        domains: texts(row, DOMAIN),
        url: owned(URL),
        verifying_keys: keys.filter_map(|aliases| owned(*aliases)).collect(),
        status: member(row, STATUS).map(word),
        needs_status: form.needs_status(),
        valid_from: bound(row, VALID_FROM, form),
        valid_until: bound(row, VALID_UNTIL, form),
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
pub(super) fn text<'a>(row: &'a Map<String, Value>, aliases: &[&str]) -> Option<&'a str> {
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

fn bound(row: &Map<String, Value>, aliases: &[&str], form: Form) -> Bound {
    let Some(value) = member(row, aliases) else {
        return Bound::Open;
    };
    let time = value.as_str().and_then(|text| {
        let with_zone = DateTime::parse_from_rfc3339(text).ok();
        with_zone
            .map(|time| time.to_utc())
            .or_else(|| zoneless(text, form))
    });
    time.map_or(Bound::Unreadable, Bound::At)
}

/// UHI states no format for its times, and its messages leave out the zone: it is UTC then.
fn zoneless(text: &str, form: Form) -> Option<DateTime<Utc>> {
    let is_uhi = form == Form::Uhi;
    let time = is_uhi.then(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok());
    time.flatten().map(|time| time.and_utc())
}
