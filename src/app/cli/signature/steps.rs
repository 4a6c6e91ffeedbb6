//! The checks of a server in its order, up to the first that fails.
//!
//! They are the server's own functions; what is added is only the choice of the key (given, or
//! from a registry) and what each step saw. Nothing is printed here.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::Check;
use crate::app::cli;
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::{Header, Scheme};
use crate::domain::ids::{Error as IdError, KeyId, SubscriberId};
use crate::domain::refusal::{Refusal, Word};
use crate::networks::caller::{self, Role};
use crate::protocol::registry::Form;
use crate::protocol::{Dialect, reasons};
use crate::registry::{self, Asked, Registry, Subscriber};

/// What a step came to.
pub(super) enum Outcome {
    /// It holds; what was seen.
    Holds(String),
    /// It does not apply; why.
    Skipped(String),
    /// It fails: what the server would answer.
    Fails(Refusal),
}

/// One step.
pub(super) struct Step {
    pub name: &'static str,
    pub outcome: Outcome,
}

/// The steps that were taken, and what they learnt on the way.
pub(super) struct Checked<'a> {
    pub steps: Vec<Step>,
    pub body: &'a [u8],
    pub now: DateTime<Utc>,
    pub header: Option<Header>,
    pub key: Option<VerifyingKey>,
}

impl Checked<'_> {
    /// The step that fails; only the last can.
    pub(super) fn failed(&self) -> Option<&Refusal> {
        match self.steps.last().map(|step| &step.outcome) {
            Some(Outcome::Fails(refusal)) => Some(refusal),
            _ => None,
        }
    }

    fn take(&mut self, name: &'static str, outcome: Outcome) -> bool {
        let goes_on = !matches!(outcome, Outcome::Fails(_));
        self.steps.push(Step { name, outcome });
        goes_on
    }
}

/// Takes the steps; an error is one of ours, not of what is checked.
pub(super) async fn check<'a>(
    asked: &Check,
    body: &'a [u8],
    now: DateTime<Utc>,
) -> anyhow::Result<Checked<'a>> {
    let mut checked = Checked {
        steps: Vec::new(),
        body,
        now,
        header: None,
        key: None,
    };
    let (gateway, text) = match asked.header.as_deref() {
        Some(text) => named(text, asked.gateway),
        None => (asked.gateway, None),
    };
    let Some(header) = header(&mut checked, text) else {
        return Ok(checked);
    };
    if !checked.take("caller", caller_of(&header, body, gateway)) {
        return Ok(checked);
    }
    let found = match key(asked, &header, now).await? {
        Ok(found) => found,
        Err(refusal) => {
            checked.take("key", Outcome::Fails(refusal));
            return Ok(checked);
        }
    };
    checked.take("key", Outcome::Holds(found.seen));
    checked.key = Some(found.key.clone());
    if checked.take("signature", signature(&header, body, &found.key))
        && let Some(subscriber) = &found.subscriber
    {
        checked.take("role", role(header.scheme, subscriber, body, gateway));
    }
    Ok(checked)
}

/// Whoever pastes a whole header line means its value; its name says whose header it is.
fn named(text: &str, gateway: bool) -> (bool, Option<&str>) {
    let Some((name, value)) = text.split_once(':') else {
        return (gateway, Some(text));
    };
    match name.trim().to_ascii_lowercase().as_str() {
        "authorization" => (gateway, Some(value.trim())),
        "x-gateway-authorization" | "proxy-authorization" => (true, Some(value.trim())),
        _ => (gateway, Some(text)),
    }
}

/// Grammar, then the time window: two steps for a reader, one function of the server.
fn header(checked: &mut Checked<'_>, text: Option<&str>) -> Option<Header> {
    let scheme = text.map_or(Scheme::Beckn, scheme_of);
    let read = caller::read_header(scheme, text, checked.now);
    let grammar = text.and_then(|text| Header::read(scheme, text).ok());
    checked.header = grammar.clone();
    let Some(header) = grammar else {
        let refusal = read.err()?;
        checked.take("header", Outcome::Fails(refusal));
        return None;
    };
    let who = format!(
        "signed by {} with its key {}",
        header.subscriber_id, header.key_id
    );
    checked.take("header", Outcome::Holds(who));
    let window = match read {
        Ok(_) => Outcome::Holds(window(&header, checked.now)),
        Err(refusal) => Outcome::Fails(refusal),
    };
    checked.take("time", window).then_some(header)
}

/// A server knows its network's scheme; here the header tells by its first character.
pub(super) fn scheme_of(header: &str) -> Scheme {
    match header.trim_start().starts_with('{') {
        true => Scheme::Uhi,
        false => Scheme::Beckn,
    }
}

fn window(header: &Header, now: DateTime<Utc>) -> String {
    format!(
        "our time {} is between created {} (5 s early is fine) and expires {}",
        now.timestamp(),
        header.created,
        header.expires,
    )
}

