//! Becoming a subscriber: what we post to a registry's `/subscribe`, what it answers, and what
//! it posts to our `/on_subscribe`.
//!
//! Two forms of the first: the core specification's, one body per domain, and ONDC's, one body
//! for all. Nothing is signed, encrypted or decided here.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The longest status word of a registry that is kept, in characters.
const STATUS_CHARS: usize = 32;

/// What of an `/on_subscribe` body we act on; everything else in it is for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSubscribe<'a> {
    /// For whom it is, where it says so.
    pub subscriber_id: Option<&'a str>,
    /// Our state there: capitals and underscores.
    pub status: Option<&'a str>,
    /// What we are to decrypt.
    pub challenge: Option<&'a str>,
}

impl<'a> OnSubscribe<'a> {
    /// Reads a body. `None` when a member has another type than its name promises, or when
    /// there is neither a status nor a challenge: then nothing is asked of us.
    #[must_use]
    pub fn read(message: &'a Value) -> Option<Self> {
        let text = |name: &str| match message.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_str().map(Some),
        };
        let is_word = |status: &str| {
            let letter = |c: char| c.is_ascii_uppercase() || c == '_';
            (1..=STATUS_CHARS).contains(&status.len()) && status.chars().all(letter)
        };
        let read = Self {
            subscriber_id: text("subscriber_id")?,
            status: text("status")?,
            challenge: text("challenge")?,
        };
        let is_empty = read.status.is_none() && read.challenge.is_none();
        (message.is_object() && !is_empty && read.status.is_none_or(is_word)).then_some(read)
    }
}

/// Who wants to be subscribed.
#[derive(Debug, Clone)]
pub struct Applicant<'a> {
    /// Our id.
    pub subscriber_id: &'a str,
    /// Where we are reached.
    pub url: &'a str,
    /// The id of our keys.
    pub key_id: &'a str,
    /// The public key that verifies our signatures, as this registry writes keys.
    pub signing_public_key: String,
    /// The public key that challenges are encrypted for, as this registry writes keys.
    pub encryption_public_key: Option<String>,
    /// From when the keys are good.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_until: DateTime<Utc>,
    /// The cities served, such as `std:080`.
    pub cities: &'a [String],
    /// The country, such as `IND`.
    pub country: Option<&'a str>,
}

impl Applicant<'_> {
    /// The core form, for one domain; `nonce` is a fresh random id. Members that registries
    /// spell in two ways are there in both.
    #[must_use]
    pub fn core(&self, domain: &str, nonce: &str) -> Value {
        let mut body = json!({
            "subscriber_id": self.subscriber_id,
            "url": self.url,
            "subscriber_url": self.url,
            "type": "BPP",
            "domain": domain,
            "key_id": self.key_id,
            "unique_key_id": self.key_id,
            "signing_public_key": self.signing_public_key,
            "valid_from": time(self.valid_from),
            "valid_until": time(self.valid_until),
            "nonce": nonce,
        });
        if let Some(key) = &self.encryption_public_key {
            body["encr_public_key"] = json!(key);
        }
        if let Some(city) = self.cities.first() {
            body["city"] = json!(city);
        }
        if let Some(country) = self.country {
            body["country"] = json!(country);
        }
        body
    }

    /// ONDC's form. `entity` is what the registry wants to know of the company behind us, and
    /// `base_path` the path of our URL.
    #[must_use]
    pub fn ondc(&self, entity: &Map<String, Value>, on: &OndcRequest<'_>) -> Value {
        let mut entity = entity.clone();
        let path = match on.base_path {
            "" => "/",
            path => path,
        };
        entity.insert("subscriber_id".to_owned(), json!(self.subscriber_id));
        entity.insert("unique_key_id".to_owned(), json!(self.key_id));
        entity.insert("callback_url".to_owned(), json!(path));
        entity.insert(
            "key_pair".to_owned(),
            json!({
                "signing_public_key": self.signing_public_key,
                "encryption_public_key": self.encryption_public_key,
                "valid_from": time(self.valid_from),
                "valid_until": time(self.valid_until),
            }),
        );
        let participant = |domain: &String| {
            json!({"subscriber_url": path, "domain": domain, "type": "sellerApp", "msn": false,
                "city_code": self.cities})
        };
        json!({
            "context": {"operation": {"ops_no": SELLER}},
            "message": {
                "request_id": on.request_id,
                "timestamp": time(self.valid_from),
                "entity": entity,
                "network_participant": on.domains.iter().map(participant).collect::<Vec<_>>(),
            },
        })
    }
}

