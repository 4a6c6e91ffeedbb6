//! `PUT|GET|PATCH /orders/{id}`, `POST /orders/{id}/cancel|refuse|erase`.

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::audit::Deed;
use super::{OnNetwork, Problem, find, prove, time};
use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::ids::{OrderId, OrderKey};
use crate::domain::money::Percentage;
use crate::domain::order::{Order, Party, Reason};
use crate::domain::policy::{Door, Policy};
use crate::engine::change::Change;
use crate::engine::intake::{Placing, Taken, TakenIn};
use crate::engine::pending::Refusing;
use crate::engine::provider::ForProvider;
use crate::engine::returns::Wish;
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
    let document = std::str::from_utf8(&stored.document).ok();
    let document: Option<&RawValue> = document.and_then(|text| serde_json::from_str(text).ok());
    let facts = view(&stored.order);
    Ok(HttpResponse::Ok().json(WithDocument { facts, document }))
}

/// The facts of an order with its document, whose numbers stay as written.
#[derive(serde::Serialize)]
struct WithDocument<'a> {
    #[serde(flatten)]
    facts: Value,
    document: Option<&'a RawValue>,
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
    let mut answer = view(&order);
    answer["applied"] = json!(applied);
    Ok(HttpResponse::Ok().json(answer))
}

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
    Ok(HttpResponse::Ok().json(view(&order)))
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

/// The facts of an order, as the API tells them.
pub(super) fn view(order: &Order) -> Value {
    let placement = order.placement.as_ref().map(|placement| {
        json!({"bap_id": placement.bap, "bap_uri": placement.bap_uri,
            "transaction_id": placement.transaction})
    });
    json!({
        "id": order.key.id,
        "network": order.key.network,
        "version": order.version,
        "state": order.state.word(),
        "placed_by": placement,
        "fulfillments": order.fulfillments,
        "price": order.price,
        "paid": order.paid,
        "policy": policy(&order.policy),
        "booked_at": time(order.booked_at),
        "occurred_at": time(order.occurred_at),
        "booking": order.booking,
        "cancellation": order.cancellation,
        "parts": order.parts,
        "undecided": order.undecided,
        "pending_cancellation": order.pending,
        "erased_at": order.erased_at.map(time),
    })
}

/// A policy as it is kept, with its shares as a policy's file says them: `"12.5"`.
fn policy(policy: &Policy) -> Value {
    let mut shown = json!(policy);
    with_shares(&mut shown);
    shown
}

fn with_shares(shown: &mut Value) {
    match shown {
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "percentage" => {
                        let share = Percentage::deserialize(&*value);
                        *value = share.map_or(Value::Null, |share| json!(share.to_string()));
                    }
                    _ => with_shares(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_shares),
        _ => {}
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("body: {error}")))
}
