//! The sections `[admin_token.NAME]`: tokens that may do less, kept as their SHA-256.
//!
//! `admin-token new` prints a token and its section. The hash stands in the section, or in a
//! file that is read again when it changes; nobody can make the token of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::admin_token::{self, Error};
use super::fault::Problem;
use super::section::Section;
use super::tree::Value;
use super::values::{Setting, Word, invalid};
use super::{Environment, Surroundings, secret_file};
use crate::http::admin::access::{MAIN, Scope};

/// What a hash looks like.
const HASH: &str = "a SHA-256 in 64 hexadecimal digits, as `admin-token new` prints it";

/// A token that may do what its scopes say.
#[derive(Debug, Clone)]
pub struct NamedToken {
    /// What it is called where something is recorded.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it ends; never, if absent.
    pub expires_at: Option<DateTime<Utc>>,
    hash: Hash,
}

#[derive(Debug, Clone)]
enum Hash {
    Given(Sha256),
    File(PathBuf),
}

/// The SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sha256([u8; 32]);

/// Reads a SHA-256 in hexadecimal.
#[must_use]
pub fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16);
    let mut bytes = [0; 32];
    for (at, slot) in bytes.iter_mut().enumerate().filter(|_| digits) {
        *slot = byte(at).ok()?;
    }
    digits.then_some(bytes)
}

impl Setting for Sha256 {
    fn parse(text: &str) -> Result<Self, Problem> {
        parse_sha256(text).map(Self).ok_or_else(|| invalid(HASH))
    }

    fn shown(&self) -> Json {
        json!(admin_token::hex(&self.0))
    }
}

impl Setting for DateTime<Utc> {
    fn parse(text: &str) -> Result<Self, Problem> {
        let time = DateTime::parse_from_rfc3339(text);
        let expected = "a time with its zone such as \"2027-01-31T00:00:00Z\"";
        time.map(|time| time.to_utc())
            .map_err(|_| invalid(expected))
    }

    fn shown(&self) -> Json {
        json!(self.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    /// TOML has times itself.
    fn read(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Text(text) | Value::Literal(text) | Value::Untyped(text) => Self::parse(text),
            _ => Self::parse(""),
        }
    }
}

impl Word for Scope {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("orders", Scope::Orders),
        ("read", Scope::Read),
        ("operate", Scope::Operate),
        ("metrics", Scope::Metrics),
    ];
}

impl NamedToken {
    /// The SHA-256 of the token as it is now.
    ///
    /// # Errors
    /// When its file cannot be read, or holds no hash.
    pub fn sha256(&self, environment: Environment) -> Result<[u8; 32], Error> {
        match &self.hash {
            Hash::Given(hash) => Ok(hash.0),
            Hash::File(path) => {
                let text = secret_file::open(path, environment).map_err(Error::Unfit)?;
                let hash = Sha256::parse(&text).map_err(Error::Unfit)?;
                Ok(hash.0)
            }
        }
    }

    /// The file that its hash is in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.hash {
            Hash::Given(_) => None,
            Hash::File(path) => Some(path),
        }
    }
}

/// Reads all of them out of `root`; says as well whether there is any.
pub fn read(root: &mut Section<'_>, around: &Surroundings) -> (Vec<NamedToken>, bool) {
    let sections = root.sections("admin_token");
    let any = !sections.is_empty();
    let mut hashes = BTreeMap::new();
    let read = |(name, section)| token(name, section, around, &mut hashes);
    (sections.into_iter().filter_map(read).collect(), any)
}

/// What the name of a token should be, where it is not.
#[must_use]
pub fn name_fault(name: &str) -> Option<String> {
    super::name_fault(name, &[MAIN])
}

fn token(
    name: String,
    mut section: Section<'_>,
    around: &Surroundings,
    hashes: &mut BTreeMap<Sha256, String>,
) -> Option<NamedToken> {
    super::check_name(&section, &name, &[MAIN]);
    let scopes = section.list("scopes", None);
    if scopes.is_empty() && section.is_given("scopes") && !section.has_faults_below("scopes") {
        let words: Vec<_> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        let expected = format!("at least one of {}", words.join(", "));
        section.fault("scopes", Problem::Invalid(expected));
    }
    let expires_at = section.optional("expires");
    let hash = hash(&mut section, around);
    if let Some((_, sha256)) = &hash
        && let Some(other) = hashes.insert(*sha256, section.key().to_owned())
    {
        let rule = format!("{other} is the same token: who did what could not be told");
        section.fault_here(Problem::Conflict(rule));
    }
    section.finish();
    let (hash, _) = hash?;
    Some(NamedToken {
        name,
        scopes,
        expires_at,
        hash,
    })
}

fn hash(section: &mut Section<'_>, around: &Surroundings) -> Option<(Hash, Sha256)> {
    let given: Option<Sha256> = section.optional("sha256");
    if section.is_given("sha256") {
        if section.optional::<PathBuf>("sha256_file").is_some() {
            let rule = "sha256 is given as well: one of them is enough";
            section.fault("sha256_file", Problem::Conflict(rule.to_owned()));
        }
        return given.map(|hash| (Hash::Given(hash), hash));
    }
    let file = secret_file::read(section, "sha256_file", around);
    if !section.is_given("sha256_file") {
        section.missing("sha256", HASH.to_owned());
    }
    let (path, text) = file?;
    match Sha256::parse(&text) {
        Ok(hash) => Some((Hash::File(path), hash)),
        Err(_) => {
            secret_file::refuse(section, "sha256_file", &path, &format!("is not {HASH}"));
            None
        }
    }
}
