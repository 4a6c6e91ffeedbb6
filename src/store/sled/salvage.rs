//! Takes what can still be read out of a damaged store: the orders, the callbacks owed, and the
//! acknowledged requests that wait for the provider.
//!
//! Works on a [`copy`](super::copy) like a check, and repairs nothing. Where a page cannot be read
//! the records behind it are read from the other end. What stays unread is a finding, and so is a
//! lost end, which the tip tells of. What else sled lost without a word it cannot know, so a
//! [`check`](super::check) goes with it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use bytes::Bytes;
use sled::{Db, IVec, Tree};

use super::check::{Report, check_frame, guarded, open};
use super::copy::Copy;
use super::{commit, keys, line, values};
use crate::domain::ids::{MessageId, OrderKey, RequestKey};
use crate::domain::order::{Order, Placement};
use crate::domain::undecided::Undecided;
use crate::store::{Callback, CallbackId, CallbackState, Error, StoredRequest};

/// Something that could be read.
#[derive(Debug)]
pub enum Salvaged {
    /// An order with its document, which is empty where that is lost.
    Order(Box<Order>, Bytes),
    /// A callback that is owed, with its body.
    Owed(Box<Callback>, Bytes),
    /// An acknowledged request that waits until the provider decides on its order.
    Waiting(Box<Order>, Box<StoredRequest>),
    /// The same where the request cannot be read, as the order names it.
    WaitingUnread(Box<Order>, Box<Named>),
    /// A request that was not answered, and whose order cannot be read: perhaps it waits.
    PerhapsWaiting(Box<StoredRequest>),
}

/// What an order says of a request that waits for its outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// Who sent it, in which session.
    Whole(RequestKey),
    /// The message alone.
    Message(MessageId),
}

/// How a report counts what is [`Salvaged::Waiting`] or [`Salvaged::WaitingUnread`].
pub const WAITING: &str = "requests that wait for the provider";

/// How it counts what is [`Salvaged::PerhapsWaiting`].
pub const PERHAPS_WAITING: &str = "requests that may wait, whose orders cannot be read";

/// Where it goes.
pub type Take<'a> = &'a mut dyn FnMut(Salvaged) -> std::io::Result<()>;

/// Hands over all that can be read of a store that no server has open.
///
/// # Errors
/// When it cannot be looked at, as [`check`](super::check()), or `take` fails.
pub fn salvage(store: &Path, scratch: &Path, take: Take<'_>) -> Result<Report, Error> {
    let copy = Copy::take(store, scratch)?;
    let mut report = Report::default();
    let Some(db) = open_somehow(copy.path(), &mut report)? else {
        return Ok(report);
    };
    check_frame(store, &db, &mut report)?;
    let read = take_orders(&db, &mut report, take)?;
    take_owed(&db, &mut report, take)?;
    take_waiting(&db, read, &mut report, take)?;
    Ok(report)
}

/// The orders that could be read: of those that are not decided on the order, and whose answers
/// it owes.
type Read = HashMap<OrderKey, Option<(Order, BTreeSet<Named>)>>;

/// Of an erased order there is nothing left that could be handed over.
fn take_orders(db: &Db, report: &mut Report, take: Take<'_>) -> Result<Read, Error> {
    let mut read = Read::new();
    for (key, entry) in entries(db, keys::ORDER, report) {
        let (order, document) = match guarded(|| order(db, &key, &entry)) {
            Ok(read) => read,
            Err(why) => {
                report.found(why);
                continue;
            }
        };
        let undecided = order.is_undecided();
        let undecided = undecided.then(|| (order.clone(), waiting(&order)));
        read.insert(order.key.clone(), undecided);
        if order.erased_at.is_some() {
            count("erased orders, left out", report);
            continue;
        }
        count("orders", report);
        if let Err(why) = &document {
            report.found(format!("order {} has no document: {why}", order.key.id));
        }
        take(Salvaged::Order(
            Box::new(order),
            document.unwrap_or_default(),
        ))?;
    }
    Ok(read)
}

fn take_owed(db: &Db, report: &mut Report, take: Take<'_>) -> Result<(), Error> {
    for (key, _) in entries(db, keys::CALLBACK, report) {
        match guarded(|| owed(db, &key)) {
            Ok(Some((callback, body))) => {
                count("callbacks owed", report);
                take(Salvaged::Owed(Box::new(callback), body))?;
            }
            Ok(None) => {}
            Err(why) => report.found(why),
        }
    }
    Ok(())
}

/// Every request is looked at: an order does not tell the session of one that is looked into.
fn take_waiting(
    db: &Db,
    mut orders: Read,
    report: &mut Report,
    take: Take<'_>,
) -> Result<(), Error> {
    for (key, entry) in entries(db, keys::REQUEST, report) {
        let read = guarded(|| commit::decode_request(&key, &values::finish(&**db, &key, &entry)?));
        let request = match read {
            Ok(request) => request,
            Err(why) => {
                report.found(why);
                continue;
            }
        };
        let found = match orders.get_mut(&request.order_key()) {
            Some(Some(undecided)) => of_undecided(undecided, request, report),
            Some(None) => None,
            None => of_unread(request, report),
        };
        found.map(&mut *take).transpose()?;
    }
    for (order, missing) in orders.into_values().flatten() {
        for named in missing {
            count(WAITING, report);
            let (order, named) = (Box::new(order.clone()), Box::new(named));
            take(Salvaged::WaitingUnread(order, named))?;
        }
    }
    Ok(())
}

