//! Strict JSON: the first thing that happens to a body before anything in it is believed.
//!
//! One pass builds the value and refuses what two readers could read differently (a key twice,
//! a number no float holds) and what costs more than it is worth (depth, node count, long
//! strings). It knows no message: members are checked by [`schema`](super::schema), and numbers
//! and spelling survive only in [`raw`](super::raw), because a parsed float forgets both.

mod build;
mod numbers;

use serde_json::Value;

use crate::domain::refusal::Word;

/// Why a body is not taken as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 at byte {at_byte}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at_byte: usize,
    },
    /// The body begins with a byte order mark, which JSON does not have.
    #[error("the body begins with a byte order mark")]
    ByteOrderMark,
    /// The grammar of JSON is broken.
    #[error("{rule} at byte {at_byte}")]
    Syntax {
        /// What the grammar wanted.
        rule: String,
        /// Offset of the fault.
        at_byte: usize,
    },
    /// A number that readers would not agree on.
    #[error("the number at byte {at_byte} {fault}")]
    Number {
        /// What is wrong with it.
        fault: NumberFault,
        /// Offset of its first character.
        at_byte: usize,
    },
    /// A key is twice in one object, in whatever spelling.
    #[error("{path} is there twice")]
    DuplicateKey {
        /// The member.
        path: String,
    },
    /// Objects and arrays are nested too deeply.
    #[error("{path} is nested deeper than {limit}")]
    TooDeep {
        /// The first container beyond the limit.
        path: String,
        /// The deepest nesting taken.
        limit: usize,
    },
    /// There are too many values.
    #[error("there are more than {limit} values, counted up to {path}")]
    TooManyNodes {
        /// The first value beyond the limit.
        path: String,
        /// The most values taken.
        limit: usize,
    },
    /// A string or key is too long.
    #[error("a text at {path} is longer than {limit} bytes")]
    TextTooLong {
        /// The member, or the object whose key is too long.
        path: String,
        /// The longest text taken.
        limit: usize,
    },
    /// A string or key holds the character U+0000.
    #[error("a text at {path} holds a NUL character")]
    Nul {
        /// The member, or the object whose key it is.
        path: String,
    },
}

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberFault {
    /// More digits than any reader keeps.
    #[error("has too many digits")]
    TooManyDigits,
    /// Minus zero.
    #[error("is minus zero")]
    MinusZero,
}

impl Error {
    /// The word that the refusal of this body begins with.
    #[must_use]
    pub fn word(&self) -> Word {
        match self {
            Self::DuplicateKey { .. } => Word::DuplicateKey,
            Self::TooDeep { .. } => Word::TooDeep,
            Self::TooManyNodes { .. } => Word::TooManyNodes,
            _ => Word::InvalidJson,
        }
    }
}

/// How much JSON is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    depth: usize,
    nodes: usize,
    text_bytes: usize,
    /// Significant digits; none: every number that a float can hold.
    digits: Option<usize>,
}

impl Limits {
    /// For what strangers send.
    #[must_use]
    pub fn message() -> Self {
        Self {
            depth: 64,
            nodes: 10_000,
            text_bytes: 16 * 1024,
            digits: Some(18),
        }
    }

    /// For what the provider hands over: whole orders with images in them, and numbers that are
    /// only ever passed on as text, so their digits are nobody's concern here.
    #[must_use]
    pub fn document() -> Self {
        Self {
            nodes: 100_000,
            text_bytes: 100 * 1024,
            digits: None,
            ..Self::message()
        }
    }
}

/// Reads a stranger's message.
///
/// # Errors
/// Says which rule of [`Limits::message`] or of JSON is broken, and where.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    parse_within(bytes, Limits::message())
}

/// Reads JSON within the given limits.
///
/// # Errors
/// Says which rule is broken, and where.
pub fn parse_within(bytes: &[u8], limits: Limits) -> Result<Value, Error> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Error::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|fault| Error::NotUtf8 {
        at_byte: fault.valid_up_to(),
    })?;
    let built = build::build(text, limits)?;
    // Only a value with unusual numbers is worth a second look at the text.
    if let (Some(digits), true) = (limits.digits, built.unusual_numbers) {
        numbers::check(text, digits)?;
    }
    Ok(built.value)
}

#[cfg(test)]
mod tests;
