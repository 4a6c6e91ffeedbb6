//! What must hold for each kind of record: that it can be read, and that the records it tells of,
//! and those that must tell of it, are there and agree. Used by [`check`](super::check).

mod owed;

use serde::de::{DeserializeOwned, IgnoredAny};
use sled::IVec;

use super::check::{Kind, Reading};
use super::index::Known;
use super::line::{self, Kept};
use super::{commit, keys, values};
use crate::domain::ids::{OrderKey, SubscriberId};
use crate::domain::order::Order;
use crate::store::{AuditEntry, CallbackId, Error, Event};

/// Every kind of record there is.
pub(super) const KINDS: &[Kind] = &[
    kind(b'm', "settings", setting),
    kind(keys::ORDER, "orders", order),
    kind(keys::DOCUMENT, "order documents", document),
    kind(keys::REQUEST, "requests", request),
    kind(keys::CALLBACK, "callbacks", owed::callback),
    kind(keys::PROGRESS, "outcomes of callbacks", owed::progress),
    kind(keys::PENDING, "places in lines", owed::place),
    kind(keys::DEAD, "marks of dead callbacks", owed::dead),
    kind(
        keys::CALLBACK_OF_ORDER,
        "callbacks by order",
        owed::of_order,
    ),
    kind(
        keys::CALLBACK_OF_SESSION,
        "callbacks by session",
        owed::of_session,
    ),
    kind(keys::REQUEST_OF_ORDER, "requests by order", silent),
    kind(keys::CALLED, "references", found),
    kind(keys::UNDECIDED, "marks of questions", found),
    kind(keys::DEADLINE, "deadlines", found),
    kind(keys::EVENT, "events", event),
    kind(keys::HOLD, "holds", hold),
    kind(keys::AUDIT, "audit entries", audit),
    kind(keys::PIECE, "further pieces", piece),
];

type Rule = fn(&mut Reading<'_>, &[u8], &IVec) -> Result<(), Error>;
type Checked = Result<(), Error>;

const fn kind(letter: u8, name: &'static str, rule: Rule) -> Kind {
    Kind { letter, name, rule }
}

impl Reading<'_> {
    /// The record that begins with an entry.
    fn record<T: DeserializeOwned>(&self, key: &[u8], entry: &IVec) -> Result<T, Error> {
        values::decode(key, &values::finish(self.tree, key, entry)?)
    }

    fn callback(&self, id: CallbackId) -> Result<Option<Kept>, Error> {
        line::kept(self.tree, id)
    }

    /// Finds fault unless it holds.
    fn must(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.report.found(finding());
        }
    }

    fn must_exist(&mut self, key: &[u8], finding: impl FnOnce() -> String) -> Checked {
        let is_there = self.tree.contains_key(key)?;
        self.must(is_there, finding);
        Ok(())
    }

    /// An index entry or a mark must lead to a callback that it is right about.
    fn leads_to(&mut self, key: &[u8], is_right: impl FnOnce(&Kept) -> bool) -> Checked {
        let id = keys::last_number(key).map(CallbackId);
        let id = id.ok_or_else(|| values::corrupt(key, None))?;
        let fault = match self.callback(id)? {
            None => "which is missing",
            Some(kept) if !is_right(&kept) => "which says otherwise",
            Some(_) => return Ok(()),
        };
        let key = key.escape_ascii();
        self.report
            .found(format!("{key} leads to callback {}, {fault}", id.0));
        Ok(())
    }
}

