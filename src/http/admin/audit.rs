//! `GET /audit?after=N`: which token asked for what, and writing it down.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;

use super::{Problem, prove};
use crate::domain::ids::NetworkName;
use crate::http::Doors;
use crate::store::AuditEntry;

/// The most entries answered at once.
const MAX_LISTED: usize = 1_000;

/// Query of `GET /audit`.
#[derive(Debug, Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

/// Answers `{"audit": [...], "next": N}`, oldest first; ask again with `after=next`.
pub async fn list(
    doors: Data<Doors>,
    request: HttpRequest,
    query: Query<After>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let limit = query.limit.unwrap_or(100).clamp(1, MAX_LISTED);
    let entries = doors.engine.store().audit(query.after, limit).await?;
    let next = entries.last().map_or(query.after, |entry| entry.sequence);
    Ok(HttpResponse::Ok().json(json!({"audit": entries, "next": next})))
}

/// What is about to be done, and to what.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// The name of the token that asks for it.
    pub token: &'a str,
    /// The fixed word.
    pub action: &'static str,
    /// The network of the order or session, where one is meant.
    pub network: Option<&'a NetworkName>,
    /// The id of what it is done to; absent when all are meant.
    pub target: Option<&'a str>,
}

impl Deed<'_> {
    /// Writes it down; do it only once this has returned.
    ///
    /// # Errors
    /// 503 when it could not be written.
    pub async fn note(self, doors: &Doors) -> Result<(), Problem> {
        let entry = AuditEntry {
            sequence: 0,
            at: Utc::now(),
            token: self.token.to_owned(),
            action: self.action.to_owned(),
            network: self.network.cloned(),
            target: self.target.map(str::to_owned),
        };
        Ok(doors.engine.store().note(entry).await?)
    }
}
