//! Callbacks just committed, kept in memory until something becomes of them.
//!
//! Nearly every callback is committed, claimed and settled within milliseconds. What is sent
//! and what the settlement changes is at hand here, so that nothing is read back on the way.
//! The shelf is a copy and never the truth: it is bounded, what finds no room is read from the
//! tree, and whoever changes a callback takes it off first. Only durable ones get here.

use std::collections::HashMap;

use bytes::Bytes;

use super::line::Kept;
use crate::store::{CallbackId, Claimed};

/// At most so many bytes of bodies: a few thousand callbacks.
const BODY_BYTES: usize = 8 * 1024 * 1024;

/// A callback as it was committed.
#[derive(Debug)]
pub(super) struct Fresh {
    /// As written down.
    pub kept: Kept,
    /// Its body.
    pub body: Bytes,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    callbacks: HashMap<CallbackId, Fresh>,
    body_bytes: usize,
}

impl Shelf {
    /// Keeps a callback if there is room.
    pub(super) fn put(&mut self, fresh: Fresh) {
        let body_bytes = self.body_bytes + fresh.body.len();
        if body_bytes <= BODY_BYTES {
            self.body_bytes = body_bytes;
            self.callbacks.insert(fresh.kept.callback.id, fresh);
        }
    }

    /// The callback in the form it is sent from.
    pub(super) fn look(&self, id: CallbackId) -> Option<Claimed> {
        self.callbacks.get(&id).map(|fresh| Claimed {
            callback: fresh.kept.callback.clone(),
            body: fresh.body.clone(),
        })
    }

    /// Takes a callback off.
    pub(super) fn take(&mut self, id: CallbackId) -> Option<Fresh> {
        let taken = self.callbacks.remove(&id)?;
        self.body_bytes -= taken.body.len();
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(id: u64, body_bytes: usize) -> Fresh {
        let kept = serde_json::json!({"place": id, "callback": {
            "id": id, "kind": "final", "order": {"network": "mobility", "id": "o"},
            "subscriber": "bap.example", "transaction": "t", "message": "m",
            "url": "https://bap.example/on_cancel", "lane": "bap.example:443", "vouched": true,
            "state": "pending", "created_at": "2026-03-02T06:11:25Z",
            "next_at": "2026-03-02T06:11:25Z", "attempts_in_run": 0, "attempts": [],
        }});
        Fresh {
            kept: serde_json::from_value(kept).expect("a callback"),
            body: Bytes::from(vec![b' '; body_bytes]),
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out_until_something_is_taken_off() {
        let mut shelf = Shelf::default();
        shelf.put(fresh(1, BODY_BYTES - 10));
        shelf.put(fresh(2, 11));
        assert!(shelf.look(CallbackId(1)).is_some() && shelf.look(CallbackId(2)).is_none());
        assert!(shelf.take(CallbackId(1)).is_some() && shelf.take(CallbackId(1)).is_none());
        shelf.put(fresh(2, 11));
        assert_eq!(
            shelf.look(CallbackId(2)).map(|claimed| claimed.body.len()),
            Some(11)
        );
    }
}