/// The key of another kind that has the same parts.
fn sibling(key: &[u8], kind: u8) -> keys::Key {
    let mut sibling = key.to_vec();
    if let Some(first) = sibling.first_mut() {
        *first = kind;
    }
    sibling
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn setting(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    values::finish(reading.tree, key, entry).map(drop)
}

fn order(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let order: Order = reading.record(key, entry)?;
    let id = &order.key.id;
    reading.must(keys::order(&order.key) == key, || {
        format!("{} holds order {id}", key.escape_ascii())
    });
    for entry in Known::of(&order).keys(&order.key) {
        reading.must_exist(&entry, || {
            format!("order {id} is not found under {}", entry.escape_ascii())
        })?;
    }
    let has_document = reading.tree.contains_key(sibling(key, keys::DOCUMENT))?;
    reading.must(has_document || order.erased_at.is_some(), || {
        format!("order {id} has no document")
    });
    Ok(())
}

/// What an order is found by must be true of it.
fn found(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let of: OrderKey = reading.record(key, entry)?;
    let order: Option<Order> = values::record(reading.tree, &keys::order(&of))?;
    let is_right = order.is_some_and(|order| {
        let entries = Known::of(&order).keys(&of);
        entries.iter().any(|entry| entry == key)
    });
    reading.must(is_right, || {
        format!(
            "{} leads to order {}, which says otherwise",
            key.escape_ascii(),
            of.id
        )
    });
    Ok(())
}

/// A request that no callback tells of lies where the index says, and says so itself.
fn silent(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    let ends = |number: usize| {
        key.windows(2)
            .enumerate()
            .filter(|(_, two)| *two == [0, 1])
            .nth(number)
    };
    // The network and the order go before.
    let place = ends(1).map(|(at, _)| &key[at + 2..]);
    let request = place
        .map(|place| commit::request_at(reading.tree, place))
        .transpose()?;
    let is_right = request
        .flatten()
        .is_some_and(|request| request.callback.is_none());
    reading.must(is_right, || {
        format!(
            "{} leads to no request without a callback",
            key.escape_ascii()
        )
    });
    Ok(())
}

fn document(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let bytes = values::finish(reading.tree, key, entry)?;
    reading.must(is_json(&bytes), || {
        format!("{} is no JSON", key.escape_ascii())
    });
    reading.must_exist(&sibling(key, keys::ORDER), || {
        format!("{} belongs to no order", key.escape_ascii())
    })
}

fn request(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let value = values::finish(reading.tree, key, entry)?;
    let request = commit::decode_request(key, &value)?;
    let id = &request.key.message;
    reading.must(keys::request(&request.key) == key, || {
        format!("{} holds request {id}", key.escape_ascii())
    });
    let digest = (reading.digest)(&request.body);
    let is_right = request.is_erased() || digest == request.body_digest;
    reading.must(is_right, || {
        let told = &request.body_digest;
        format!("request {id}: the body's digest is {digest}, not {told}")
    });
    match request.callback {
        None => reading.must_exist(&keys::request_of_order(&request.order_key(), key), || {
            format!("request {id} has no callback and is not in the index")
        }),
        Some(callback) => reading.must_exist(&keys::callback(callback), || {
            format!("request {id}: its callback {} is missing", callback.0)
        }),
    }
}

fn event(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let number = in_a_row(reading, "event", key)?;
    let event: Event = reading.record(key, entry)?;
    reading.must(event.sequence == number, || {
        format!("event {number} says that it is event {}", event.sequence)
    });
    Ok(())
}

fn audit(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let number = in_a_row(reading, "audit entry", key)?;
    let entry: AuditEntry = reading.record(key, entry)?;
    reading.must(entry.sequence == number, || {
        format!("audit entry {number} says that it is {}", entry.sequence)
    });
    Ok(())
}

/// The number of a record of which the oldest may have been pruned: after the first that is
/// there, none is missing.
fn in_a_row(reading: &mut Reading<'_>, name: &'static str, key: &[u8]) -> Result<u64, Error> {
    let number = keys::last_number(key).ok_or_else(|| values::corrupt(key, None))?;
    let before = reading.last_of.insert(name, number);
    let expected = before.map_or(number, |before| before + 1);
    reading.must(number == expected, || {
        match number.saturating_sub(expected) {
            1 => format!("{name} {expected} is missing"),
            _ => format!("{name}s {expected} to {} are missing", number - 1),
        }
    });
    Ok(number)
}

/// The newest event and audit entry are never pruned, so they must be the last given out.
pub(super) fn newest(reading: &mut Reading<'_>) {
    let given_out = [
        ("event", reading.numbers.event),
        ("audit entry", reading.numbers.audit),
    ];
    for (name, given_out) in given_out {
        let there = reading.last_of.get(name).copied().unwrap_or(0);
        reading.must(there == given_out, || {
            format!("the newest {name} is {there}, the last one given out is {given_out}")
        });
    }
}

fn hold(reading: &mut Reading<'_>, key: &[u8], entry: &IVec) -> Checked {
    let written = values::finish(reading.tree, key, entry)?;
    let written = String::from_utf8_lossy(&written);
    let is_right = match &*written {
        "*" => keys::hold(None) == key,
        id => SubscriberId::parse(id).is_ok_and(|id| keys::hold(Some(&id)) == key),
    };
    reading.must(is_right, || {
        format!("{} holds {written:?}", key.escape_ascii())
    });
    Ok(())
}

/// A piece belongs to a value that counts it.
fn piece(reading: &mut Reading<'_>, key: &[u8], _: &IVec) -> Checked {
    let parts = key[1..].split_last_chunk::<2>();
    let (owner, number) = parts.ok_or_else(|| values::corrupt(key, None))?;
    let counted = match reading.tree.get(owner)? {
        Some(entry) => values::further_pieces(owner, &entry)?,
        None => 0,
    };
    reading.must(u16::from_be_bytes(*number) < counted, || {
        format!("{} belongs to no value", key.escape_ascii())
    });
    Ok(())
}
