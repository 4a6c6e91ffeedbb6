//! The places of those who wait at a door until the provider has said what becomes of an order.
//!
//! Whoever waits does no work, for as long as the provider takes; so these places are none of
//! those of requests at work, and a provider that is slow or down takes no more than these. One
//! client alone cannot have them all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// In all.
    pub in_all: usize,
    /// Of one client.
    pub of_client: usize,
}

impl Default for Places {
    /// Far from what a machine can hold, and more than a provider is likely to be asked at once.
    fn default() -> Self {
        Self {
            in_all: 512,
            of_client: 128,
        }
    }
}

/// Why somebody may not wait. Nothing was asked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// All places are taken.
    #[error("too many requests wait for the provider")]
    InAll,
    /// This client has as many as it may.
    #[error("too many of your requests wait for the provider")]
    OfClient,
}

/// See the file's text.
#[derive(Debug)]
pub(super) struct Room {
    places: Places,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_client: HashMap<String, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    client: String,
}

impl Room {
    pub(super) fn with(places: Places) -> Self {
        let taken = Arc::default();
        Self { places, taken }
    }

    /// Takes a place for a request of this client.
    pub(super) fn enter(&self, client: &str) -> Result<Place, Full> {
        let mut taken = locked(&self.taken);
        let of_client = taken.by_client.get(client).copied().unwrap_or_default();
        if of_client >= self.places.of_client {
            return Err(Full::OfClient);
        }
        if taken.in_all >= self.places.in_all {
            return Err(Full::InAll);
        }
        taken.in_all += 1;
        taken.by_client.insert(client.to_owned(), of_client + 1);
        Ok(Place {
            taken: Arc::clone(&self.taken),
            client: client.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        taken.in_all -= 1;
        if let Entry::Occupied(mut of_client) = taken.by_client.entry(self.client.clone()) {
            *of_client.get_mut() -= 1;
            if *of_client.get() == 0 {
                of_client.remove();
            }
        }
    }
}

/// Two numbers are never left half changed.
fn locked(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_all_together_have_the_room() {
        let room = Room::with(Places {
            in_all: 3,
            of_client: 2,
        });
        let enter = |client| room.enter(client).map(Some);
        let [first, second] = [enter("a"), enter("a")].map(|one| one.expect("room"));
        assert_eq!(enter("a").err(), Some(Full::OfClient));
        let third = enter("b").expect("room");
        assert_eq!(enter("b").err(), Some(Full::InAll));
        drop(first);
        assert_eq!(enter("a").map(|_| ()), Ok(()));
        drop((second, third));
        let taken = locked(&room.taken);
        assert_eq!((taken.in_all, taken.by_client.len()), (0, 0));
    }
}
