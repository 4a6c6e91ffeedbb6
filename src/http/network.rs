//! Door 1: a signed `/cancel` of any joined network comes in, and is answered ACK or NACK.
//!
//! Read [`accept`] for the order of the checks; nothing is written before all have passed.

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use tracing::info;
use uuid::Uuid;

use super::body;
use super::refusals::Refused;
use super::reply::{self, Audience};
use super::{Doors, X_REQUEST_ID};
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::signature::Header;
use crate::domain::ids::NetworkName;
use crate::domain::refusal::{Refusal, Word};
use crate::engine::cancel::ProvenCancel;
use crate::networks::Network;
use crate::networks::caller::{self, Role, Verified};
use crate::protocol::context::{self, Context};
use crate::protocol::{Dialect, strict};

/// The action served here.
const ACTION: &str = "cancel";

/// A gateway signs what it forwards, beside the buyer app's own signature.
static GATEWAY_AUTHORIZATION: HeaderName = HeaderName::from_static("x-gateway-authorization");

/// What is known of a request when it is refused; grows as the checks go on.
struct Seen {
    request_id: String,
    dialect: Dialect,
    gateway: bool,
    body: Option<Bytes>,
}

/// Answers any request below a network's path.
pub async fn answer(
    doors: Data<Doors>,
    name: NetworkName,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let Some(network) = doors.networks.get(&name) else {
        return HttpResponse::NotFound().finish();
    };
    let mut seen = Seen {
        request_id: Uuid::now_v7().to_string(),
        dialect: Dialect::of(&network.settings.default_version).unwrap_or(Dialect::V1),
        gateway: false,
        body: None,
    };
    let response = match accept(&doors, network, &request, payload, &mut seen).await {
        Ok(()) => {
            metrics::counter!("bpp_requests_total", "action" => ACTION, "outcome" => "ack")
                .increment(1);
            reply::ack()
        }
        Err(refusal) => refuse(&doors, network, &request, &refusal, &seen),
    };
    with_request_id(response, &seen.request_id)
}

/// The checks, cheap first. The first that fails is the answer.
async fn accept(
    doors: &Doors,
    network: &Network,
    request: &HttpRequest,
    payload: Payload,
    seen: &mut Seen,
) -> Result<(), Refusal> {
    let _place = doors.limits.admit(request)?;
    check_route(request)?;
    let body = body::read(request, payload, doors.body_limits).await?;
    seen.body = Some(body.clone());
    let now = Utc::now();
    let authorization = only_header(request, &AUTHORIZATION)?;
    let header = caller::read_header(authorization, now)?;
    let message = strict::parse(&body).map_err(|e| from_json(&e))?;
    seen.dialect = context::dialect_of(&message).unwrap_or(seen.dialect);
    let context = context::read(&message)?;
    check_addressed(network, &context)?;
    caller::check_signer(&header, context.bap_id.as_ref())?;
    caller::check_digest_header(body::header(request, &DIGEST), &body)?;
    let caller = network.prove(&header, Role::Buyer, &body, now).await?;
    prove_gateway(network, request, &body, seen).await?;
    let callback_base = network.check_callback_url(&context, &caller)?;
    doors.limits.count(&caller.subscriber.id)?;
    let asked = ProvenCancel {
        network,
        context: &context,
        body: &body,
        message: &message,
        caller: &caller,
        authorization: authorization.unwrap_or_default(),
        callback_base: &callback_base,
    };
    doors.engine.cancel_from_network(&asked, now).await
}

static DIGEST: HeaderName = HeaderName::from_static("digest");

fn check_route(request: &HttpRequest) -> Result<(), Refusal> {
    let action = request.match_info().get("action").unwrap_or_default();
    if action != ACTION {
        let action: String = action.chars().take(40).collect();
        let detail = format!("{action:?} is not served here; {ACTION} is");
        return Err(Refusal::new(Word::UnknownAction, detail));
    }
    match request.method() == Method::POST {
        true => Ok(()),
        false => Err(Refusal::new(Word::MethodNotAllowed, "expected POST")),
    }
}

/// A header that may be there once at most: two would leave open which one was meant.
fn only_header<'a>(
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

fn from_json(error: &strict::Error) -> Refusal {
    Refusal::new(error.word(), error.to_string())
}

/// The message must be a cancel, in a domain served here, and for us if it names anybody.
fn check_addressed(network: &Network, context: &Context) -> Result<(), Refusal> {
    if context.action != ACTION {
        let detail = format!("expected {ACTION:?}, got {:?}", cut(&context.action));
        return Err(Refusal::new(Word::WrongAction, detail).at("context.action"));
    }
    if !network.serves(context.domain.as_deref()) {
        let domain = context.domain.as_deref().unwrap_or_default();
        let detail = format!("{:?} is not served here", cut(domain));
        return Err(Refusal::new(Word::DomainNotServed, detail).at("context.domain"));
    }
    match &context.bpp_id {
        Some(bpp) if !bpp.is(&network.settings.subscriber_id) => {
            let detail = format!(
                "this is {}, the message is for another",
                network.settings.subscriber_id
            );
            Err(Refusal::new(Word::WrongRecipient, detail).at("context.bpp_id"))
        }
        _ => Ok(()),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
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
    let header: Header = caller::read_header(given, now)?;
    let _gateway: Verified = network.prove(&header, Role::Gateway, body, now).await?;
    seen.gateway = false;
    Ok(())
}

fn refuse(
    doors: &Doors,
    network: &Network,
    request: &HttpRequest,
    refusal: &Refusal,
    seen: &Seen,
) -> HttpResponse {
    let word = refusal.word.as_str();
    metrics::counter!("bpp_requests_total", "action" => ACTION, "outcome" => word).increment(1);
    info!(request.id = %seen.request_id, network = %network.name(), reason = word,
        detail = %refusal.detail, "a request is refused");
    doors.refusals.push(Refused {
        at: Utc::now(),
        request_id: seen.request_id.clone(),
        network: network.name().to_string(),
        reason: word,
        detail: refusal.detail.clone(),
        status: reply::row(refusal.word).0,
        authorization: body::header(request, &AUTHORIZATION).map(str::to_owned),
        body_digest: seen.body.as_ref().map(|body| blake2b_512_base64(body)),
        body_bytes: seen.body.as_ref().map(|body| body.len()),
    });
    let realm = network.settings.subscriber_id.as_str();
    reply::nack(
        refusal,
        Audience {
            dialect: seen.dialect,
            realm,
            gateway: seen.gateway,
        },
    )
}

/// Answers a path that belongs to no network, in the shape of the newest dialect.
pub async fn nowhere(request: HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(80).collect();
    let refusal = Refusal::new(
        Word::UnknownAction,
        format!("nothing is served at {path:?}"),
    );
    let audience = Audience {
        dialect: Dialect::V1,
        realm: "",
        gateway: false,
    };
    with_request_id(reply::nack(&refusal, audience), &Uuid::now_v7().to_string())
}

fn with_request_id(mut response: HttpResponse, request_id: &str) -> HttpResponse {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(X_REQUEST_ID.clone(), id);
    }
    response
}
