//! Removing what is too old: found by a reader, a few at a time, then removed by one job.
//!
//! Callbacks are numbered as they were committed, so their numbers are a walk in time, and the
//! request that a callback answers is found by the ids that both carry: no index of times is
//! kept. A step rehearses its job on a draft of its own first, so that what must be read from
//! the disk is read there and not by the committer, which then looks at everything once more:
//! what has come to life meanwhile stays.

use chrono::{DateTime, Utc};

use super::draft::{Draft, Effect, Numbers};
use super::index::{self, Known};
use super::line;
use super::tables::Tables;
use super::{commit, keys, values};
use crate::domain::ids::{OrderKey, RequestKey};
use crate::domain::order::Order;
use crate::store::{
    AuditEntry, Callback, CallbackId, CallbackState, Error, Event, Pruned, StoredRequest, Walk,
};

/// At most so many callbacks or events go in one job.
const RECORDS_PER_JOB: usize = 32;
/// At most so many orders go in one job: each has a document and perhaps some callbacks.
const ORDERS_PER_JOB: usize = 8;
/// An order with more callbacks than this loses these first.
const CALLBACKS_PER_ORDER: usize = 16;
/// At most so many records are looked at in one step.
const LOOKED_AT: usize = 256;

/// What a step found.
#[derive(Debug, Clone)]
pub(super) struct Due {
    what: What,
    next: Option<Walk>,
}

#[derive(Debug, Clone)]
enum What {
    Callbacks(Vec<CallbackId>),
    Orders(Vec<OrderKey>),
    Events(Vec<u64>),
    Audit(Vec<u64>),
}

impl Due {
    /// Whether there is nothing to be done.
    pub(super) fn is_empty(&self) -> bool {
        match &self.what {
            What::Callbacks(ids) => ids.is_empty(),
            What::Orders(keys) => keys.is_empty(),
            What::Events(sequences) | What::Audit(sequences) => sequences.is_empty(),
        }
    }

    /// The answer of a step that does nothing.
    pub(super) fn pruned(self) -> Pruned {
        Pruned {
            next: self.next,
            ..Pruned::default()
        }
    }
}

/// Finds what one job may remove, and brings what it needs into memory.
pub(super) fn due(tables: &Tables, walk: Walk, before: DateTime<Utc>) -> Result<Due, Error> {
    let due = match walk {
        Walk::Evidence(after) => due_callbacks(tables, after, before)?,
        Walk::Orders(after) => due_orders(tables, after, before)?,
        Walk::Events => due_events(tables, before)?,
        Walk::Audit => due_audit(tables, before)?,
    };
    let mut rehearsal = Draft::new(tables.tree(), Numbers::default());
    prune(&mut rehearsal, due.clone(), before)?;
    Ok(due)
}

fn due_callbacks(tables: &Tables, after: CallbackId, before: DateTime<Utc>) -> Result<Due, Error> {
    let (mut ids, mut last, mut looked_at) = (Vec::new(), after, 0);
    let mut at_end = true;
    for entry in tables.entries_after(vec![keys::CALLBACK], Some(keys::callback(after))) {
        if ids.len() == RECORDS_PER_JOB || looked_at == LOOKED_AT {
            at_end = false;
            break;
        }
        looked_at += 1;
        let id = keys::last_number(&entry?.0).map(CallbackId);
        let callback = id
            .map(|id| tables.callback_alone(id))
            .transpose()?
            .flatten();
        let Some(callback) = callback else {
            continue;
        };
        if callback.created_at >= before {
            break;
        }
        last = callback.id;
        ids.extend(Some(last).filter(|_| may_go(&callback, before)));
    }
    Ok(Due {
        what: What::Callbacks(ids),
        next: (!at_end).then_some(Walk::Evidence(last)),
    })
}

fn may_go(callback: &Callback, before: DateTime<Utc>) -> bool {
    callback.state != CallbackState::Pending && callback.created_at < before
}

