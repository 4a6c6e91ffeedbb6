//! Erasing an order: first the order itself, in one job, then its messages, a few in each.
//!
//! Once the order says that it is erased it takes part in nothing: no request finds it, no
//! callback of it is redriven. So what belongs to it cannot grow any more, and the rest may go
//! in small jobs between those of the traffic. What recognises a repeated request stays, and so
//! do the signatures: they say nothing without the bytes. sled overwrites nothing at once: old
//! bytes stay in its files until it has written the segments that they are in anew.

use chrono::{DateTime, Utc};

use super::draft::Draft;
use super::index::{self, Known};
use super::keys::Key;
use super::line;
use super::prune::request_of;
use super::tables::Tables;
use super::{commit, keys, values};
use crate::domain::ids::OrderKey;
use crate::domain::order::Order;
use crate::store::{CallbackId, CallbackState, Erased, Error, Event, StoredRequest};

/// At most so many callbacks, with their requests, or events go in one job.
const RECORDS_PER_JOB: usize = 32;

/// Whether an order is erased now.
pub(super) enum Marked {
    /// It is, since then.
    Erased(DateTime<Utc>),
    /// It is not, and why.
    Not(Erased),
}

/// What is to be made empty in one job.
#[derive(Debug, Default)]
pub(super) struct Blank {
    callbacks: Vec<CallbackId>,
    events: Vec<u64>,
    requests: Vec<Key>,
}

/// How many were.
#[derive(Debug, Default)]
pub(super) struct Blanked {
    /// Requests.
    pub requests: u64,
    /// Callbacks.
    pub callbacks: u64,
}

impl std::ops::AddAssign for Blanked {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.callbacks += more.callbacks;
    }
}

/// Erases the order itself, if it may be.
pub(super) fn mark(
    draft: &mut Draft<'_>,
    key: &OrderKey,
    now: DateTime<Utc>,
) -> Result<Marked, Error> {
    let Some(order) = values::record::<Order>(draft, &keys::order(key))? else {
        return Ok(Marked::Not(Erased::Unknown));
    };
    if let Some(at) = order.erased_at {
        return Ok(Marked::Erased(at));
    }
    if !order.state.is_final() {
        return Ok(Marked::Not(Erased::NotFinal(order.state)));
    }
    if order.is_undecided() {
        return Ok(Marked::Not(Erased::Undecided));
    }
    if !line::is_empty(draft, key)? {
        return Ok(Marked::Not(Erased::Owed));
    }
    let erased = order.erased(now);
    draft.replace_record(keys::order(key), &erased)?;
    index::update(draft, key, (&Known::of(&order), &Known::of(&erased)))?;
    draft.remove(keys::document(key))?;
    Ok(Marked::Erased(now))
}

/// Whether nothing may be done for an order any more.
pub(super) fn is_erased(draft: &Draft<'_>, key: &OrderKey) -> Result<bool, Error> {
    let order = values::record::<Order>(draft, &keys::order(key))?;
    Ok(order.is_some_and(|order| order.erased_at.is_some()))
}

/// What is left of an order that is erased, in pieces for one job each. There is no index from
/// an order to its events: all are looked at, away from the committer.
pub(super) fn left(tables: &Tables, order: &OrderKey) -> Result<Vec<Blank>, Error> {
    let mut callbacks = Vec::new();
    for entry in tables.entries_after(keys::callbacks_of_order(order), None) {
        callbacks.extend(keys::last_number(&entry?.0).map(CallbackId));
    }
    let mut events = Vec::new();
    for entry in tables.entries_after(vec![keys::EVENT], None) {
        let event = tables.decode::<Event>(entry)?;
        events.extend(
            event
                .filter(|event| speaks_of(event, order))
                .map(|e| e.sequence),
        );
    }
    let callbacks = callbacks.chunks(RECORDS_PER_JOB).map(|some| Blank {
        callbacks: some.to_vec(),
        ..Blank::default()
    });
    let events = events.chunks(RECORDS_PER_JOB).map(|some| Blank {
        events: some.to_vec(),
        ..Blank::default()
    });
    let requests = index::silent_requests(tables, order)?;
    let requests = requests.chunks(RECORDS_PER_JOB).map(|some| Blank {
        requests: some.to_vec(),
        ..Blank::default()
    });
    Ok(callbacks.chain(events).chain(requests).collect())
}

fn speaks_of(event: &Event, order: &OrderKey) -> bool {
    event.reason.text.is_some() && event.order_id == order.id && event.network == order.network
}

/// Makes some of it empty. What was pruned meanwhile is passed over.
pub(super) fn blank(draft: &mut Draft<'_>, blank: &Blank) -> Result<Blanked, Error> {
    let mut blanked = Blanked::default();
    for &id in &blank.callbacks {
        blanked += callback(draft, id)?;
    }
    for key in &blank.requests {
        let request = commit::request_at(draft, key)?;
        blanked.requests += u64::from(blank_request(draft, request)?);
    }
    for &sequence in &blank.events {
        let key = keys::event(sequence);
        if let Some(mut event) = values::record::<Event>(draft, &key)? {
            event.reason.text = None;
            draft.replace_record(key, &event)?;
        }
    }
    Ok(blanked)
}

fn callback(draft: &mut Draft<'_>, id: CallbackId) -> Result<Blanked, Error> {
    let read = line::read(draft, id)?;
    let read = read.filter(|(kept, _)| kept.callback.state != CallbackState::Pending);
    let Some((kept, body)) = read else {
        return Ok(Blanked::default());
    };
    let request = request_of(draft, &kept.callback)?;
    let had_body = blank_request(draft, request)?;
    let new = !body.is_empty();
    if new {
        line::blank(draft, kept)?;
    }
    Ok(Blanked {
        requests: u64::from(had_body),
        callbacks: u64::from(new),
    })
}

/// Says whether there was anything to make empty.
fn blank_request(draft: &mut Draft<'_>, request: Option<StoredRequest>) -> Result<bool, Error> {
    let Some(request) = request.filter(|request| !request.is_erased()) else {
        return Ok(false);
    };
    // Why it was refused was said in somebody's own words.
    let request = StoredRequest {
        refused: None,
        ..request
    };
    draft.replace_record(keys::request(&request.key), &request)?;
    Ok(true)
}
