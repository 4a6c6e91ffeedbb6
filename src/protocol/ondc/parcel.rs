//! One fulfilment of a shop's order: cancelled alone, or on its way back (RTO).
//!
//! Its items go to count 0 and, where they come back, stand a second time with the fulfilment that
//! brings them. The rest of the order goes on, and is completed where all of it is delivered.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::lines::Change;
use super::retail::objects;
use super::tags::trail_tag;
use crate::domain::order::State;
use crate::domain::rto::Rto;
use crate::protocol::on_cancel::rfc3339;
use crate::protocol::raw::{RawArray, RawObject, quote};
use crate::protocol::{v1, words};

/// What is told of tries to deliver, beside the reason.
pub(super) fn tries(rto: &Rto) -> Vec<(&'static str, String)> {
    let count = rto
        .retry_count
        .map(|count| ("retry_count", count.to_string()));
    count
        .into_iter()
        .chain([("rto_id", rto.id.clone())])
        .collect()
}

/// Empties a fulfilment; its items are in another from now on, if one brings them back.
pub(super) fn move_items(order: &mut RawObject<'_>, id: &str, to: Option<&str>) {
    let Some(items) = order.array("items") else {
        return;
    };
    let is_only_one = objects(order, "fulfillments", |_| Some(())).len() == 1;
    let mut changed = RawArray::default();
    let mut moved = RawArray::default();
    for text in items.iter() {
        let item = RawObject::parse(text).ok();
        let is_in = |item: &RawObject<'_>| match item.get_str("fulfillment_id") {
            Some(place) => place == id,
            None => is_only_one,
        };
        let Some(mut item) = item.filter(is_in) else {
            changed.push(text);
            continue;
        };
        if let Some(to) = to {
            let mut copy = item.clone();
            copy.set_str("fulfillment_id", to);
            moved.push(copy.text());
        }
        let mut quantity = item.object("quantity").unwrap_or_default();
        quantity.set("count", "0");
        let quantity = quantity.text();
        item.set("quantity", quantity);
        changed.push(item.text());
    }
    for item in moved.iter() {
        changed.push(item);
    }
    let changed = changed.to_string();
    order.set("items", changed);
}

/// Adds the fulfilment that brings goods back.
pub(super) fn add_return(
    order: &mut RawObject<'_>,
    rto: &Rto,
    cost: Option<&Change>,
    at: DateTime<Utc>,
) {
    let state = json!({"descriptor": {"code": rto.state}});
    let start = json!({"time": {"timestamp": rfc3339(at)}});
    let tags: Vec<String> = cost.into_iter().map(trail_tag).collect();
    let tags = match tags.is_empty() {
        true => String::new(),
        false => format!(r#","tags":[{}]"#, tags.join(",")),
    };
    let id = quote(&rto.id);
    let added = format!(r#"{{"id":{id},"type":"RTO","state":{state},"start":{start}{tags}}}"#);
    let mut all = order.array("fulfillments").unwrap_or_default();
    all.push(added);
    let all = all.to_string();
    order.set("fulfillments", all);
}

/// The order without the fulfilment: over, if that was the last that had not arrived.
pub(super) fn goes_on(order: &mut RawObject<'_>, at: DateTime<Utc>) {
    let codes = objects(order, "fulfillments", |one| Some(v1::fulfillment_code(one)));
    let codes = codes.iter().map(Option::as_deref);
    if words::state_of_fulfillments(codes) == Some(State::Completed) {
        order.set("state", quote("Completed"));
    }
    let later = order.get_str("updated_at").is_some_and(|known| {
        let known = DateTime::parse_from_rfc3339(&known);
        known.is_ok_and(|known| known > at)
    });
    if order.get("updated_at").is_some() && !later {
        order.set("updated_at", quote(&rfc3339(at)));
    }
}