fn due_orders(
    tables: &Tables,
    after: Option<OrderKey>,
    before: DateTime<Utc>,
) -> Result<Due, Error> {
    let (mut orders, mut last, mut looked_at) = (Vec::new(), after.clone(), 0);
    let mut at_end = true;
    for entry in tables.entries_after(vec![keys::ORDER], after.as_ref().map(keys::order)) {
        if orders.len() == ORDERS_PER_JOB || looked_at == LOOKED_AT {
            at_end = false;
            break;
        }
        looked_at += 1;
        let Some(order) = tables.decode::<Order>(entry)? else {
            continue;
        };
        if is_old(&order, before) {
            let many = many_callbacks(tables, &order.key, before)?;
            if !many.is_empty() {
                return Ok(Due {
                    what: What::Callbacks(many),
                    next: Some(Walk::Orders(last)),
                });
            }
            orders.push(order.key.clone());
        }
        last = Some(order.key);
    }
    Ok(Due {
        what: What::Orders(orders),
        next: (!at_end).then_some(Walk::Orders(last)),
    })
}

/// Over for long enough, and nobody waits for a decision on it.
fn is_old(order: &Order, before: DateTime<Utc>) -> bool {
    let is_over = order.final_since().is_some_and(|since| since < before);
    is_over && !order.is_undecided()
}

/// The first callbacks of an order that has more than go with the order itself, if they may go.
fn many_callbacks(
    tables: &Tables,
    order: &OrderKey,
    before: DateTime<Utc>,
) -> Result<Vec<CallbackId>, Error> {
    let mut ids = Vec::new();
    let entries = tables.entries_after(keys::callbacks_of_order(order), None);
    for entry in entries.take(RECORDS_PER_JOB) {
        ids.extend(keys::last_number(&entry?.0).map(CallbackId));
    }
    if ids.len() <= CALLBACKS_PER_ORDER {
        return Ok(Vec::new());
    }
    let mut old = Vec::new();
    for id in ids {
        let callback = tables.callback_alone(id)?;
        let going = callback.is_some_and(|callback| may_go(&callback, before));
        old.extend(Some(id).filter(|_| going));
    }
    Ok(old)
}

fn due_events(tables: &Tables, before: DateTime<Utc>) -> Result<Due, Error> {
    let mut sequences = Vec::new();
    let entries = tables.entries_after(vec![keys::EVENT], None);
    for entry in entries.take(RECORDS_PER_JOB) {
        match tables.decode::<Event>(entry)? {
            Some(event) if event.at < before => sequences.push(event.sequence),
            Some(_) => break,
            None => {}
        }
    }
    let newest = tables.newest_event()?;
    sequences.retain(|sequence| Some(*sequence) != newest);
    let full = sequences.len() == RECORDS_PER_JOB;
    Ok(Due {
        what: What::Events(sequences),
        next: full.then_some(Walk::Events),
    })
}

fn due_audit(tables: &Tables, before: DateTime<Utc>) -> Result<Due, Error> {
    let mut sequences = Vec::new();
    let entries = tables.entries_after(vec![keys::AUDIT], None);
    for entry in entries.take(RECORDS_PER_JOB) {
        match tables.decode::<AuditEntry>(entry)? {
            Some(entry) if entry.at < before => sequences.push(entry.sequence),
            Some(_) => break,
            None => {}
        }
    }
    let full = sequences.len() == RECORDS_PER_JOB;
    // The newest stays, so that the loss of it shows.
    let newest = tables.newest_audit_entry()?;
    sequences.retain(|sequence| Some(*sequence) != newest);
    Ok(Due {
        what: What::Audit(sequences),
        next: full.then_some(Walk::Audit),
    })
}

