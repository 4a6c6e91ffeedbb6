//! Looking up a key: the question in each registry's form, and the answer in every spelling.
//!
//! Each registry family names the same members differently, so a row is read through tables of
//! aliases (`row`). Registries ignore filters they do not know and then return too much: [`rows_for`]
//! filters again and believes nothing but the row itself. Whether a row may be used (status,
//! validity, key) is not decided here but in `registry/`.

mod form;
mod row;

pub use form::{Form, Question, Role, Scope};
pub use row::{Bound, Row};

use serde_json::{Map, Value};

use self::row::{KEY_ID, SUBSCRIBER_ID, read, text};
use crate::domain::ids::SubscriberId;

/// Why an answer holds no rows, not even none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not JSON.
    #[error("the registry's answer is not JSON")]
    NotJson,
    /// The JSON is neither a list of subscribers nor one subscriber.
    #[error("the registry's answer is no list of subscribers")]
    NotRows,
}

/// Reads an answer and keeps the rows that it was asked for.
///
/// # Errors
/// When the answer is something else than rows, such as an error object sent with status 200:
/// that says nothing about the subscriber.
pub fn rows_for(answer: &[u8], form: Form, asked: &Question) -> Result<Vec<Row>, Error> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| Error::NotJson)?;
    let objects = objects(&answer).ok_or(Error::NotRows)?;
    Ok(objects
        .into_iter()
        .filter(|row| is_for(row, asked))
        .map(|row| read(row, form))
        .collect())
}

/// The rows of a bare list, of a list or row wrapped in `message`, or of a single row.
fn objects(answer: &Value) -> Option<Vec<&Map<String, Value>>> {
    match answer {
        Value::Array(rows) => Some(rows.iter().filter_map(Value::as_object).collect()),
        Value::Object(row) if text(row, SUBSCRIBER_ID).is_some() => Some(vec![row]),
        Value::Object(wrapper) => match wrapper.get("message")? {
            rows @ Value::Array(_) => objects(rows),
            Value::Object(row) if text(row, SUBSCRIBER_ID).is_some() => Some(vec![row]),
            _ => None,
        },
        _ => None,
    }
}

