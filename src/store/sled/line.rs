//! The waiting line of an order: its callbacks that are owed, first come, first sent.
//!
//! Each place in a line is an entry under [`keys::pending`]; the lowest place is the head,
//! and only the head is in the schedule. Audit copies and webhooks of an order wait in lines of their
//! own: no line holds up another. Whatever changes a line says so in the draft:
//! join it, move within it, leave it. Nothing here knows what was decided or why.
//!
//! A callback is written down once, with its body, and not again: what becomes of it is a small
//! record of its own ([`Progress`]), so that an attempt does not cost the writing of a whole order.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::draft::{Draft, Effect};
use super::keys;
use super::schedule::Head;
use super::values::{self, Source};
use crate::domain::ids::{OrderKey, SubscriberId};
use crate::store::{
    Attempt, Callback, CallbackId, CallbackKind, CallbackState, Error, MAX_PREVIEWS_WAITING,
    Redrive,
};

/// A callback with its place; written down as it was committed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its place in the order's line, while it is owed.
    pub place: u64,
    /// The callback.
    pub callback: Callback,
    /// Whether anything has been written down of it since it was committed.
    #[serde(skip)]
    has_progress: bool,
}

/// What has become of a callback: the part of [`Kept`] that changes.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    place: u64,
    state: CallbackState,
    next_at: DateTime<Utc>,
    attempts_in_run: u32,
    attempts: Vec<Attempt>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redrives: Vec<Redrive>,
}

impl Progress {
    fn of(kept: &Kept) -> Self {
        let callback = &kept.callback;
        Self {
            place: kept.place,
            state: callback.state,
            next_at: callback.next_at,
            attempts_in_run: callback.attempts_in_run,
            attempts: callback.attempts.clone(),
            redrives: callback.redrives.clone(),
        }
    }

