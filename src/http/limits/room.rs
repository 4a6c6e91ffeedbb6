//! So many at once and no more: a count that whoever takes a place gives back by dropping it.
//!
//! It never waits: who finds no place is to be told so at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many at once and no more.
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    places: usize,
}

impl Room {
    /// A room with so many places.
    pub(super) fn with(places: usize) -> Self {
        let taken = Arc::default();
        Self { taken, places }
    }

    /// Takes a place, if one is free.
    pub(super) fn enter(&self) -> Option<Place> {
        // Made before it is known whether there is room, so that it is given back in any case.
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.places).then_some(place)
    }

    /// How many places are taken now.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// A place in a room; given back when dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
