//! How an order is shown: the facts, with its document or in a list without what is personal.

use serde::Deserialize as _;
use serde_json::{Value, json, value::RawValue};

use crate::domain::money::Percentage;
use crate::domain::order::Order;
use crate::domain::policy::Policy;
use crate::http::admin::time;
use crate::store::StoredOrder;

/// The facts of an order with its document, whose numbers stay as written.
#[derive(serde::Serialize)]
pub(super) struct WithDocument<'a> {
    #[serde(flatten)]
    facts: Value,
    document: Option<&'a RawValue>,
}

impl<'a> WithDocument<'a> {
    /// Of an order as stored.
    pub(super) fn of(stored: &'a StoredOrder) -> Self {
        let document = std::str::from_utf8(&stored.document).ok();
        Self {
            facts: facts(&stored.order),
            document: document.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

/// What is known of an order.
pub(super) fn facts(order: &Order) -> Value {
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

/// As in a list: without what is personal, for which the order itself is asked.
pub(super) fn without_personal(order: &Order) -> Value {
    let mut shown = facts(order);
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
    for part in shown["parts"].as_array_mut().into_iter().flatten() {
        let reason = part.pointer_mut("/cancellation/reason");
        let reason = reason.and_then(Value::as_object_mut);
        reason.map(|reason| reason.remove("text"));
    }
    shown
}
