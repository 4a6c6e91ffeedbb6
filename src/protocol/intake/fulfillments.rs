//! The fulfilments of an order document, and when each of them begins.

use serde_json::Value;

use super::time;
use crate::domain::order::Fulfillment;
use crate::protocol::Dialect;
use crate::protocol::time::Time;

/// Only UHI's times are read: they are those of an appointment, in one member.
pub(super) fn read(dialect: Dialect, order: &Value) -> (Vec<Fulfillment>, Vec<Option<Time>>) {
    let list = match (&order["fulfillments"], &order["fulfillment"]) {
        (Value::Array(list), _) => list.as_slice(),
        (_, one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => &[],
    };
    let one = |item: &Value| Fulfillment {
        id: item["id"].as_str().map(str::to_owned),
        state: item["state"]["descriptor"]["code"]
            .as_str()
            .map(str::to_owned),
        agent: item["agent"]["id"].as_str().map(str::to_owned),
        starts_at: None,
    };
    let starts_at = |item: &Value| match dialect {
        Dialect::Uhi => time(&item["start"]["time"]["timestamp"]),
        _ => None,
    };
    let both = list.iter().map(|item| (one(item), starts_at(item)));
    both.unzip()
}
