//! Identifiers: opaque words that other parties made and we only compare and echo.
//!
//! Every identifier is printable ASCII, 1 to 255 characters, without space, quote or `|`
//! (the separator of a Beckn `keyId`). Published samples use whole URLs as ids, so nothing
//! more is assumed about their form. Comparison is byte by byte, except for subscriber ids.
//! They go from hand to hand a lot, so a clone shares its text.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The longest identifier accepted, in bytes.
pub const MAX_ID_BYTES: usize = 255;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("an id has at most {MAX_ID_BYTES} characters, got {0}")]
    TooLong(usize),
    /// The text holds a character that ids may not have.
    #[error("an id is printable ASCII without space, quote or '|', got {0:?} at byte {1}")]
    Character(char, usize),
}

/// Refuses every text that is not an identifier.
///
/// # Errors
/// Says which rule the text breaks.
pub fn check(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(Error::TooLong(text.len()));
    }
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '|');
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((at, c)) => Err(Error::Character(c, at)),
        None => Ok(()),
    }
}

/// Reads an id from a text that need not be copied first.
struct Text<T>(PhantomData<T>);

impl<T: for<'t> TryFrom<&'t str, Error = Error>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text).map_err(E::custom)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            ///
            /// # Errors
            /// When the text breaks a rule of [`check`].
            pub fn parse(text: &str) -> Result<Self, Error> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;
            fn try_from(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The name of a joined network: the word after `network.` in the configuration.
    NetworkName
);
id!(
    /// An order's id, unique within one network.
    OrderId
);
id!(
    /// The session that an order was placed in.
    TransactionId
);
id!(
    /// One request and its callback.
    MessageId
);
id!(
    /// A party in the registry, as it writes itself: a domain name, a word or a whole URL.
    SubscriberId
);
id!(
    /// The id of one key of a subscriber.
    KeyId
);

impl SubscriberId {
    /// The form in which two subscriber ids are compared: without a leading `http://` or
    /// `https://` and without trailing slashes. Never the host alone.
    #[must_use]
    pub fn comparable(&self) -> &str {
        let bare = self
            .0
            .strip_prefix("https://")
            .or_else(|| self.0.strip_prefix("http://"));
        bare.unwrap_or(&self.0).trim_end_matches('/')
    }

    /// Whether both name the same subscriber.
    #[must_use]
    pub fn is(&self, other: &SubscriberId) -> bool {
        self.comparable() == other.comparable()
    }
}

/// An order on a network: what was placed on one network cannot be touched from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// The network the order was placed on.
    pub network: NetworkName,
    /// The order's id there.
    pub id: OrderId,
}

/// What makes two requests the same request: who asked, in which session and message, for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey {
    /// The network the request came in on.
    pub network: NetworkName,
    /// The subscriber that signed it, in its comparable form.
    pub caller: String,
    /// The session.
    pub transaction: TransactionId,
    /// The message.
    pub message: MessageId,
    /// The Beckn action, `cancel`.
    pub action: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printable_ascii_of_bounded_length() {
        assert!(OrderId::parse("https://mock_bap.com/").is_ok());
        assert!(OrderId::parse("3714-330853-9384").is_ok());
        assert_eq!(OrderId::parse(""), Err(Error::Empty));
        assert_eq!(OrderId::parse(&"x".repeat(256)), Err(Error::TooLong(256)));
        for bad in [
            "a b",
            "a|b",
            "a\"b",
            "a\nb",
            "caf\u{e9}",
            "a\u{0}",
            "\u{202e}a",
        ] {
            assert!(
                matches!(OrderId::parse(bad), Err(Error::Character(..))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn subscriber_ids_compare_without_scheme_and_trailing_slash_but_never_by_host_alone() {
        let id = |text: &str| SubscriberId::parse(text).expect("valid");
        assert!(id("https://mock_bap.com/").is(&id("mock_bap.com")));
        assert!(id("http://a.example//").is(&id("a.example")));
        assert!(!id("a.example/x").is(&id("a.example")));
        assert!(!id("A.example").is(&id("a.example")));
    }
}
