//! The keys of the one sled tree: a letter for the kind of record, then its parts.
//!
//! Byte order is the order of the parts, so a listing is a range and all records of an order
//! or a session share a prefix. A text part is escaped and ended (`00` becomes `00 FF`, the
//! end is `00 01`), so no text, whatever it holds, can reach into the next part or collide
//! with another key. Numbers are eight bytes, big end first. Keys are made here and only here.

use chrono::{DateTime, Utc};

use crate::domain::ids::{NetworkName, OrderKey, RequestKey, SubscriberId, TransactionId};
use crate::store::{CallbackId, CallbackKind, ReferenceField};

/// A key, or the prefix of several.
pub(super) type Key = Vec<u8>;

/// The release that can read the store: see [`super::open`].
pub(super) const FORMAT: &[u8] = b"mformat";
/// The last numbers given out.
pub(super) const NUMBERS: &[u8] = b"mnumbers";

/// Order heads.
pub(super) const ORDER: u8 = b'o';
/// Requests, each with its body.
pub(super) const REQUEST: u8 = b'r';
/// Callbacks as they were committed, each with its body.
pub(super) const CALLBACK: u8 = b'c';
/// What has become of callbacks since.
pub(super) const PROGRESS: u8 = b'p';
/// Callbacks owed, by order.
pub(super) const PENDING: u8 = b'q';
/// Callbacks given up on.
pub(super) const DEAD: u8 = b'x';
/// Events.
pub(super) const EVENT: u8 = b'e';
/// Holds.
pub(super) const HOLD: u8 = b'h';
/// Audit entries.
pub(super) const AUDIT: u8 = b'a';

/// Order documents.
pub(super) const DOCUMENT: u8 = b'd';
/// The index of callbacks by order.
pub(super) const CALLBACK_OF_ORDER: u8 = b'n';
/// The index by session of callbacks that no request tells of.
pub(super) const CALLBACK_OF_SESSION: u8 = b't';
/// The index of requests by order that no callback tells of.
pub(super) const REQUEST_OF_ORDER: u8 = b'v';
/// The index of orders by a partner's reference.
pub(super) const CALLED: u8 = b'b';
/// The orders that the provider is asked about.
pub(super) const UNDECIDED: u8 = b'u';
/// The orders whose provider has a time to decide on a cancellation, by that time.
pub(super) const DEADLINE: u8 = b'l';
/// Further pieces of long values.
pub(super) const PIECE: u8 = b'~';

/// From this byte of the kind in a pending key on, callbacks wait for their own kind alone.
const OWN_LINE_FROM: u8 = 2;

/// How many bytes a pending key has after its order's part: the kind and the place.
const PENDING_TAIL_BYTES: usize = 9;

/// Room for a number behind the parts, and for an escape or two.
const KEY_ROOM: usize = 16;

fn texts(kind: u8, parts: &[&str]) -> Key {
    let bytes: usize = parts.iter().map(|part| part.len() + 2).sum();
    let mut key = Vec::with_capacity(bytes + KEY_ROOM);
    key.push(kind);
    for part in parts {
        for (number, piece) in part.split('\0').enumerate() {
            if number > 0 {
                key.extend([0, 0xff]);
            }
            key.extend_from_slice(piece.as_bytes());
        }
        key.extend([0, 1]);
    }
    key
}

fn with_number(mut key: Key, number: u64) -> Key {
    key.extend(number.to_be_bytes());
    key
}

