//! What the schemas of UHI want, whose members have other names.

use serde_json::{Value, json};

use super::tests::{fault, on_cancel, with};
use super::{Dialect, Kind, check};

pub(super) fn uhi_context(action: &str) -> Value {
    json!({
        "domain": "nic2004:85111", "action": action, "core_version": "0.7.1",
        "consumer_id": "eua-nha", "consumer_uri": "https://eua.example/api",
        "provider_id": "hspa-nha", "provider_uri": "https://hspa.example/api",
        "transaction_id": "t1", "message_id": "m1", "timestamp": "2022-07-05T15:24:35Z",
    })
}

#[test]
fn uhi_has_schemas_of_its_own() {
    let order = json!({"id": "O1", "state": "CANCELLED", "fulfillment": {"tags": {"x": true}}});
    let cancel = json!({"context": uhi_context("cancel"), "message": {"order": order}});
    let callback = on_cancel(Dialect::Uhi);
    assert_eq!(check(Kind::Cancel, Dialect::Uhi, &cancel), Ok(()));
    assert_eq!(check(Kind::OnCancel, Dialect::Uhi, &callback), Ok(()));
    for path in [
        "context.domain",
        "context.core_version",
        "context.consumer_id",
        "context.consumer_uri",
        "context.transaction_id",
        "context.message_id",
        "context.timestamp",
        "message.order",
        "message.order.id",
        "message.order.state",
        "message.order.fulfillment",
        "message.order.fulfillment.tags",
    ] {
        let pointer = format!("/{}", path.replace('.', "/"));
        let error = fault(
            Kind::Cancel,
            Dialect::Uhi,
            &with(cancel.clone(), &pointer, None),
        );
        assert_eq!((&*error.path, &*error.text), (path, "is required"));
    }
    let open = with(cancel, "/message/order/state", Some(json!("CONFIRMED")));
    assert_eq!(
        fault(Kind::Cancel, Dialect::Uhi, &open).path,
        "message.order.state"
    );
    for (pointer, value) in [
        ("/message/order/state", json!("Cancelled")),
        ("/message/order/fulfillment/tags", json!({})),
        ("/context/provider_id", json!(null)),
        ("/context/core_version", json!("1.1.0")),
    ] {
        let wrong = with(callback.clone(), pointer, Some(value));
        fault(Kind::OnCancel, Dialect::Uhi, &wrong);
    }
}
