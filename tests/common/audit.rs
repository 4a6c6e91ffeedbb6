//! Compares what the outside knows with what the server says, once nothing is owed any more.
//!
//! Lost, doubled, altered or half done: each finding is a sentence that names the message or
//! the order. It does not repair anything, and it does not know how the server works
//! inside.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::books::{Books, Callback, Message, is_preview};
use super::orders::Numbered;
use super::seen::{Seen, Session, look, text};
use super::surroundings::Admin;

/// What the audit saw.
#[derive(Debug, Default)]
pub struct Report {
    /// What must not be.
    pub violations: Vec<String>,
    /// Orders that were cancelled.
    pub cancelled: usize,
    /// Messages that were never acknowledged and are there all the same.
    pub present_unacknowledged: usize,
    /// Prices that were given up on because the outcome was there.
    pub overtaken: usize,
    /// Fee, refund and due over all events, in paise.
    pub charges: [u64; 3],
}

/// Compares. Every callback must have been settled before.
pub async fn audit(admin: &Admin, books: &Books, received: &[Callback]) -> anyhow::Result<Report> {
    let seen = look(admin).await?;
    let mut report = Report::default();
    numbers_have_no_gaps(&seen, &mut report);
    let overtaken = overtaken(&seen);
    report.overtaken = overtaken.len();
    let mut arrived: BTreeMap<&str, Vec<&Callback>> = BTreeMap::new();
    for callback in received {
        let of_message = arrived.entry(&callback.message).or_default();
        of_message.push(callback);
    }
    for order in &books.orders {
        if !seen.orders.contains_key(&order.id()) {
            report.found(format!("{} was taken in and is gone", order.id()));
        }
    }
    every_message((&seen, &overtaken), books, &arrived, &mut report);
    every_order(&seen, books, &arrived, &mut report);
    every_callback(&seen, &overtaken, &mut report);
    every_erased(&seen, books, &mut report);
    every_arrival(books, &arrived, &mut report);
    Ok(report)
}

impl Report {
    fn found(&mut self, violation: String) {
        self.violations.push(violation);
    }
}

/// The prices that need not arrive any more: their orders' outcomes were committed after them.
fn overtaken(seen: &Seen) -> BTreeSet<u64> {
    let mut overtaken = BTreeSet::new();
    for session in seen.sessions.values() {
        let outcomes = session.callbacks.iter().filter(|c| !is_preview(&c.0));
        let last = outcomes.map(|c| c.1).max().unwrap_or(0);
        let previews = session.callbacks.iter().filter(|c| is_preview(&c.0));
        let earlier = previews.map(|c| c.1).filter(|number| *number < last);
        let is_over = |number: &u64| {
            let state = seen.callbacks.get(number).map(|row| text(&row["state"]));
            matches!(state.as_deref(), Some("superseded" | "dead"))
        };
        overtaken.extend(earlier.filter(is_over));
    }
    overtaken
}

/// Events and callbacks are numbered from 1 in the order they were committed.
fn numbers_have_no_gaps(seen: &Seen, report: &mut Report) {
    let sequences = seen.events.iter().map(|event| event["sequence"].as_u64());
    for (sequence, expected) in sequences.zip(1..) {
        if sequence != Some(expected) {
            report.found(format!(
                "event {expected} is missing; {sequence:?} is in its place"
            ));
            break;
        }
    }
    for (id, expected) in seen.callbacks.keys().zip(1..) {
        if *id != expected {
            report.found(format!(
                "callback {expected} is missing; {id} is in its place"
            ));
            break;
        }
    }
}