/// The number a key ends with.
pub(super) fn last_number(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

fn of_order(kind: u8, order: &OrderKey) -> Key {
    texts(kind, &[order.network.as_str(), order.id.as_str()])
}

/// Where an order is.
pub(super) fn order(order: &OrderKey) -> Key {
    of_order(ORDER, order)
}

/// What all orders of a network begin with.
pub(super) fn orders_of(network: &NetworkName) -> Key {
    texts(ORDER, &[network.as_str()])
}

/// Where an order's document is.
pub(super) fn document(order: &OrderKey) -> Key {
    of_order(DOCUMENT, order)
}

/// Where a request is. The session goes before the caller, so that a session's requests lie
/// together.
pub(super) fn request(request: &RequestKey) -> Key {
    let session = [request.network.as_str(), request.transaction.as_str()];
    let message = [&request.caller, request.message.as_str(), &request.action];
    texts(REQUEST, &[&session[..], &message[..]].concat())
}

/// What all requests of a session begin with.
pub(super) fn requests_of(network: &NetworkName, transaction: &TransactionId) -> Key {
    texts(REQUEST, &[network.as_str(), transaction.as_str()])
}

/// What the index of an order's requests begins with that no callback tells of.
pub(super) fn requests_of_order(order: &OrderKey) -> Key {
    of_order(REQUEST_OF_ORDER, order)
}

/// One entry of that index, which ends with where the request is.
pub(super) fn request_of_order(order: &OrderKey, request: &[u8]) -> Key {
    [&requests_of_order(order)[..], request].concat()
}

/// What all orders begin with that a partner calls so.
pub(super) fn all_called(field: ReferenceField, text: &str) -> Key {
    texts(CALLED, &[field.word(), text])
}

/// Those of them that belong to a tenant.
pub(super) fn called_at(field: ReferenceField, text: &str, tenant: &str) -> Key {
    texts(CALLED, &[field.word(), text, tenant])
}

/// One entry of that index.
pub(super) fn called(field: ReferenceField, text: &str, tenant: &str, order: &OrderKey) -> Key {
    let of = [order.network.as_str(), order.id.as_str()];
    texts(CALLED, &[field.word(), text, tenant, of[0], of[1]])
}

/// Where it says that the provider is asked about an order.
pub(super) fn undecided(order: &OrderKey) -> Key {
    of_order(UNDECIDED, order)
}

/// Where it says until when the provider has to decide about an order.
pub(super) fn deadline(until: DateTime<Utc>, order: &OrderKey) -> Key {
    let parts = [order.network.as_str(), order.id.as_str()];
    let parts = &texts(DEADLINE, &parts)[1..];
    [&deadlines_before(until)[..], parts].concat()
}

/// What all of those that are over by a time come before.
pub(super) fn deadlines_before(now: DateTime<Utc>) -> Key {
    // A time before 1970 has long been over.
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    with_number(vec![DEADLINE], millis)
}

/// Where a callback is.
pub(super) fn callback(id: CallbackId) -> Key {
    with_number(vec![CALLBACK], id.0)
}

/// Where it is told what has become of a callback.
pub(super) fn progress(id: CallbackId) -> Key {
    with_number(vec![PROGRESS], id.0)
}

/// What the index of all callbacks of an order begins with.
pub(super) fn callbacks_of_order(order: &OrderKey) -> Key {
    of_order(CALLBACK_OF_ORDER, order)
}

/// One entry of that index.
pub(super) fn callback_of_order(order: &OrderKey, id: CallbackId) -> Key {
    with_number(callbacks_of_order(order), id.0)
}

/// What the index of the callbacks of a session that nobody asked for begins with; the others
/// are named by their requests.
pub(super) fn callbacks_of_session(network: &NetworkName, transaction: &TransactionId) -> Key {
    let parts = [network.as_str(), transaction.as_str()];
    texts(CALLBACK_OF_SESSION, &parts)
}

/// One entry of that index.
pub(super) fn callback_of_session(
    network: &NetworkName,
    transaction: &TransactionId,
    id: CallbackId,
) -> Key {
    with_number(callbacks_of_session(network, transaction), id.0)
}

/// What an order's waiting callbacks begin with.
pub(super) fn line(order: &OrderKey) -> Key {
    of_order(PENDING, order)
}

/// What an order's waiting callbacks of one kind begin with. The kind goes before the place,
/// so that waiting previews are found without passing over waiting outcomes.
pub(super) fn pending_of(order: &OrderKey, kind: CallbackKind) -> Key {
    let mut key = line(order);
    key.push(match kind {
        CallbackKind::Preview => 0,
        // Those about no order have a line each.
        CallbackKind::Final | CallbackKind::Reasons => 1,
        CallbackKind::Audit => OWN_LINE_FROM,
        CallbackKind::Webhook => OWN_LINE_FROM + 1,
        CallbackKind::Event => OWN_LINE_FROM + 2,
    });
    key
}

/// A place in an order's waiting line.
pub(super) fn pending(order: &OrderKey, kind: CallbackKind, place: u64) -> Key {
    with_number(pending_of(order, kind), place)
}

/// Whether a pending key is that of a kind with a line of its own.
pub(super) fn has_own_line(pending: &[u8]) -> bool {
    let kind = pending.len().checked_sub(PENDING_TAIL_BYTES);
    kind.and_then(|at| pending.get(at))
        .is_some_and(|kind| *kind >= OWN_LINE_FROM)
}

/// The part of a pending key that all who wait for each other share: the order, and for those
/// with a line of their own the kind besides.
pub(super) fn line_part(pending: &[u8]) -> &[u8] {
    let tail = PENDING_TAIL_BYTES - usize::from(has_own_line(pending));
    &pending[..pending.len().saturating_sub(tail)]
}

/// The mark of a callback given up on.
pub(super) fn dead(id: CallbackId) -> Key {
    with_number(vec![DEAD], id.0)
}

/// Where an event is.
pub(super) fn event(sequence: u64) -> Key {
    with_number(vec![EVENT], sequence)
}

/// Where an audit entry is.
pub(super) fn audit(sequence: u64) -> Key {
    with_number(vec![AUDIT], sequence)
}

/// Where a hold is: on one subscriber, in whichever form its id is written, or on all.
pub(super) fn hold(subscriber: Option<&SubscriberId>) -> Key {
    match subscriber {
        None => vec![HOLD, 0],
        Some(subscriber) => [&[HOLD, 1], subscriber.comparable().as_bytes()].concat(),
    }
}

/// Where a further piece of the value under `key` is.
pub(super) fn piece(key: &[u8], number: u16) -> Key {
    [&[PIECE], key, &number.to_be_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_of_different_parts_differ_and_sort_as_their_parts(
            a in proptest::collection::vec("[\u{0}\u{1}a-c]{0,3}", 3),
            b in proptest::collection::vec("[\u{0}\u{1}a-c]{0,3}", 3),
        ) {
            let key = |parts: &[String]| {
                texts(ORDER, &parts.iter().map(String::as_str).collect::<Vec<_>>())
            };
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            prop_assert!(a == b || !key(&a).starts_with(&key(&b)));
        }
    }

    #[test]
    fn a_request_lies_under_the_prefix_of_its_session_only() {
        let network = NetworkName::parse("mobility").expect("valid");
        let session = |text: &str| TransactionId::parse(text).expect("valid");
        let key = request(&RequestKey {
            network: network.clone(),
            caller: "bap.example".to_owned(),
            transaction: session("t1"),
            message: crate::domain::ids::MessageId::parse("m1").expect("valid"),
            action: "cancel".to_owned(),
        });
        assert!(key.starts_with(&requests_of(&network, &session("t1"))));
        assert!(!key.starts_with(&requests_of(&network, &session("t"))));
    }
}
