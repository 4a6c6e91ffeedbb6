//! The rules of callbacks: each is found by its order and its session, stands in its order's line
//! as long as it is owed, and nothing leads to one that is not there.

use sled::IVec;

use super::super::check::Reading;
use super::super::line::{self, Kept, Waiting};
use super::super::{commit, keys, values};
use super::{Checked, is_json, sibling};
use crate::store::{Callback, CallbackId, CallbackState, Error};

pub(super) fn callback(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    let id = keys::last_number(key).map(CallbackId);
    let read = id.map(|id| line::read(reading.tree, id)).transpose()?;
    let read = read.flatten().ok_or_else(|| values::corrupt(key, None))?;
    let (kept, body) = read;
    let callback = &kept.callback;
    let id = callback.id;
    reading.must(keys::callback(id) == key, || {
        format!("{} holds callback {}", key.escape_ascii(), id.0)
    });
    let last = reading.numbers.callback;
    reading.must(id.0 <= last, || {
        format!(
            "callback {} is there, but the last one given out is {last}",
            id.0
        )
    });
    reading.must(body.is_empty() || is_json(&body), || {
        format!("callback {} has no body that is JSON", id.0)
    });
    in_line(reading, &kept)?;
    indexed(reading, callback)
}

/// One that is owed has a place in its order's line, a dead one its mark; others have neither.
fn in_line(reading: &mut Reading<'_>, kept: &Kept) -> Checked {
    let callback = &kept.callback;
    let place = keys::pending(&callback.order, callback.kind, kept.place);
    let marks = [
        (place, CallbackState::Pending, "a place in its order's line"),
        (
            keys::dead(callback.id),
            CallbackState::Dead,
            "the mark of the dead",
        ),
    ];
    for (mark, state, name) in marks {
        let is_there = reading.tree.contains_key(mark)?;
        reading.must(is_there == (callback.state == state), || {
            let has = if is_there { "has" } else { "does not have" };
            format!(
                "callback {} is {:?} and {has} {name}",
                callback.id.0, callback.state
            )
        });
    }
    let last = reading.numbers.place;
    reading.must(kept.place <= last, || {
        format!(
            "callback {} has place {}, the last one given out is {last}",
            callback.id.0, kept.place
        )
    });
    Ok(())
}

fn indexed(reading: &mut Reading<'_>, callback: &Callback) -> Checked {
    let id = callback.id;
    let of_order = keys::callback_of_order(&callback.order, id);
    reading.must_exist(&of_order, || {
        let entry = of_order.escape_ascii();
        format!("callback {} is not in the index under {entry}", id.0)
    })?;
    let is_known = is_known_in_session(reading, callback)?;
    reading.must(is_known, || {
        let session = &callback.transaction;
        format!("callback {} is named nowhere in session {session}", id.0)
    });
    Ok(())
}

/// Its request names it, or it is in the index of those that nobody asked for.
fn is_known_in_session(reading: &Reading<'_>, callback: &Callback) -> Result<bool, Error> {
    let (network, session) = (&callback.order.network, &callback.transaction);
    let mark = keys::callback_of_session(network, session, callback.id);
    if reading.tree.contains_key(mark)? {
        return Ok(true);
    }
    for entry in reading
        .tree
        .scan_prefix(keys::requests_of(network, session))
    {
        let (key, entry) = entry?;
        let value = values::finish(reading.tree, &key, &entry)?;
        if commit::decode_request(&key, &value)?.callback == Some(callback.id) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn progress(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    // Read with its callback.
    reading.must_exist(&sibling(key, keys::CALLBACK), || {
        format!("{} belongs to no callback", key.escape_ascii())
    })
}

pub(super) fn place(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let waiting: Waiting = reading.record(key, entry)?;
    let fault = match reading.callback(waiting.id)? {
        None => "which is missing".to_owned(),
        Some(kept) => {
            let callback = &kept.callback;
            let own = keys::pending(&callback.order, callback.kind, kept.place);
            if own == key && callback.state == CallbackState::Pending {
                return Ok(());
            }
            format!("which is {:?} at place {}", callback.state, kept.place)
        }
    };
    let key = key.escape_ascii();
    reading.must(false, || {
        format!("{key} is the place of callback {}, {fault}", waiting.id.0)
    });
    Ok(())
}

pub(super) fn dead(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    reading.leads_to(key, |kept| kept.callback.state == CallbackState::Dead)
}

pub(super) fn of_order(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    let own = |kept: &Kept| keys::callback_of_order(&kept.callback.order, kept.callback.id);
    reading.leads_to(key, |kept| own(kept) == key)
}

/// Its value is the key of the request of another door that the callback owes its being to, if
/// there is one: that must be there, and name the callback.
pub(super) fn of_session(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let request = values::finish(reading.tree, key, entry)?;
    if !request.is_empty() {
        let found = commit::request_at(reading.tree, &request)?;
        let named = found.and_then(|found| found.callback);
        let is_right = named.is_some() && named == keys::last_number(key).map(CallbackId);
        reading.must(is_right, || {
            let (key, request) = (key.escape_ascii(), request.escape_ascii());
            format!("{key} tells of request {request}, which is missing or says otherwise")
        });
    }
    reading.leads_to(key, |kept| {
        let callback = &kept.callback;
        let network = &callback.order.network;
        keys::callback_of_session(network, &callback.transaction, callback.id) == key
    })
}
