//! `GET /events?after=N`: what this server changed, in order, with a long poll.

use std::time::Duration;

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::{Problem, prove};
use crate::http::Doors;

/// The most events answered at once.
const MAX_EVENTS: usize = 1_000;

/// The longest a poll waits, in seconds.
const MAX_WAIT_SECONDS: u64 = 60;

/// Query of `GET /events`.
#[derive(Debug, Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    /// How long to wait for an event when there is none yet, in seconds.
    #[serde(default)]
    wait: u64,
}

/// Answers `{"events": [...], "next": N}`; ask again with `after=next`.
pub async fn after(
    doors: Data<Doors>,
    request: HttpRequest,
    query: Query<After>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let store = doors.engine.store();
    let limit = query.limit.unwrap_or(100).clamp(1, MAX_EVENTS);
    let wait = Duration::from_secs(query.wait.min(MAX_WAIT_SECONDS));
    let mut events = store.events(query.after, limit).await?;
    if events.is_empty() && !wait.is_zero() {
        // Running out of time is no failure: the answer is then an empty page. A server that
        // stops does not wait for what its callers wait for.
        tokio::select! {
            () = store.event_after(query.after) => {}
            () = doors.readiness.drained() => {}
            () = tokio::time::sleep(wait) => {}
        }
        events = store.events(query.after, limit).await?;
    }
    let next = events.last().map_or(query.after, |event| event.sequence);
    Ok(HttpResponse::Ok().json(json!({"events": events, "next": next})))
}
