//! Our keys on a network: `key_id`, `signing_key_file` (or `signing_key` in the environment),
//! and the key that comes next.
//!
//! Makes the `Keyring` of one network. A key file may name the key's id before the key: then the
//! file alone says which key is active, and a rotation is a file that changes. A pair that was
//! ever published proves nothing, so it is refused outside development. How a private key is
//! found is the same for encryption keys.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fault::Problem;
use super::section::Section;
use super::values::invalid;
use super::watched::{Taken, Watched};
use super::{Environment, Surroundings, secret_file};
use crate::crypto::keys::SigningKey;
use crate::crypto::published::is_published;
use crate::crypto::signature::{Keyring, Signer};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::networks::Kind;

/// No receiver takes a signature that lives longer, in seconds.
const LONGEST_LIFETIME: u64 = 3_600;

/// The names of the key in use: its variable, its file.
const ACTIVE: [&str; 2] = ["signing_key", "signing_key_file"];

/// The file of the key that comes next.
const NEXT: &str = "next_signing_key_file";

/// Where the signing keys of a network are.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    /// The key in use.
    pub active: PathBuf,
    /// The key that comes next; often not there.
    pub next: PathBuf,
}

/// A private key, and where it was found.
pub(super) struct Found<K> {
    /// The setting that it came from.
    pub name: &'static str,
    /// Its file; none when it was in a variable.
    pub path: Option<PathBuf>,
    pub key: K,
}

/// A key with the id that its file names.
type Named = (Option<KeyId>, SigningKey);

/// Reads the keys of a network's section that make its keyring.
pub fn read(
    section: &mut Section<'_>,
    around: &Surroundings,
    kind: Kind,
    subscriber_id: Option<&SubscriberId>,
) -> Option<Keyring> {
    let profile = kind.profile();
    let key_id: Option<KeyId> = section.required("key_id");
    let lifetime = section.or(
        "signature_lifetime",
        Duration::from_secs(profile.signature_lifetime_seconds),
    );
    if !(1..=LONGEST_LIFETIME).contains(&lifetime.as_secs()) {
        section.fault("signature_lifetime", invalid("from \"1s\" to \"1h\""));
    }
    let found = private_key(section, ACTIVE, around, named);
    let next: Option<PathBuf> = section.optional(NEXT);
    if ACTIVE.iter().all(|name| !section.is_given(name)) {
        let expected = "the name of a file with our private key".to_owned();
        section.missing(ACTIVE[1], expected);
    }
    let Found { name, path, key } = found?;
    let (named_id, key) = key;
    if let Err(problem) = check_published(&key, around.environment) {
        section.fault(name, problem);
    }
    let key_id = key_id?;
    let ring = Keyring::new(Signer {
        scheme: profile.scheme,
        subscriber_id: subscriber_id?.to_string(),
        key_id: named_id.as_ref().unwrap_or(&key_id).to_string(),
        key,
        lifetime_seconds: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
    });
    match (path, next) {
        (Some(active), next) => {
            let next = match next {
                Some(next) => around.directory.join(next),
                None => beside(&active, "next"),
            };
            let files = KeyFiles { active, next };
            follow(section, around, &ring, (files, key_id));
        }
        (None, Some(_)) => {
            let rule = "the key in use is in a variable, which cannot change while the server \
                        runs: name a signing_key_file";
            section.fault(NEXT, Problem::Conflict(rule.to_owned()));
        }
        (None, None) => {}
    }
    Some(ring)
}

/// A file of the same name with another ending after it.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Takes the next key, if there is one, and both keys again whenever their files change.
fn follow(
    section: &Section<'_>,
    around: &Surroundings,
    ring: &Keyring,
    (files, key_id): (KeyFiles, KeyId),
) {
    let environment = around.environment;
    if let Err(problem) = prepare(ring, &files.next, environment) {
        section.fault(NEXT, problem);
    }
    let active = ring.clone();
    let activate = move |path: &Path| activate(&active, path, &key_id, environment);
    let next = ring.clone();
    let prepare = move |path: &Path| prepare(&next, path, environment);
    around.watch(Watched::new(files.active.clone(), activate));
    around.watch(Watched::new(files.next.clone(), prepare));
    let network = section.key().trim_start_matches("network.").to_owned();
    around.key_files.borrow_mut().insert(network, files);
}

