//! Builds the value in one pass and stops at the first member that breaks a limit.
//!
//! serde asks for a seed per value; ours carries the counters. A fault is noted in the counters
//! and serde's own error only unwinds the pass, naming the path on its way up, so that a good
//! message pays nothing for it. Number spelling is not seen here: [`numbers`](super::numbers).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::{Error, Limits};
use crate::protocol::path::{self, Segment};

/// The largest integer (and its negative) that has 18 digits.
const PLAIN_INTEGER: u64 = 999_999_999_999_999_999;

/// What a pass brings back.
pub(super) struct Built {
    /// The value.
    pub(super) value: Value,
    /// A fraction, an exponent, a minus zero or a long integer is in it.
    pub(super) unusual_numbers: bool,
}

/// Reads the text.
pub(super) fn build(text: &str, limits: Limits) -> Result<Built, Error> {
    let mut pass = Pass {
        limits,
        nodes: 0,
        unusual_numbers: false,
        fault: None,
        path: Vec::new(),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let root = Node {
        pass: &mut pass,
        depth: 0,
    };
    match root
        .deserialize(&mut json)
        .and_then(|v| json.end().map(|()| v))
    {
        Ok(value) => Ok(Built {
            value,
            unusual_numbers: pass.unusual_numbers,
        }),
        Err(error) => Err(pass.into_error(text, &error)),
    }
}

/// A limit that was broken.
enum Fault {
    DuplicateKey,
    TooDeep,
    TooManyNodes,
    TextTooLong,
    Nul,
}

/// The state of one pass.
struct Pass {
    limits: Limits,
    nodes: usize,
    unusual_numbers: bool,
    fault: Option<Fault>,
    /// Filled from the inside out while a fault unwinds.
    path: Vec<Segment>,
}

impl Pass {
    fn stop<E: serde::de::Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault);
        E::custom("refused")
    }

    fn check_text<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.text_bytes {
            return Err(self.stop(Fault::TextTooLong));
        }
        if text.as_bytes().contains(&0) {
            return Err(self.stop(Fault::Nul));
        }
        Ok(())
    }

    fn into_error(self, text: &str, error: &serde_json::Error) -> Error {
        let path = path::render(self.path.iter().rev());
        match self.fault {
            None => syntax(text, error),
            Some(Fault::DuplicateKey) => Error::DuplicateKey { path },
            Some(Fault::Nul) => Error::Nul { path },
            Some(Fault::TooDeep) => Error::TooDeep {
                path,
                limit: self.limits.depth,
            },
            Some(Fault::TooManyNodes) => Error::TooManyNodes {
                path,
                limit: self.limits.nodes,
            },
            Some(Fault::TextTooLong) => Error::TextTooLong {
                path,
                limit: self.limits.text_bytes,
            },
        }
    }
}

/// serde_json counts lines and columns; bodies are read by machines, so a byte offset it is.
fn syntax(text: &str, error: &serde_json::Error) -> Error {
    let line = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let before: usize = line.map(str::len).sum();
    let shown = error.to_string();
    let rule = shown.split(" at line ").next().unwrap_or_default();
    Error::Syntax {
        rule: path::clip(rule, 80),
        at_byte: (before + error.column().saturating_sub(1)).min(text.len()),
    }
}

/// One value still to be read.
struct Node<'p> {
    pass: &'p mut Pass,
    /// How many containers are around it.
    depth: usize,
}

impl Node<'_> {
    fn check_depth<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match self.depth < self.pass.limits.depth {
            true => Ok(()),
            false => Err(self.pass.stop(Fault::TooDeep)),
        }
    }

    /// The seed for a value inside this one.
    fn child(&mut self) -> Node<'_> {
        Node {
            pass: &mut *self.pass,
            depth: self.depth + 1,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        self.pass.nodes += 1;
        if self.pass.nodes > self.pass.limits.nodes {
            return Err(self.pass.stop(Fault::TooManyNodes));
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.pass.unusual_numbers |= value.unsigned_abs() > PLAIN_INTEGER;
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.pass.unusual_numbers |= value > PLAIN_INTEGER;
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.pass.unusual_numbers = true;
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.pass.check_text(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut array = Vec::new();
        loop {
            match items.next_element_seed(self.child()) {
                Ok(Some(item)) => array.push(item),
                Ok(None) => return Ok(Value::Array(array)),
                Err(error) => {
                    self.pass.path.push(Segment::Index(array.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key_seed(Key(&mut *self.pass))? {
            let value = match members.next_value_seed(self.child()) {
                Ok(value) => value,
                Err(error) => {
                    self.pass.path.push(Segment::Key(key));
                    return Err(error);
                }
            };
            match object.entry(key) {
                Entry::Vacant(free) => free.insert(value),
                Entry::Occupied(taken) => {
                    self.pass.path.push(Segment::Key(taken.key().clone()));
                    return Err(self.pass.stop(Fault::DuplicateKey));
                }
            };
        }
        Ok(Value::Object(object))
    }
}

/// A key still to be read.
struct Key<'p>(&'p mut Pass);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<String, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        self.0.check_text(key)?;
        Ok(key.to_owned())
    }
}