/// Removes what was found, as far as it still may go.
pub(super) fn prune(
    draft: &mut Draft<'_>,
    due: Due,
    before: DateTime<Utc>,
) -> Result<Pruned, Error> {
    let mut pruned = Pruned {
        next: due.next,
        ..Pruned::default()
    };
    match due.what {
        What::Callbacks(ids) => {
            for id in ids {
                let kept = line::kept(draft, id)?;
                if let Some(kept) = kept.filter(|kept| may_go(&kept.callback, before)) {
                    forget_callback(draft, &kept.callback, &mut pruned)?;
                }
            }
        }
        What::Orders(orders) => {
            for key in orders {
                forget_order(draft, &key, before, &mut pruned)?;
            }
        }
        What::Audit(sequences) => {
            pruned.audit = sequences.len() as u64;
            for sequence in sequences {
                draft.remove(keys::audit(sequence))?;
            }
        }
        What::Events(sequences) => {
            pruned.events = sequences.len() as u64;
            for sequence in sequences {
                draft.remove(keys::event(sequence))?;
            }
        }
    }
    Ok(pruned)
}

/// An order goes with all that is left of it, or stays with all of it.
fn forget_order(
    draft: &mut Draft<'_>,
    key: &OrderKey,
    before: DateTime<Utc>,
    pruned: &mut Pruned,
) -> Result<(), Error> {
    let order: Option<Order> = values::record(draft, &keys::order(key))?;
    let Some(order) = order.filter(|order| is_old(order, before)) else {
        return Ok(());
    };
    let mut callbacks = Vec::new();
    for (index, _) in draft.all(&keys::callbacks_of_order(key))? {
        let Some(id) = keys::last_number(&index).map(CallbackId) else {
            continue;
        };
        match line::kept(draft, id)? {
            Some(kept) if !may_go(&kept.callback, before) => return Ok(()),
            kept => callbacks.extend(kept.map(|kept| kept.callback)),
        }
    }
    for callback in &callbacks {
        forget_callback(draft, callback, pruned)?;
    }
    for request in index::silent_requests_in(draft, key)? {
        draft.remove(keys::request_of_order(key, &request))?;
        draft.remove(request)?;
        pruned.requests += 1;
    }
    index::update(draft, key, (&Known::of(&order), &Known::default()))?;
    draft.remove(keys::document(key))?;
    draft.remove(keys::order(key))?;
    pruned.orders += 1;
    Ok(())
}

fn forget_callback(
    draft: &mut Draft<'_>,
    callback: &Callback,
    pruned: &mut Pruned,
) -> Result<(), Error> {
    if let Some(request) = request_of(draft, callback)? {
        draft.remove(keys::request(&request.key))?;
        pruned.requests += 1;
    }
    let (id, order) = (callback.id, &callback.order);
    let in_session = keys::callback_of_session(&order.network, &callback.transaction, id);
    draft.remove(in_session)?;
    draft.remove(keys::callback_of_order(order, id))?;
    line::forget(draft, id)?;
    if callback.state == CallbackState::Dead {
        draft.remove(keys::dead(id))?;
        draft.effect(Effect::Dead(-1));
    }
    pruned.callbacks += 1;
    Ok(())
}

/// The request that a callback answers, or owes its being to; most unsolicited ones have none.
pub(super) fn request_of(
    draft: &Draft<'_>,
    callback: &Callback,
) -> Result<Option<StoredRequest>, Error> {
    let key = RequestKey {
        network: callback.order.network.clone(),
        caller: callback.subscriber.comparable().to_owned(),
        transaction: callback.transaction.clone(),
        message: callback.message.clone(),
        action: callback.kind.answers().to_owned(),
    };
    let mark = keys::callback_of_session(&key.network, &callback.transaction, callback.id);
    let request = match values::read(draft, &mark)? {
        Some(elsewhere) if !elsewhere.is_empty() => commit::request_at(draft, &elsewhere)?,
        _ => commit::request_of(draft, &key)?,
    };
    Ok(request.filter(|request| request.callback == Some(callback.id)))
}
