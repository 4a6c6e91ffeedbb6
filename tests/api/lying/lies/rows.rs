//! Lies by more rows, or by what is around them.

use beckn_bpp::protocol::registry::Form;
use serde_json::{Value, json};

use super::{Lie, names, said};

/// `decoy` is a row of another key.
pub fn of_rows(form: Form, honest: &Value, decoy: &Value) -> Vec<Lie> {
    let member = names(form).key;
    let mut unreadable = honest.clone();
    unreadable[member] = json!("no key");
    let stranger = |n: usize| {
        let mut row = honest.clone();
        row["subscriber_id"] = json!(format!("{n}.example.org"));
        row
    };
    let strangers: Vec<Value> = (0..1_000).map(stranger).collect();
    let deep = (0..200).fold(json!([honest]), |inner, _| json!([inner]));
    let answers = [
        ("two keys under one id", json!([honest, decoy])),
        (
            "two keys under one id, the other way",
            json!([decoy, honest]),
        ),
        ("a key and none under one id", json!([honest, unreadable])),
        ("none and a key under one id", json!([unreadable, honest])),
        ("three rows, two keys", json!([honest, decoy, honest])),
        ("a thousand rows of others", json!(strangers)),
        ("no rows", json!([])),
        ("rows in a list", json!([[honest]])),
        ("rows two hundred deep", deep),
        ("rows under another name", json!({"data": [honest]})),
        (
            "a row in a wrapped wrapper",
            json!({"message": {"message": [honest]}}),
        ),
        ("a row as text", json!([honest.to_string()])),
        ("rows as text", json!(honest.to_string())),
        ("an error beside nothing", json!({"error": {"code": "1"}})),
        (
            "a NACK",
            json!({"message": {"ack": {"status": "NACK"}}, "error": {"code": "1"}}),
        ),
        ("an empty object", json!({})),
        ("null", Value::Null),
        ("true", json!(true)),
        ("a number", json!(1)),
    ];
    let lie = |(name, answer): (&str, Value)| (name.to_owned(), said(&answer));
    answers.into_iter().map(lie).collect()
}
