//! Door 1: a signed `/cancel` of any joined network comes in, and is answered ACK or NACK.
//!
//! Read `proof::prove` for the order of the checks; nothing is written before all have passed.

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use tracing::info;
use uuid::Uuid;

use super::body;
use super::refusals::Refused;
use super::reply::{self, Audience};
use super::{Doors, X_REQUEST_ID, proof};
use crate::crypto::digest::blake2b_512_base64;
use crate::domain::ids::NetworkName;
use crate::domain::refusal::{Refusal, Word};
use crate::networks::{Kind, Network};
use crate::protocol::Dialect;

/// The action served here.
const ACTION: &str = "cancel";

/// What is known of a request when it is refused; grows as the checks go on.
pub(super) struct Seen {
    request_id: String,
    action: &'static str,
    pub(super) dialect: Dialect,
    pub(super) gateway: bool,
    /// The bytes that were read.
    pub(super) body: Option<Bytes>,
}

impl Seen {
    /// Before anything is read, answers take the shape of the network's default version.
    pub(super) fn nothing(network: Option<&Network>, action: &'static str) -> Self {
        let default = network.and_then(|network| {
            let settings = &network.settings;
            settings.kind.dialect(&settings.default_version, None)
        });
        Self {
            request_id: Uuid::now_v7().to_string(),
            action,
            dialect: default.unwrap_or(Dialect::V1),
            gateway: false,
            body: None,
        }
    }

    /// Puts the request's id on its answer.
    pub(super) fn identify(&self, mut response: HttpResponse) -> HttpResponse {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(X_REQUEST_ID.clone(), id);
        }
        response
    }
}

/// Answers any request below a network's path.
pub async fn answer(
    doors: Data<Doors>,
    name: NetworkName,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    answer_with(&doors, (&name, ACTION), (&request, payload), accept).await
}

/// Answers a request for an action of a network by what its checks make of it.
pub(super) async fn answer_with(
    doors: &Doors,
    (name, action): (&NetworkName, &'static str),
    (request, payload): (&HttpRequest, Payload),
    accept: impl AsyncFnOnce(
        &Doors,
        &Network,
        &HttpRequest,
        Payload,
        &mut Seen,
    ) -> Result<HttpResponse, Refusal>,
) -> HttpResponse {
    let Some(network) = doors.networks.get(name) else {
        return HttpResponse::NotFound().finish();
    };
    let mut seen = Seen::nothing(Some(network), action);
    let response = match accept(doors, network, request, payload, &mut seen).await {
        Ok(response) => {
            metrics::counter!("bpp_requests_total", "action" => action, "outcome" => "ack")
                .increment(1);
            response
        }
        Err(refusal) => refuse(doors, Some(network), request, &refusal, &seen),
    };
    doors.parting(seen.identify(response))
}

/// The checks of this door, cheap first. The first that fails is the answer.
async fn accept(
    doors: &Doors,
    network: &Network,
    request: &HttpRequest,
    payload: Payload,
    seen: &mut Seen,
) -> Result<HttpResponse, Refusal> {
    let _place = doors.limits.admit(request)?;
    check_route(request)?;
    let proven = proof::prove(doors, network, request, payload, seen, |m| (m, ACTION)).await?;
    let asked = proven.asked(network);
    let outcome = doors.engine.cancel_from_network(&asked, proven.at).await;
    if let Err(refusal) = &outcome
        && refusal.word == Word::OrderNotFound
    {
        doors.limits.count_not_found(&asked.caller.subscriber.id)?;
    }
    outcome.map(|()| reply::ack(network.settings.kind))
}

fn check_route(request: &HttpRequest) -> Result<(), Refusal> {
    let action = request.match_info().get("action").unwrap_or_default();
    if action != ACTION {
        let action: String = action.chars().take(40).collect();
        let detail = format!("{action:?} is not served here; {ACTION} is");
        return Err(Refusal::new(Word::UnknownAction, detail));
    }
    only_post(request)
}

/// Refuses every method but one.
pub(super) fn only_post(request: &HttpRequest) -> Result<(), Refusal> {
    match request.method() == Method::POST {
        true => Ok(()),
        false => {
            let detail = format!("expected POST, got {}", cut(request.method().as_str()));
            Err(Refusal::new(Word::MethodNotAllowed, detail))
        }
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Writes a refusal down and answers it. `network` is that of the path, where there is one.
pub(super) fn refuse(
    doors: &Doors,
    network: Option<&Network>,
    request: &HttpRequest,
    refusal: &Refusal,
    seen: &Seen,
) -> HttpResponse {
    let name = network.map_or("none", |network| network.name().as_str());
    note(
        doors,
        name,
        body::header(request, &AUTHORIZATION),
        refusal,
        seen,
    );
    let audience = Audience {
        kind: network.map_or(Kind::Beckn, |network| network.settings.kind),
        dialect: seen.dialect,
        realm: network.map_or("", |network| network.settings.subscriber_id.as_str()),
        gateway: seen.gateway,
    };
    reply::nack(refusal, audience)
}

/// The same for what is no request: nothing is known of whom it was meant for.
pub(super) fn refuse_unread(doors: &Doors, refusal: &Refusal) -> HttpResponse {
    let seen = Seen::nothing(None, ACTION);
    note(doors, "none", None, refusal, &seen);
    let audience = Audience {
        kind: Kind::Beckn,
        dialect: seen.dialect,
        realm: "",
        gateway: false,
    };
    seen.identify(reply::nack(refusal, audience))
}

fn note(doors: &Doors, network: &str, authorization: Option<&str>, refusal: &Refusal, seen: &Seen) {
    let word = refusal.word.as_str();
    metrics::counter!("bpp_requests_total", "action" => seen.action, "outcome" => word)
        .increment(1);
    // Of these there are many at a time when there is none to spare; `Limits` says it once a second.
    if refusal.word != Word::Overloaded {
        info!(request.id = %seen.request_id, network, reason = word,
            detail = %refusal.detail, "a request is refused");
    }
    doors.refusals.push(Refused {
        at: Utc::now(),
        request_id: seen.request_id.clone(),
        network: network.to_owned(),
        reason: word,
        detail: refusal.detail.clone(),
        status: reply::status(refusal.word),
        authorization: authorization.map(str::to_owned),
        body_digest: seen.body.as_ref().map(|body| blake2b_512_base64(body)),
        body_bytes: seen.body.as_ref().map(|body| body.len()),
    });
}

/// Answers a path that is no action of any network, as the network that it lies below would.
pub async fn nowhere(doors: Data<Doors>, request: HttpRequest) -> HttpResponse {
    let network = above(&doors, request.path());
    let seen = Seen::nothing(network, ACTION);
    let refusal = match doors.limits.admit(&request) {
        Ok(_place) => {
            let path: String = request.path().chars().take(80).collect();
            let detail = format!("nothing is served at {path:?}");
            Refusal::new(Word::UnknownAction, detail)
        }
        Err(refusal) => refusal,
    };
    seen.identify(refuse(&doors, network, &request, &refusal, &seen))
}

/// The network with the longest path that this one is below.
fn above<'a>(doors: &'a Doors, path: &str) -> Option<&'a Network> {
    let covers = |network: &&Network| {
        let rest = path.strip_prefix(network.base_path());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let below = doors.networks.iter().filter(covers);
    below.max_by_key(|network| network.base_path().len())
}
