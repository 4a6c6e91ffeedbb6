//! `GET /transactions/{id}`: everything kept of one session, as a timeline.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{OnNetwork, Problem, candidates, prove, time};
use crate::domain::ids::TransactionId;
use crate::http::Doors;
use crate::store::{Callback, Redrive, StoredRequest, Timeline};

/// Answers `{"transaction_id", "timeline": [{"at", "network", "what", ...}]}`, oldest first.
pub async fn show(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let id = TransactionId::parse(&id).map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut entries = Vec::new();
    for network in candidates(&doors, &on)? {
        let timeline = doors.engine.store().timeline(&network, &id).await?;
        entries.extend(entries_of(&timeline));
    }
    if entries.is_empty() {
        return Err(Problem::not_found(format!(
            "nothing is kept of transaction {:?}",
            id.as_str()
        )));
    }
    entries.sort_by_key(|(at, _)| *at);
    let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(HttpResponse::Ok().json(json!({"transaction_id": id, "timeline": entries})))
}

type Entry = (DateTime<Utc>, Value);

fn entries_of(timeline: &Timeline) -> Vec<Entry> {
    let requests = timeline.requests.iter().map(accepted);
    let callbacks = timeline
        .callbacks
        .iter()
        .flat_map(|callback| [vec![owed(callback)], attempts(callback), redrives(callback)])
        .flatten();
    requests.chain(callbacks).collect()
}

fn accepted(request: &StoredRequest) -> Entry {
    let entry = json!({
        "at": time(request.received_at), "what": "request acknowledged",
        "network": request.key.network, "action": request.key.action,
        "caller": request.key.caller, "message_id": request.key.message,
        "order_id": request.order, "body_digest": request.body_digest,
        "callback": request.callback, "stale_key_of": request.stale_key_of.map(time),
    });
    (request.received_at, entry)
}

fn owed(callback: &Callback) -> Entry {
    let entry = json!({
        "at": time(callback.created_at), "what": "callback decided",
        "network": callback.order.network, "callback": callback.id, "kind": callback.kind,
        "order_id": callback.order.id, "message_id": callback.message, "url": callback.url,
        "subscriber": callback.subscriber, "state": callback.state,
    });
    (callback.created_at, entry)
}

fn attempts(callback: &Callback) -> Vec<Entry> {
    callback
        .attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            let entry = json!({
                "at": time(attempt.at), "what": "callback attempted", "callback": callback.id,
                "attempt": index + 1, "outcome": attempt.outcome, "status": attempt.status,
                "duration_ms": attempt.duration_ms, "detail": attempt.detail,
            });
            (attempt.at, entry)
        })
        .collect()
}

fn redrives(callback: &Callback) -> Vec<Entry> {
    let entry = |redrive: &Redrive| {
        let entry = json!({
            "at": time(redrive.at), "what": "callback redriven", "callback": callback.id,
            "token": redrive.token,
        });
        (redrive.at, entry)
    };
    callback.redrives.iter().map(entry).collect()
}
