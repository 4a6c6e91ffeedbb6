//! `/orders` of the admin API: the provider's system hands an order over, changes it, cancels it or
//! has it erased; an operator looks at it.

mod cancelling;
mod listing;
mod view;

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde_json::{Value, json};

pub use self::cancelling::{cancel, refuse};
pub use self::listing::list;
use self::view::WithDocument;
use super::audit::Deed;
use super::{OnNetwork, Problem, find, prove, read, time};
use crate::domain::ids::{OrderId, OrderKey};
use crate::engine::change::Change;
use crate::engine::intake::{Placing, Taken, TakenIn};
use crate::http::Doors;

/// `PUT /orders/{id}`: takes an order in; answers when it is durable.
pub async fn put(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let id = OrderId::parse(&id).map_err(|error| Problem::bad_request(error.to_string()))?;
    let placing = Placing {
        networks: &doors.networks,
        policies: &doors.policies,
    };
    let taken = doors
        .engine
        .take_in(&placing, &body, Some(&id), Utc::now())
        .await?;
    let answer = taken_in(&taken);
    match taken.result {
        TakenIn::Created => Ok(HttpResponse::Created().json(answer)),
        TakenIn::Updated | TakenIn::Unchanged => Ok(HttpResponse::Ok().json(answer)),
    }
}

/// What is answered for an order taken in; remarks only where there are some.
pub(super) fn taken_in(taken: &Taken) -> Value {
    let Taken { key, result, .. } = taken;
    let mut answer = json!({"network": key.network, "id": key.id, "result": result.word()});
    if !taken.remarks.is_empty() {
        answer["remarks"] = json!(taken.remarks);
    }
    answer
}

/// `GET /orders/{id}`: the facts and the document.
pub async fn show(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let key = find(&doors, &id, &on).await?;
    let stored = doors.engine.store().order(&key).await?;
    let stored = stored.ok_or_else(|| Problem::not_found("the order is gone"))?;
    Ok(HttpResponse::Ok().json(WithDocument::of(&stored)))
}

/// `PATCH /orders/{id}`: the dispatch system's news.
pub async fn patch(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let change: Change = read(&body)?;
    let key = find(&doors, &id, &on).await?;
    let (order, applied) = doors.engine.change(&key, &change, Utc::now()).await?;
    let mut answer = view::facts(&order);
    answer["applied"] = json!(applied);
    Ok(HttpResponse::Ok().json(answer))
}

/// `POST /orders/{id}/erase`: personal data and raw messages go, amounts, ids and times stay.
pub async fn erase(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    on: Query<OnNetwork>,
) -> Result<HttpResponse, Problem> {
    let token = prove(&doors, &request)?;
    let key = find(&doors, &id, &on).await?;
    note(&doors, &token, "order.erase", &key).await?;
    let erasure = doors.engine.erase(&key, Utc::now()).await?;
    Ok(HttpResponse::Ok().json(json!({
        "id": key.id,
        "network": key.network,
        "erased_at": time(erasure.at),
        "requests": erasure.requests,
        "callbacks": erasure.callbacks,
    })))
}

/// Tells the audit what is done to an order.
async fn note(
    doors: &Doors,
    token: &str,
    action: &'static str,
    order: &OrderKey,
) -> Result<(), Problem> {
    let deed = Deed {
        token,
        action,
        network: Some(&order.network),
        target: Some(order.id.as_str()),
    };
    deed.note(doors).await
}
