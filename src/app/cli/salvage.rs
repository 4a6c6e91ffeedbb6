//! `store export --salvage`: what can still be read of a damaged store, as lines of JSON.
//!
//! Orders go into one file, as `order import` takes them; callbacks owed into another beside it,
//! for people: a new store owes nobody anything until it is asked.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::domain::order::Order;
use crate::engine::intake::NO_NETWORK;
use crate::protocol::raw::RawObject;
use crate::store::Callback;
use crate::store::sled::{Report, Salvaged, salvage};

/// Writes both files; neither may exist.
pub(super) fn run(store: &Path, scratch: &Path, to: &Path) -> anyhow::Result<(Report, PathBuf)> {
    let owed_file = beside(to);
    let (mut orders, mut owed) = (create(to)?, create(&owed_file)?);
    let report = salvage(store, scratch, &mut |found| match found {
        Salvaged::Order(order, document) => writeln!(orders, "{}", line_of(&order, &document)?),
        Salvaged::Owed(callback, body) => writeln!(owed, "{}", owed_line(&callback, &body)),
    });
    for mut file in [orders, owed] {
        file.flush().context("cannot write what was read")?;
    }
    Ok((report?, owed_file))
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".callbacks");
    name.into()
}

fn create(file: &Path) -> anyhow::Result<BufWriter<File>> {
    let created = File::create_new(file);
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
