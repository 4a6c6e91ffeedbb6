//! What follows an attempt, and what an operator asks for: settle, hold, release.

use super::draft::{Draft, Effect};
use super::line::{self, Kept};
use super::live::Live;
use super::{commit, keys, values};
use crate::domain::ids::SubscriberId;
use crate::store::{CallbackKind, CallbackState, Error, MAX_ATTEMPTS_KEPT, Next, Settlement};

/// Records an attempt. A callback that is not in flight is left alone: its lease has ended,
/// and what came after it stands.
pub(super) fn settle(
    draft: &mut Draft<'_>,
    live: &Live,
    settlement: Settlement,
) -> Result<(), Error> {
    let id = settlement.id;
    if !live.schedule().begin_settling(id) {
        tracing::warn!(
            callback.id = id.0,
            "A callback was settled that is not in flight."
        );
        return Ok(());
    }
    let fresh = live.take_fresh(id).map(|fresh| fresh.kept);
    let recorded = record(draft, live, fresh, settlement);
    if recorded.is_err() {
        // The record cannot be read: the callback stays out of the schedule until the store
        // reopens, but its place in the lane is free again.
        draft.refuse();
        draft.effect(Effect::LeaseEnded(id));
        draft.accept();
    }
    recorded
}

fn record(
    draft: &mut Draft<'_>,
    live: &Live,
    fresh: Option<Kept>,
    settlement: Settlement,
) -> Result<(), Error> {
    let mut kept = match fresh {
        Some(kept) => kept,
        None => line::kept(draft, settlement.id)?
            .ok_or_else(|| values::corrupt(&keys::callback(settlement.id), None))?,
    };
    let order = kept.callback.order.clone();
    let (kind, at) = (kept.callback.kind, settlement.attempt.at);
    kept.callback.attempts_in_run += 1;
    kept.callback.attempts.push(settlement.attempt);
    let surplus = kept
        .callback
        .attempts
        .len()
        .saturating_sub(MAX_ATTEMPTS_KEPT);
    kept.callback.attempts.drain(..surplus);

    let overtaken =
        kept.callback.kind == CallbackKind::Preview && line::has_outcome(draft, &order)?;
    match settlement.next {
        Next::Delivered => line::leave(draft, kept, CallbackState::Delivered)?,
        Next::Dead => line::leave(draft, kept, CallbackState::Dead)?,
        Next::Retry(_) if overtaken => line::leave(draft, kept, CallbackState::Superseded)?,
        Next::Retry(at) => {
            kept.callback.next_at = at;
            line::stay(draft, &kept)?;
        }
    }
    draft.effect(Effect::LeaseEnded(settlement.id));
    if let Some(head) = line::head(draft, &order, kind)? {
        draft.effect(Effect::Ready(head.head()));
    }
    for new in settlement.follow_ups {
        commit::owe_unasked(draft, live, (&order, at), (new, None))?;
    }
    Ok(())
}

/// Holds a subscriber, or all.
pub(super) fn hold(draft: &mut Draft<'_>, subscriber: Option<&SubscriberId>) -> Result<(), Error> {
    let written = subscriber.map_or("*", SubscriberId::as_str);
    draft.replace(keys::hold(subscriber), written.as_bytes())?;
    let subscriber = subscriber.map(|id| (id.comparable().to_owned(), id.as_str().to_owned()));
    draft.effect(Effect::Held(subscriber));
    Ok(())
}

/// Ends the hold on a subscriber, or every hold.
pub(super) fn release(
    draft: &mut Draft<'_>,
    subscriber: Option<&SubscriberId>,
) -> Result<(), Error> {
    match subscriber {
        Some(_) => draft.remove(keys::hold(subscriber))?,
        None => {
            for (key, _) in draft.all(&[keys::HOLD])? {
                draft.remove(key)?;
            }
        }
    }
    let subscriber = subscriber.map(|id| id.comparable().to_owned());
    draft.effect(Effect::Released(subscriber));
    Ok(())
}
