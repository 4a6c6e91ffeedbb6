//! Renews `context.timestamp` in a callback's body, for networks that refuse old ones.
//!
//! The new time is spliced into the stored bytes, and every other byte stays: members unknown to
//! us, numbers as written and the order of keys survive. Runs before signing, at each attempt.
//! It never adds a timestamp where there is none.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    context: &'a RawValue,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    timestamp: &'a RawValue,
}

/// The body with `now` as its timestamp; `None` when it has no timestamp that could be renewed.
#[must_use]
pub fn restamp(body: &[u8], now: DateTime<Utc>) -> Option<Bytes> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    let context: Context<'_> = serde_json::from_str(message.context.get()).ok()?;
    let old = context.timestamp.get();
    if !old.starts_with('"') {
        return None;
    }
    // A raw value borrows from the text it was read from: the distance is its place in there.
    let start = (old.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let (before, rest) = body.split_at_checked(start)?;
    let after = rest.get(old.len()..)?;
    let stamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    Some(
        [before, b"\"", stamp.as_bytes(), b"\"", after]
            .concat()
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(body: &str) -> Option<String> {
        let now = DateTime::from_timestamp(1_700_000_000, 5_000_000).expect("in range");
        let bytes = restamp(body.as_bytes(), now)?;
        Some(String::from_utf8(bytes.to_vec()).expect("still text"))
    }

    #[test]
    fn only_the_timestamp_of_the_context_changes() {
        let body = |stamp: &str| {
            format!(
                "{{ \"message\":{{\"timestamp\":\"2020\",\"n\":1.0000000000000000000001}},\n \
                 \"context\" : {{\"x\":{{\"timestamp\":\"in\"}}, \"timestamp\" :{stamp} ,\"\u{e9}\":[1e5]}} }}"
            )
        };
        let new = body("\"2023-11-14T22:13:20.005Z\"");
        for old in [
            "\"2022-01-01T00:00:00Z\"",
            "\"\"",
            r#""a\"b\u0041""#,
            "\"2023-11-14T22:13:20.005Z\"",
        ] {
            assert_eq!(renewed(&body(old)).as_deref(), Some(new.as_str()), "{old}");
        }
    }

    #[test]
    fn what_has_no_timestamp_is_left_alone() {
        for body in [
            "",
            "[]",
            "{}",
            "{",
            r#"{"context":{}}"#,
            r#"{"context":null}"#,
            r#"{"context":{"timestamp":null}}"#,
            r#"{"context":{"timestamp":17}}"#,
            r#"{"context":{"timestamp":"a","timestamp":"b"}}"#,
            r#"{"timestamp":"a"}"#,
        ] {
            assert_eq!(renewed(body), None, "{body}");
        }
        assert_eq!(restamp(b"\xff\xfe", DateTime::UNIX_EPOCH), None);
    }
}
