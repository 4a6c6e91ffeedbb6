//! What a network's registry is met with: `encryption_key_file`, the registry's two public keys
//! and the request id of its site verification.
//!
//! Gathers `networks::handshake::Handshake`. Every part may be absent, but a challenge takes our
//! key and the registry's: one without the other is a fault.

use std::path::Path;

use super::fault::Problem;
use super::section::Section;
use super::signing_key::{Found, private_key, published};
use super::values::invalid;
use super::watched::{Taken, Watched};
use super::{Environment, Surroundings, secret_file};
use crate::crypto::challenge::ChallengeKey;
use crate::crypto::encryption::{EncryptionKey, EncryptionPublicKey};
use crate::crypto::keys::VerifyingKey;
use crate::crypto::published::{is_published, is_published_encryption};
use crate::networks::handshake::{Challenge, Handshake, Opener};

/// The longest request id, in characters; those in use are UUIDs.
const LONGEST_REQUEST_ID: usize = 255;

const OURS: [&str; 2] = ["encryption_key", "encryption_key_file"];
const THEIRS: &str = "registry_encryption_public_key";

/// Reads the keys of a network's section that its registry is met with.
pub fn read(section: &mut Section<'_>, around: &Surroundings) -> Handshake {
    let challenge = challenge(section, around);
    let registry_signing_key: Option<VerifyingKey> =
        section.optional("registry_signing_public_key");
    if let Some(key) = &registry_signing_key
        && around.environment == Environment::Production
        && is_published(key)
    {
        let rule = format!(
            "everybody can sign as this registry ({}): take the key that the registry publishes",
            key.fingerprint()
        );
        section.fault("registry_signing_public_key", Problem::Production(rule));
    }
    Handshake {
        challenge,
        registry_signing_key,
        site_request_id: request_id(section),
    }
}

fn challenge(section: &mut Section<'_>, around: &Surroundings) -> Opener {
    let opener = Opener::default();
    let ours = private_key(section, OURS, around, EncryptionKey::parse);
    let theirs: Option<EncryptionPublicKey> = section.optional(THEIRS);
    let ours_given = OURS.iter().any(|name| section.is_given(name));
    match (ours_given, section.is_given(THEIRS)) {
        (true, false) => {
            let expected = "the registry's public key, which its challenges are encrypted with";
            section.missing(THEIRS, expected.to_owned());
        }
        (false, true) => {
            let expected = "the name of a file with our private key, as `keys new --encryption` \
                            writes it";
            section.missing(OURS[1], expected.to_owned());
        }
        _ => {}
    }
    let (Some(Found { name, path, key }), Some(theirs)) = (ours, theirs) else {
        return opener;
    };
    let environment = around.environment;
    for (name, key) in [(name, key.public_key()), (THEIRS, theirs)] {
        if let Err(problem) = check_published(&key, environment) {
            section.fault(name, problem);
        }
    }
    match ChallengeKey::agree(&key, &theirs) {
        Ok(agreed) => opener.set(Challenge {
            public_key: key.public_key(),
            key: agreed,
        }),
        Err(error) => section.fault(THEIRS, Problem::Conflict(error.to_string())),
    }
    if let Some(path) = path {
        let opener = opener.clone();
        let take = move |path: &Path| take(&opener, path, &theirs, environment);
        around.watch(Watched::new(path, take));
    }
    opener
}

/// Reads our key again.
fn take(
    opener: &Opener,
    path: &Path,
    theirs: &EncryptionPublicKey,
    environment: Environment,
) -> Taken {
    let text = secret_file::open(path, environment)?;
    let wrong = |what: String| secret_file::wrong(path, what);
    let ours = EncryptionKey::parse(&text).map_err(|e| wrong(format!("holds no key: {e}")))?;
    let public_key = ours.public_key();
    check_published(&public_key, environment)?;
    let key = ChallengeKey::agree(&ours, theirs).map_err(|e| wrong(e.to_string()))?;
    if opener.get().is_some_and(|c| c.public_key == public_key) {
        return Ok(None);
    }
    opener.set(Challenge { public_key, key });
    let fingerprint = public_key.fingerprint();
    Ok(Some(format!("from now on {fingerprint} opens challenges")))
}

fn check_published(key: &EncryptionPublicKey, environment: Environment) -> Result<(), Problem> {
    match environment == Environment::Production && is_published_encryption(key) {
        true => Err(published(&key.fingerprint())),
        false => Ok(()),
    }
}

fn request_id(section: &mut Section<'_>) -> Option<String> {
    let name = "site_verification_request_id";
    let id: String = section.optional(name)?;
    let fine = id.len() <= LONGEST_REQUEST_ID && id.chars().all(|c| c.is_ascii_graphic());
    if !fine {
        section.fault(name, invalid("an id of printable ASCII without space"));
    }
    fine.then_some(id)
}
