//! `POST /orders/{id}/cancel|refuse`: the provider cancels, or does not what it was asked to.

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::json;

use super::{note, view};
use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::order::{Party, Reason};
use crate::domain::policy::Door;
use crate::engine::pending::Refusing;
use crate::engine::provider::ForProvider;
use crate::engine::returns::Wish;
use crate::http::Doors;
use crate::http::admin::{OnNetwork, Problem, find, prove, read};

/// Body of `POST /orders/{id}/cancel`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    by: Party,
    reason: Option<String>,
    note: Option<String>,
    fulfillment: Option<String>,
    rto: Option<Wish>,
}

/// `POST /orders/{id}/cancel`: cancels at once and tells the BAP.
pub async fn cancel(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let asked: Cancel = read(&body)?;
    let key = find(&doors, &id, &on).await?;
    note(&doors, &token, "order.cancel", &key).await?;
    let request = CancelRequest {
        by: asked.by,
        door: Door::Admin,
        reason: Reason {
            id: asked.reason,
            text: asked.note,
        },
        intent: Intent::Commit,
    };
    let network = doors.networks.get(&key.network);
    let asked = ForProvider {
        key: &key,
        request: &request,
        part: asked.fulfillment.as_deref(),
        rto: asked.rto.as_ref(),
        token: &token,
    };
    let outcome = doors
        .engine
        .cancel_for_provider(network, asked, Utc::now())
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "id": key.id,
        "network": key.network,
        "version": outcome.order.version,
        "state": outcome.order.state.word(),
        "already_cancelled": outcome.already,
        "cancellation": outcome.cancellation,
    })))
}

/// Body of `POST /orders/{id}/refuse`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refuse {
    note: Option<String>,
}

/// `POST /orders/{id}/refuse`: does not cancel what the network asked the provider to cancel.
pub async fn refuse(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let asked: Refuse = read(&body)?;
    let key = find(&doors, &id, &on).await?;
    note(&doors, &token, "order.refuse", &key).await?;
    let network = doors.networks.get(&key.network);
    let asked = Refusing {
        key: &key,
        note: asked.note.as_deref(),
        token: &token,
    };
    let engine = &doors.engine;
    let order = engine
        .refuse_cancellation(network, asked, Utc::now())
        .await?;
    Ok(HttpResponse::Ok().json(view::facts(&order)))
}
