//! Takes what can still be read out of a damaged store: the orders, the callbacks owed, and the
//! acknowledged requests that wait for the provider.
//!
//! Works on a [`copy`](super::copy) like a check, and repairs nothing. Where a page cannot be read
//! the records behind it are read from the other end. What stays unread is a finding; what sled
//! lost without a word it cannot know, so a [`check`](super::check) goes with it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use bytes::Bytes;
use sled::{Db, IVec, Tree};

use super::check::{Report, guarded, open};
use super::copy::Copy;
use super::migrate::migrate;
use super::open::Format;
use super::{commit, keys, line, values};
use crate::domain::ids::{MessageId, OrderKey};
use crate::domain::order::Order;
use crate::domain::undecided::Undecided;
use crate::store::{Callback, CallbackId, CallbackState, Error, StoredRequest};

/// Something that could be read.
#[derive(Debug)]
pub enum Salvaged {
    /// An order with its document, which is empty where that is lost.
    Order(Box<Order>, Bytes),
    /// A callback that is owed, with its body.
    Owed(Box<Callback>, Bytes),
    /// An acknowledged request that waits until the provider decides on its order. The request
    /// itself is absent where it cannot be read.
    Waiting(Box<Order>, MessageId, Option<Box<StoredRequest>>),
}

/// How a report counts what is [`Salvaged::Waiting`].
pub const WAITING: &str = "requests that wait for the provider";

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
    if let Ok(Some(format)) = guarded(|| values::record::<Format>(&*db, keys::FORMAT))
        && let Err(why) = guarded(|| migrate(&db, format))
    {
        report.found(why);
    }
    let undecided = take_orders(&db, &mut report, take)?;
    take_owed(&db, &mut report, take)?;
    take_waiting(&db, undecided, &mut report, take)?;
    Ok(report)
}

/// The orders that are not decided on, and whose answers they owe.
type UndecidedOrders = HashMap<OrderKey, (Order, BTreeSet<MessageId>)>;

/// Of an erased order there is nothing left that could be handed over.
fn take_orders(db: &Db, report: &mut Report, take: Take<'_>) -> Result<UndecidedOrders, Error> {
    let mut undecided = UndecidedOrders::new();
    for (key, entry) in entries(db, keys::ORDER, report) {
        let (order, document) = match guarded(|| order(db, &key, &entry)) {
            Ok(read) => read,
            Err(why) => {
                report.found(why);
                continue;
            }
        };
        if order.erased_at.is_some() {
            count("erased orders, left out", report);
            continue;
        }
        count("orders", report);
        if let Err(why) = &document {
            report.found(format!("order {} has no document: {why}", order.key.id));
        }
        if order.is_undecided() {
            let waiting = waiting(&order);
            undecided.insert(order.key.clone(), (order.clone(), waiting));
        }
        take(Salvaged::Order(
            Box::new(order),
            document.unwrap_or_default(),
        ))?;
    }
    Ok(undecided)
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
    mut undecided: UndecidedOrders,
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
        let Some((order, missing)) = undecided.get_mut(&request.order_key()) else {
            continue;
        };
        if waits(order, &request) {
            let message = request.key.message.clone();
            missing.remove(&message);
            count(WAITING, report);
            let (order, request) = (Box::new(order.clone()), Box::new(request));
            take(Salvaged::Waiting(order, message, Some(request)))?;
        }
    }
    for (order, missing) in undecided.into_values() {
        for message in missing {
            count(WAITING, report);
            take(Salvaged::Waiting(Box::new(order.clone()), message, None))?;
        }
    }
    Ok(())
}

/// The messages whose senders wait for a decision on an order.
fn waiting(order: &Order) -> BTreeSet<MessageId> {
    let asked = order.undecided.iter().flat_map(Undecided::requests);
    let asked = asked.map(|key| &key.message);
    let looked_into = order.pending.iter().map(|pending| &pending.request);
    asked.chain(looked_into).cloned().collect()
}

fn waits(order: &Order, request: &StoredRequest) -> bool {
    let mut asked = order.undecided.iter().flat_map(Undecided::requests);
    let looked_into = order.pending.as_ref().map(|pending| &pending.request);
    looked_into == Some(&request.key.message) || asked.any(|key| *key == request.key)
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
