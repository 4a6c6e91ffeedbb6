//! Our schemas beside the official files and the published examples.
//!
//! Two promises: we refuse no `/cancel` that the official file of its version accepts, save for
//! the named demands below, and what we call a good `on_cancel` the official files do too.
//! Without `shared/protocol` beside the checkout the tests say so and pass.

#[path = "common/official.rs"]
mod official;

use std::path::Path;

use beckn_bpp::domain::policy::Rule;
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::reasons;
use beckn_bpp::protocol::schema::{self, Kind};
use beckn_bpp::protocol::{strict, terms};
use official::{
    VERSIONS, VERSIONS_2, official_cancel_errors, official_on_cancel_errors,
    official_reasons_errors, protocol_dir,
};
use serde_json::{Value, json};

fn dialect(version: &str) -> Dialect {
    match version.starts_with("0.9") {
        true => Dialect::V0_9,
        false => Dialect::V1,
    }
}

fn context(version: &str, action: &str) -> Value {
    let ids = json!({
        "domain": "mobility", "action": action,
        "bap_id": "https://mock_bap.com/", "bap_uri": "https://mock_bap.com/beckn/",
        "bpp_id": "https://mock_bpp.com/", "bpp_uri": "https://mock_bpp.com/beckn/",
        "transaction_id": "0f4f9d3e-5a9a-4b76-9d66-0f6f1f2f7a10",
        "message_id": "22222222-2222-4222-8222-222222222222",
        "timestamp": "2026-03-02T06:11:24.000Z",
    });
    let place = match dialect(version) {
        Dialect::V0_9 => json!({"core_version": version, "country": "IND", "city": "std:080"}),
        Dialect::V1 => json!({"version": version,
            "location": {"country": {"code": "IND"}, "city": {"code": "std:080"}}}),
        _ => unreachable!("no version of Beckn"),
    };
    merged(ids, &place)
}

fn merged(mut base: Value, more: &Value) -> Value {
    let members = base.as_object_mut().expect("an object");
    for (key, value) in more.as_object().expect("an object") {
        members.insert(key.clone(), value.clone());
    }
    base
}

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

/// The share or amount of each rule of an example's own terms, in their order.
fn fees(dir: &Path, name: &str) -> Vec<String> {
    let message = official::example(&dir.join("examples").join(name));
    let policy = terms::read(&message["message"]["order"]).expect(name);
    let fee = |rule: &Rule| {
        let amount = rule.fee.amount.map(|amount| amount.to_string());
        let share = rule.fee.percentage.map(|share| format!("{share} %"));
        amount.or(share).unwrap_or_else(|| "open".to_owned())
    };
    policy.expect(name).rules.iter().map(fee).collect()
}

