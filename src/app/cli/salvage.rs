//! `store export --salvage`: what can still be read of a damaged store, as lines of JSON.
//!
//! Orders go into one file, as `order import` takes them; callbacks owed, and requests that wait
//! for the provider, into two others beside it, for people: a new store owes nobody anything
//! until it is asked. They hold what the store holds, so nobody else may read them either.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::domain::ids::{MessageId, OrderKey, RequestKey};
use crate::domain::order::Order;
use crate::engine::intake::NO_NETWORK;
use crate::protocol::raw::RawObject;
use crate::store::sled::{Named, Report, Salvaged, salvage};
use crate::store::{Callback, StoredRequest};

/// The files that are written.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// Orders, as they are handed over.
    pub orders: PathBuf,
    /// Callbacks that are owed.
    pub owed: PathBuf,
    /// Requests that wait for the provider.
    pub waiting: PathBuf,
}

impl Files {
    fn beside(orders: &Path) -> Self {
        let named = |more: &str| {
            let mut name = orders.as_os_str().to_owned();
            name.push(more);
            name.into()
        };
        Self {
            orders: orders.to_owned(),
            owed: named(".callbacks"),
            waiting: named(".waiting"),
        }
    }
}

/// Writes the files; none of them may exist. When it fails none is left, so that it can be tried
/// again.
pub(super) fn run(store: &Path, scratch: &Path, to: &Path) -> anyhow::Result<(Report, Files)> {
    let files = Files::beside(to);
    let mut made = Vec::new();
    let written = write((store, scratch), &files, &mut made);
    if written.is_err() {
        for file in made {
            // The failure itself is what is told.
            let _ = std::fs::remove_file(file);
        }
    }
    Ok((written?, files))
}

fn write<'a>(
    (store, scratch): (&Path, &Path),
    files: &'a Files,
    made: &mut Vec<&'a Path>,
) -> anyhow::Result<Report> {
    let mut make = |file: &'a Path| {
        let created = create(file)?;
        made.push(file);
        anyhow::Ok(created)
    };
    let mut orders = make(&files.orders)?;
    let mut owed = make(&files.owed)?;
    let mut waiting = make(&files.waiting)?;
    let report = salvage(store, scratch, &mut |found| match found {
        Salvaged::Order(order, document) => writeln!(orders, "{}", line_of(&order, &document)?),
        Salvaged::Owed(callback, body) => writeln!(owed, "{}", owed_line(&callback, &body)),
        Salvaged::Waiting(order, request) => {
            writeln!(waiting, "{}", Waiter::of(&order, &request).line())
        }
        Salvaged::WaitingUnread(order, named) => {
            writeln!(waiting, "{}", Waiter::unread(&order, &named).line())
        }
        Salvaged::PerhapsWaiting(request) => {
            let order = request.order_key();
            writeln!(waiting, "{}", Waiter::perhaps(&order, &request).line())
        }
    })?;
    for mut file in [orders, owed, waiting] {
        file.flush().context("cannot write what was read")?;
    }
    Ok(report)
}

fn create(file: &Path) -> anyhow::Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let created = options.open(file);
    let created = created.with_context(|| format!("cannot make the file {}", file.display()))?;
    Ok(BufWriter::new(created))
}

/// The order as it is handed over: its document as it came, with the present state beside it.
fn line_of(order: &Order, document: &[u8]) -> io::Result<String> {
    let mut booking = order.booking.clone();
    booking.status = Some(order.state);
    if order.key.network.as_str() != NO_NETWORK {
        booking.network = Some(order.key.network.as_str().to_owned());
    }
    let document = RawObject::from_slice(document).ok();
    let whole = document
        .as_ref()
        .and_then(|document| Some((document.get("context")?, document.get("order")?)));
    let booking = serde_json::to_string(&booking)?;
    let id = json!(order.key.id);
    // Who reads it may want to know the money; intake passes over what it does not know.
    let cancellation = serde_json::to_string(&order.cancellation)?;
    Ok(match whole {
        Some((context, text)) => format!(
            r#"{{"context":{context},"message":{{"order":{text}}},"booking":{booking},"cancellation":{cancellation}}}"#
        ),
        None => format!(r#"{{"id":{id},"booking":{booking},"cancellation":{cancellation}}}"#),
    })
}

fn owed_line(callback: &Callback, body: &[u8]) -> Value {
    json!({
        "id": callback.id,
        "network": callback.order.network,
        "order": callback.order.id,
        "subscriber": callback.subscriber,
        "url": callback.url,
        "created_at": callback.created_at,
        "body": String::from_utf8_lossy(body),
    })
}

/// Who waits, as far as it could be read.
struct Waiter<'a> {
    key: &'a OrderKey,
    order: Option<&'a Order>,
    message: &'a MessageId,
    sent: Option<&'a RequestKey>,
    request: Option<&'a StoredRequest>,
}

impl<'a> Waiter<'a> {
    fn of(order: &'a Order, request: &'a StoredRequest) -> Self {
        Self {
            order: Some(order),
            ..Self::perhaps(&order.key, request)
        }
    }

    fn unread(order: &'a Order, named: &'a Named) -> Self {
        let (message, sent) = match named {
            Named::Whole(sent) => (&sent.message, Some(sent)),
            Named::Message(message) => (message, None),
        };
        Self {
            key: &order.key,
            order: Some(order),
            message,
            sent,
            request: None,
        }
    }

    fn perhaps(key: &'a OrderKey, request: &'a StoredRequest) -> Self {
        Self {
            key,
            order: None,
            message: &request.key.message,
            sent: Some(&request.key),
            request: Some(request),
        }
    }

    /// With the proof of it, and how the terms would cancel the order.
    fn line(&self) -> Value {
        let (order, sent, request) = (self.order, self.sent, self.request);
        let undecided = order.and_then(|order| order.undecided.as_ref());
        let pending = order.and_then(|order| order.pending.as_ref());
        let asked = undecided.map(|undecided| &undecided.proposed);
        let looked_into = || pending?.proposed.as_deref();
        let until = undecided.map(|undecided| undecided.until);
        json!({
            "network": self.key.network,
            "order": self.key.id,
            "order_unreadable": order.is_none(),
            "message": self.message,
            "until": until.or_else(|| pending?.until),
            "proposed": asked.or_else(looked_into),
            "caller": sent.map(|sent| &sent.caller),
            "transaction": sent.map(|sent| &sent.transaction),
            "action": sent.map(|sent| &sent.action),
            "received_at": request.map(|request| request.received_at),
            "authorization": request.map(|request| &request.authorization),
            "verifying_key": request.map(|request| &request.verifying_key),
            "body": request.map(|request| String::from_utf8_lossy(&request.body)),
        })
    }
}