fn activate(ring: &Keyring, path: &Path, key_id: &KeyId, environment: Environment) -> Taken {
    let (named, key) = read_file(path, environment)?;
    let key_id = named.as_ref().unwrap_or(key_id).as_str();
    let before = ring.active();
    let fingerprint = key.verifying_key().fingerprint();
    if before.key_id == key_id && before.key.verifying_key() == key.verifying_key() {
        return Ok(None);
    }
    ring.activate(key_id.to_owned(), key);
    Ok(Some(format!("from now on {key_id} ({fingerprint}) signs")))
}

fn prepare(ring: &Keyring, path: &Path, environment: Environment) -> Taken {
    let before = ring.next().map(|next| next.key_id.clone());
    if !path.exists() {
        ring.prepare(None);
        return Ok(before.map(|key_id| format!("{key_id} does not wait any more")));
    }
    let (named, key) = read_file(path, environment)?;
    let Some(key_id) = named else {
        let what = "names no id: expected the id, a space and the key, as `keys rotate` writes it";
        return Err(secret_file::wrong(path, what.to_owned()));
    };
    let fingerprint = key.verifying_key().fingerprint();
    ring.prepare(Some((key_id.to_string(), key)));
    let is_new = before.as_deref() != Some(key_id.as_str());
    Ok(is_new.then(|| format!("{key_id} ({fingerprint}) comes next, once it is registered")))
}

fn read_file(path: &Path, environment: Environment) -> Result<Named, Problem> {
    let text = secret_file::open(path, environment)?;
    let found = named(&text);
    let found = found.map_err(|e| secret_file::wrong(path, format!("holds no key: {e}")))?;
    check_published(&found.1, environment)?;
    Ok(found)
}

fn named(text: &str) -> Result<Named, String> {
    let (id, key) = SigningKey::parse_named(text).map_err(|error| error.to_string())?;
    let id = id.map(KeyId::parse).transpose();
    Ok((id.map_err(|error| error.to_string())?, key))
}

fn check_published(key: &SigningKey, environment: Environment) -> Result<(), Problem> {
    let public = key.verifying_key();
    match environment == Environment::Production && is_published(&public) {
        true => Err(published(&public.fingerprint())),
        false => Ok(()),
    }
}

/// A private key and the setting it came from, by the names of its secret and of its file; the
/// environment goes before the file.
pub(super) fn private_key<K, E: Display>(
    section: &mut Section<'_>,
    [secret, file]: [&'static str; 2],
    around: &Surroundings,
    parse: impl Fn(&str) -> Result<K, E>,
) -> Option<Found<K>> {
    if let Some((_, text)) = section.secret(secret) {
        section.optional::<PathBuf>(file);
        let refuse = |error| {
            section.fault(secret, Problem::Invalid(format!("a private key: {error}")));
        };
        return Some(Found {
            name: secret,
            path: None,
            key: parse(&text).map_err(refuse).ok()?,
        });
    }
    let (path, text) = secret_file::read(section, file, around)?;
    let refuse = |error| {
        let what = format!("holds no key: {error}");
        secret_file::refuse(section, file, &path, &what);
    };
    let key = parse(&text).map_err(refuse).ok()?;
    Some(Found {
        name: file,
        path: Some(path),
        key,
    })
}

/// The fault of a key whose private half everybody has.
pub(super) fn published(fingerprint: &str) -> Problem {
    Problem::Production(format!(
        "everybody has this key pair ({fingerprint}): make your own with `keys new`"
    ))
}