    fn tell(self, kept: &mut Kept) {
        kept.place = self.place;
        let callback = &mut kept.callback;
        callback.state = self.state;
        callback.next_at = self.next_at;
        callback.attempts_in_run = self.attempts_in_run;
        callback.attempts = self.attempts;
        callback.redrives = self.redrives;
    }
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

/// Reads a callback as it stands, with its body.
pub(super) fn read(source: &impl Source, id: CallbackId) -> Result<Option<(Kept, Bytes)>, Error> {
    let key = keys::callback(id);
    let Some(value) = values::read(source, &key)? else {
        return Ok(None);
    };
    let (mut kept, body) = values::decode_with::<Kept>(&key, &value)?;
    if let Some(progress) = values::record::<Progress>(source, &keys::progress(id))? {
        progress.tell(&mut kept);
        kept.has_progress = true;
    }
    Ok(Some((kept, body)))
}

/// Reads a callback as it stands.
pub(super) fn kept(source: &impl Source, id: CallbackId) -> Result<Option<Kept>, Error> {
    Ok(read(source, id)?.map(|(kept, _)| kept))
}

/// Whether nothing is owed for an order.
pub(super) fn is_empty(draft: &Draft<'_>, order: &OrderKey) -> Result<bool, Error> {
    Ok(draft.first(&keys::line(order))?.is_none())
}

/// The first of the order's line that callbacks of this kind wait in.
pub(super) fn head(
    draft: &Draft<'_>,
    order: &OrderKey,
    kind: CallbackKind,
) -> Result<Option<Waiting>, Error> {
    let prefix = match kind {
        CallbackKind::Audit | CallbackKind::Webhook | CallbackKind::Event => {
            keys::pending_of(order, kind)
        }
        CallbackKind::Preview | CallbackKind::Final | CallbackKind::Reasons => keys::line(order),
    };
    let Some((mut key, _)) = draft.first(&prefix)? else {
        return Ok(None);
    };
    // Those with lines of their own sort last, so where one is found first there is nothing else.
    if keys::has_own_line(&key) && prefix.len() == keys::line(order).len() {
        return Ok(None);
    }
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

/// Whether as many previews wait in an order's line as may.
pub(super) fn is_full_of_previews(draft: &Draft<'_>, order: &OrderKey) -> Result<bool, Error> {
    let waiting = draft.all(&keys::pending_of(order, CallbackKind::Preview))?;
    Ok(waiting.len() >= MAX_PREVIEWS_WAITING)
}

/// The previews in an order's line.
pub(super) fn previews(draft: &Draft<'_>, order: &OrderKey) -> Result<Vec<Waiting>, Error> {
    let entries = draft.all(&keys::pending_of(order, CallbackKind::Preview))?;
    let decode = |(key, entry): (keys::Key, sled::IVec)| {
        values::decode(&key, &values::finish(draft, &key, &entry)?)
    };
    entries.into_iter().map(decode).collect()
}

/// Puts a new callback at the back of its order's line; gives it back as written.
pub(super) fn begin(draft: &mut Draft<'_>, callback: Callback, body: &[u8]) -> Result<Kept, Error> {
    let kept = last_in_line(draft, callback);
    draft.insert_with(keys::callback(kept.callback.id), &kept, body)?;
    draft.insert_record(place(&kept), &Waiting::of(&kept.callback))?;
    Ok(kept)
}

/// Puts a callback that had left its order's line at the back of it again.
pub(super) fn rejoin(draft: &mut Draft<'_>, callback: Callback) -> Result<(), Error> {
    let kept = Kept {
        has_progress: true,
        ..last_in_line(draft, callback)
    };
    stay(draft, &kept)
}

fn last_in_line(draft: &mut Draft<'_>, callback: Callback) -> Kept {
    let numbers = draft.numbers();
    numbers.place += 1;
    let place = numbers.place;
    draft.effect(Effect::Pending(1));
    Kept {
        place,
        callback,
        has_progress: false,
    }
}

fn place(kept: &Kept) -> keys::Key {
    keys::pending(&kept.callback.order, kept.callback.kind, kept.place)
}

/// Writes down what has become of a callback that keeps its place.
pub(super) fn stay(draft: &mut Draft<'_>, kept: &Kept) -> Result<(), Error> {
    draft.replace_record(place(kept), &Waiting::of(&kept.callback))?;
    write_progress(draft, kept)
}

fn write_progress(draft: &mut Draft<'_>, kept: &Kept) -> Result<(), Error> {
    let key = keys::progress(kept.callback.id);
    match kept.has_progress {
        true => draft.replace_record(key, &Progress::of(kept)),
        // Most callbacks are delivered at once: nothing need be looked up for them.
        false => draft.insert_record(key, &Progress::of(kept)),
    }
}

/// Writes down a callback without its body, and without what its host said.
pub(super) fn blank(draft: &mut Draft<'_>, mut kept: Kept) -> Result<(), Error> {
    for attempt in &mut kept.callback.attempts {
        attempt.detail.clear();
    }
    let id = kept.callback.id;
    draft.replace_record(keys::callback(id), &kept)?;
    write_progress(draft, &kept)
}

/// Removes all that is written down of a callback that is in no line.
pub(super) fn forget(draft: &mut Draft<'_>, id: CallbackId) -> Result<(), Error> {
    draft.remove(keys::progress(id))?;
    draft.remove(keys::callback(id))
}

/// Takes a callback out of its order's line for good, or until it is redriven.
pub(super) fn leave(
    draft: &mut Draft<'_>,
    mut kept: Kept,
    state: CallbackState,
) -> Result<(), Error> {
    kept.callback.state = state;
    let callback = &kept.callback;
    draft.remove(place(&kept))?;
    draft.effect(Effect::Pending(-1));
    if state == CallbackState::Dead {
        draft.insert(keys::dead(callback.id), &[])?;
        draft.effect(Effect::Dead(1));
    }
    write_progress(draft, &kept)
}