/// ONDC's number for a subscription as seller.
const SELLER: u8 = 2;

/// What one request in ONDC's form is about.
#[derive(Debug, Clone, Copy)]
pub struct OndcRequest<'a> {
    /// The id whose signature our page shows.
    pub request_id: &'a str,
    /// The path of our URL, without a trailing slash.
    pub base_path: &'a str,
    /// The domains to be subscribed for.
    pub domains: &'a [String],
}

/// What ONDC's form wants of the company; the rest of its `entity` is filled in by us.
pub const ENTITY_NEEDS: [&str; 6] = [
    "gst",
    "pan",
    "name_of_authorised_signatory",
    "email_id",
    "mobile_no",
    "country",
];

/// What we fill in: it must not stand in the company's part too.
pub const ENTITY_FILLED_IN: [&str; 4] =
    ["subscriber_id", "unique_key_id", "callback_url", "key_pair"];

/// A registry's word on a subscription, in its answer to `/subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It goes on; with the status, where it says one.
    Taken(Option<String>),
    /// It will not have it; in its own words.
    Refused(String),
}

/// Reads an answer with a status of success: the core `{status}`, or an ACK or NACK with an
/// `error` whose members may be null.
#[must_use]
pub fn said(answer: &[u8]) -> Said {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let nack = answer.pointer("/message/ack/status") == Some(&json!("NACK"));
    let error = &answer["error"];
    let error_says = |name: &str| error.get(name).filter(|value| !value.is_null()).is_some();
    if nack || error_says("code") || error_says("message") {
        return Said::Refused(error.to_string());
    }
    Said::Taken(answer["status"].as_str().map(str::to_owned))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &Value) -> Option<(bool, bool, bool)> {
        let read = OnSubscribe::read(message)?;
        let OnSubscribe {
            subscriber_id,
            status,
            challenge,
        } = read;
        Some((
            subscriber_id.is_some(),
            status.is_some(),
            challenge.is_some(),
        ))
    }

    #[test]
    fn an_on_subscribe_has_a_challenge_a_status_or_both() {
        for (message, parts) in [
            (json!({"challenge": "x"}), (false, false, true)),
            (
                json!({"subscriber_id": "a", "challenge": "x"}),
                (true, false, true),
            ),
            (json!({"status": "SUBSCRIBED"}), (false, true, false)),
            (
                json!({"status": "UNDER_SUBSCRIPTION", "challenge": "x"}),
                (false, true, true),
            ),
            (
                json!({"status": "SUBSCRIBED", "challenge": null, "url": 7}),
                (false, true, false),
            ),
        ] {
            assert_eq!(read(&message), Some(parts), "{message}");
        }
        for message in [
            json!({}),
            json!([]),
            json!("x"),
            json!({"subscriber_id": "a"}),
            json!({"challenge": 7}),
            json!({"challenge": {}, "status": "SUBSCRIBED"}),
            json!({"status": "subscribed"}),
            json!({"status": "A\nB"}),
            json!({"status": ""}),
            json!({"status": "A".repeat(33)}),
            json!({"subscriber_id": [], "challenge": "x"}),
        ] {
            assert_eq!(read(&message), None, "{message}");
        }
    }

    #[test]
    fn an_answer_takes_or_refuses() {
        let said = |answer: Value| said(answer.to_string().as_bytes());
        let taken = |status: Option<&str>| Said::Taken(status.map(str::to_owned));
        assert_eq!(
            said(json!({"status": "UNDER_SUBSCRIPTION"})),
            taken(Some("UNDER_SUBSCRIPTION"))
        );
        let null = json!({"type": null, "code": null, "path": null, "message": null});
        for error in [json!(null), null] {
            let ack = json!({"message": {"ack": {"status": "ACK"}}, "error": error});
            assert_eq!(said(ack), taken(None));
        }
        let nack = json!({"message": {"ack": {"status": "NACK"}},
            "error": {"type": "POLICY-ERROR", "code": "132", "message": "site"}});
        let Said::Refused(words) = said(nack) else {
            panic!("a NACK refuses");
        };
        assert!(words.contains("132") && words.contains("POLICY-ERROR"));
        assert_eq!(super::said(b"OK"), taken(None));
    }
}
