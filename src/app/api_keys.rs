//! The file with the keys of the bookings door: read by the server, and again when it changes;
//! written by `api-key`.
//!
//! It holds no key, only what is needed to know one again (SHA-256) and what it may do. It is
//! replaced as a whole, so that a running server never sees half of it. A key that is revoked
//! stays in it: whoever reads old records can tell whose it was.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::config::{Environment, hex};
use super::config::{Problem, Watched, open_private, parse_sha256};
use crate::http::bookings::keys::{Key, Keys, Scope};

/// Room for some ten thousand keys, in bytes.
const LONGEST: u64 = 4 << 20;

/// What a person who opens the file should know.
const HEAD: &str = "# The API keys of the bookings door. `beckn-bpp api-key` writes this file.\n\n";

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The part of the key that is no secret.
    pub id: String,
    /// What people call it: the partner, say.
    pub name: String,
    /// SHA-256 of the whole key, in hexadecimal.
    pub sha256: String,
    /// The words of its scopes.
    pub scopes: Vec<String>,
    /// The venues it is bound to; with none, it may see and cancel the bookings of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeys {
    /// The keys.
    #[serde(default, rename = "key", skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ApiKey>,
}

impl ApiKeys {
    /// Reads the file; one that is not there yet holds no keys.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(path: &Path, environment: Environment) -> Result<Self, Problem> {
        if !path.try_exists().unwrap_or(true) {
            return Ok(Self::default());
        }
        let text = open_private(path, environment, LONGEST)?;
        let wrong = |what: String| Problem::File {
            path: path.display().to_string(),
            what,
        };
        let all: Self = toml::from_str(&text).map_err(|error| {
            // The parser's own message shows the line.
            wrong(format!("is no file of API keys: {}", error.message()))
        })?;
        let mut ids: Vec<&str> = all.keys.iter().map(|key| key.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("has two keys with the id {}", twice[0])));
        }
        all.held().map_err(wrong)?;
        Ok(all)
    }

    /// Puts the file in the place of the one before, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        // tempfile creates with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        write!(file, "{HEAD}{text}")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// The keys as the door holds them.
    ///
    /// # Errors
    /// Names the key that cannot be used.
    pub fn held(&self) -> Result<Vec<Key>, String> {
        self.keys.iter().map(held).collect()
    }
}

fn held(key: &ApiKey) -> Result<Key, String> {
    let id = &key.id;
    let scope = |word: &String| {
        Scope::from_word(word).ok_or_else(|| format!("key {id}: {word:?} is no scope"))
    };
    Ok(Key {
        id: id.as_str().into(),
        sha256: parse_sha256(&key.sha256).ok_or_else(|| format!("key {id}: sha256 is none"))?,
        scopes: key.scopes.iter().map(scope).collect::<Result<_, _>>()?,
        venues: key.venues.clone(),
        expires_at: key.expires_at,
        is_revoked: key.revoked_at.is_some(),
    })
}

/// A new key, with its text, which is kept nowhere.
///
/// # Errors
/// When the system has no random numbers.
pub fn new(
    name: &str,
    scopes: &[Scope],
    venues: Vec<String>,
    now: DateTime<Utc>,
) -> Result<(ApiKey, zeroize::Zeroizing<String>), super::config::AdminTokenError> {
    let secret = super::config::random()?;
    // Taken from the secret's own randomness it would tell a part of it.
    let id = super::config::random()?[..16].to_owned();
    let text = zeroize::Zeroizing::new(format!(
        "{}{id}_{}",
        crate::http::bookings::keys::PREFIX,
        *secret
    ));
    let mut words: Vec<String> = scopes.iter().map(|scope| scope.word().to_owned()).collect();
    words.sort_unstable();
    words.dedup();
    let key = ApiKey {
        id,
        name: name.to_owned(),
        sha256: hex(&super::config::sha256(&text)),
        scopes: words,
        venues,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    Ok((key, text))
}

/// The file, whose keys are read again when it changes. One that cannot be used changes nothing.
pub fn watched(path: PathBuf, environment: Environment, into: &Arc<Keys>) -> Watched {
    let into = Arc::clone(into);
    Watched::new(path, move |path| {
        let keys = ApiKeys::read(path, environment)?;
        let held = keys.held().map_err(|what| Problem::File {
            path: path.display().to_string(),
            what,
        })?;
        let news = (into.all()[..] != held[..]).then(|| format!("{} API keys hold", held.len()));
        into.replace(held);
        Ok(news)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_changes_nothing_and_a_whole_one_is_taken() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("api-keys.toml");
        let now = DateTime::from_timestamp(1_000, 0).expect("a time");
        let (key, text) = new("partner", &Scope::ALL, vec!["v".to_owned()], now).expect("a key");
        let all = ApiKeys {
            keys: vec![key.clone()],
        };
        all.write(&path).expect("written");
        let written = std::fs::read_to_string(&path).expect("readable");
        assert!(!written.contains(&*text), "no key stands in the file");
        let read = ApiKeys::read(&path, Environment::Production).expect("readable");
        assert_eq!(read, all);
        let keys = Arc::new(Keys::default());
        let mut watched = watched(path.clone(), Environment::Production, &keys);
        watched.look();
        assert_eq!(keys.all().len(), 1);
        for wrong in [
            "[[key]]\nid = 7\n".to_owned(),
            written.replace("bookings:read", "bookings:everything"),
            written.replace(&key.sha256, "abc"),
            format!("{written}\n{}", written.replace(HEAD, "")),
        ] {
            std::fs::write(&path, &wrong).expect("written");
            watched.look();
            assert_eq!(keys.all().len(), 1, "{wrong}");
        }
        let none = ApiKeys::default();
        none.write(&path).expect("written");
        watched.look();
        assert!(keys.all().is_empty());
    }
}
