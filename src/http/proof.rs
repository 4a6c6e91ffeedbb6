//! Who signed a message of a network, and that it is meant for us.
//!
//! Every action passes the same checks, in the order of [`prove`]: cheap ones first, and nothing
//! is looked up for a message that could not be ours.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName};
use actix_web::web::{Bytes, Payload};
use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::limits::Place;
use super::network::{Seen, cut};
use super::{Doors, body};
use crate::domain::refusal::{Refusal, Word};
use crate::engine::cancel::ProvenCancel;
use crate::networks::Network;
use crate::networks::caller::{self, Role, Verified};
use crate::protocol::context::{self, Context};
use crate::protocol::strict;

/// A gateway signs what it forwards, beside the buyer app's own signature.
static GATEWAY_AUTHORIZATION: HeaderName = HeaderName::from_static("x-gateway-authorization");

static DIGEST: HeaderName = HeaderName::from_static("digest");

/// A message whose sender is proven. While it is here, it has its place among those at work.
pub(super) struct Proven<'a> {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Its parts.
    pub message: Value,
    /// Its context.
    pub context: Context,
    body: Bytes,
    authorization: &'a str,
    caller: Verified,
    callback_base: Url,
    _at_work: Place,
}

impl Proven<'_> {
    /// The form the engine takes.
    pub(super) fn asked<'a>(&'a self, network: &'a Network) -> ProvenCancel<'a> {
        ProvenCancel {
            network,
            context: &self.context,
            body: &self.body,
            message: &self.message,
            caller: &self.caller,
            authorization: self.authorization,
            callback_base: &self.callback_base,
        }
    }
}

/// The checks. `meaning` makes of the body the message as it is meant, and tells the action that
/// it must name.
///
/// # Errors
/// The first that fails.
pub(super) async fn prove<'a>(
    doors: &Doors,
    network: &Network,
    request: &'a HttpRequest,
    payload: Payload,
    seen: &mut Seen,
    meaning: impl FnOnce(Value) -> (Value, &'static str),
) -> Result<Proven<'a>, Refusal> {
    let body = body::read(request, payload, doors.body_limits).await?;
    let at_work = doors.limits.begin(request).await?;
    seen.body = Some(body.clone());
    let now = Utc::now();
    let authorization = only_header(request, &AUTHORIZATION)?;
    let kind = network.settings.kind;
    let header = caller::read_header(kind.profile().scheme, authorization, now)?;
    let (message, action) = meaning(strict::parse(&body).map_err(|error| from_json(&error))?);
    seen.dialect = context::dialect_of(kind, &message).unwrap_or(seen.dialect);
    let context = context::read(kind, &message)?;
    check_addressed(network, &context, action)?;
    let caller_member = context.dialect.members().bap_id;
    caller::check_signer(&header, caller_member, context.bap_id.as_ref())?;
    caller::check_digest_header(only_header(request, &DIGEST)?, &body)?;
    let caller = network.prove(&header, Role::Buyer, &body, now).await?;
    prove_gateway(network, request, &body, seen).await?;
    let callback_base = network.check_callback_url(&context, &caller)?;
    doors.limits.count(&caller.subscriber.id)?;
    Ok(Proven {
        at: now,
        message,
        context,
        body,
        authorization: authorization.unwrap_or_default(),
        caller,
        callback_base,
        _at_work: at_work,
    })
}

/// A header that may be there once at most: two would leave open which one was meant.
pub(super) fn only_header<'a>(
    request: &'a HttpRequest,
    name: &HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let malformed = |detail: String| Refusal::new(Word::HeaderMalformed, detail);
    let mut values = request.headers().get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(format!(
            "expected one {name} header, got several"
        )));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| malformed(format!("{name} is not visible ASCII")))
}

pub(super) fn from_json(error: &strict::Error) -> Refusal {
    Refusal::new(error.word(), error.to_string())
}

/// The message must be what its path says, in a domain served here, and for us if it names anybody.
fn check_addressed(network: &Network, context: &Context, action: &str) -> Result<(), Refusal> {
    if context.action != action {
        let detail = format!("expected {action:?}, got {:?}", cut(&context.action));
        return Err(Refusal::new(Word::WrongAction, detail).at("context.action"));
    }
    if !network.serves(context.domain.as_deref()) {
        let domain = context.domain.as_deref().unwrap_or_default();
        let served = network.settings.domains.join(", ");
        let detail = format!("expected one of {served}, got {:?}", cut(domain));
        return Err(Refusal::new(Word::DomainNotServed, detail).at("context.domain"));
    }
    match &context.bpp_id {
        Some(bpp) if !bpp.is(&network.settings.subscriber_id) => {
            let detail = format!(
                "this is {}, the message is for {:?}",
                network.settings.subscriber_id,
                cut(bpp.as_str())
            );
            let path = format!("context.{}", context.dialect.members().bpp_id);
            Err(Refusal::new(Word::WrongRecipient, detail).at(path))
        }
        _ => Ok(()),
    }
}

/// A gateway's header is verified as well as the caller's, never instead of it.
async fn prove_gateway(
    network: &Network,
    request: &HttpRequest,
    body: &[u8],
    seen: &mut Seen,
) -> Result<(), Refusal> {
    if !request.headers().contains_key(&GATEWAY_AUTHORIZATION) {
        return Ok(());
    }
    seen.gateway = true;
    let now = Utc::now();
    let given = only_header(request, &GATEWAY_AUTHORIZATION)?;
    let header = caller::read_header(network.profile().scheme, given, now)?;
    let _gateway: Verified = network.prove(&header, Role::Gateway, body, now).await?;
    seen.gateway = false;
    Ok(())
}
