//! `GET /orders`: which orders are asked for, and a page of them.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::domain::order::State;
use crate::http::Doors;
use crate::http::admin::{Problem, prove};
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
    let orders: Vec<Value> = orders.iter().map(view::without_personal).collect();
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