/// A request for an order that is not decided on, if it is one that waits.
fn of_undecided(
    (order, missing): &mut (Order, BTreeSet<Named>),
    request: StoredRequest,
    report: &mut Report,
) -> Option<Salvaged> {
    let is_asked = missing.remove(&Named::Whole(request.key.clone()));
    let is_looked_into = is_looked_into(order, &request);
    if is_looked_into {
        missing.remove(&Named::Message(request.key.message.clone()));
    }
    (is_asked || is_looked_into).then(|| {
        count(WAITING, report);
        Salvaged::Waiting(Box::new(order.clone()), Box::new(request))
    })
}

/// A request for an order that is not among those that were read. One that was answered waits no
/// more, and one that waits is not erased.
fn of_unread(request: StoredRequest, report: &mut Report) -> Option<Salvaged> {
    if request.callback.is_some() || request.refused.is_some() || request.is_erased() {
        return None;
    }
    count(PERHAPS_WAITING, report);
    report.found(format!(
        "request {} was not answered, and its order {} cannot be read",
        request.key.message, request.order
    ));
    Some(Salvaged::PerhapsWaiting(Box::new(request)))
}

/// The requests whose senders wait for a decision on an order.
fn waiting(order: &Order) -> BTreeSet<Named> {
    let asked = order.undecided.iter().flat_map(Undecided::requests);
    let asked = asked.cloned().map(Named::Whole);
    let looked_into = order.pending.iter().map(|pending| &pending.request);
    asked
        .chain(looked_into.cloned().map(Named::Message))
        .collect()
}

/// Only who placed an order can have it looked into. Not every network keeps the session for an
/// order's life: in another one it is the request that came when the order says.
fn is_looked_into(order: &Order, request: &StoredRequest) -> bool {
    let Some(pending) = &order.pending else {
        return false;
    };
    let key = &request.key;
    let is_of_caller = |placed: &Placement| {
        let in_session = placed.transaction == key.transaction;
        placed.bap.comparable() == key.caller && (in_session || pending.at == request.received_at)
    };
    let (network, placed) = (&order.key.network, order.placement.as_ref());
    pending.request == key.message && *network == key.network && placed.is_none_or(is_of_caller)
}

/// A snapshot only saves sled the reading of its whole log: without one that is damaged, it may
/// open.
fn open_somehow(copy: &Path, report: &mut Report) -> Result<Option<Db>, Error> {
    if let Some(db) = open(copy, report) {
        return Ok(Some(db));
    }
    for entry in std::fs::read_dir(copy)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(open(copy, report))
}

fn count(kind: &'static str, report: &mut Report) {
    *report.counts.entry(kind).or_default() += 1;
}

type Entry = (IVec, IVec);

/// Every entry of a kind up to the first that cannot be read, and from the end down to the last.
fn entries(db: &Db, kind: u8, report: &mut Report) -> Vec<Entry> {
    let mut forward = db.scan_prefix([kind]);
    let (mut found, fault) = until_fault(|| forward.next());
    let Some(why) = fault else {
        return found;
    };
    let mut backward = db.scan_prefix([kind]);
    let (behind, _) = until_fault(|| backward.next_back());
    let last = found.last().map(|(key, _)| key.clone());
    let behind = behind.into_iter().rev();
    found.extend(behind.filter(|(key, _)| last.as_ref().is_none_or(|last| key > last)));
    let last = last.unwrap_or_else(|| IVec::from(&[kind]));
    report.found(format!(
        "records after {} cannot be read: {why}",
        last.escape_ascii()
    ));
    found
}

fn until_fault(
    mut next: impl FnMut() -> Option<sled::Result<Entry>>,
) -> (Vec<Entry>, Option<String>) {
    let mut found = Vec::new();
    loop {
        match guarded(|| Ok(next().transpose()?)) {
            Ok(Some(entry)) => found.push(entry),
            Ok(None) => return (found, None),
            Err(why) => return (found, Some(why)),
        }
    }
}

type WithDocument = (Order, Result<Bytes, String>);

fn order(tree: &Tree, key: &[u8], entry: &IVec) -> Result<WithDocument, Error> {
    let order: Order = values::decode(key, &values::finish(tree, key, entry)?)?;
    let document_key = keys::document(&order.key);
    let document = guarded(|| {
        let document = values::read(tree, &document_key)?;
        document.ok_or_else(|| values::corrupt(&document_key, None))
    });
    Ok((order, document))
}

fn owed(tree: &Tree, key: &[u8]) -> Result<Option<(Callback, Bytes)>, Error> {
    let id = keys::last_number(key).map(CallbackId);
    let id = id.ok_or_else(|| values::corrupt(key, None))?;
    let read = line::read(tree, id)?.map(|(kept, body)| (kept.callback, body));
    Ok(read.filter(|(callback, _)| callback.state == CallbackState::Pending))
}
