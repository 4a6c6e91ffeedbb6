//! Tables over small messages: each rule that the schemas share broken once.

use super::uhi_tests::uhi_context;
use super::*;
use serde_json::json;

const BOTH: [Dialect; 2] = [Dialect::V0_9, Dialect::V1];

fn context(dialect: Dialect, action: &str) -> Value {
    let (key, version) = match dialect {
        Dialect::V0_9 => ("core_version", "0.9.1"),
        Dialect::Uhi => return uhi_context(action),
        _ => ("version", "1.1.0"),
    };
    json!({
        "domain": "mobility", "action": action, key: version,
        "bap_id": "https://mock_bap.com/", "bap_uri": "https://mock_bap.com/beckn/",
        "bpp_id": "bpp.example.org", "bpp_uri": "https://bpp.example.org",
        "transaction_id": "1209849124", "message_id": "m1",
        "timestamp": "2021-03-23T10:00:40.065Z",
    })
}

fn cancel(dialect: Dialect) -> Value {
    json!({"context": context(dialect, "cancel"), "message": {"order_id": "trip_1"}})
}

pub(super) fn on_cancel(dialect: Dialect) -> Value {
    let order = match dialect {
        Dialect::V0_9 => json!({"id": "O1", "state": "Cancelled"}),
        Dialect::Uhi => json!({"id": "O1", "state": "CANCELLED",
            "fulfillment": {"tags": {"@abdm/gov.in/cancelledby": "patient"}}}),
        _ => json!({"id": "O1", "status": "CANCELLED",
            "cancellation": {"cancelled_by": "CONSUMER", "time": "2026-01-01T00:00:02.000Z"}}),
    };
    json!({"context": context(dialect, "on_cancel"), "message": {"order": order}})
}

/// Puts the value at a pointer, or takes the member away.
pub(super) fn with(mut message: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let members = message.pointer_mut(parent).and_then(Value::as_object_mut);
    let members = members.unwrap_or_else(|| panic!("{pointer}"));
    match value {
        Some(value) => members.insert(key.to_owned(), value),
        None => members.remove(key),
    };
    message
}

pub(super) fn fault(kind: Kind, dialect: Dialect, message: &Value) -> Error {
    let error = check(kind, dialect, message).expect_err(&message.to_string());
    assert!(
        error.to_string().len() < 500 && error.to_string().is_ascii(),
        "{error}"
    );
    error
}

#[test]
fn every_schema_compiles_and_the_smallest_messages_pass() {
    for dialect in BOTH {
        check(Kind::Cancel, dialect, &cancel(dialect)).expect("a small cancel");
        check(Kind::OnCancel, dialect, &on_cancel(dialect)).expect("a small on_cancel");
        fault(Kind::OnCancel, dialect, &cancel(dialect));
        fault(Kind::Cancel, dialect, &on_cancel(dialect));
    }
}

#[test]
fn what_a_cancel_needs_is_named_when_it_is_missing() {
    for dialect in BOTH {
        for path in [
            "context",
            "message",
            "message.order_id",
            "context.action",
            "context.bap_id",
            "context.bap_uri",
            "context.transaction_id",
            "context.message_id",
            "context.timestamp",
        ] {
            let pointer = format!("/{}", path.replace('.', "/"));
            let error = fault(
                Kind::Cancel,
                dialect,
                &with(cancel(dialect), &pointer, None),
            );
            assert_eq!((&*error.path, &*error.text), (path, "is required"));
        }
        for pointer in ["/context/bpp_id", "/context/bpp_uri", "/context/domain"] {
            let message = with(cancel(dialect), pointer, None);
            assert_eq!(check(Kind::Cancel, dialect, &message), Ok(()), "{pointer}");
        }
    }
}

#[test]
fn a_version_may_have_either_name_but_must_be_there() {
    for dialect in BOTH {
        let named = |name: &str| {
            let bare = with(cancel(dialect), "/context/version", None);
            let bare = with(bare, "/context/core_version", None);
            with(bare, &format!("/context/{name}"), Some(json!("1.0")))
        };
        for name in ["version", "core_version"] {
            assert_eq!(check(Kind::Cancel, dialect, &named(name)), Ok(()));
        }
        let error = fault(Kind::Cancel, dialect, &named("other"));
        assert_eq!(error.path, "context");
        assert!(error.text.contains("\"core_version\"") && error.text.contains("\"version\""));
        assert!(error.text.ends_with("got an object"), "{error}");
    }
}

