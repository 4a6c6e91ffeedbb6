//! Proves who sent a request: header, time window, the registry's key, the signature.
//!
//! The steps are separate because they stand at different places in the order of checks; each
//! takes what the one before produced.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use url::Url;

use super::{Network, callback_url};
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::signature::{self, Excerpt, Header, Scheme};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::domain::refusal::{Refusal, Word};
use crate::protocol::context::Context;
use crate::protocol::registry::Form;
use crate::registry::{self, Asked, Subscriber};

pub use crate::protocol::registry::Role;

/// The longest a signature may live, in seconds.
pub const MAX_LIFETIME_SECONDS: i64 = 3_600;

/// How long a caller should wait before a registry that is down is tried again, in seconds.
const REGISTRY_RETRY_SECONDS: u64 = 5;

/// A proven caller.
pub struct Verified {
    /// The registry's record of it.
    pub subscriber: Arc<Subscriber>,
    /// BLAKE2b-512 of the body, base64.
    pub body_digest: String,
}

/// Reads the header's grammar, algorithm and time window, before anything is looked up.
///
/// # Errors
/// 401 words.
pub fn read_header(
    scheme: Scheme,
    raw: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Header, Refusal> {
    let raw = raw.ok_or_else(|| {
        Refusal::new(
            Word::HeaderMissing,
            "expected an Authorization header, got none",
        )
    })?;
    let header = Header::read(scheme, raw).map_err(|error| from_signature(&error))?;
    let window = header.check_window(now.timestamp(), MAX_LIFETIME_SECONDS);
    window.map_err(|error| from_signature(&error))?;
    Ok(header)
}

/// Requires that the signer is the party that this member of the context names as the caller.
///
/// # Errors
/// `signer_is_not_caller`, also when the context names nobody.
pub fn check_signer(
    header: &Header,
    member: &str,
    caller: Option<&SubscriberId>,
) -> Result<(), Refusal> {
    let signer = SubscriberId::parse(&header.subscriber_id).map_err(|e| malformed(&e))?;
    let named = match caller {
        Some(caller) if caller.is(&signer) => return Ok(()),
        Some(caller) => format!("context.{member} is {:?}", caller.as_str()),
        None => format!("context.{member} is absent"),
    };
    let detail = format!("signed by {:?}, {named}", signer.as_str());
    Err(Refusal::new(Word::SignerIsNotCaller, detail).at(format!("context.{member}")))
}

impl Network {
    /// Looks the key up and verifies the signature over the raw bytes. A key that the registry
    /// may have rotated is asked for once more before the signature is refused.
    ///
    /// # Errors
    /// 401 words, or `registry_unavailable`.
    pub async fn prove(
        &self,
        header: &Header,
        role: Role,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Verified, Refusal> {
        let asked = Asked {
            subscriber: SubscriberId::parse(&header.subscriber_id).map_err(|e| malformed(&e))?,
            key_id: KeyId::parse(&header.key_id).map_err(|e| malformed(&e))?,
            role,
        };
        let mut subscriber = self
            .registry
            .subscriber(&asked, now)
            .await
            .map_err(|e| from_registry(&e))?;
        let body_digest = blake2b_512_base64(body);
        let verify = |subscriber: &Subscriber| {
            header.verify_digest(&body_digest, body.len(), &subscriber.verifying_key)
        };
        if verify(&subscriber).is_err() {
            subscriber = self
                .registry
                .refresh(&asked, now)
                .await
                .map_err(|e| from_registry(&e))?;
            verify(&subscriber).map_err(|e| {
                let mut refusal = from_signature(&e);
                refusal.detail.push_str(&window(header, now));
                refusal
            })?;
        }
        check_role(&subscriber, role, self.settings.registry.form)?;
        Ok(Verified {
            subscriber,
            body_digest,
        })
    }

    /// Checks where the caller wants its callback by this network's rule, against what the
    /// registry has for it in the message's domain.
    ///
    /// # Errors
    /// `callback_url_mismatch`.
    pub fn check_callback_url(
        &self,
        context: &Context,
        verified: &Verified,
    ) -> Result<Url, Refusal> {
        let subscriber = &verified.subscriber;
        let registered: Vec<&Url> = match &context.domain {
            Some(domain) => subscriber.urls_for(domain).collect(),
            None => subscriber.urls.iter().map(|address| &address.url).collect(),
        };
        callback_url::check(self.settings.callback_rule, &context.bap_uri, &registered).map_err(
            |error| {
                let path = format!("context.{}", context.dialect.members().bap_uri);
                Refusal::new(Word::CallbackUrlMismatch, format!("{path}: {error}")).at(path)
            },
        )
    }
}

/// The window of a header beside our time, for whoever must find out why it failed.
fn window(header: &Header, now: DateTime<Utc>) -> String {
    let Header {
        created, expires, ..
    } = header;
    format!(
        "; created {created}, expires {expires}, our time {}",
        now.timestamp()
    )
}

/// The registry must list the signer in the role, in any spelling of its family.
///
/// # Errors
/// `wrong_role`.
pub fn check_role(subscriber: &Subscriber, role: Role, form: Form) -> Result<(), Refusal> {
    let words = form.words(role);
    let has_role = |listed: &String| words.iter().any(|word| word.eq_ignore_ascii_case(listed));
    match subscriber.roles.iter().any(has_role) {
        true => Ok(()),
        false => Err(Refusal::new(
            Word::WrongRole,
            format!(
                "expected a subscriber of type {}, got {:?}",
                words[0], subscriber.roles
            ),
        )),
    }
}

/// Holds a `Digest` header, which is never required, against the body.
///
/// # Errors
/// `digest_mismatch`.
pub fn check_digest_header(given: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
    let Some(given) = given else { return Ok(()) };
    let ours = blake2b_512_base64(body);
    match given.trim().strip_prefix("BLAKE-512=") == Some(ours.as_str()) {
        true => Ok(()),
        false => Err(Refusal::new(
            Word::DigestMismatch,
            format!(
                "expected the Digest header of the {} bytes received, BLAKE-512={ours}, got {}",
                body.len(),
                Excerpt::of(given)
            ),
        )),
    }
}

fn malformed(error: &crate::domain::ids::Error) -> Refusal {
    Refusal::new(Word::HeaderMalformed, format!("keyId: {error}"))
}

/// The refusal for a fault in header or signature; the words are one list.
#[must_use]
pub fn from_signature(error: &signature::Error) -> Refusal {
    let word = Word::ALL.iter().find(|word| word.as_str() == error.word());
    Refusal::new(
        word.copied().unwrap_or(Word::HeaderMalformed),
        error.to_string(),
    )
}

/// The refusal for what the registry said, or did not.
#[must_use]
pub fn from_registry(error: &registry::Error) -> Refusal {
    let detail = error.to_string();
    match error {
        registry::Error::Unknown => Refusal::new(Word::UnknownKey, detail),
        registry::Error::NotUsable(_) => Refusal::new(Word::KeyNotUsable, detail),
        registry::Error::Ambiguous => Refusal::new(Word::KeyAmbiguous, detail),
        registry::Error::Unavailable(_) => {
            Refusal::new(Word::RegistryUnavailable, detail).retry_after(REGISTRY_RETRY_SECONDS)
        }
    }
}
