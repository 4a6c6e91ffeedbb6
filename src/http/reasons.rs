//! `POST {base}/get_cancellation_reasons`: which reasons a buyer app may give.
//!
//! Who asks must be proven like whoever cancels (`proof`). Up to 0.9.2 the list is the answer and
//! nothing is stored; later it is owed.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::network::{Seen, answer_with, only_post};
use super::{Doors, proof, reply};
use crate::domain::ids::NetworkName;
use crate::domain::refusal::Refusal;
use crate::engine::cancel::check_fresh;
use crate::networks::Network;
use crate::protocol::context::Context;
use crate::protocol::reasons;

/// The last segment of the path.
pub const ACTION: &str = reasons::GET;

/// Answers a question for the reasons.
pub async fn answer(
    doors: Data<Doors>,
    name: NetworkName,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    answer_with(&doors, (&name, ACTION), (&request, payload), accept).await
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
    let meaning = |question: Value| {
        let message = reasons::wrapped(&question);
        let action = expected_action(&question, &message);
        (message, action)
    };
    let proven = proof::prove(doors, network, request, payload, seen, meaning).await?;
    if is_synchronous(&proven.message) {
        check_fresh(&proven.context, proven.at)?;
        return Ok(listed(network, &proven.context));
    }
    let asked = proven.asked(network);
    doors.engine.list_reasons(&asked, proven.at).await?;
    Ok(reply::ack(network.settings.kind))
}

/// The actions that 0.9.2 lists have no name for this call. So a bare context of that time, which
/// cannot be taken for a cancel, may say what it is about; any other must name the call.
fn expected_action(question: &Value, message: &Value) -> &'static str {
    match (question.get("context"), question["action"].as_str()) {
        (None, Some("cancel")) if is_synchronous(message) => "cancel",
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
