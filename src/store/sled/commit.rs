//! One commit: compare, number, write, all in the draft.
//!
//! The request key goes first: of two equal requests that race, the second is told that it
//! is known, not that the order changed under it. Refusals write nothing.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::draft::{Draft, Effect};
use super::fresh::Fresh;
use super::index::{self, Known};
use super::line;
use super::live::Live;
use super::{keys, values};
use crate::domain::ids::{MessageId, OrderKey, RequestKey, TransactionId};
use crate::store::{
    Answered, Callback, CallbackId, CallbackKind, CallbackState, Commit, Committed, Error, Event,
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
    let known = index::known(draft, &commit.order.key)?;
    if known.version != commit.order.expected_version {
        return Ok(Committed::OrderChanged);
    }
    if let Some(new) = &commit.callback
        && new.kind == CallbackKind::Preview
        && line::is_full_of_previews(draft, &commit.order.key)?
    {
        return Ok(Committed::TooManyPreviews);
    }
    let order = commit.order.key.clone();
    let session = session_of(&commit.order);
    write_order(draft, commit.order, &known)?;
    let callback = match commit.callback {
        Some(new) => {
            let request = commit.request.as_ref().map(|request| &request.key);
            // A session finds the others through its requests.
            let is_asked = request.is_some_and(|key| answers(&new, key));
            Some(match is_asked {
                true => owe(draft, live, (&order, commit.now), new)?,
                false => owe_unasked(draft, live, (&order, commit.now), (new, request))?,
            })
        }
        None => None,
    };
    if let Some(new) = commit.webhook {
        owe_unasked(draft, live, (&order, commit.now), (new, None))?;
    }
    if let Some(request) = commit.request {
        write_request(draft, (&order, request), callback)?;
    }
    for answered in commit.answers {
        answer(draft, live, (&order, commit.now), answered)?;
    }
    if let Some(event) = commit.event {
        let event = write_event(draft, event)?;
        push(draft, live, (&order, commit.now), (&event, session))?;
    }
    Ok(Committed::Done { callback })
}

/// Whether a callback answers the request by its own ids, so that each finds the other by them.
fn answers(new: &NewCallback, key: &RequestKey) -> bool {
    key.transaction == new.transaction
        && key.message == new.message
        && key.caller == new.subscriber.comparable()
        && key.action == new.kind.answers()
}

/// Reads an accepted request with its body.
pub(super) fn request_of(
    source: &impl values::Source,
    key: &RequestKey,
) -> Result<Option<StoredRequest>, Error> {
    request_at(source, &keys::request(key))
}

/// The same by the key it lies under.
pub(super) fn request_at(
    source: &impl values::Source,
    key: &[u8],
) -> Result<Option<StoredRequest>, Error> {
    let value = values::read(source, key)?;
    value.map(|value| decode_request(key, &value)).transpose()
}

/// Reads an accepted request from its value.
pub(super) fn decode_request(key: &[u8], value: &Bytes) -> Result<StoredRequest, Error> {
    let (request, body) = values::decode_with(key, value)?;
    Ok(StoredRequest { body, ..request })
}

fn write_order(draft: &mut Draft<'_>, write: OrderWrite, before: &Known) -> Result<(), Error> {
    if let Some(order) = &write.order {
        draft.replace_record(keys::order(&write.key), order)?;
        index::update(draft, &write.key, (before, &Known::of(order)))?;
    }
    if let Some(document) = &write.document {
        draft.replace(keys::document(&write.key), document)?;
    }
    Ok(())
}

fn write_request(
    draft: &mut Draft<'_>,
    (order, request): (&OrderKey, StoredRequest),
    callback: Option<CallbackId>,
) -> Result<(), Error> {
    if callback.is_none() {
        index::note_silent(draft, order, &request.key)?;
    }
    let request = StoredRequest {
        callback,
        ..request
    };
    draft.insert_with(keys::request(&request.key), &request, &request.body)
}

/// Owes the callback of a request that was accepted before, or notes what it is refused with, and
/// says so in its record.
fn answer(
    draft: &mut Draft<'_>,
    live: &Live,
    (order, now): (&OrderKey, DateTime<Utc>),
    answered: Answered,
) -> Result<(), Error> {
    let Some(request) = request_of(draft, &answered.request)? else {
        return Ok(());
    };
    let callback = match answered.callback {
        Some(new) => {
            index::note_told(draft, order, &request)?;
            Some(owe(draft, live, (order, now), new)?)
        }
        None => request.callback,
    };
    let request = StoredRequest {
        callback,
        refused: answered.refused.or(request.refused),
        ..request
    };
    draft.replace_with(keys::request(&request.key), &request, &request.body)
}