fn is_for(row: &Map<String, Value>, asked: &Question) -> bool {
    let named = text(row, SUBSCRIBER_ID).and_then(|text| SubscriberId::parse(text).ok());
    let key_named = asked.key_id.as_ref().is_none_or(|key_id| {
        let under = |alias: &&str| row.get(*alias).and_then(Value::as_str);
        KEY_ID
            .iter()
            .any(|alias| under(alias) == Some(key_id.as_str()))
    });
    key_named && named.is_some_and(|named| named.is(&asked.subscriber))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::row::{ROLE, SIGNING_KEY, STATUS, URL, VALID_UNTIL};
    use super::*;
    use crate::domain::ids::KeyId;

    fn read_as(form: Form, answer: &str) -> Result<Vec<Row>, Error> {
        let asked = Question {
            subscriber: SubscriberId::parse("bap.example").expect("valid"),
            key_id: Some(KeyId::parse("k1").expect("valid")),
            role: Role::Buyer,
        };
        rows_for(answer.as_bytes(), form, &asked)
    }

    fn rows(answer: &Value) -> Result<Vec<Row>, Error> {
        read_as(Form::Core, &answer.to_string())
    }

    fn only(answer: &Value) -> Row {
        let mut rows = rows(answer).expect("rows");
        assert_eq!(rows.len(), 1, "{answer}");
        rows.remove(0)
    }

    fn row_with(member: &str, value: &Value) -> Value {
        let mut row = json!({"subscriber_id": "bap.example", "key_id": "k1"});
        row[member] = value.clone();
        row
    }

    #[test]
    fn every_spelling_of_the_key_id_is_read() {
        for alias in KEY_ID {
            only(&json!([{"subscriber_id": "bap.example", *alias: "k1"}]));
        }
        only(&json!([{"subscriberId": "bap.example", "keyId": "k1"}]));
        only(&json!([{"subscriber_id": "bap.example", "key_id": null, "ukId": "k1"}]));
        only(
            &json!([{"subscriber_id": "bap.example", "unique_key_id": "a-uuid", "pub_key_id": "k1"}]),
        );
    }

    #[test]
    fn every_spelling_of_the_other_members_is_read() {
        type Get = fn(Row) -> Option<String>;
        let tables: [(&[&str], Get); 4] = [
            (URL, |row| row.url),
            (ROLE, |row| row.role),
            (STATUS, |row| row.status),
            (SIGNING_KEY, |row| row.verifying_keys.into_iter().next()),
        ];
        for (aliases, get) in tables {
            for alias in aliases {
                let row = only(&json!([row_with(alias, &json!("x"))]));
                assert_eq!(get(row).as_deref(), Some("x"), "{alias}");
            }
        }
    }

    #[test]
    fn an_answer_may_be_a_list_a_wrapped_list_or_one_row() {
        let row = row_with("type", &json!("BAP"));
        for answer in [
            json!([row]),
            json!({"message": [row]}),
            json!({"message": row}),
            row.clone(),
        ] {
            assert_eq!(only(&answer).role.as_deref(), Some("BAP"), "{answer}");
        }
        assert_eq!(rows(&json!([])), Ok(vec![]));
        assert_eq!(rows(&json!({"message": []})), Ok(vec![]));
    }

    #[test]
    fn what_is_no_list_of_rows_says_nothing_about_the_subscriber() {
        for answer in [
            json!("none"),
            json!(null),
            json!({}),
            json!({"message": {"ack": {"status": "NACK"}}, "error": {"code": "1"}}),
            json!({"error": "try later"}),
        ] {
            assert_eq!(rows(&answer), Err(Error::NotRows), "{answer}");
        }
        assert_eq!(read_as(Form::Core, "<html>"), Err(Error::NotJson));
    }

    #[test]
    fn rows_of_others_and_of_other_keys_are_dropped() {
        let answer = json!([
            {"subscriber_id": "other.example", "key_id": "k1"},
            {"subscriber_id": "bap.example.evil.example", "key_id": "k1"},
            {"subscriber_id": "bap.example", "key_id": "k2"},
            {"subscriber_id": "bap.example", "key_id": "K1"},
            {"subscriber_id": "bap.example"},
            {"key_id": "k1"},
            "text", null, 7,
        ]);
        assert_eq!(rows(&answer), Ok(vec![]));
        only(&json!([{"subscriber_id": "https://bap.example/", "key_id": "k1"}]));
    }

    #[test]
    fn times_are_open_when_missing_and_unreadable_when_not_rfc_3339() {
        let instant = "2026-01-01T00:00:00Z".parse().expect("a time");
        for (value, bound) in [
            (json!(null), Bound::Open),
            (json!("2026-01-01T05:30:00.000+05:30"), Bound::At(instant)),
            (json!(""), Bound::Unreadable),
            (json!("2026-01-01"), Bound::Unreadable),
            (json!(1_767_225_600), Bound::Unreadable),
        ] {
            for alias in VALID_UNTIL {
                let row = only(&json!([row_with(alias, &value)]));
                assert_eq!(row.valid_until, bound, "{alias} {value}");
            }
            let row = only(&json!([row_with("valid_from", &value)]));
            assert_eq!(row.valid_from, bound, "{value}");
        }
        let row = only(&json!([row_with("type", &json!("BAP"))]));
        assert_eq!(
            (row.valid_from, row.valid_until),
            (Bound::Open, Bound::Open)
        );
    }

    #[test]
    fn a_domain_may_be_one_word_or_several_and_a_status_of_another_type_is_not_absent() {
        let row = only(&json!([row_with("domain", &json!("mobility"))]));
        assert_eq!(row.domains, ["mobility"]);
        let row = only(&json!([row_with("domain", &json!(["a", "b"]))]));
        assert_eq!(row.domains, ["a", "b"]);
        let row = only(&json!([row_with("status", &json!(false))]));
        assert_eq!(row.status.as_deref(), Some("false"));
    }

    #[test]
    fn the_key_that_verifies_is_where_each_family_has_it() {
        let row = json!([{"subscriber_id": "bap.example", "pub_key_id": "k1",
            "signing_public_key": "s", "encr_public_key": "e"}]);
        for (form, keys) in [
            (Form::Core, &["s"][..]),
            (Form::Ondc, &["s"]),
            (Form::Uhi, &["e", "s"]),
        ] {
            let rows = read_as(form, &row.to_string()).expect("rows");
            assert_eq!(rows[0].verifying_keys, keys, "{form:?}");
            assert_eq!(rows[0].needs_status, form != Form::Core, "{form:?}");
        }
    }

    #[test]
    fn a_time_without_zone_is_one_in_uhis_form_only() {
        let row = json!([row_with("valid_until", &json!("2026-01-01T00:00:00.5"))]).to_string();
        let instant = "2026-01-01T00:00:00.5Z".parse().expect("a time");
        for (form, bound) in [
            (Form::Core, Bound::Unreadable),
            (Form::Ondc, Bound::Unreadable),
            (Form::Uhi, Bound::At(instant)),
        ] {
            let rows = read_as(form, &row).expect("rows");
            assert_eq!(rows[0].valid_until, bound, "{form:?}");
        }
    }
}
