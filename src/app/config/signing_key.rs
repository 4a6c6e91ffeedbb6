//! Our key on a network: `key_id`, and `signing_key_file` or `signing_key` in the environment.
//!
//! Makes the `Signer` of one network. A pair that was ever published proves nothing, so it is
//! refused outside development.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::fault::Problem;
use super::section::Section;
use super::values::invalid;
use super::{Environment, Surroundings, secret_file};
use crate::crypto::keys::SigningKey;
use crate::crypto::published::is_published;
use crate::crypto::signature::Signer;
use crate::domain::ids::{KeyId, SubscriberId};

/// No receiver takes a signature that lives longer, in seconds.
const LONGEST_LIFETIME: u64 = 3_600;

/// Reads the keys of a network's section that make its signer.
pub fn read(
    section: &mut Section<'_>,
    around: &Surroundings,
    subscriber_id: Option<&SubscriberId>,
) -> Option<Signer> {
    let key_id: Option<KeyId> = section.required("key_id");
    let lifetime = section.or("signature_lifetime", Duration::from_secs(300));
    if !(1..=LONGEST_LIFETIME).contains(&lifetime.as_secs()) {
        section.fault("signature_lifetime", invalid("from \"1s\" to \"1h\""));
    }
    let (name, key) = key(section, around)?;
    if around.environment == Environment::Production && is_published(&key.verifying_key()) {
        let fingerprint = key.verifying_key().fingerprint();
        let rule =
            format!("everybody has this key pair ({fingerprint}): make your own with `keys new`");
        section.fault(name, Problem::Production(rule));
    }
    Some(Signer {
        subscriber_id: subscriber_id?.to_string(),
        key_id: key_id?.to_string(),
        key,
        lifetime_seconds: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
    })
}

/// The key and the setting it came from; the environment goes before the file.
fn key(section: &mut Section<'_>, around: &Surroundings) -> Option<(&'static str, SigningKey)> {
    if let Some((_, text)) = section.secret("signing_key") {
        section.optional::<PathBuf>("signing_key_file");
        return parsed(section, "signing_key", &text);
    }
    let (path, text) = match secret_file::read(section, "signing_key_file", around) {
        Some(found) => found,
        None => {
            if !section.is_given("signing_key_file") && !section.is_given("signing_key") {
                section.missing(
                    "signing_key_file",
                    "the name of a file with our private key".to_owned(),
                );
            }
            return None;
        }
    };
    match SigningKey::parse(&text) {
        Ok(key) => Some(("signing_key_file", key)),
        Err(error) => {
            let what = format!("holds no key: {error}");
            secret_file::refuse(section, "signing_key_file", &path, &what);
            None
        }
    }
}

fn parsed(
    section: &Section<'_>,
    name: &'static str,
    text: &Zeroizing<String>,
) -> Option<(&'static str, SigningKey)> {
    let refuse = |error| section.fault(name, Problem::Invalid(format!("a private key: {error}")));
    let key = SigningKey::parse(text).map_err(refuse).ok()?;
    Some((name, key))
}
