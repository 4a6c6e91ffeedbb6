//! Compares what the outside knows with what the server says, once nothing is owed any more.
//!
//! Lost, doubled, altered or half done: each finding is a sentence that names the message or
//! the order. It does not repair anything, and it does not know how the server works
//! inside.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::books::{Books, Callback, Message};
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
    /// Fee, refund and due over all events, in paise.
    pub charges: [u64; 3],
}

/// Compares. Every callback must have been settled before.
pub async fn audit(admin: &Admin, books: &Books, received: &[Callback]) -> anyhow::Result<Report> {
    let seen = look(admin).await?;
    let mut report = Report::default();
    numbers_have_no_gaps(&seen, &mut report);
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
    every_message(&seen, books, &arrived, &mut report);
    every_order(&seen, books, &arrived, &mut report);
    every_arrival(books, &arrived, &mut report);
    Ok(report)
}

impl Report {
    fn found(&mut self, violation: String) {
        self.violations.push(violation);
    }
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
    seen: &Seen,
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
        if arrivals == 0 {
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
        let asked = session.is_some_and(|session| !session.requests.is_empty());
        let events = events.remove(&order.id()).unwrap_or_default();
        let is_cancelled = row["state"] == "Cancelled" && row["cancellation"].is_object();
        if (is_cancelled, events.len()) != (asked, usize::from(asked)) {
            report.found(format!(
                "{}: state {}, {} events, requests kept: {asked}",
                order.id(),
                row["state"],
                events.len(),
            ));
        }
        report.cancelled += usize::from(is_cancelled);
        for event in events {
            right_money(order, event, row, report);
        }
        one_outcome(order, session, arrived, report);
    }
    for (order, _) in events {
        report.found(format!("an event tells of {order}, which nobody sent"));
    }
    for (id, callback) in &seen.callbacks {
        if callback["state"] != "delivered" {
            report.found(format!("callback {id} is {}", callback["state"]));
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
