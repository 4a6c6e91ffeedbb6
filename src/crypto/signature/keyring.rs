//! The keys of one subscriber in use: the active one signs, the next one waits to be registered.
//!
//! Both can be exchanged while others sign, so a rotation needs no restart. All clones are the
//! same ring. What brings new keys (a file that changed) and who registers them are not known
//! here.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Header, Signer};
use crate::crypto::keys::SigningKey;

/// See the file's text.
#[derive(Debug, Clone)]
pub struct Keyring(Arc<RwLock<Keys>>);

#[derive(Debug, Clone)]
struct Keys {
    active: Arc<Signer>,
    next: Option<Arc<Signer>>,
}

impl Keyring {
    /// A ring with an active key alone.
    #[must_use]
    pub fn new(active: Signer) -> Self {
        let (active, next) = (Arc::new(active), None);
        Self(Arc::new(RwLock::new(Keys { active, next })))
    }

    /// Whoever signs at present.
    #[must_use]
    pub fn active(&self) -> Arc<Signer> {
        self.keys().active
    }

    /// Whoever will sign after the next rotation, when it is known already.
    #[must_use]
    pub fn next(&self) -> Option<Arc<Signer>> {
        self.keys().next
    }

    /// Signs with this key from now on.
    pub fn activate(&self, key_id: String, key: SigningKey) {
        self.change(|keys| keys.active = with_key(&keys.active, key_id, key));
    }

    /// Has this key wait, or none.
    pub fn prepare(&self, next: Option<(String, SigningKey)>) {
        self.change(|keys| {
            keys.next = next.map(|(key_id, key)| with_key(&keys.active, key_id, key));
        });
    }

    /// The active key's header over these bytes; see [`Signer::sign`].
    #[must_use]
    pub fn sign(&self, body: &[u8], now: i64) -> Header {
        self.active().sign(body, now)
    }

    /// The active key's `Authorization` value; see [`Signer::authorization`].
    #[must_use]
    pub fn authorization(&self, body: &[u8], now: i64) -> String {
        self.active().authorization(body, now)
    }

    fn keys(&self) -> Keys {
        // Two handles are never left half written.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, change: impl FnOnce(&mut Keys)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl From<Signer> for Keyring {
    fn from(active: Signer) -> Self {
        Self::new(active)
    }
}

/// The same subscriber with another key.
fn with_key(signer: &Signer, key_id: String, key: SigningKey) -> Arc<Signer> {
    Arc::new(Signer {
        key_id,
        key,
        ..signer.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::signature::Scheme;

    #[test]
    fn every_clone_signs_with_the_key_that_was_activated_last() {
        let key = || SigningKey::generate().expect("randomness");
        let ring = Keyring::new(Signer {
            scheme: Scheme::Beckn,
            subscriber_id: "bpp.example".to_owned(),
            key_id: "k1".to_owned(),
            key: key(),
            lifetime_seconds: 30,
        });
        let (clone, second) = (ring.clone(), key());
        ring.prepare(Some(("k2".to_owned(), second.clone())));
        assert_eq!(clone.sign(b"", 1).key_id, "k1");
        assert_eq!(clone.next().expect("prepared").key_id, "k2");
        ring.activate("k2".to_owned(), second.clone());
        ring.prepare(None);
        let header = clone.sign(b"body", 1);
        assert_eq!((header.key_id.as_str(), header.expires), ("k2", 31));
        assert!(header.verify(b"body", &second.verifying_key()).is_ok());
        assert!(clone.next().is_none());
    }
}
