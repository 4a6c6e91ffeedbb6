//! `GET /transactions/{id}/evidence`: what is kept of a session as files that prove themselves.
//!
//! Each request with the header and key that proved it and the ACK it got, each callback with its
//! attempts and the headers they left with, and a manifest that names every file by its digest
//! and is signed with our own key. Whoever has the files can check them without us and without a
//! registry; that the keys are those of the parties is for the reader to compare.

pub mod manifest;

mod files;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};
use tracing::info;

use super::audit::Deed;
use super::{OnNetwork, Problem, candidates, on_several, prove};
use crate::domain::ids::{NetworkName, TransactionId};
use crate::http::Doors;
use crate::store::{Claimed, StoredRequest, Timeline};

/// Answers `{"transaction_id", "network", "files": [{"name", "base64"}]}`.
pub async fn export(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let id = TransactionId::parse(&id).map_err(|error| Problem::bad_request(error.to_string()))?;
    let (name, mut timeline) = one_network(&doors, &id, &on).await?;
    // What a door's client asked for has no signature that could prove itself.
    timeline.requests.retain(StoredRequest::is_signed);
    let network = doors.networks.get(&name).ok_or_else(|| {
        let detail = format!("network {name} is not joined: its key has to sign the manifest");
        Problem::new(StatusCode::CONFLICT, detail)
    })?;
    let deed = Deed {
        token: &token,
        action: "evidence.export",
        network: Some(&name),
        target: Some(id.as_str()),
    };
    deed.note(&doors).await?;
    let callbacks = with_bodies(&doors, &timeline).await?;
    let session = files::Session {
        network,
        transaction: &id,
        requests: &timeline.requests,
        callbacks: &callbacks,
    };
    let files = session.files(Utc::now());
    info!(transaction.id = %id, token = %token, files = files.len(), "evidence is exported");
    let files: Vec<Value> = files.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({"transaction_id": id, "network": name, "files": files})))
}

fn shown((name, bytes): (&String, &Vec<u8>)) -> Value {
    json!({"name": name, "base64": STANDARD.encode(bytes)})
}

/// The session on the one network that knows it.
async fn one_network(
    doors: &Doors,
    id: &TransactionId,
    on: &OnNetwork,
) -> Result<(NetworkName, Timeline), Problem> {
    let mut found = Vec::new();
    for network in candidates(doors, on)? {
        let timeline = doors.engine.store().timeline(&network, id).await?;
        if !(timeline.requests.is_empty() && timeline.callbacks.is_empty()) {
            found.push((network, timeline));
        }
    }
    match found.len() {
        0 => Err(Problem::not_found(format!(
            "nothing is kept of transaction {:?}",
            id.as_str()
        ))),
        1 => Ok(found.remove(0)),
        _ => Err(on_several(found.iter().map(|(name, _)| name))),
    }
}

async fn with_bodies(doors: &Doors, timeline: &Timeline) -> Result<Vec<Claimed>, Problem> {
    let mut callbacks = Vec::new();
    for callback in &timeline.callbacks {
        callbacks.extend(doors.engine.store().callback(callback.id).await?);
    }
    Ok(callbacks)
}
