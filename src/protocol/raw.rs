//! Changes members of a JSON object without writing the others anew.
//!
//! The order document is the provider's: a callback is the stored order with only what a
//! cancellation changes (decisions, section 4). So objects and arrays are cut into the raw text
//! of their members, in order, and put together again: numbers as written, escapes and the
//! white space inside values all survive. Only the white space between members is not kept.
//! Nothing here judges a value; what comes in from outside has passed [`strict`](super::strict).

mod cut;

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

/// Why a text cannot be cut into members.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is something other than what was expected.
    #[error("expected {0}")]
    Other(&'static str),
    /// The text is not JSON.
    #[error("this is not JSON (at byte {at_byte})")]
    NotJson {
        /// How far it was.
        at_byte: usize,
    },
    /// A key is no JSON string.
    #[error("a key cannot be read: {0}")]
    Key(#[from] serde_json::Error),
    /// The bytes are not UTF-8.
    #[error("this is not UTF-8")]
    NotUtf8(#[from] std::str::Utf8Error),
    /// One key is there twice, so that "the member" means nothing.
    #[error("a key is twice in an object")]
    DuplicateKey,
}

/// A text as a JSON string literal, quotes included.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a str always has a JSON form")
}

/// A JSON object as the ordered raw texts of its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawObject<'a> {
    members: Vec<Member<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member<'a> {
    /// The key decoded, for comparison.
    key: Cow<'a, str>,
    /// The key as written, quotes and escapes included.
    written: Cow<'a, str>,
    raw: Cow<'a, str>,
}

impl<'a> RawObject<'a> {
    /// Cuts the text of an object; nothing is copied that has no escape in its key.
    ///
    /// # Errors
    /// When the text is no JSON object, or has a key twice.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let members = cut::members(text)?.into_iter().map(Member::decode);
        let members = members.collect::<Result<Vec<_>, _>>()?;
        check_distinct(&members)?;
        Ok(Self { members })
    }

    /// Cuts the bytes of an object.
    ///
    /// # Errors
    /// As [`RawObject::parse`], and when the bytes are not UTF-8.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse(std::str::from_utf8(bytes)?)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members in order: decoded key, raw text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|m| (&*m.key, &*m.raw))
    }

    /// The raw text of a member.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().find(|m| m.key == key).map(|m| &*m.raw)
    }

    /// The decoded text of a member that is a string.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<Cow<'_, str>> {
        decode_str(self.get(key)?)
    }

    /// A member that is an object.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<RawObject<'_>> {
        RawObject::parse(self.get(key)?).ok()
    }

    /// A member that is an array.
    #[must_use]
    pub fn array(&self, key: &str) -> Option<RawArray<'_>> {
        RawArray::parse(self.get(key)?).ok()
    }

    /// Gives a member this raw text, which must be JSON: in its place, or at the end when new.
    pub fn set(&mut self, key: &str, raw: impl Into<Cow<'a, str>>) {
        let raw = raw.into();
        debug_assert!(is_json(&raw), "not JSON: {raw}");
        match self.members.iter_mut().find(|m| m.key == key) {
            Some(member) => member.raw = raw,
            None => self.members.push(Member {
                key: Cow::Owned(key.to_owned()),
                written: Cow::Owned(quote(key)),
                raw,
            }),
        }
    }

    /// Gives a member this text as a JSON string.
    pub fn set_str(&mut self, key: &str, text: &str) {
        self.set(key, quote(text));
    }

    /// Takes a member out and gives its raw text.
    pub fn remove(&mut self, key: &str) -> Option<Cow<'a, str>> {
        let at = self.members.iter().position(|m| m.key == key)?;
        Some(self.members.remove(at).raw)
    }
}

impl RawObject<'_> {
    /// The object as text, which takes as much room as it needs at once.
    #[must_use]
    pub fn text(&self) -> String {
        let members = self.members.iter();
        let bytes: usize = members.map(|m| m.written.len() + m.raw.len() + 2).sum();
        let mut text = String::with_capacity(bytes + 2);
        text.push('{');
        for (at, member) in self.members.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { "," });
            text.push_str(&member.written);
            text.push(':');
            text.push_str(&member.raw);
        }
        text.push('}');
        text
    }
}

impl fmt::Display for RawObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl<'a> Member<'a> {
    fn decode((written, raw): (&'a str, &'a str)) -> Result<Self, Error> {
        let plain = &written[1..written.len() - 1];
        let key = match plain.contains('\\') {
            false => Cow::Borrowed(plain),
            true => serde_json::from_str::<Text<'_>>(written)?.0,
        };
        Ok(Self {
            key,
            written: Cow::Borrowed(written),
            raw: Cow::Borrowed(raw),
        })
    }
}

/// A JSON array as the raw texts of its items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawArray<'a> {
    items: Vec<Cow<'a, str>>,
}

impl<'a> RawArray<'a> {
    /// Cuts the text of an array.
    ///
    /// # Errors
    /// When the text is no JSON array.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let items = cut::items(text)?;
        let items = items.into_iter().map(Cow::Borrowed).collect();
        Ok(Self { items })
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The raw texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|i| &**i)
    }

    /// The raw text of one item.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&str> {
        self.items.get(at).map(|i| &**i)
    }

    /// The decoded text of an item that is a string.
    #[must_use]
    pub fn get_str(&self, at: usize) -> Option<Cow<'_, str>> {
        decode_str(self.get(at)?)
    }

    /// An item that is an object.
    #[must_use]
    pub fn object(&self, at: usize) -> Option<RawObject<'_>> {
        RawObject::parse(self.get(at)?).ok()
    }

    /// Gives an item this raw text, which must be JSON; false when there is no such item.
    pub fn set(&mut self, at: usize, raw: impl Into<Cow<'a, str>>) -> bool {
        let raw = raw.into();
        debug_assert!(is_json(&raw), "not JSON: {raw}");
        let item = self.items.get_mut(at);
        item.map(|item| *item = raw).is_some()
    }

    /// Adds an item, whose raw text must be JSON, at the end.
    pub fn push(&mut self, raw: impl Into<Cow<'a, str>>) {
        let raw = raw.into();
        debug_assert!(is_json(&raw), "not JSON: {raw}");
        self.items.push(raw);
    }

    /// Keeps the items whose raw text passes the test.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.items.retain(|item| keep(item));
    }
}

impl fmt::Display for RawArray<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.items.join(","))
    }
}

/// The text of a JSON string literal; none when the raw text is something else.
#[must_use]
pub fn decode_str(raw: &str) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(raw).ok()?;
    Some(text)
}

/// A string, borrowed where it has no escape (a bare `Cow` would always be copied).
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// So many keys are compared each with each, which is cheaper than to sort them.
const FEW_KEYS: usize = 24;

fn check_distinct(members: &[Member<'_>]) -> Result<(), Error> {
    let is_twice = match members.len() {
        0..=FEW_KEYS => (1..members.len()).any(|at| {
            let (before, member) = (&members[..at], &members[at]);
            before.iter().any(|other| other.key == member.key)
        }),
        _ => {
            let mut keys: Vec<&str> = members.iter().map(|m| &*m.key).collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
        }
    };
    match is_twice {
        true => Err(Error::DuplicateKey),
        false => Ok(()),
    }
}

fn is_json(raw: &str) -> bool {
    serde_json::from_str::<&RawValue>(raw).is_ok_and(|value| value.get() == raw)
}

#[cfg(test)]
mod tests;
