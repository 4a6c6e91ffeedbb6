//! Sending again what was given up on: what is fit for it, and its way back into its line.
//!
//! An order can have any number of callbacks, so a reader finds out which previews an outcome has
//! overtaken, and the committer looks only at what was committed since. A dry run is a rehearsal
//! of the same job on a draft of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::PoisonError;

use chrono::{DateTime, Utc};

use super::SledStore;
use super::committer::Job;
use super::draft::{Draft, Effect};
use super::erase;
use super::keys;
use super::line;
use super::tables::Tables;
use crate::domain::ids::OrderKey;
use crate::store::{
    Callback, CallbackId, CallbackKind, CallbackState, Error, MAX_REDRIVES_KEPT, Redrive,
};

/// At most so many callbacks are redriven by one job, so that nobody else's waits long.
const IDS_PER_JOB: usize = 32;

/// What one job is asked for.
pub(super) struct Asked {
    ids: Vec<CallbackId>,
    redrive: Redrive,
    outcomes: Outcomes,
}

/// What it did, and what it knows of outcomes by now.
pub(super) struct Redriven {
    ids: Vec<CallbackId>,
    outcomes: Outcomes,
}

/// The newest outcome of each order that a preview is to be redriven of.
pub(super) struct Outcomes {
    newest: HashMap<OrderKey, Option<CallbackId>>,
    /// The last callback that was looked at.
    seen: u64,
}

impl SledStore {
    /// See [`crate::store::Store::redrive`].
    pub(super) async fn redrive_in_jobs(
        &self,
        ids: &[CallbackId],
        redrive: &Redrive,
    ) -> Result<Vec<CallbackId>, Error> {
        let all = ids.to_vec();
        let outcomes = self.list(move |tables| Outcomes::of_previews(tables, &all));
        let mut outcomes = outcomes.await?;
        let mut redriven = Vec::new();
        for some in ids.chunks(IDS_PER_JOB) {
            let asked = Asked {
                ids: some.to_vec(),
                redrive: redrive.clone(),
                outcomes,
            };
            let done = self.write(|reply| Job::Redrive(Box::new(asked), reply));
            let done = done.await?;
            redriven.extend(done.ids);
            outcomes = done.outcomes;
        }
        Ok(redriven)
    }
}

/// See [`crate::store::Store::would_redrive`].
pub(super) fn rehearse(tables: &Tables, ids: &[CallbackId]) -> Result<Vec<CallbackId>, Error> {
    let mut outcomes = Outcomes::of_previews(tables, ids)?;
    let mut draft = Draft::new(tables.tree(), tables.numbers()?);
    let mut redriven = Vec::new();
    for some in ids.chunks(IDS_PER_JOB) {
        let _whole = tables
            .applying
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let asked = Asked {
            ids: some.to_vec(),
            redrive: Redrive {
                at: DateTime::<Utc>::UNIX_EPOCH,
                token: String::new(),
            },
            outcomes,
        };
        let done = self::redrive(&mut draft, asked)?;
        redriven.extend(done.ids);
        outcomes = done.outcomes;
    }
    Ok(redriven)
}

impl Outcomes {
    /// Looks at all that is there.
    fn of_previews(tables: &Tables, ids: &[CallbackId]) -> Result<Self, Error> {
        let numbers = tables.numbers()?;
        let mut outcomes = Self {
            newest: HashMap::new(),
            seen: numbers.callback,
        };
        for id in ids {
            let callback = tables.callback_alone(*id)?;
            let preview = callback.filter(|one| one.kind == CallbackKind::Preview);
            let order = preview.map(|preview| outcomes.newest.entry(preview.order));
            if let Some(Entry::Vacant(order)) = order {
                let newest = newest_outcome(tables, order.key())?;
                order.insert(newest);
            }
        }
        // That may have taken a while: the committer is to find little to look at.
        outcomes.catch_up(&mut Draft::new(tables.tree(), tables.numbers()?))?;
        Ok(outcomes)
    }

    /// Looks at what was committed since.
    fn catch_up(&mut self, draft: &mut Draft<'_>) -> Result<(), Error> {
        let last = draft.numbers().callback;
        for id in (self.seen + 1..=last).map(CallbackId) {
            if self.newest.is_empty() {
                break;
            }
            let committed = line::kept(draft, id)?.map(|kept| kept.callback);
            if let Some(outcome) = committed.filter(|one| one.kind == CallbackKind::Final)
                && let Some(newest) = self.newest.get_mut(&outcome.order)
            {
                *newest = Some(id);
            }
        }
        self.seen = last;
        Ok(())
    }

    /// Whether an outcome was committed after a preview: its price is no news any more.
    fn overtake(&self, preview: &Callback) -> bool {
        let newest = self.newest.get(&preview.order);
        newest.is_none_or(|newest| *newest > Some(preview.id))
    }
}

/// The newest are looked at first: mostly an outcome is what an order ends with.
fn newest_outcome(tables: &Tables, order: &OrderKey) -> Result<Option<CallbackId>, Error> {
    let of_order = tables.tree().scan_prefix(keys::callbacks_of_order(order));
    for key in of_order.keys().rev() {
        let Some(id) = keys::last_number(&key?).map(CallbackId) else {
            continue;
        };
        let callback = tables.callback_alone(id)?;
        if callback.is_some_and(|one| one.kind == CallbackKind::Final) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Puts dead callbacks at the back of their orders' lines, due now, with a new run.
pub(super) fn redrive(draft: &mut Draft<'_>, asked: Asked) -> Result<Redriven, Error> {
    let mut outcomes = asked.outcomes;
    outcomes.catch_up(draft)?;
    let mut ids = Vec::new();
    for id in asked.ids {
        let kept = line::kept(draft, id)?.map(|kept| kept.callback);
        if let Some(callback) = kept
            && is_fit(draft, &outcomes, &callback)?
        {
            rejoin(draft, callback, asked.redrive.clone())?;
            ids.push(id);
        }
    }
    Ok(Redriven { ids, outcomes })
}

fn is_fit(draft: &Draft<'_>, outcomes: &Outcomes, callback: &Callback) -> Result<bool, Error> {
    if callback.state != CallbackState::Dead || erase::is_erased(draft, &callback.order)? {
        return Ok(false);
    }
    match callback.kind == CallbackKind::Preview {
        true => {
            Ok(!outcomes.overtake(callback) && !line::is_full_of_previews(draft, &callback.order)?)
        }
        false => Ok(true),
    }
}

fn rejoin(draft: &mut Draft<'_>, mut callback: Callback, redrive: Redrive) -> Result<(), Error> {
    callback.state = CallbackState::Pending;
    callback.next_at = redrive.at;
    callback.attempts_in_run = 0;
    callback.redrives.push(redrive);
    let surplus = callback.redrives.len().saturating_sub(MAX_REDRIVES_KEPT);
    callback.redrives.drain(..surplus);
    draft.remove(keys::dead(callback.id))?;
    draft.effect(Effect::Dead(-1));
    let (order, kind) = (callback.order.clone(), callback.kind);
    let line_was_empty = line::head(draft, &order, kind)?.is_none();
    line::rejoin(draft, callback)?;
    if let Some(head) = line::head(draft, &order, kind)?.filter(|_| line_was_empty) {
        draft.effect(Effect::Ready(head.head()));
    }
    Ok(())
}
