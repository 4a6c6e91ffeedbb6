//! A `/cancel` of one dialect: what is accepted is what the message says, stays accepted with
//! members we do not know, and the context of its callback keeps all that is not ours.

use beckn_bpp::domain::decide::Intent;
use beckn_bpp::domain::refusal::Word;
use beckn_bpp::protocol::context::{self, Context};
use beckn_bpp::protocol::kind::Kind as Network;
use beckn_bpp::protocol::on_cancel::{self, Us};
use beckn_bpp::protocol::raw::RawObject;
use beckn_bpp::protocol::schema::{self, Kind};
use beckn_bpp::protocol::{Dialect, cancel, strict};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::is_one_short_line;

/// The members of a callback's context that are ours to write or to drop.
const OURS: [&str; 6] = ["action", "bpp_id", "bpp_uri", "timestamp", "key", "ttl"];

/// Holds for every body that speaks `dialect`.
pub fn holds(dialect: Dialect, data: &[u8]) {
    let Ok(message) = strict::parse(data) else {
        return;
    };
    if context::dialect_of(Network::Beckn, &message) != Some(dialect) {
        return;
    }
    let context = match context::read(Network::Beckn, &message) {
        Ok(context) => context,
        Err(refusal) => {
            assert_eq!(refusal.word, Word::ContextInvalid, "{refusal}");
            return;
        }
    };
    says_what_is_written(&context, &message["context"], dialect);
    let whole = RawObject::from_slice(data).expect("strict JSON with a context");
    let raw = whole.get("context").expect("it was read");
    callback_keeps_what_is_not_ours(raw, dialect);
    let fits = schema::check(Kind::Cancel, dialect, &message);
    match (&fits, cancel::decode(dialect, &message, None)) {
        (Ok(()), Ok(cancel)) => accepted(dialect, &message, &cancel),
        (Ok(()), Err(refusal)) => assert_eq!(refusal.word, Word::SchemaMismatch),
        (Err(error), _) => assert!(is_one_short_line(&error.to_string()), "{error}"),
    }
}

fn says_what_is_written(context: &Context, written: &Value, dialect: Dialect) {
    let text = |name: &str| written[name].as_str();
    assert_eq!(context.dialect, dialect);
    assert_eq!(Some(context.action.as_str()), text("action"));
    assert_eq!(context.domain.as_deref(), text("domain"));
    assert_eq!(
        context.bap_id.as_ref().map(|id| id.as_str()),
        text("bap_id")
    );
    assert_eq!(
        context.bpp_id.as_ref().map(|id| id.as_str()),
        text("bpp_id")
    );
    assert_eq!(Some(context.bap_uri.as_str()), text("bap_uri"));
    assert_eq!(Some(context.transaction.as_str()), text("transaction_id"));
    assert_eq!(Some(context.message.as_str()), text("message_id"));
    let version = text("version").or(text("core_version")).expect("a version");
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    assert!(version.split('.').all(plain), "{version}");
    assert!(
        context
            .valid_until
            .is_none_or(|until| until >= context.timestamp)
    );
}

fn callback_keeps_what_is_not_ours(raw: &str, dialect: Dialect) {
    let us = Us {
        bpp_id: "bpp.example.org",
        bpp_uri: "https://bpp.example.org",
        ttl_seconds: None,
    };
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let callback = on_cancel::context(raw, us, None, now).expect("spliced");
    assert_eq!(on_cancel::dialect_of(&callback), Some(dialect));
    let (before, after) = (RawObject::parse(raw), RawObject::parse(&callback));
    let (before, after) = (before.expect("an object"), after.expect("an object"));
    let foreign = |(key, _): &(&str, &str)| !OURS.contains(key);
    let kept: Vec<_> = before.iter().filter(foreign).collect();
    assert_eq!(after.iter().filter(foreign).collect::<Vec<_>>(), kept);
    assert_eq!(after.get_str("action").as_deref(), Some("on_cancel"));
    assert_eq!(after.get_str("bpp_id").as_deref(), Some(us.bpp_id));
    assert!(after.get("ttl").is_none() && after.get("key").is_none());
    let limits = strict::Limits::document();
    assert!(
        strict::parse_within(callback.as_bytes(), limits).is_ok(),
        "{callback}"
    );
}

fn accepted(dialect: Dialect, message: &Value, cancel: &cancel::Cancel) {
    let asked = &message["message"];
    assert_eq!(Some(cancel.order.as_str()), asked["order_id"].as_str());
    let reason = asked["cancellation_reason_id"].as_str();
    assert_eq!(cancel.request.reason.id.as_deref(), reason);
    let code = asked["descriptor"]["code"].as_str().unwrap_or_default();
    let is_soft = code.replace('-', "_") == "SOFT_CANCEL";
    assert_eq!(cancel.request.intent == Intent::Quote, is_soft);
    let mut more = message.clone();
    more["message"]["x-unknown"] = json!({"a": [1]});
    assert_eq!(schema::check(Kind::Cancel, dialect, &more), Ok(()));
    let mut less = message.clone();
    less["message"]["order_id"] = Value::Null;
    assert!(schema::check(Kind::Cancel, dialect, &less).is_err());
}
