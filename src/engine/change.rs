//! Small changes to an order by the provider's dispatch: state and fulfilment states.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use super::cancel::text;
use super::intake::{final_already, write};
use super::{Engine, Error, MAX_RACES, way_back};
use crate::domain::ids::OrderKey;
use crate::domain::order::{Fulfillment, Order, State};
use crate::protocol::on_cancel;
use crate::protocol::raw::{RawArray, RawObject};
use crate::protocol::{v1, words};
use crate::store::Committed;

/// The body of `PATCH /orders/{id}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The order's state, in the words of the admin API.
    pub status: Option<State>,
    /// The fulfilments that changed.
    #[serde(default)]
    pub fulfillments: Vec<FulfillmentChange>,
    /// When it happened; absent means now. Older than what is known is ignored, but news
    /// without a time never is: the document may have been dated by a clock ahead of ours.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// One fulfilment's new state.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfillmentChange {
    /// Its id; absent means the only one.
    pub id: Option<String>,
    /// The state's code, such as `RIDE_STARTED`.
    pub state: String,
}

/// How far the clocks of the provider's systems may be ahead of ours.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// Refuses news of what is still to come: what really happens until then would be older.
pub(super) fn not_ahead(
    member: &str,
    occurred_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    match occurred_at > now + SKEW {
        true => Err(Error::Invalid(format!(
            "{member}: {} is still to come; here it is {}",
            occurred_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            now.to_rfc3339_opts(SecondsFormat::Secs, true)
        ))),
        false => Ok(()),
    }
}

impl Engine {
    /// Applies a change; returns the order as it stands and whether it was changed, durable.
    ///
    /// # Errors
    /// When there is no such order or it is final; a cancelled one tells how it was cancelled.
    pub async fn change(
        &self,
        key: &OrderKey,
        change: &Change,
        now: DateTime<Utc>,
    ) -> Result<(Order, bool), Error> {
        if change.status == Some(State::Cancelled) {
            let what =
                "status: cancel with POST /orders/{id}/cancel, so that everybody hears of it";
            return Err(Error::Invalid(what.to_owned()));
        }
        if let Some(occurred_at) = change.occurred_at {
            not_ahead("occurred_at", occurred_at, now)?;
        }
        for _ in 0..MAX_RACES {
            let stored = self.store.order(key).await?;
            let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
            let (order, document) = match apply(&stored.order, &stored.document, change, now)? {
                Some((order, document)) => (order, Some(document)),
                None => (stored.order.clone(), None),
            };
            let changed = document.is_some();
            let commit = write(order.clone(), Some(&stored), document, now);
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                let is_welcome =
                    same_state(&stored.order, change) || way_back::is_all(&stored.order, change);
                return match stored.order.state.is_final() && !is_welcome {
                    true => Err(final_already(&stored.order)),
                    false => Ok((order, changed)),
                };
            }
        }
        Err(Error::changing())
    }
}

fn same_state(known: &Order, change: &Change) -> bool {
    change.status == Some(known.state)
}

/// The changed order and document; `None` when there is no news, or none for an order that is
/// final.
fn apply(
    known: &Order,
    document: &Bytes,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<Option<(Order, Bytes)>, Error> {
    let occurred_at = change.occurred_at.unwrap_or(now.max(known.occurred_at));
    let is_way_back = way_back::is_all(known, change);
    if occurred_at < known.occurred_at || known.state.is_final() && !is_way_back {
        return Ok(None);
    }
    way_back::check(known, change)?;
    if is_way_back && way_back::is_old(known, change) {
        return Ok(None);
    }
    let mut order = Order {
        version: known.version + 1,
        occurred_at,
        ..known.clone()
    };
    for news in &change.fulfillments {
        fulfillment(&mut order, news.id.as_deref())?.state = Some(news.state.clone());
        way_back::note(&mut order, news);
    }
    let codes = order.fulfillments.iter().map(|one| one.state.as_deref());
    let implied = words::state_of_fulfillments(codes).filter(|_| !change.fulfillments.is_empty());
    if !known.state.is_final() {
        order.state = change.status.or(implied).unwrap_or(known.state);
    }
    let document = splice(document, &order, occurred_at)?;
    Ok(Some((order, document)))
}

fn fulfillment<'a>(order: &'a mut Order, id: Option<&str>) -> Result<&'a mut Fulfillment, Error> {
    let only_one = order.fulfillments.len() == 1;
    let found = order.fulfillments.iter_mut().find(|f| match id {
        Some(id) => f.id.as_deref() == Some(id),
        None => only_one,
    });
    found.ok_or_else(|| {
        Error::Invalid(match id {
            Some(id) => format!("fulfillments: the order has none with id {id:?}"),
            None => "fulfillments: say which by id".to_owned(),
        })
    })
}

/// Writes the fulfilments' states into the document, so that later answers show them.
fn splice(document: &Bytes, order: &Order, at: DateTime<Utc>) -> Result<Bytes, Error> {
    splice_raw(text(document), order, at)
        .map(Bytes::from)
        .map_err(Error::Encode)
}

fn splice_raw(
    document: &str,
    order: &Order,
    at: DateTime<Utc>,
) -> Result<String, on_cancel::Error> {
    let mut whole = RawObject::parse(document)?;
    let Some(order_text) = whole.get("order").map(str::to_owned) else {
        return Ok(document.to_owned());
    };
    let mut raw_order = RawObject::parse(&order_text)?;
    if let Some(list) = raw_order.array("fulfillments") {
        let mut changed = RawArray::default();
        for (item, known) in list.iter().zip(&order.fulfillments) {
            changed.push(with_state(item, known, at));
        }
        let changed = changed.to_string();
        raw_order.set("fulfillments", changed);
    } else if let (Some(one), Some(known)) = (
        raw_order.get("fulfillment").map(str::to_owned),
        order.fulfillments.first(),
    ) {
        raw_order.set("fulfillment", with_state(&one, known, at));
    }
    let raw_order = raw_order.to_string();
    whole.set("order", raw_order);
    Ok(whole.to_string())
}

/// What is no fulfilment by its shape stays as it is.
fn with_state(item: &str, known: &Fulfillment, at: DateTime<Utc>) -> String {
    let value: serde_json::Value = serde_json::from_str(item).unwrap_or_default();
    match (&known.state, RawObject::parse(item)) {
        (Some(code), Ok(mut fulfillment))
            if value["state"]["descriptor"]["code"].as_str() != Some(code) =>
        {
            v1::set_fulfillment_code(&mut fulfillment, code, at);
            fulfillment.to_string()
        }
        _ => item.to_owned(),
    }
}
