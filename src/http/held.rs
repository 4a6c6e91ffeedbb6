//! What is held against every request and may be replaced while the server runs: tokens and keys.

use std::sync::{Arc, PoisonError, RwLock};

/// All that hold at present, of one kind.
pub struct Held<T>(RwLock<Arc<[T]>>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(RwLock::new(Vec::new().into()))
    }
}

impl<T> Held<T> {
    /// Puts these in the place of all that held before.
    pub fn replace(&self, held: Vec<T>) {
        let mut present = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *present = held.into();
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Arc<[T]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