/// A message is there as a whole or not at all, and an acknowledged one is there.
fn every_message(
    (seen, overtaken): (&Seen, &BTreeSet<u64>),
    books: &Books,
    arrived: &BTreeMap<&str, Vec<&Callback>>,
    report: &mut Report,
) {
    for (id, message) in &books.messages {
        let nothing = Session::default();
        let session = seen.sessions.get(&message.order.transaction());
        let session = session.unwrap_or(&nothing);
        let requests: Vec<_> = session.requests.iter().filter(|r| r.0 == *id).collect();
        let callbacks: Vec<_> = session.callbacks.iter().filter(|c| c.0 == *id).collect();
        let arrivals = arrived.get(id.as_str()).map_or(0, Vec::len);
        let counts = (requests.len(), callbacks.len());
        match counts {
            (1, 1) if requests[0].2 == callbacks[0].1 => {
                stored_as_acknowledged(id, message, &requests[0].1, report);
            }
            (0, 0) if arrivals == 0 && message.acked.is_empty() => continue,
            (0, 0) if message.acked.is_empty() => {
                report.found(format!(
                    "{id}: {arrivals} callbacks came, and nothing is kept"
                ));
            }
            (0, 0) => {
                report.found(format!("{id} was acknowledged and is lost"));
                continue;
            }
            _ => report.found(format!(
                "{id}: {} requests and {} callbacks are kept: {requests:?} {callbacks:?}",
                counts.0, counts.1
            )),
        }
        let is_overtaken = callbacks.iter().any(|c| overtaken.contains(&c.1));
        if arrivals == 0 && !is_overtaken {
            report.found(format!("{id}: its callback never arrived"));
        }
    }
}

fn stored_as_acknowledged(id: &str, message: &Message, digest: &str, report: &mut Report) {
    if message.is_foreign {
        report.found(format!("{id} came from a stranger and is kept"));
    }
    if message.acked.len() > 1 {
        report.found(format!("{id} was acknowledged with two bodies"));
    }
    let wanted = match message.acked.is_empty() {
        true => &message.sent,
        false => &message.acked,
    };
    if !wanted.contains(digest) {
        report.found(format!(
            "{id} is kept with another body than was acknowledged"
        ));
    }
    report.present_unacknowledged += usize::from(message.acked.is_empty());
}

/// An order is cancelled once, if and only if a request for it is kept, and its event says
/// so, once, with the right money.
fn every_order(
    seen: &Seen,
    books: &Books,
    arrived: &BTreeMap<&str, Vec<&Callback>>,
    report: &mut Report,
) {
    let mut events: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for event in &seen.events {
        let of_order = events.entry(text(&event["order_id"])).or_default();
        of_order.push(event);
    }
    let orders = books.messages.values().map(|message| message.order);
    let orders: BTreeSet<Numbered> = orders.chain(books.orders.iter().copied()).collect();
    for order in orders {
        let Some(row) = seen.orders.get(&order.id()) else {
            continue;
        };
        let session = seen.sessions.get(&order.transaction());
        let asked = session.is_some_and(|s| s.requests.iter().any(|r| !is_preview(&r.0)));
        let events = events.remove(&order.id()).unwrap_or_default();
        let is_cancelled = row["state"] == "Cancelled" && row["cancellation"].is_object();
        let (ends_cancelled, expected) = expected(asked, books.decided_later.get(&order));
        let told: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
        if (is_cancelled, told.as_slice()) != (ends_cancelled, expected) {
            report.found(format!(
                "{}: state {}, events {told:?}, requests kept: {asked}",
                order.id(),
                row["state"],
            ));
        }
        report.cancelled += usize::from(is_cancelled);
        for event in events.iter().filter(|event| event["type"] == CANCELLED) {
            right_money(order, event, row, report);
        }
        one_outcome(order, session, arrived, report);
    }
    for (order, _) in events {
        report.found(format!("an event tells of {order}, which nobody sent"));
    }
}

const CANCELLED: &str = "order.cancelled";

/// Whether an order ends cancelled, and which events tell of it: of one that somebody asked to
/// cancel, and whose provider refuses that later, or agrees, or is not asked.
fn expected(asked: bool, refused_later: Option<&bool>) -> (bool, &'static [&'static str]) {
    const PENDING: &str = "order.cancellation_pending";
    match (asked, refused_later) {
        (false, _) => (false, &[]),
        (true, None) => (true, &[CANCELLED]),
        (true, Some(false)) => (true, &[PENDING, CANCELLED]),
        (true, Some(true)) => (false, &[PENDING, "order.cancellation_refused"]),
    }
}

