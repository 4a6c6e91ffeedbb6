//! A registry's answer to a lookup: only rows of the very subscriber and key that were asked
//! for are read, and all of them, whatever stands around them.

use std::sync::LazyLock;

use beckn_bpp::domain::ids::{KeyId, SubscriberId};
use beckn_bpp::protocol::registry::{Error, Form, Question, Role, Row, rows_for};
use beckn_bpp::protocol::subscription::{Said, said};
use serde_json::Value;

static ASKED: LazyLock<Question> = LazyLock::new(|| Question {
    subscriber: SubscriberId::parse("https://bap.example.org/").expect("an id"),
    key_id: Some(KeyId::parse("k1").expect("an id")),
    role: Role::Buyer,
});

/// Holds for every answer.
pub fn holds(data: &[u8]) {
    for form in [Form::Core, Form::Ondc, Form::Uhi] {
        holds_in(form, data);
    }
}

fn holds_in(form: Form, data: &[u8]) {
    let json = serde_json::from_slice::<Value>(data);
    match (rows_for(data, form, &ASKED), &json) {
        (Err(Error::NotJson), Err(_)) => {}
        (Err(Error::NotRows), Ok(answer)) => assert!(listed(answer).is_none(), "{answer}"),
        (Ok(rows), Ok(answer)) => {
            let mine: Vec<&Value> = listed(answer)
                .expect("rows")
                .into_iter()
                .filter(is_mine)
                .collect();
            assert_eq!(rows.len(), mine.len(), "{answer}");
            rows.iter().zip(mine).for_each(says_what_is_written);
            let any_key = Question {
                key_id: None,
                ..ASKED.clone()
            };
            let of_all_keys = rows_for(data, form, &any_key).expect("the same rows");
            assert!(rows.iter().all(|row| of_all_keys.contains(row)));
        }
        (read, _) => panic!("{read:?} of {json:?}"),
    }
    let refuses = json.is_ok_and(|answer| {
        let error = |name| {
            answer["error"]
                .get(name)
                .is_some_and(|value| !value.is_null())
        };
        answer["message"]["ack"]["status"] == "NACK" || error("code") || error("message")
    });
    assert_eq!(matches!(said(data), Said::Refused(_)), refuses);
}

/// A list, a list or one row in `message`, or one row.
fn listed(answer: &Value) -> Option<Vec<&Value>> {
    match (answer, &answer["message"]) {
        (Value::Array(rows), _) => Some(rows.iter().collect()),
        (row, _) if subscriber(row).is_some() => Some(vec![row]),
        (_, Value::Array(rows)) => Some(rows.iter().collect()),
        (_, row) if subscriber(row).is_some() => Some(vec![row]),
        _ => None,
    }
}

fn subscriber(row: &Value) -> Option<&str> {
    ["subscriber_id", "subscriberId"]
        .iter()
        .filter_map(|name| row[*name].as_str())
        .find(|id| !id.is_empty())
}

fn is_mine(row: &&Value) -> bool {
    let names = [
        "key_id",
        "ukId",
        "ukid",
        "unique_key_id",
        "pub_key_id",
        "keyId",
    ];
    let bare = |id: &str| {
        let rest = id.strip_prefix("https://").or(id.strip_prefix("http://"));
        rest.unwrap_or(id).trim_end_matches('/') == "bap.example.org"
    };
    subscriber(row).is_some_and(|id| id.len() <= 255 && bare(id))
        && names.iter().any(|name| row[*name] == "k1")
}

fn says_what_is_written((row, written): (&Row, &Value)) {
    let texts: Vec<&str> = written
        .as_object()
        .expect("a row")
        .values()
        .filter_map(Value::as_str)
        .collect();
    let said = [&row.role, &row.url].into_iter().flatten();
    for said in said.chain(&row.verifying_keys) {
        assert!(texts.contains(&said.as_str()), "{said} in {written}");
    }
    // A status that is no text must not pass for an absent one.
    assert_eq!(row.status.is_none(), written["status"].is_null());
    let domain = written["domain"]
        .as_str()
        .filter(|domain| !domain.is_empty());
    assert!(domain.is_none_or(|domain| row.domains == [domain]));
}
