//! Our schema of `/cancel` refuses nothing that the official files accept, save for what is named.

use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::schema::{self, Kind};
use serde_json::{Value, json};

use crate::official::{VERSIONS, official_cancel_errors, protocol_dir};
use crate::{context, dialect, merged};

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
