//! The keys of the bookings door: `sk_live_{id}_{secret}`, with scopes, some bound to venues.
//!
//! A key is found by its id and then compared as SHA-256, in constant time; its text is kept
//! nowhere. Wrong ones are counted per address, so that guessing gets slow.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::held::Held;

/// What every key begins with.
pub const PREFIX: &str = "sk_live_";

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// See bookings.
    Read,
    /// Cancel them.
    Write,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Scope; 2] = [Scope::Read, Scope::Write];

    /// The word in the file of keys and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "bookings:read",
            Scope::Write => "bookings:write",
        }
    }

    /// Reads the word of [`Scope::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The part of it that is no secret; recorded with what it asks for.
    pub id: Arc<str>,
    /// SHA-256 of its whole text.
    pub sha256: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The venues whose bookings it may see and cancel; with none, those of all.
    pub venues: Vec<String>,
    /// When it ends; never, if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub is_revoked: bool,
}

/// The keys that hold at present.
pub type Keys = Held<Key>;

/// The key with this text, if it may be used at `now`.
#[must_use]
pub fn find(keys: &Keys, text: &str, now: DateTime<Utc>) -> Option<Key> {
    let sha256: [u8; 32] = Sha256::digest(text).into();
    let (id, _) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let keys = keys.all();
    let key = keys.iter().find(|key| &*key.id == id)?;
    let is_right = bool::from(sha256.ct_eq(&key.sha256));
    let is_over = key.is_revoked || key.expires_at.is_some_and(|end| end <= now);
    (is_right && !is_over).then(|| key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, id: &str) -> Key {
        Key {
            id: id.into(),
            sha256: Sha256::digest(text).into(),
            scopes: vec![Scope::Write],
            venues: Vec::new(),
            expires_at: None,
            is_revoked: false,
        }
    }

    #[test]
    fn a_key_is_found_by_its_whole_text_until_it_ends_or_is_revoked() {
        let now = DateTime::from_timestamp(1_000, 0).expect("a time");
        let text = "sk_live_a1_secret_with_underscore";
        let keys = Keys::default();
        let held = |changed: Key| {
            keys.replace(vec![changed]);
            find(&keys, text, now).is_some()
        };
        assert!(held(key(text, "a1")));
        assert!(!held(key("sk_live_a1_another", "a1")));
        assert!(!held(key(text, "a2")));
        assert!(!held(Key {
            is_revoked: true,
            ..key(text, "a1")
        }));
        assert!(!held(Key {
            expires_at: Some(now),
            ..key(text, "a1")
        }));
        keys.replace(vec![key(text, "a1")]);
        for wrong in [
            "",
            "sk_live_",
            "sk_live_a1",
            "sk_live_a1_",
            "a1_secret_with_underscore",
        ] {
            assert_eq!(find(&keys, wrong, now), None);
        }
    }
}
