//! Wire formats: what comes in becomes domain values, what goes out is spliced from raw text.
//!
//! Tolerant in, strict out. Two dialects of Beckn are spoken: 0.9.x and 1.x; a message says
//! which in its context. Nothing here does I/O or decides anything.

pub mod answer;
pub mod cancel;
pub mod context;
pub mod intake;
pub mod iso8601;
pub mod on_cancel;
mod path;
pub mod quote;
pub mod raw;
pub mod reasons;
pub mod registry;
pub mod schema;
pub mod strict;
pub mod subscription;
pub mod terms;
pub mod v0_9;
pub mod v1;
pub mod words;

/// A family of versions that share their shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Beckn core 0.9.x.
    V0_9,
    /// Beckn core 1.x.
    V1,
}

impl Dialect {
    /// The dialect of a version such as `0.9.1` or `1.1.0`; `None` for one we do not speak.
    #[must_use]
    pub fn of(version: &str) -> Option<Self> {
        // A number's parser alone would take a sign as well.
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let is_number = |part: &str| digits(part) && part.parse::<u16>().is_ok();
        let numeric = version.split('.').all(is_number);
        match numeric {
            true if version.starts_with("0.9.") => Some(Self::V0_9),
            true if version.starts_with("1.") => Some(Self::V1),
            _ => None,
        }
    }
}
