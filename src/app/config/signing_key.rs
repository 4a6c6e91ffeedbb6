//! Our key on a network: `key_id`, and `signing_key_file` or `signing_key` in the environment.
//!
//! Makes the `Signer` of one network. A pair that was ever published proves nothing, so it is
//! refused outside development. How a private key is found is the same for encryption keys.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Problem;
use super::section::Section;
use super::values::invalid;
use super::{Environment, Surroundings, secret_file};
use crate::crypto::keys::SigningKey;
use crate::crypto::published::is_published;
use crate::crypto::signature::Signer;
use crate::domain::ids::{KeyId, SubscriberId};
use crate::networks::Kind;

/// No receiver takes a signature that lives longer, in seconds.
const LONGEST_LIFETIME: u64 = 3_600;

/// Reads the keys of a network's section that make its signer.
pub fn read(
    section: &mut Section<'_>,
    around: &Surroundings,
    kind: Kind,
    subscriber_id: Option<&SubscriberId>,
) -> Option<Signer> {
    let profile = kind.profile();
    let key_id: Option<KeyId> = section.required("key_id");
    let lifetime = section.or(
        "signature_lifetime",
        Duration::from_secs(profile.signature_lifetime_seconds),
    );
    if !(1..=LONGEST_LIFETIME).contains(&lifetime.as_secs()) {
        section.fault("signature_lifetime", invalid("from \"1s\" to \"1h\""));
    }
    let names = ["signing_key", "signing_key_file"];
    let found = private_key(section, names, around, SigningKey::parse);
    if !section.is_given(names[0]) && !section.is_given(names[1]) {
        let expected = "the name of a file with our private key".to_owned();
        section.missing("signing_key_file", expected);
    }
    let (name, key) = found?;
    if around.environment == Environment::Production && is_published(&key.verifying_key()) {
        refuse_published(section, name, &key.verifying_key().fingerprint());
    }
    Some(Signer {
        scheme: profile.scheme,
        subscriber_id: subscriber_id?.to_string(),
        key_id: key_id?.to_string(),
        key,
        lifetime_seconds: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
    })
}

/// A private key and the setting it came from, by the names of its secret and of its file; the
/// environment goes before the file.
pub(super) fn private_key<K, E: Display>(
    section: &mut Section<'_>,
    [secret, file]: [&'static str; 2],
    around: &Surroundings,
    parse: impl Fn(&str) -> Result<K, E>,
) -> Option<(&'static str, K)> {
    if let Some((_, text)) = section.secret(secret) {
        section.optional::<PathBuf>(file);
        let refuse = |error| {
            section.fault(secret, Problem::Invalid(format!("a private key: {error}")));
        };
        return Some((secret, parse(&text).map_err(refuse).ok()?));
    }
    let (path, text) = secret_file::read(section, file, around)?;
    let refuse = |error| {
        let what = format!("holds no key: {error}");
        secret_file::refuse(section, file, &path, &what);
    };
    Some((file, parse(&text).map_err(refuse).ok()?))
}

/// Reports a key whose private half everybody has.
pub(super) fn refuse_published(section: &Section<'_>, name: &'static str, fingerprint: &str) {
    let rule =
        format!("everybody has this key pair ({fingerprint}): make your own with `keys new`");
    section.fault(name, Problem::Production(rule));
}