#[test]
fn a_member_of_the_wrong_kind_is_refused() {
    for dialect in BOTH {
        for (pointer, values) in [
            ("/context", vec![json!([]), json!("x"), json!(null)]),
            ("/message", vec![json!([]), json!("x"), json!(null)]),
            (
                "/context/action",
                vec![json!("Cancel"), json!("on_cancel"), json!(null)],
            ),
            (
                "/context/bap_id",
                vec![json!(null), json!(""), json!(1), json!(["a"]), json!({})],
            ),
            ("/context/bap_uri", vec![json!(null), json!(""), json!(1)]),
            ("/context/bpp_id", vec![json!(""), json!(1), json!(null)]),
            (
                "/context/transaction_id",
                vec![json!(7), json!(""), json!("x".repeat(256))],
            ),
            (
                "/context/message_id",
                vec![json!(7), json!(""), json!("x".repeat(256))],
            ),
            (
                "/context/timestamp",
                vec![json!(7), json!(""), json!("2021-03-23"), json!("now")],
            ),
            (
                "/context/timestamp",
                vec![json!("2021-03-23T10:00:40"), json!("2021-02-30T10:00:40Z")],
            ),
            ("/context/city", vec![json!(80), json!({"code": "std:080"})]),
            (
                "/context/location",
                vec![
                    json!("IND"),
                    json!({"city": "x"}),
                    json!({"country": {"code": 1}}),
                ],
            ),
            ("/context/ttl", vec![json!(30), json!(null)]),
            (
                "/message/order_id",
                vec![
                    json!(1),
                    json!(""),
                    json!("a b"),
                    json!("a|b"),
                    json!("a\"b"),
                ],
            ),
            (
                "/message/order_id",
                vec![
                    json!("é"),
                    json!("a\n"),
                    json!("a\u{7f}"),
                    json!("x".repeat(256)),
                ],
            ),
            (
                "/message/cancellation_reason_id",
                vec![json!(3), json!(""), json!(null), json!([])],
            ),
            (
                "/message/descriptor",
                vec![json!("x"), json!([]), json!(null)],
            ),
            (
                "/message/descriptor",
                vec![json!({"code": 1}), json!({"short_desc": null})],
            ),
        ] {
            for value in values {
                let message = with(cancel(dialect), pointer, Some(value));
                let error = fault(Kind::Cancel, dialect, &message);
                let path = pointer[1..].replace('/', ".");
                assert!(error.path.starts_with(&path), "{pointer}: {error}");
            }
        }
    }
}

#[test]
fn what_we_do_not_use_may_be_anything() {
    for dialect in BOTH {
        for (pointer, value) in [
            ("/extra", json!({"a": [1]})),
            ("/context/key", json!(null)),
            ("/context/max_callbacks", json!(-1)),
            ("/context/x", json!([])),
            ("/context/country", json!("IND")),
            ("/context/city", json!("Kochi")),
            (
                "/context/location",
                json!({"city": {"code": "std:080", "name": 1}, "gps": 2}),
            ),
            ("/context/ttl", json!("thirty seconds")),
            (
                "/context/timestamp",
                json!("2021-03-23t10:00:40.065123456+05:30"),
            ),
            (
                "/message/order_id",
                json!("https://bpp.example.org/orders?id='7'"),
            ),
            ("/message/order_id", json!("x".repeat(255))),
            ("/message/cancellation_reason_id", json!("reason_3")),
            (
                "/message/descriptor",
                json!({"code": "SOFT_CANCEL", "name": "", "images": [1]}),
            ),
            ("/message/x", json!(null)),
        ] {
            let message = with(cancel(dialect), pointer, Some(value));
            assert_eq!(check(Kind::Cancel, dialect, &message), Ok(()), "{pointer}");
        }
    }
}

#[test]
fn a_callback_has_an_order_or_an_error() {
    for dialect in BOTH {
        let bare = with(on_cancel(dialect), "/message", None);
        let error = fault(Kind::OnCancel, dialect, &bare);
        assert_eq!(error.path, "$");
        let refused = json!({"type": "POLICY-ERROR", "code": "50001", "message": "too late"});
        let refused = with(bare, "/error", Some(refused));
        assert_eq!(check(Kind::OnCancel, dialect, &refused), Ok(()));
        for (key, value) in [
            ("code", json!(50001)),
            ("code", json!("")),
            ("message", json!(null)),
        ] {
            let pointer = format!("/error/{key}");
            fault(
                Kind::OnCancel,
                dialect,
                &with(refused.clone(), &pointer, Some(value)),
            );
            fault(
                Kind::OnCancel,
                dialect,
                &with(refused.clone(), &pointer, None),
            );
        }
        for pointer in [
            "/message/order",
            "/message/order/id",
            "/context/bpp_id",
            "/context/bpp_uri",
        ] {
            fault(
                Kind::OnCancel,
                dialect,
                &with(on_cancel(dialect), pointer, None),
            );
        }
        let typeless = with(refused, "/error/type", None);
        assert_eq!(
            check(Kind::OnCancel, dialect, &typeless).is_ok(),
            dialect == Dialect::V1
        );
    }
}

#[test]
fn money_is_written_as_a_decimal_text() {
    for dialect in BOTH {
        let quote = |value: Value| {
            let price = json!({"currency": "INR", "value": value});
            let quote = json!({"price": price, "breakup": [{"title": "REFUND", "price": price}]});
            with(on_cancel(dialect), "/message/order/quote", Some(quote))
        };
        for value in [
            "180",
            "-146",
            "+1",
            "0.50",
            ".5",
            "00",
            "12345678901234567890.000",
        ] {
            assert_eq!(
                check(Kind::OnCancel, dialect, &quote(json!(value))),
                Ok(()),
                "{value}"
            );
        }
        for value in [
            json!(""),
            json!("1."),
            json!("1e5"),
            json!("1,0"),
            json!(" 1"),
            json!(180),
            json!("1\n"),
        ] {
            fault(Kind::OnCancel, dialect, &quote(value));
        }
    }
}

#[test]
fn what_a_stranger_wrote_is_cut_and_escaped_in_the_error() {
    let evil = format!("\u{1b}[31m\r\n\u{202e}<script>{}", "x".repeat(5_000));
    for pointer in ["/message/order_id", "/context/action", "/context/timestamp"] {
        let message = with(cancel(Dialect::V1), pointer, Some(json!(evil)));
        let error = fault(Kind::Cancel, Dialect::V1, &message);
        assert!(
            error.text.contains("\\u{1b}[31m\\r\\n\\u{202e}<script>"),
            "{error}"
        );
    }
    let person = json!({"name": "Asha Rao"});
    let message = with(cancel(Dialect::V1), "/message/order_id", Some(person));
    assert!(
        !fault(Kind::Cancel, Dialect::V1, &message)
            .text
            .contains("Asha")
    );
}
