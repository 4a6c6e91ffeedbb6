//! `PUT|GET|PATCH /orders/{id}`, `GET /orders`, `POST /orders/{id}/cancel|refuse|erase`.

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::audit::Deed;
use super::{OnNetwork, Problem, find, prove, time};
use crate::domain::decide::{CancelRequest, Intent};
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::domain::order::{Order, Party, Reason, State};
use crate::domain::policy::Door;
use crate::engine::change::Change;
use crate::engine::intake::{Placing, TakenIn};
use crate::engine::pending::Refusing;
use crate::engine::provider::ForProvider;
use crate::http::Doors;
use crate::networks::Network;
use crate::protocol::time::Time;
use crate::store::OrderFilter;

/// The most orders listed at once.
const MAX_LISTED: usize = 1_000;

/// Query of `GET /orders`.
#[derive(Debug, Deserialize)]
pub struct Listing {
    network: Option<String>,
    state: Option<String>,
    agent: Option<String>,
    starts_from: Option<String>,
    starts_before: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

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
    let (key, result) = doors
        .engine
        .take_in(&placing, &body, Some(&id), Utc::now())
        .await?;
    let answer = json!({"network": key.network, "id": key.id, "result": result.word()});
    match result {
        TakenIn::Created => Ok(HttpResponse::Created().json(answer)),
        TakenIn::Updated | TakenIn::Unchanged => Ok(HttpResponse::Ok().json(answer)),
    }
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

/// `GET /orders`: without documents, a page at a time.
pub async fn list(
    doors: Data<Doors>,
    request: HttpRequest,
    listing: Query<Listing>,
) -> Result<HttpResponse, Problem> {
    prove(&doors, &request)?;
    let filter = filter(&doors, &listing)?;
    let orders = doors.engine.store().orders(&filter).await?;
    let next = (orders.len() == filter.limit).then(|| orders.last().map(|order| &order.key));
    let next = next
        .flatten()
        .map(|key| format!("{}/{}", key.network, key.id));
    let orders: Vec<Value> = orders.iter().map(listed).collect();
    Ok(HttpResponse::Ok().json(json!({"orders": orders, "next": next})))
}

fn filter(doors: &Doors, listing: &Listing) -> Result<OrderFilter, Problem> {
    let network = listing
        .network
        .as_deref()
        .map(NetworkName::parse)
        .transpose();
    let network = network.map_err(|error| Problem::bad_request(format!("network: {error}")))?;
    let state = listing.state.as_deref().map(|word| {
        let words: Vec<_> = State::ALL.iter().map(|state| state.word()).collect();
        let refused =
            || Problem::bad_request(format!("state: expected one of {}", words.join(", ")));
        State::from_word(word).ok_or_else(refused)
    });
    let after = listing.after.as_deref().map(|text| {
        after(text).ok_or_else(|| Problem::bad_request("after: expected the `next` of a page"))
    });
    let instant = |name: &str, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| instant(doors, listing, name, text))
            .transpose()
    };
    Ok(OrderFilter {
        state: state.transpose()?,
        agent: listing.agent.clone(),
        starts_from: instant("starts_from", &listing.starts_from)?,
        starts_before: instant("starts_before", &listing.starts_before)?,
        network,
        after: after.transpose()?,
        limit: listing.limit.unwrap_or(100).clamp(1, MAX_LISTED),
    })
}

/// A time without a zone is one of the network asked for, or of all networks if they agree.
fn instant(
    doors: &Doors,
    listing: &Listing,
    name: &str,
    text: &str,
) -> Result<DateTime<Utc>, Problem> {
    let meant = |network: &&Network| {
        let asked = listing.network.as_deref();
        asked.is_none_or(|asked| asked == network.name().as_str())
    };
    let networks = doors.networks.iter().filter(meant);
    let mut zones: Vec<_> = networks.map(|one| one.settings.time_zone).collect();
    zones.dedup();
    match (Time::parse(text), &zones[..]) {
        (Some(Time::Instant(instant)), _) => Ok(instant),
        (Some(local), [zone]) => local
            .in_zone(*zone)
            .ok_or_else(|| Problem::bad_request(format!("{name}: there is no such time"))),
        (Some(_), _) => Err(Problem::bad_request(format!(
            "{name}: the networks are in different time zones: add a zone to the time, or say \
             which network"
        ))),
        (None, _) => Err(Problem::bad_request(format!(
            "{name}: expected RFC 3339, such as 2026-11-24T00:00:00+05:30, or the same without \
             a zone"
        ))),
    }
}

/// Ids may hold slashes, names of networks may not.
fn after(text: &str) -> Option<OrderKey> {
    let (network, id) = text.split_once('/')?;
    Some(OrderKey {
        network: NetworkName::parse(network).ok()?,
        id: OrderId::parse(id).ok()?,
    })
}

fn view(order: &Order) -> Value {
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
        "policy": order.policy,
        "booked_at": time(order.booked_at),
        "occurred_at": time(order.occurred_at),
        "booking": order.booking,
        "cancellation": order.cancellation,
        "undecided": order.undecided,
        "pending_cancellation": order.pending,
        "erased_at": order.erased_at.map(time),
    })
}

/// As in a list: without what is personal, for which the order itself is asked.
fn listed(order: &Order) -> Value {
    let mut shown = view(order);
    let personal = [
        ("/booking", "patient"),
        ("/cancellation/reason", "text"),
        ("/undecided/proposed/reason", "text"),
        ("/pending_cancellation/reason", "text"),
        ("/pending_cancellation/proposed/reason", "text"),
    ];
    for (parent, member) in personal {
        let parent = shown.pointer_mut(parent).and_then(Value::as_object_mut);
        parent.map(|parent| parent.remove(member));
    }
    shown
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("body: {error}")))
}
