//! What the schemas of ONDC want beyond those of Beckn.

use super::*;
use serde_json::json;

const MOBILITY: Dialect = Dialect::OndcMobility;
const SHOPS: Dialect = Dialect::OndcRetail;

fn context(dialect: Dialect, action: &str) -> Value {
    let (domain, key, version) = match dialect {
        SHOPS => ("ONDC:RET10", "core_version", "1.2.0"),
        Dialect::OndcB2b => ("ONDC:RET10", "version", "2.0.2"),
        _ => ("ONDC:TRV10", "version", "2.0.1"),
    };
    json!({"domain": domain, "action": action, key: version, "ttl": "PT30S",
        "bap_id": "bap.example", "bap_uri": "https://bap.example", "transaction_id": "t",
        "bpp_id": "bpp.example", "bpp_uri": "https://bpp.example", "message_id": "m",
        "timestamp": "2026-03-02T06:11:25.000Z"})
}

fn cancel(dialect: Dialect, descriptor: Value) -> Value {
    let message = json!({"order_id": "O1", "descriptor": descriptor});
    json!({"context": context(dialect, "cancel"), "message": message})
}

fn path(kind: Kind, dialect: Dialect, message: &Value) -> String {
    check(kind, dialect, message).expect_err("a fault").path
}

#[test]
fn a_ride_is_cancelled_in_so_many_words_and_a_basket_needs_none() {
    for code in [
        "SOFT_CANCEL",
        "SOFT-CANCEL",
        "CONFIRM_CANCEL",
        "CONFIRM-CANCEL",
    ] {
        let message = cancel(MOBILITY, json!({"code": code}));
        assert_eq!(check(Kind::Cancel, MOBILITY, &message), Ok(()));
    }
    let at = "message.descriptor.code";
    for descriptor in [json!({}), json!({"code": "CANCEL"}), json!({"code": null})] {
        let message = cancel(MOBILITY, descriptor);
        assert_eq!(path(Kind::Cancel, MOBILITY, &message), at);
    }
    for dialect in [SHOPS, Dialect::OndcB2b] {
        let mut message = cancel(dialect, json!({"name": "fulfillment", "short_desc": "F1"}));
        assert_eq!(check(Kind::Cancel, dialect, &message), Ok(()));
        message["message"]["descriptor"]["short_desc"] = json!(1);
        let at = "message.descriptor.short_desc";
        assert_eq!(path(Kind::Cancel, dialect, &message), at);
        message["message"] = json!({"order_id": "O1"});
        assert_eq!(check(Kind::Cancel, dialect, &message), Ok(()));
        message["context"]["domain"] = Value::Null;
        assert_eq!(path(Kind::Cancel, dialect, &message), "context.domain");
    }
}

#[test]
fn a_callback_has_milliseconds_a_ttl_and_the_words_of_its_domain() {
    let shop = json!({"id": "O1", "state": "Cancelled",
        "cancellation": {"cancelled_by": "bap.example", "reason": {"id": "006"}}});
    let ride = json!({"id": "O1", "status": "CANCELLED",
        "cancellation": {"cancelled_by": "CONSUMER", "time": "2026-03-02T06:11:25.000Z"}});
    for (dialect, order) in [(SHOPS, shop), (MOBILITY, ride)] {
        let context = context(dialect, "on_cancel");
        let good = json!({"context": context, "message": {"order": order}});
        assert_eq!(check(Kind::OnCancel, dialect, &good), Ok(()));
        for (pointer, value) in [
            ("/context/timestamp", json!("2026-03-02T06:11:25Z")),
            ("/context/ttl", json!(null)),
            ("/message/order/cancellation/cancelled_by", json!("")),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect(pointer) = value;
            let at = pointer[1..].replace('/', ".");
            assert_eq!(path(Kind::OnCancel, dialect, &bad), at);
        }
    }
}
