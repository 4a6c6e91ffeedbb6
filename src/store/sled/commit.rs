//! One commit: compare, number, write, all in the draft.
//!
//! The request key goes first: of two equal requests that race, the second is told that it
//! is known, not that the order changed under it. Refusals write nothing.

use chrono::{DateTime, Utc};

use super::draft::{Draft, Effect};
use super::line;
use super::live::Live;
use super::{keys, values};
use crate::domain::ids::{OrderKey, RequestKey};
use crate::domain::order::Order;
use crate::store::{
    Callback, CallbackId, CallbackKind, CallbackState, Commit, Committed, Error, Event,
    NewCallback, OrderWrite, StoredRequest,
};

/// Does one commit in the draft.
pub(super) fn commit(
    draft: &mut Draft<'_>,
    live: &Live,
    commit: Commit,
) -> Result<Committed, Error> {
    if let Some(request) = &commit.request
        && let Some(known) = request_of(draft, &request.key)?
    {
        return Ok(Committed::RequestKnown(Box::new(known)));
    }
    if version_of(draft, &commit.order.key)? != commit.order.expected_version {
        return Ok(Committed::OrderChanged);
    }
    let order = commit.order.key.clone();
    write_order(draft, commit.order)?;
    let callback = match commit.callback {
        Some(new) => Some(owe(draft, live, (&order, commit.now), new)?),
        None => None,
    };
    if let Some(request) = commit.request {
        write_request(draft, request, callback)?;
    }
    if let Some(event) = commit.event {
        write_event(draft, event)?;
    }
    Ok(Committed::Done { callback })
}

/// Reads an accepted request with its body.
pub(super) fn request_of(
    source: &impl values::Source,
    key: &RequestKey,
) -> Result<Option<StoredRequest>, Error> {
    let Some(request) = values::record::<StoredRequest>(source, &keys::request(key))? else {
        return Ok(None);
    };
    let body_key = keys::request_body(key);
    let body = values::read(source, &body_key)?;
    let body = body.ok_or_else(|| values::corrupt(&body_key, None))?;
    Ok(Some(StoredRequest { body, ..request }))
}

fn version_of(draft: &Draft<'_>, key: &OrderKey) -> Result<u64, Error> {
    let order: Option<Order> = values::record(draft, &keys::order(key))?;
    Ok(order.map_or(0, |order| order.version))
}

fn write_order(draft: &mut Draft<'_>, write: OrderWrite) -> Result<(), Error> {
    if let Some(order) = &write.order {
        draft.put_record(keys::order(&write.key), order)?;
    }
    if let Some(document) = &write.document {
        draft.put(keys::document(&write.key), document)?;
    }
    Ok(())
}

fn write_request(
    draft: &mut Draft<'_>,
    request: StoredRequest,
    callback: Option<CallbackId>,
) -> Result<(), Error> {
    draft.put(keys::request_body(&request.key), &request.body)?;
    let request = StoredRequest {
        callback,
        ..request
    };
    draft.put_record(keys::request(&request.key), &request)
}

fn write_event(draft: &mut Draft<'_>, event: Event) -> Result<(), Error> {
    let numbers = draft.numbers();
    numbers.event += 1;
    let sequence = numbers.event;
    let event = Event { sequence, ..event };
    draft.put_record(keys::event(sequence), &event)
}

/// Owes a callback: writes it, closes the previews that it overtakes, and lets it wait for
/// its turn.
fn owe(
    draft: &mut Draft<'_>,
    live: &Live,
    (order, now): (&OrderKey, DateTime<Utc>),
    new: NewCallback,
) -> Result<CallbackId, Error> {
    let head_before = line::head(draft, order)?.map(|head| head.id);
    if new.kind == CallbackKind::Final {
        supersede(draft, live, order)?;
    }
    let id = write_callback(draft, (order, now), new)?;
    let head = line::head(draft, order)?;
    if let Some(head) = head.filter(|head| Some(head.id) != head_before) {
        draft.effect(Effect::Ready(head.head()));
    }
    Ok(id)
}

/// A preview never holds back an outcome: those that still wait close. One in flight stays,
/// and closes when it is settled.
fn supersede(draft: &mut Draft<'_>, live: &Live, order: &OrderKey) -> Result<(), Error> {
    for preview in line::previews(draft, order)? {
        let key = keys::callback(preview.id);
        let kept = line::kept(draft, preview.id)?.ok_or_else(|| values::corrupt(&key, None))?;
        // Taken out at once, so that it is not handed out while this batch is being written;
        // and again as an effect, in case a job before this one lets it wait anew.
        if !live.schedule().withdraw_unless_in_flight(&preview.head()) {
            continue;
        }
        draft.effect(Effect::Withdrawn(preview.head()));
        line::leave(draft, kept, CallbackState::Superseded)?;
    }
    Ok(())
}

fn write_callback(
    draft: &mut Draft<'_>,
    (order, now): (&OrderKey, DateTime<Utc>),
    new: NewCallback,
) -> Result<CallbackId, Error> {
    let numbers = draft.numbers();
    numbers.callback += 1;
    let id = CallbackId(numbers.callback);
    draft.put(keys::callback_body(id), &new.body)?;
    draft.put(keys::callback_of_order(order, id), &[])?;
    let in_session = keys::callback_of_session(&order.network, &new.transaction, id);
    draft.put(in_session, &[])?;
    let callback = Callback {
        id,
        kind: new.kind,
        order: order.clone(),
        subscriber: new.subscriber,
        transaction: new.transaction,
        message: new.message,
        url: new.url,
        lane: new.lane,
        state: CallbackState::Pending,
        created_at: now,
        next_at: now,
        attempts_in_run: 0,
        attempts: Vec::new(),
    };
    line::join(draft, callback)?;
    Ok(id)
}
