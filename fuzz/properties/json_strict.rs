//! Strict JSON: accepted exactly when serde_json accepts it and a walk over all of its members,
//! doubled ones included, finds no limit broken; and cutting it apart loses nothing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use beckn_bpp::protocol::raw::{RawArray, RawObject};
use beckn_bpp::protocol::strict::{self, Limits};
use regex::Regex;
use serde_json::Value;
use serde_json::value::RawValue;

use super::is_one_short_line;

static STRING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*""#).expect("a regular expression"));
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-?[0-9][0-9.]*").expect("a regular expression"));
static EXPONENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[eE][+-]?[0-9]+").expect("a regular expression"));

/// Holds for every body.
pub fn holds(data: &[u8]) {
    let known = serde_json::from_slice::<Value>(data).ok();
    match (strict::parse(data), known.filter(|_| within_limits(data))) {
        (Ok(value), Some(expected)) => {
            assert_eq!(value, expected);
            assert_eq!(
                strict::parse(value.to_string().as_bytes()),
                Ok(value.clone())
            );
            assert!(strict::parse_within(data, Limits::document()).is_ok());
            let text = std::str::from_utf8(data).expect("strict JSON is UTF-8");
            cut_and_joined_is_the_same(text, &value);
        }
        (Err(error), None) => assert!(is_one_short_line(&error.to_string()), "{error}"),
        (read, expected) => panic!("read {read:?}, expected {expected:?}"),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        cut_without_judging(text);
    }
}

/// The limits on strangers' messages, by another way than a visitor with counters.
fn within_limits(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let bare = STRING.replace_all(text, "");
    let bare = EXPONENT.replace_all(&bare, "");
    let numbers_fit = NUMBER.find_iter(&bare).all(|number| {
        let digits = number.as_str().trim_start_matches(['-', '0', '.']);
        let significant = digits.bytes().filter(u8::is_ascii_digit).count();
        significant <= 18 && (significant > 0 || !number.as_str().starts_with('-'))
    });
    let mut nodes = 0;
    numbers_fit && walk(text, 0, &mut nodes).is_some() && nodes <= 10_000
}

/// Counts the values and stops at one that is refused. Every level is parsed anew, which is
/// slow and has nothing in common with how it is really done.
fn walk(text: &str, depth: usize, nodes: &mut usize) -> Option<()> {
    *nodes += 1;
    match text.trim_start().as_bytes().first()? {
        b'[' if depth < 64 => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let mut items = items.into_iter();
            items.try_for_each(|item| walk(item.get(), depth + 1, nodes))
        }
        b'{' if depth < 64 => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let keys: BTreeSet<&String> = members.iter().map(|(key, _)| key).collect();
            if keys.len() < members.len() || !keys.iter().all(|key| text_fits(key)) {
                return None;
            }
            let mut values = members.iter();
            values.try_for_each(|(_, value)| walk(value.get(), depth + 1, nodes))
        }
        b'[' | b'{' => None,
        b'"' => {
            let string: String = serde_json::from_str(text).ok()?;
            text_fits(&string).then_some(())
        }
        _ => Some(()),
    }
}

fn text_fits(text: &str) -> bool {
    text.len() <= 16 * 1024 && !text.contains('\0')
}

/// The members of an object as they are written, doubled ones included.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> serde::de::Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Each)
    }
}

/// What has been judged is cut at the very places where a parser sees members and items.
fn cut_and_joined_is_the_same(text: &str, value: &Value) {
    let parsed = |raw: &str| serde_json::from_str::<Value>(raw).expect("a part is JSON");
    match value {
        Value::Object(members) => {
            let cut = RawObject::parse(text).expect("an object");
            let seen: Vec<_> = cut.iter().map(|(key, raw)| (key, parsed(raw))).collect();
            let expected = members
                .iter()
                .map(|(key, value)| (key.as_str(), value.clone()));
            assert_eq!(seen, expected.collect::<Vec<_>>());
            assert_eq!(&parsed(&cut.to_string()), value);
        }
        Value::Array(items) => {
            let cut = RawArray::parse(text).expect("an array");
            assert_eq!(&cut.iter().map(parsed).collect::<Vec<_>>(), items);
            assert_eq!(&parsed(&cut.to_string()), value);
        }
        _ => assert!(RawObject::parse(text).is_err() && RawArray::parse(text).is_err()),
    }
}

/// What has not been judged may be cut anywhere, but what is put together is cut the same again.
fn cut_without_judging(text: &str) {
    if let Ok(object) = RawObject::parse(text) {
        let joined = object.to_string();
        assert_eq!(RawObject::parse(&joined).expect("an object"), object);
    }
    if let Ok(array) = RawArray::parse(text) {
        let joined = array.to_string();
        assert_eq!(RawArray::parse(&joined).expect("an array"), array);
    }
}
