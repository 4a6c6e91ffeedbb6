//! The waiting line of an order: its callbacks that are owed, first come, first sent.
//!
//! Each place in a line is an entry under [`keys::pending`]; the lowest place is the head,
//! and only the head is in the schedule. Whatever changes a line says so in the draft:
//! join it, move within it, leave it. Nothing here knows what was decided or why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::draft::{Draft, Effect};
use super::keys;
use super::schedule::Head;
use super::values;
use crate::domain::ids::{OrderKey, SubscriberId};
use crate::store::{Callback, CallbackId, CallbackKind, CallbackState, Error};

/// A callback as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its place in the order's line, while it is owed.
    pub place: u64,
    /// The callback.
    pub callback: Callback,
}

/// A place in a line, as it is written down: what the schedule needs, and no more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// Who waits.
    pub id: CallbackId,
    /// When it is due.
    pub due: DateTime<Utc>,
    /// Its lane.
    pub lane: String,
    /// Its subscriber.
    pub subscriber: SubscriberId,
}

impl Waiting {
    /// The place of a callback.
    pub(super) fn of(callback: &Callback) -> Self {
        Self {
            id: callback.id,
            due: callback.next_at,
            lane: callback.lane.clone(),
            subscriber: callback.subscriber.clone(),
        }
    }

    /// The form the schedule takes.
    pub(super) fn head(&self) -> Head {
        Head {
            id: self.id,
            due: self.due,
            lane: self.lane.clone(),
            subscriber: self.subscriber.comparable().to_owned(),
        }
    }
}

/// Reads a callback as it is written down.
pub(super) fn kept(draft: &Draft<'_>, id: CallbackId) -> Result<Option<Kept>, Error> {
    values::record(draft, &keys::callback(id))
}

/// The first of an order's line.
pub(super) fn head(draft: &Draft<'_>, order: &OrderKey) -> Result<Option<Waiting>, Error> {
    let Some((mut key, _)) = draft.first(&keys::line(order))? else {
        return Ok(None);
    };
    // Previews sort before outcomes, so an outcome may have the lower place all the same.
    if key.starts_with(&keys::pending_of(order, CallbackKind::Preview))
        && let Some((outcome, _)) = draft.first(&keys::pending_of(order, CallbackKind::Final))?
        && keys::last_number(&outcome) < keys::last_number(&key)
    {
        key = outcome;
    }
    values::record(draft, &key)
}

/// Whether an outcome waits in an order's line.
pub(super) fn has_outcome(draft: &Draft<'_>, order: &OrderKey) -> Result<bool, Error> {
    let outcomes = keys::pending_of(order, CallbackKind::Final);
    Ok(draft.first(&outcomes)?.is_some())
}

/// The previews in an order's line.
pub(super) fn previews(draft: &Draft<'_>, order: &OrderKey) -> Result<Vec<Waiting>, Error> {
    let entries = draft.all(&keys::pending_of(order, CallbackKind::Preview))?;
    let decode = |(key, entry): (keys::Key, sled::IVec)| {
        values::decode(&key, &values::finish(draft, &key, &entry)?)
    };
    entries.into_iter().map(decode).collect()
}

/// Puts a pending callback at the back of its order's line; gives it back as written.
pub(super) fn join(draft: &mut Draft<'_>, callback: Callback) -> Result<Kept, Error> {
    let numbers = draft.numbers();
    numbers.place += 1;
    let place = numbers.place;
    draft.effect(Effect::Pending(1));
    let kept = Kept { place, callback };
    stay(draft, &kept)?;
    Ok(kept)
}

/// Writes down a callback that keeps its place.
pub(super) fn stay(draft: &mut Draft<'_>, kept: &Kept) -> Result<(), Error> {
    let callback = &kept.callback;
    let place = keys::pending(&callback.order, callback.kind, kept.place);
    draft.replace_record(place, &Waiting::of(callback))?;
    draft.replace_record(keys::callback(callback.id), kept)
}

/// Takes a callback out of its order's line for good, or until it is redriven.
pub(super) fn leave(
    draft: &mut Draft<'_>,
    mut kept: Kept,
    state: CallbackState,
) -> Result<(), Error> {
    kept.callback.state = state;
    let callback = &kept.callback;
    draft.remove(keys::pending(&callback.order, callback.kind, kept.place))?;
    draft.effect(Effect::Pending(-1));
    if state == CallbackState::Dead {
        draft.insert(keys::dead(callback.id), &[])?;
        draft.effect(Effect::Dead(1));
    }
    draft.replace_record(keys::callback(callback.id), &kept)
}
