//! Takes what can still be read out of a damaged store: the orders, and the callbacks owed.
//!
//! Works on a [`copy`](super::copy) like a check, and repairs nothing. Where a page cannot be read
//! the records behind it are read from the other end. What stays unread is a finding; what sled
//! lost without a word it cannot know, so a [`check`](super::check) goes with it.

use std::path::Path;

use bytes::Bytes;
use sled::{Db, IVec, Tree};

use super::check::{Report, guarded, open};
use super::copy::Copy;
use super::migrate::migrate;
use super::open::Format;
use super::{keys, line, values};
use crate::domain::order::Order;
use crate::store::{Callback, CallbackId, CallbackState, Error};

/// Something that could be read.
#[derive(Debug)]
pub enum Salvaged {
    /// An order with its document, which is empty where that is lost.
    Order(Box<Order>, Bytes),
    /// A callback that is owed, with its body.
    Owed(Box<Callback>, Bytes),
}

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
    for (key, entry) in entries(&db, keys::ORDER, &mut report) {
        match guarded(|| order(&db, &key, &entry)) {
            Ok((order, document)) => {
                count("orders", &mut report);
                if let Err(why) = &document {
                    report.found(format!("order {} has no document: {why}", order.key.id));
                }
                take(Salvaged::Order(
                    Box::new(order),
                    document.unwrap_or_default(),
                ))?;
            }
            Err(why) => report.found(why),
        }
    }
    for (key, _) in entries(&db, keys::CALLBACK, &mut report) {
        match guarded(|| owed(&db, &key)) {
            Ok(Some((callback, body))) => {
                count("callbacks owed", &mut report);
                take(Salvaged::Owed(Box::new(callback), body))?;
            }
            Ok(None) => {}
            Err(why) => report.found(why),
        }
    }
    Ok(report)
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