/// Every callback arrived, or need not any more.
fn every_callback(seen: &Seen, overtaken: &BTreeSet<u64>, report: &mut Report) {
    for (id, callback) in &seen.callbacks {
        if callback["state"] != "delivered" && !overtaken.contains(id) {
            report.found(format!("callback {id} is {}", callback["state"]));
        }
    }
}

/// What was erased stays erased, and nothing else is.
fn every_erased(seen: &Seen, books: &Books, report: &mut Report) {
    for (id, row) in &seen.orders {
        let asked = books.erased.iter().find(|(order, _)| order.id() == *id);
        match (asked, row["erased_at"].is_string()) {
            (Some((_, true)), false) => report.found(format!("{id} was erased and is not")),
            (None, true) => report.found(format!("{id} is erased, and nobody wanted it")),
            _ => {}
        }
    }
}

fn right_money(order: Numbered, event: &Value, row: &Value, report: &mut Report) {
    let read = |charge: &Value| ["fee", "refund", "due"].map(|part| paise(&charge[part]));
    let (told, kept) = (read(event), read(&row["cancellation"]["charge"]));
    let expected = order.charge().map(Some);
    if told != expected || kept != expected {
        report.found(format!(
            "{}: fee, refund, due: event {told:?}, order {kept:?}, expected {expected:?}",
            order.id()
        ));
    }
    for (sum, part) in report.charges.iter_mut().zip(told) {
        *sum += part.unwrap_or_default();
    }
}

fn paise(money: &Value) -> Option<u64> {
    let (rupees, paise) = match money["value"].as_str()?.split_once('.') {
        Some((rupees, paise)) => (rupees, format!("{paise:0<2}")),
        None => (money["value"].as_str()?, "00".to_owned()),
    };
    Some(rupees.parse::<u64>().ok()? * 100 + paise.parse::<u64>().ok()?)
}

/// Whoever asked, and however often: the order was cancelled in one way.
fn one_outcome(
    order: Numbered,
    session: Option<&Session>,
    arrived: &BTreeMap<&str, Vec<&Callback>>,
    report: &mut Report,
) {
    let callbacks = session.into_iter().flat_map(|session| &session.callbacks);
    let callbacks = callbacks.filter(|callback| !is_preview(&callback.0));
    let arrivals = callbacks.filter_map(|(message, _)| arrived.get(message.as_str()));
    let sayings: BTreeSet<&str> = arrivals.flatten().map(|c| c.saying.as_str()).collect();
    if sayings.len() > 1 {
        report.found(format!(
            "{}: its callbacks tell different outcomes",
            order.id()
        ));
    }
}

/// What came in was asked for, is for whom it came to, is signed, and never changes.
fn every_arrival(books: &Books, arrived: &BTreeMap<&str, Vec<&Callback>>, report: &mut Report) {
    for (id, callbacks) in arrived {
        match books.messages.get(*id) {
            Some(message) if !message.is_foreign => {}
            _ => report.found(format!("{id}: a callback came for what was never asked")),
        }
        let bodies: BTreeSet<&str> = callbacks.iter().map(|c| c.body_digest.as_str()).collect();
        if bodies.len() > 1 {
            report.found(format!(
                "{id}: its callback came with {} bodies",
                bodies.len()
            ));
        }
        let placed_by = books.messages.get(*id).map(|message| message.order.bap());
        for callback in callbacks {
            if Some(callback.bap) != placed_by {
                report.found(format!("{id}: its callback came to the wrong BAP"));
            }
            if let Err(why) = &callback.verdict {
                report.found(format!("{id}: its callback does not verify: {why}"));
            }
        }
    }
}