/// The session that an order was placed in.
fn session_of(write: &OrderWrite) -> Option<TransactionId> {
    let placement = write.order.as_ref()?.placement.as_ref()?;
    Some(placement.transaction.clone())
}

/// Owes an event to those whom events are pushed to: exactly the bytes that a listing shows.
fn push(
    draft: &mut Draft<'_>,
    live: &Live,
    at: (&OrderKey, DateTime<Utc>),
    (event, session): (&Event, Option<TransactionId>),
) -> Result<(), Error> {
    let Some(to) = live.events_to() else {
        return Ok(());
    };
    let id = Uuid::new_v4().to_string();
    let new = NewCallback {
        kind: CallbackKind::Event,
        subscriber: to.subscriber.clone(),
        // An order on no network was placed in no session: its event is one of its own.
        transaction: match session {
            Some(session) => session,
            None => TransactionId::parse(&id).expect("a UUID is an id"),
        },
        message: MessageId::parse(&id).expect("a UUID is an id"),
        url: to.url.clone(),
        lane: to.lane.clone(),
        vouched: true,
        body: serde_json::to_vec(event)
            .map_err(|error| Error::Io(error.into()))?
            .into(),
    };
    owe_unasked(draft, live, at, (new, None)).map(drop)
}

fn write_event(draft: &mut Draft<'_>, event: Event) -> Result<Event, Error> {
    let numbers = draft.numbers();
    numbers.event += 1;
    let sequence = numbers.event;
    let event = Event { sequence, ..event };
    draft.insert_record(keys::event(sequence), &event)?;
    Ok(event)
}

/// Owes a callback that no request of its session tells of; what it owes its being to, if that is
/// a request of another door, is kept with its mark.
pub(super) fn owe_unasked(
    draft: &mut Draft<'_>,
    live: &Live,
    (order, now): (&OrderKey, DateTime<Utc>),
    (new, request): (NewCallback, Option<&RequestKey>),
) -> Result<CallbackId, Error> {
    let transaction = new.transaction.clone();
    let id = owe(draft, live, (order, now), new)?;
    let mark = keys::callback_of_session(&order.network, &transaction, id);
    draft.insert(mark, &request.map(keys::request).unwrap_or_default())?;
    Ok(id)
}

/// Owes a callback: closes the previews that it overtakes, writes it, and lets it wait for
/// its turn. In flight or not, the head before stays the head: only an outcome that finds
/// nobody, or closes all it finds, is next at once.
fn owe(
    draft: &mut Draft<'_>,
    live: &Live,
    (order, now): (&OrderKey, DateTime<Utc>),
    new: NewCallback,
) -> Result<CallbackId, Error> {
    let mut head_before = line::head(draft, order, new.kind)?;
    if new.kind == CallbackKind::Final && head_before.is_some() {
        supersede(draft, live, order)?;
        head_before = line::head(draft, order, new.kind)?;
    }
    let body = new.body.clone();
    let callback = new_callback(draft, (order, now), new);
    let id = callback.id;
    let head = line::Waiting::of(&callback).head();
    draft.insert(keys::callback_of_order(order, id), &[])?;
    let kept = line::begin(draft, callback, &body)?;
    if head_before.is_none() {
        draft.effect(Effect::Fresh(Box::new(Fresh { kept, body })));
        draft.effect(Effect::Ready(head));
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

fn new_callback(
    draft: &mut Draft<'_>,
    (order, now): (&OrderKey, DateTime<Utc>),
    new: NewCallback,
) -> Callback {
    let numbers = draft.numbers();
    numbers.callback += 1;
    let id = CallbackId(numbers.callback);
    Callback {
        id,
        kind: new.kind,
        order: order.clone(),
        subscriber: new.subscriber,
        transaction: new.transaction,
        message: new.message,
        url: new.url,
        lane: new.lane,
        vouched: new.vouched,
        state: CallbackState::Pending,
        created_at: now,
        next_at: now,
        attempts_in_run: 0,
        redrives: Vec::new(),
        attempts: Vec::new(),
    }
}