#[test]
fn the_terms_of_the_published_orders_are_read() {
    let Some(dir) = protocol_dir() else { return };
    let ride = ["0 %", "30.00", "50.00", "100 %"];
    for name in [
        "ondc-trv10-2.0.1/on_cancel_soft.json",
        "ondc-trv10-2.0.1/on_cancel_confirm.json",
        "ondc-trv10-2.0.1/on_cancel_unsolicited_no_driver.json",
        "mobility-1.1.0/soft_on_cancel.json",
        "mobility-1.1.0/confirm_on_cancel.json",
    ] {
        assert_eq!(fees(&dir, name), ride, "{name}");
    }
    let initiated = "ondc-trv11-2.0.1/metro_delayed_on_cancel_initiated.json";
    assert_eq!(fees(&dir, initiated), ["open"], "a page alone");
    let accepted = "ondc-trv11-2.0.1/metro_delayed_on_update_accepted.json";
    assert_eq!(
        fees(&dir, accepted),
        ["0 %", "open"],
        "within an hour, then a page"
    );
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

/// Small and odd `/cancel` messages; each must pass ours when its official file lets it pass.
fn small_cancels() -> Vec<Value> {
    let strings = [
        json!("O1"),
        json!("trip_1"),
        json!("https://bpp.example.org/o?id=1&x='2'"),
        json!("x".repeat(255)),
        json!(7),
        json!(null),
        json!({}),
    ];
    let mut messages: Vec<Value> = strings.map(|id| json!({"order_id": id})).into();
    for (key, value) in [
        ("cancellation_reason_id", json!("001")),
        ("cancellation_reason_id", json!("reason 3 / é")),
        ("cancellation_reason_id", json!(3)),
        ("descriptor", json!({})),
        ("descriptor", json!({"code": "SOFT_CANCEL"})),
        (
            "descriptor",
            json!({"name": "", "short_desc": "", "long_desc": "x"}),
        ),
        ("descriptor", json!({"images": []})),
        ("descriptor", json!({"code": 5})),
        ("descriptor", json!("changed plans")),
        ("unknown", json!([null])),
        ("by", json!("CONSUMER")),
    ] {
        messages.push(json!({"order_id": "O1", "cancellation_reason_id": "1", key: value}));
        messages.push(json!({"order_id": "O1", key: value}));
    }
    messages
}

/// Changes of the context; none takes away what we must have to answer.
fn context_changes() -> Vec<Value> {
    vec![
        json!({}),
        json!({"ttl": "PT30S"}),
        json!({"ttl": "half a minute"}),
        json!({"ttl": 30}),
        json!({"key": "opaque", "max_callbacks": 1}),
        json!({"transaction_id": "1209849124", "message_id": "1234124234237"}),
        json!({"bap_id": "bap.example.org", "bap_uri": "https://bap.example.org"}),
        json!({"bpp_id": "bpp.example.org"}),
        json!({"timestamp": "2021-03-23T10:00:40+05:30"}),
        json!({"timestamp": "2021-03-23T10:00:40.123456789Z"}),
        json!({"domain": "nic2004:60221"}),
        json!({"city": "Kochi", "country": "IND"}),
        json!({"location": {"city": {"name": "Bengaluru", "code": "std:080"}, "gps": "1,2"}}),
        json!({"location": {"country": {"name": "India"}, "descriptor": {"name": "x"}}}),
        json!({"x-extra": {"a": [1, null]}, "tags": []}),
    ]
}

#[test]
fn no_cancel_that_the_official_file_accepts_is_refused_by_ours() {
    if protocol_dir().is_none() {
        return;
    }
    let mut accepted = 0;
    for version in VERSIONS {
        for change in context_changes() {
            let context = merged(context(version, "cancel"), &change);
            for message in small_cancels() {
                let whole = json!({"context": context, "message": message});
                if official_cancel_errors(version, &whole).is_empty() {
                    let ours = schema::check(Kind::Cancel, dialect(version), &whole);
                    assert_eq!(ours, Ok(()), "{version}: {whole}");
                    accepted += 1;
                }
            }
        }
    }
    assert!(accepted > 500, "the table has gone stale: {accepted}");
}

/// Where ours asks for more than the official files, each with its reason.
#[test]
fn only_these_demands_go_beyond_the_official_files() {
    if protocol_dir().is_none() {
        return;
    }
    let full = |version| {
        json!({"context": context(version, "cancel"),
        "message": {"order_id": "O1", "cancellation_reason_id": "1"}})
    };
    for (key, reason) in [
        ("transaction_id", "part of the request key"),
        ("message_id", "part of the request key"),
        ("bap_id", "the signer must be the caller"),
        ("bap_uri", "where the answer goes"),
        ("timestamp", "a message that has no age cannot go stale"),
        ("version", "the version picks the wire format of the answer"),
    ] {
        let mut message = full("1.1.1");
        let context = message["context"].as_object_mut().expect("an object");
        context.remove(key).expect("it was there");
        assert!(
            official_cancel_errors("1.1.1", &message).is_empty(),
            "{reason}"
        );
        let ours = schema::check(Kind::Cancel, Dialect::V1, &message);
        assert!(ours.is_err(), "{reason}");
    }
    for (pointer, value, reason) in [
        ("/message/order_id", "", "ids have 1 to 255 characters"),
        (
            "/message/order_id",
            "a b",
            "ids are printable ASCII without space",
        ),
        ("/message/order_id", "a|b", "| parts a keyId"),
        (
            "/message/cancellation_reason_id",
            "",
            "a reason that is none is left out",
        ),
        ("/context/bap_id", "", "ids have 1 to 255 characters"),
        (
            "/context/timestamp",
            "yesterday",
            "RFC 3339, formats are not asked of the judge",
        ),
    ] {
        for version in VERSIONS {
            let mut message = full(version);
            *message.pointer_mut(pointer).expect("a member") = json!(value);
            assert!(
                official_cancel_errors(version, &message).is_empty(),
                "{reason}"
            );
            let ours = schema::check(Kind::Cancel, dialect(version), &message);
            assert!(ours.is_err(), "{reason}");
        }
    }
}

/// Published examples that ours refuses on purpose.
const EXCEPTIONS: [(&str, &str); 4] = [
    (
        "mobility-1.1.0/l2-cancel.json",
        "has no transaction_id, without which there is no request key",
    ),
    (
        "mobility-1.1.0/l2-cancel-with-user-reason.json",
        "has no transaction_id, without which there is no request key",
    ),
    (
        "mobility-1.1.0/l2-on_cancel_by_rider.json",
        "its order has no status, which we always write",
    ),
    (
        "mobility-1.1.0/l2-on_cancel_by_driver.json",
        "its order has no status, which we always write",
    ),
];

#[test]
fn the_published_mobility_examples_pass_or_are_named() {
    let Some(dir) = protocol_dir() else {
        return;
    };
    let mut checked = 0;
    for folder in ["mobility-0.9.1", "mobility-1.1.0"] {
        for entry in std::fs::read_dir(dir.join("examples").join(folder)).expect("the folder") {
            let path = entry.expect("an entry").path();
            checked += usize::from(check_example(folder, &path));
        }
    }
    assert!(checked >= 11, "{checked}");
}

fn check_example(folder: &str, path: &Path) -> bool {
    let message = official::example(path);
    let kind = match message["context"]["action"].as_str() {
        Some("cancel") => Kind::Cancel,
        Some("on_cancel") => Kind::OnCancel,
        _ => return false,
    };
    let file = path.file_name().expect("a file").to_string_lossy();
    let name = format!("{folder}/{file}");
    let version = folder.trim_start_matches("mobility-");
    let ours = schema::check(kind, dialect(version), &message);
    match EXCEPTIONS.iter().find(|(named, _)| *named == name) {
        Some((_, reason)) => assert!(ours.is_err(), "{name}: no longer true: {reason}"),
        None => assert_eq!(ours, Ok(()), "{name}"),
    }
    true
}

#[test]
fn every_published_example_is_strict_json() {
    let Some(dir) = protocol_dir() else {
        return;
    };
    for folder in std::fs::read_dir(dir.join("examples")).expect("the folder") {
        let folder = folder.expect("an entry").path();
        for entry in folder.read_dir().into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            let read = strict::parse(&bytes).map(drop);
            assert_eq!(read, Ok(()), "{}", path.display());
        }
    }
}
