//! `POST {base}/get_cancellation_reasons`: which reasons a buyer app may give.
//!
//! The checks are those of `/cancel`, in the same order (`network.rs`); who asks must be proven
//! as there. Up to 0.9.2 the list is the answer and nothing is stored; later it is owed.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde_json::Value;

use super::network::{
    DIGEST, Seen, check_addressed, from_json, only_header, only_post, prove_gateway, refuse,
};
use super::{Doors, body, reply};
use crate::domain::ids::NetworkName;
use crate::domain::refusal::Refusal;
use crate::engine::cancel::{ProvenCancel, check_fresh};
use crate::networks::Network;
use crate::networks::caller::{self, Role};
use crate::protocol::context::{self, Context};
use crate::protocol::{reasons, strict};

/// The last segment of the path.
pub const ACTION: &str = reasons::GET;

/// Answers a question for the reasons.
pub async fn answer(
    doors: Data<Doors>,
    name: NetworkName,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let Some(network) = doors.networks.get(&name) else {
        return HttpResponse::NotFound().finish();
    };
    let mut seen = Seen::nothing(Some(network), ACTION);
    let response = match accept(&doors, network, &request, payload, &mut seen).await {
        Ok(response) => {
            metrics::counter!("bpp_requests_total", "action" => ACTION, "outcome" => "ack")
                .increment(1);
            response
        }
        Err(refusal) => refuse(&doors, Some(network), &request, &refusal, &seen),
    };
    seen.identify(response)
}

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
    let now = Utc::now();
    let authorization = only_header(request, &AUTHORIZATION)?;
    let kind = network.settings.kind;
    let header = caller::read_header(kind.profile().scheme, authorization, now)?;
    let question = strict::parse(&body).map_err(|error| from_json(&error))?;
    let message = reasons::wrapped(&question);
    seen.dialect = context::dialect_of(kind, &message).unwrap_or(seen.dialect);
    let context = context::read(kind, &message)?;
    check_addressed(network, &context, expected_action(&question))?;
    let caller_member = context.dialect.members().bap_id;
    caller::check_signer(&header, caller_member, context.bap_id.as_ref())?;
    caller::check_digest_header(only_header(request, &DIGEST)?, &body)?;
    let caller = network.prove(&header, Role::Buyer, &body, now).await?;
    prove_gateway(network, request, &body, seen).await?;
    let callback_base = network.check_callback_url(&context, &caller)?;
    doors.limits.count(&caller.subscriber.id)?;
    if is_synchronous(&message) {
        check_fresh(&context, now)?;
        return Ok(listed(network, &context));
    }
    let asked = ProvenCancel {
        network,
        context: &context,
        body: &body,
        message: &message,
        caller: &caller,
        authorization: authorization.unwrap_or_default(),
        callback_base: &callback_base,
    };
    doors.engine.list_reasons(&asked, now).await?;
    Ok(reply::ack(kind))
}

/// The actions that 0.9.2 lists have no name for this call. So a bare context, which cannot be taken
/// for a cancel, may say what it is about; any other must name the call.
fn expected_action(question: &Value) -> &'static str {
    match (question.get("context"), question["action"].as_str()) {
        (None, Some("cancel")) => "cancel",
        _ => ACTION,
    }
}

fn is_synchronous(message: &Value) -> bool {
    let context = &message["context"];
    let version = context["core_version"].as_str();
    let version = version.or(context["version"].as_str());
    version.is_some_and(reasons::is_synchronous)
}

fn listed(network: &Network, context: &Context) -> HttpResponse {
    HttpResponse::Ok().json(network.reasons_for_buyers(context.dialect))
}