/// The party that the body's context names as its sender.
fn caller_of(header: &Header, body: &[u8], gateway: bool) -> Outcome {
    if gateway {
        return Outcome::Skipped("a gateway signs what others wrote".to_owned());
    }
    let Some(context) = context(body) else {
        return Outcome::Skipped("the body is no JSON with a context".to_owned());
    };
    let member = sender_member(header.scheme, &context);
    let named = context[member].as_str();
    let named = named.and_then(|id| SubscriberId::parse(id).ok());
    match caller::check_signer(header, member, named.as_ref()) {
        Ok(()) => Outcome::Holds(format!("context.{member} is {} too", header.subscriber_id)),
        Err(refusal) => Outcome::Fails(refusal),
    }
}

fn context(body: &[u8]) -> Option<Value> {
    let mut message: Value = serde_json::from_slice(body).ok()?;
    message.get_mut("context").map(Value::take)
}

/// Callbacks come from the provider's side, all else from the buyer's.
fn sender_member(scheme: Scheme, context: &Value) -> &'static str {
    let members = match scheme {
        Scheme::Beckn => Dialect::V1.members(),
        Scheme::Uhi => Dialect::Uhi.members(),
    };
    match is_callback(context) {
        true => members.bpp_id,
        false => members.bap_id,
    }
}

fn is_callback(context: &Value) -> bool {
    let action = context["action"].as_str().unwrap_or_default();
    action.starts_with("on_") || action == reasons::CALLBACK
}

/// A key with where it comes from.
struct Found {
    key: VerifyingKey,
    seen: String,
    subscriber: Option<std::sync::Arc<Subscriber>>,
}

async fn key(
    asked: &Check,
    header: &Header,
    now: DateTime<Utc>,
) -> anyhow::Result<Result<Found, Refusal>> {
    if let Some(url) = &asked.registry {
        return looked_up(url, header, now).await;
    }
    let text = asked.public_key.as_deref().unwrap_or_default();
    let given = VerifyingKey::parse(text.trim());
    let given = given.map_err(|error| {
        let detail = format!("the --public-key is no usable Ed25519 key: {error}");
        Refusal::new(Word::KeyNotUsable, detail)
    });
    Ok(given.map(|key| Found {
        seen: format!("fingerprint {}, as given", key.fingerprint()),
        key,
        subscriber: None,
    }))
}

async fn looked_up(
    url: &Url,
    header: &Header,
    now: DateTime<Utc>,
) -> anyhow::Result<Result<Found, Refusal>> {
    let malformed = |error: IdError| Refusal::new(Word::HeaderMalformed, error.to_string());
    let asked = match (
        SubscriberId::parse(&header.subscriber_id),
        KeyId::parse(&header.key_id),
    ) {
        (Ok(subscriber), Ok(key_id)) => Asked {
            subscriber,
            key_id,
            role: Role::Buyer,
        },
        (Err(error), _) | (_, Err(error)) => return Ok(Err(malformed(error))),
    };
    let client = cli::http_client()?;
    let settings = registry::Settings::at(url.clone());
    let found = Registry::new(settings, client)
        .subscriber(&asked, now)
        .await;
    Ok(match found {
        Ok(subscriber) => Ok(Found {
            key: subscriber.verifying_key.clone(),
            seen: format!(
                "fingerprint {}, from the registry at {url}",
                subscriber.verifying_key.fingerprint()
            ),
            subscriber: Some(subscriber),
        }),
        Err(error) => Err(refused_by(url, &error)),
    })
}

/// The server's refusal, with what only we may say: which registry it was, and what went wrong.
fn refused_by(url: &Url, error: &registry::Error) -> Refusal {
    let detail = cli::said_at(url, error);
    Refusal {
        detail,
        ..caller::from_registry(error)
    }
}

fn signature(header: &Header, body: &[u8], key: &VerifyingKey) -> Outcome {
    match header.verify(body, key) {
        Ok(()) => Outcome::Holds(format!(
            "verifies over the {} bytes of the body",
            body.len()
        )),
        Err(error) => Outcome::Fails(caller::from_signature(&error)),
    }
}

/// A server takes a cancel from a buyer app only; who may send a callback is the caller's check.
fn role(scheme: Scheme, subscriber: &Subscriber, body: &[u8], gateway: bool) -> Outcome {
    let form = match scheme {
        Scheme::Beckn => Form::Core,
        Scheme::Uhi => Form::Uhi,
    };
    let listed = subscriber.roles.join(", ");
    let callback = context(body).is_some_and(|context| is_callback(&context));
    let role = match (gateway, callback) {
        (true, _) => Role::Gateway,
        (false, true) => return Outcome::Skipped(format!("registered as {listed}")),
        (false, false) => Role::Buyer,
    };
    match caller::check_role(subscriber, role, form) {
        Ok(()) => Outcome::Holds(format!("registered as {listed}")),
        Err(refusal) => Outcome::Fails(refusal),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn callbacks_are_signed_by_the_provider_and_all_else_by_the_buyer() {
        for (action, member) in [
            ("cancel", "bap_id"),
            ("get_cancellation_reasons", "bap_id"),
            ("on_cancel", "bpp_id"),
            ("cancellation_reasons", "bpp_id"),
        ] {
            let context = json!({"action": action});
            assert_eq!(sender_member(Scheme::Beckn, &context), member, "{action}");
        }
    }
}
