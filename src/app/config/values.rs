//! What a single setting may be: how each type is read from a value, described and shown.
//!
//! A type that is not here cannot be a setting. Reading says what would have been allowed and
//! never repeats the value; the fault does that, masked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};
use url::Url;

use super::fault::Problem;
use super::tree::Value;
use super::units;
use crate::crypto::encryption::EncryptionPublicKey;
use crate::crypto::keys::VerifyingKey;
use crate::domain::ids::{Error, KeyId, SubscriberId};
use crate::domain::money::Currency;
use crate::domain::order::Party;

/// A type that a setting can have.
pub trait Setting: Sized {
    /// Reads the text of a TOML string or of an environment variable.
    ///
    /// # Errors
    /// Says what is allowed.
    fn parse(text: &str) -> Result<Self, Problem>;

    /// The value as `config show` has it.
    fn shown(&self) -> Json;

    /// Reads a value as written; types that TOML has itself read more than text.
    ///
    /// # Errors
    /// Says what is allowed.
    fn read(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Text(text) | Value::Untyped(text) => Self::parse(text),
            // No type reads an empty text, so this gives the sentence about what is allowed.
            _ => Self::parse("").and(Err(invalid("a text in quotes"))),
        }
    }
}

/// The problem that names what is allowed.
pub fn invalid(expected: &str) -> Problem {
    Problem::Invalid(expected.to_owned())
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A word out of a fixed list, as an enum keeps it.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// Every word with its meaning.
    const WORDS: &'static [(&'static str, Self)];

    /// Words that a later release will know.
    const LATER: &'static [&'static str] = &[];
}

impl<T: Word> Setting for T {
    fn parse(text: &str) -> Result<Self, Problem> {
        if Self::LATER.contains(&text) {
            return Err(Problem::NotAvailable);
        }
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = Self::WORDS
                .iter()
                .map(|(word, _)| json!(word).to_string())
                .collect();
            Problem::Invalid(words.join(" or "))
        })
    }

    fn shown(&self) -> Json {
        let found = Self::WORDS.iter().find(|(_, value)| value == self);
        json!(found.map(|(word, _)| *word))
    }
}

impl Word for Party {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("customer", Party::Customer),
        ("partner", Party::Partner),
        ("provider", Party::Provider),
    ];
}

impl Setting for bool {
    fn parse(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|_| invalid("true or false"))
    }

    fn shown(&self) -> Json {
        json!(self)
    }

    fn read(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Boolean(value) => Ok(*value),
            Value::Untyped(text) => Self::parse(text),
            _ => Err(invalid("true or false, without quotes")),
        }
    }
}

/// More of anything is a slip of the pen, and would overflow somewhere below.
const MOST: u32 = 1_000_000;

macro_rules! whole_number {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                let number = text.parse::<u32>().ok().filter(|number| *number <= MOST);
                let number = number.and_then(|number| <$type>::try_from(number).ok());
                number.ok_or_else(|| Problem::Invalid(format!("a whole number from 0 to {MOST}")))
            }

            fn shown(&self) -> Json {
                json!(self)
            }

            fn read(value: &Value) -> Result<Self, Problem> {
                match value {
                    Value::Literal(text) | Value::Untyped(text) => Self::parse(text),
                    _ => Err(invalid("a whole number, without quotes")),
                }
            }
        }
    )+};
}
whole_number!(u32, usize);

impl Setting for String {
    fn parse(text: &str) -> Result<Self, Problem> {
        let fine = !text.trim().is_empty() && !text.chars().any(char::is_control);
        let owned = fine.then(|| text.to_owned());
        owned.ok_or_else(|| invalid("a text that is not empty, without control characters"))
    }

    fn shown(&self) -> Json {
        json!(self)
    }
}

impl Setting for PathBuf {
    fn parse(text: &str) -> Result<Self, Problem> {
        String::parse(text).map_or_else(
            |_| Err(invalid("the path of a file or directory")),
            |text| Ok(text.into()),
        )
    }

    fn shown(&self) -> Json {
        json!(self.to_string_lossy())
    }
}

impl Setting for Duration {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected = "a duration with its unit (ms, s, m, h, d) such as \"30s\" or \"10m\"";
        units::duration(text).ok_or_else(|| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(units::show_duration(*self))
    }
}

impl Setting for Size {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected = "a size with its unit (B, KB, MB, GB, KiB, MiB, GiB) such as \"256KiB\"";
        units::size(text).map(Size).ok_or_else(|| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(units::show_size(self.0))
    }
}

impl Setting for SocketAddr {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected = "an IP address with a port such as \"127.0.0.1:8080\" or \"[::]:8080\"";
        text.parse().map_err(|_| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(self.to_string())
    }
}

impl Setting for IpNet {
    fn parse(text: &str) -> Result<Self, Problem> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        let expected = "a network such as \"10.0.0.0/8\" or a single IP address";
        text.parse()
            .or_else(|_| address())
            .map_err(|_| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(self.to_string())
    }
}

impl Setting for Url {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected =
            "a URL such as \"https://bpp.example.org/path\", without user, query or fragment";
        let plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && (url.username(), url.password()) == ("", None)
                && (url.query(), url.fragment()) == (None, None)
        };
        let url = Url::parse(text).ok().filter(plain);
        url.ok_or_else(|| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(self.as_str())
    }
}

/// A decimal number, kept as written: floats never touch money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal(pub String);

impl Setting for Decimal {
    fn parse(text: &str) -> Result<Self, Problem> {
        let fine = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let decimal = fine.then(|| Self(text.to_owned()));
        decimal.ok_or_else(|| invalid("a number that is not negative, such as \"30\" or \"12.50\""))
    }

    fn shown(&self) -> Json {
        json!(self.0)
    }

    fn read(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Text(text) | Value::Untyped(text) | Value::Literal(text) => Self::parse(text),
            _ => Self::parse(""),
        }
    }
}

impl Setting for Currency {
    fn parse(text: &str) -> Result<Self, Problem> {
        Currency::parse(text).map_err(|_| invalid("an ISO 4217 code such as \"INR\""))
    }

    fn shown(&self) -> Json {
        json!(self.code())
    }
}

macro_rules! public_key {
    ($type:ty, $expected:literal) => {
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                <$type>::parse(text).map_err(|error| match text {
                    "" => invalid($expected),
                    _ => Problem::Invalid(format!("{}: {error}", $expected)),
                })
            }

            fn shown(&self) -> Json {
                json!(self.to_base64())
            }
        }
    };
}
public_key!(
    VerifyingKey,
    "an Ed25519 public key in base64, 32 raw bytes or SPKI DER"
);
public_key!(
    EncryptionPublicKey,
    "an X25519 public key in base64, 32 raw bytes or SPKI DER"
);

macro_rules! id {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                <$type>::parse(text).map_err(|error| match error {
                    Error::Empty => invalid("an id of printable ASCII without space, quote or '|'"),
                    error => Problem::Invalid(format!("an id: {error}")),
                })
            }

            fn shown(&self) -> Json {
                json!(self.as_str())
            }
        }
    )+};
}
id!(SubscriberId, KeyId);
