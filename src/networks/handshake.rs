//! What a network's registry and we prove to each other when we subscribe.
//!
//! The registry signs what it posts to us, with a key that is published out of band; we answer
//! its challenge, and sign its request id for a page at our host. All of it is configuration,
//! and each part may be absent. Nothing is asked over the network here.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Network, caller};
use crate::crypto::challenge::ChallengeKey;
use crate::crypto::encryption::EncryptionPublicKey;
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::domain::refusal::Refusal;

/// The part of a network's settings that its registry is met with.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    /// What opens the registry's challenges; all clones share it.
    pub challenge: Opener,
    /// What verifies the registry's own messages; without it, anybody's are taken for its.
    pub registry_signing_key: Option<VerifyingKey>,
    /// The registry's id for our subscription, whose signature it looks for at our host.
    pub site_request_id: Option<String>,
}

/// Our encryption key, as far as it is needed: the private half is gone once the key that is
/// shared with the registry is made of it.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The public half of ours, as we register it.
    pub public_key: EncryptionPublicKey,
    /// What we share with this registry.
    pub key: ChallengeKey,
}

/// Holds the challenge's key, which may be exchanged while the server runs.
#[derive(Debug, Clone, Default)]
pub struct Opener(Arc<RwLock<Option<Challenge>>>);

impl Opener {
    /// What opens challenges at present, if anything does.
    #[must_use]
    pub fn get(&self) -> Option<Challenge> {
        // A value is never left half written.
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    /// Opens challenges with this from now on.
    pub fn set(&self, challenge: Challenge) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
    }
}

impl Handshake {
    /// Verifies that the registry sent these bytes, where its key is configured. Whatever its
    /// `keyId` names, there is one key to verify with.
    ///
    /// # Errors
    /// 401 words.
    pub fn prove_registry(
        &self,
        authorization: Option<&str>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(key) = &self.registry_signing_key else {
            return Ok(());
        };
        let header = caller::read_header(Scheme::Beckn, authorization, now)?;
        let verified = header.verify(body, key);
        verified.map_err(|error| caller::from_signature(&error))
    }
}

impl Network {
    /// Ed25519 over the request id as it is, in base64: what the page for the registry shows.
    /// A key that is yet to be registered comes first, for that is what a registry looks for.
    #[must_use]
    pub fn site_signatures(&self) -> Vec<String> {
        let Some(request_id) = &self.settings.handshake.site_request_id else {
            return Vec::new();
        };
        let signers = [
            self.settings.signer.next(),
            Some(self.settings.signer.active()),
        ];
        let sign = |signer: Arc<Signer>| STANDARD.encode(signer.key.sign(request_id.as_bytes()));
        signers.into_iter().flatten().map(sign).collect()
    }
}
