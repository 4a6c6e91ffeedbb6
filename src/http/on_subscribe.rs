//! `POST {base}/on_subscribe`: a registry challenges us, or tells what became of us.
//!
//! The limits, the reading of the body and the refusals are those of `/cancel`. Anybody can
//! post here, so everything that is not opened is answered with the same bytes; why, is for the
//! log. What a status says is shown (`heard`) and changes nothing: keys are always looked up.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde_json::{Value, json};
use tracing::info;
use zeroize::Zeroizing;

use super::heard::{Entry, Latest};
use super::network::{Seen, answer_with, only_post};
use super::proof::{from_json, only_header};
use super::{Doors, body, reply};
use crate::domain::ids::{NetworkName, SubscriberId};
use crate::domain::refusal::{Refusal, Word};
use crate::networks::Network;
use crate::protocol::strict;
use crate::protocol::subscription::OnSubscribe;

/// The last segment of the path.
pub const ACTION: &str = "on_subscribe";

/// The one sentence for everything that is not opened.
const NOT_OPENED: &str = "expected a challenge encrypted for this subscriber, or its status";

/// Answers whoever speaks as the network's registry.
pub async fn answer(
    doors: Data<Doors>,
    name: NetworkName,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    answer_with(&doors, (&name, ACTION), (&request, payload), accept).await
}

/// The checks, cheap first.
async fn accept(
    doors: &Doors,
    network: &Network,
    request: &HttpRequest,
    payload: Payload,
    seen: &mut Seen,
) -> Result<HttpResponse, Refusal> {
    let _place = doors.limits.admit(request)?;
    only_post(request)?;
    let body = body::read(request, payload, doors.body_limits).await?;
    let _at_work = doors.limits.begin(request).await?;
    seen.body = Some(body.clone());
    let handshake = &network.settings.handshake;
    let authorization = match handshake.registry_signing_key {
        Some(_) => only_header(request, &AUTHORIZATION)?,
        None => None,
    };
    handshake.prove_registry(authorization, &body, Utc::now())?;
    let message = strict::parse(&body).map_err(|error| from_json(&error))?;
    let asked = read(network, &message).and_then(|asked| {
        let opened = asked.challenge.map(|sealed| open(network, sealed));
        Ok((asked, opened.transpose()?))
    });
    match asked {
        Ok((asked, opened)) => Ok(taken(doors, network, &asked, opened.as_deref())),
        Err(why) => Err(not_opened(doors, network, why)),
    }
}

/// The message, when it is for us and one of the two that we know.
fn read<'a>(network: &Network, message: &'a Value) -> Result<OnSubscribe<'a>, &'static str> {
    let asked = OnSubscribe::read(message).ok_or("it has neither a challenge nor a status")?;
    let ours = &network.settings.subscriber_id;
    let is_ours = |id: &str| SubscriberId::parse(id).is_ok_and(|id| id.is(ours));
    match asked.subscriber_id.is_none_or(is_ours) {
        true => Ok(asked),
        false => Err("it is for another subscriber"),
    }
}

fn open(network: &Network, sealed: &str) -> Result<Zeroizing<String>, &'static str> {
    let challenge = network.settings.handshake.challenge.get();
    let challenge = challenge.ok_or("no encryption_key_file is configured")?;
    let opened = challenge.key.open(sealed);
    opened.map_err(|_| "its challenge does not open with our encryption key")
}

fn heard(network: &Network, status: Option<&str>) -> Entry {
    Entry {
        at: Utc::now(),
        proven: network.settings.handshake.registry_signing_key.is_some(),
        status: status.map(str::to_owned),
    }
}

fn taken(
    doors: &Doors,
    network: &Network,
    asked: &OnSubscribe<'_>,
    opened: Option<&String>,
) -> HttpResponse {
    let name = network.name();
    if let Some(status) = asked.status {
        let entry = heard(network, Some(status));
        info!(network = %name, status, proven = entry.proven, "the registry tells our status");
        doors.heard.note(name, |latest| latest.status = Some(entry));
    }
    let Some(answer) = opened else {
        return reply::ack(network.settings.kind);
    };
    let entry = heard(network, None);
    info!(network = %name, proven = entry.proven, "the registry's challenge is answered");
    let note = |latest: &mut Latest| latest.challenge_answered = Some(entry);
    doors.heard.note(name, note);
    HttpResponse::Ok().json(json!({"answer": answer}))
}

fn not_opened(doors: &Doors, network: &Network, why: &'static str) -> Refusal {
    let name = network.name();
    info!(network = %name, why, "what came to /on_subscribe is refused");
    let entry = heard(network, None);
    let note = |latest: &mut Latest| latest.challenge_refused = Some(entry);
    doors.heard.note(name, note);
    Refusal::new(Word::ChallengeRefused, NOT_OPENED)
}
