//! The configuration as written: a tree of values, each with the place it came from.
//!
//! First step of loading: TOML text becomes this tree, environment variables are laid over it,
//! then the sections read it. Nothing here knows which keys exist or what they mean.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place, Problem};

/// Keys with what they hold.
pub type Table = BTreeMap<String, Node>;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where.
    pub place: Place,
    /// What.
    pub value: Value,
}

/// A value before anybody says what it should be.
#[derive(Debug, Clone)]
pub enum Value {
    /// A TOML string.
    Text(String),
    /// A TOML number or date, as written; a hexadecimal integer as a decimal one.
    Literal(String),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array, inline or of tables.
    List(Vec<Node>),
    /// A TOML table.
    Table(Table),
    /// The text of an environment variable, whose type only the reader knows.
    Untyped(String),
}

impl Value {
    /// The value as shown to people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Value::Text(text) | Value::Untyped(text) => json!(text).to_string(),
            Value::Literal(text) => text.clone(),
            Value::Boolean(value) => value.to_string(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value.shown()).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(_) => "{...}".to_owned(),
        }
    }
}

/// Reads a whole file.
///
/// # Errors
/// All syntax errors, each with its line.
pub fn parse(text: &str, file: &Arc<str>) -> Result<Table, Vec<Fault>> {
    let lines = Lines { text, file };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.into_inner()));
    }
    let fault = |error: &toml::de::Error| Fault {
        key: String::new(),
        place: lines.place(&error.span().unwrap_or(0..0)),
        value: None,
        problem: Problem::Syntax(error.message().to_owned()),
    };
    Err(errors.iter().map(fault).collect())
}

/// The same tree of a JSON object that may stand for a section; members that are null are absent.
#[must_use]
pub fn of_json(object: &serde_json::Map<String, serde_json::Value>) -> Table {
    let node = |(key, value): (&String, &_)| {
        let value = json_value(value)?;
        Some((key.clone(), unplaced(value)))
    };
    object.iter().filter_map(node).collect()
}

fn json_value(value: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => Value::Literal(number.to_string()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => {
            let items = items.iter().filter_map(json_value);
            Value::List(items.map(unplaced).collect())
        }
        Json::Object(object) => Value::Table(of_json(object)),
    })
}

fn unplaced(value: Value) -> Node {
    let place = Place::Default;
    Node { place, value }
}

/// Reads one TOML value, as it may stand in an environment variable; all of it is at `place`.
#[must_use]
pub fn parse_value(text: &str, place: &Place) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    Some(convert(value.into_inner(), &|_| place.clone()))
}

/// Turns byte ranges into lines.
struct Lines<'a> {
    text: &'a str,
    file: &'a Arc<str>,
}

impl Lines<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        Place::Line {
            file: Arc::clone(self.file),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        convert_table(table, &|span| self.place(span))
    }
}

fn convert_table(table: DeTable<'_>, place: &dyn Fn(&Range<usize>) -> Place) -> Table {
    let entry = |(key, value): (Spanned<_>, Spanned<DeValue<'_>>)| {
        let node = Node {
            place: place(&key.span()),
            value: convert(value.into_inner(), place),
        };
        (String::from(key.into_inner()), node)
    };
    table.into_iter().map(entry).collect()
}

fn convert(value: DeValue<'_>, place: &dyn Fn(&Range<usize>) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Integer(number) => {
            let decimal = i64::from_str_radix(number.as_str(), number.radix());
            Value::Literal(decimal.map_or_else(|_| number.to_string(), |n| n.to_string()))
        }
        DeValue::Float(number) => Value::Literal(number.as_str().to_owned()),
        DeValue::Datetime(date) => Value::Literal(date.to_string()),
        DeValue::Table(table) => Value::Table(convert_table(table, place)),
        DeValue::Array(items) => {
            let node = |item: &Spanned<DeValue<'_>>| Node {
                place: place(&item.span()),
                value: convert(item.get_ref().clone(), place),
            };
            Value::List(items.iter().map(node).collect())
        }
    }
}
