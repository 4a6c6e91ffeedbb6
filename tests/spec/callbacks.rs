//! What we call a good `on_cancel`, the official files call good too; and they do find faults.

use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::reasons;
use beckn_bpp::protocol::schema::{self, Kind};
use serde_json::{Value, json};

use crate::official::{
    VERSIONS, VERSIONS_2, official_on_cancel_errors, official_reasons_errors, protocol_dir,
};
use crate::{context, dialect};

fn on_cancel(version: &str, order: &Value) -> Value {
    json!({"context": context(version, "on_cancel"), "message": {"order": order}})
}

/// The good order of 0.9.x.
fn order_0_9() -> Value {
    json!({"id": "ORD-7", "state": "Cancelled",
        "fulfillment": {"id": "F1", "state": {"descriptor": {"code": "CANCELLED"},
            "updated_at": "2026-01-01T00:00:02.000Z"}},
        "quote": {"price": {"currency": "INR", "value": "20"},
            "breakup": [{"title": "Cancellation charge", "price": {"currency": "INR", "value": "20"}}]}})
}

/// The good order of 1.x.
fn order_1() -> Value {
    json!({"id": "ORD-7", "status": "CANCELLED",
        "cancellation": {"cancelled_by": "CONSUMER", "time": "2026-01-01T00:00:02.000Z",
            "reason": {"id": "3"}},
        "fulfillments": [{"id": "F1", "state": {"descriptor": {"code": "CANCELLED"}}}],
        "cancellation_terms": [{"cancellation_fee": {"amount": {"currency": "INR", "value": "20"}}}]})
}

/// The good contract of 2.0.
fn contract_2() -> Value {
    json!({"id": "6a4a0b60-5d0e-4a7a-9e5d-2b1f0c9d8e12", "status": {"code": "CANCELLED"},
        "commitments": [{"status": {"descriptor": {"code": "CLOSED"}},
            "resources": [{"id": "r1", "quantity": {}}],
            "offer": {"id": "o1", "resourceIds": ["r1"]}}]})
}

#[test]
fn the_good_orders_pass_where_they_should() {
    if protocol_dir().is_none() {
        return;
    }
    for version in ["0.9.3", "0.9.4", "0.9.x-lts"] {
        let errors = official_on_cancel_errors(version, &on_cancel(version, &order_0_9()));
        assert_eq!(errors, Vec::<String>::new());
    }
    for version in ["1.0.0", "1.1.0", "1.1.1"] {
        let errors = official_on_cancel_errors(version, &on_cancel(version, &order_1()));
        assert_eq!(errors, Vec::<String>::new());
    }
    for version in VERSIONS_2 {
        let context = json!({"action": "on_cancel", "version": "2.0.0"});
        let message = json!({"context": context, "message": {"contract": contract_2()}});
        let errors = official_on_cancel_errors(version, &message);
        assert_eq!(errors, Vec::<String>::new());
    }
    let poor = official_on_cancel_errors("0.9.2", &on_cancel("0.9.2", &order_0_9()));
    assert!(!poor.is_empty(), "0.9.2 wants eight members of an order");
}

#[test]
fn the_list_of_reasons_is_as_the_official_files_want_it() {
    if protocol_dir().is_none() {
        return;
    }
    let table = reasons::table("ondc-mobility").expect("a table");
    let rows = table.rows.iter().map(|row| (row.id, row.text));
    let list = reasons::options(Dialect::V0_9, rows);
    let read = |body: String| -> Value { serde_json::from_str(&body).expect("JSON") };
    for version in ["0.9.3", "0.9.4", "0.9.x-lts"] {
        let context = context(version, "on_cancel").to_string();
        // In an on_cancel the list stands beside the order.
        let order = json!({"order": order_0_9()}).to_string();
        let body = read(reasons::on_cancel(&context, &order, &list).expect("writable"));
        let errors = official_on_cancel_errors(version, &body);
        assert_eq!(errors, Vec::<String>::new());
        // Earlier files have the call, but not its action; those of 1.x point to what they lack.
        if version == "0.9.x-lts" {
            let body = read(reasons::callback(&context, &list).expect("writable"));
            let errors = official_reasons_errors(version, &body);
            assert_eq!(errors, Vec::<String>::new());
            let list = json!({"cancellation_reasons": [7]});
            let poor = json!({"context": body["context"], "message": list});
            assert!(!official_reasons_errors(version, &poor).is_empty());
        }
    }
}

#[test]
fn the_judge_finds_faults() {
    if protocol_dir().is_none() {
        return;
    }
    for version in VERSIONS {
        for message in [
            json!({}),
            json!([]),
            json!({"context": context(version, "on_cancel"), "message": {}}),
            json!({"context": 1}),
            on_cancel(version, &json!("order")),
            on_cancel(version, &json!({"id": 7})),
        ] {
            let errors = official_on_cancel_errors(version, &message);
            assert!(!errors.is_empty(), "{version}: {message}");
        }
    }
}

#[test]
fn an_error_needs_no_message_in_any_version() {
    for version in VERSIONS {
        let (error, dialect) = match dialect(version) {
            Dialect::V0_9 => (
                json!({"type": "POLICY-ERROR", "code": "50001", "path": "message.order_id",
                    "message": "the ride has started"}),
                Dialect::V0_9,
            ),
            Dialect::V1 => (
                json!({"code": "50001", "paths": "message.order_id",
                    "message": "the ride has started"}),
                Dialect::V1,
            ),
            _ => unreachable!("no version of Beckn"),
        };
        let message = json!({"context": context(version, "on_cancel"), "error": error});
        let errors = official_on_cancel_errors(version, &message);
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(schema::check(Kind::OnCancel, dialect, &message), Ok(()));
    }
}

#[test]
fn the_good_orders_pass_our_schemas() {
    for (version, order) in [("0.9.3", order_0_9()), ("1.1.1", order_1())] {
        let message = on_cancel(version, &order);
        assert_eq!(
            schema::check(Kind::OnCancel, dialect(version), &message),
            Ok(())
        );
    }
}
