//! Brings a store of an older format up to the present one, before anything else reads it.
//!
//! Each step may be cut short at any moment and goes on from there at the next opening; the
//! number of the format is written last. Format 2 keeps the body of a callback behind its record,
//! under one key, and compresses values. Format 3 has kinds of callbacks that a release before it
//! cannot read, and nothing else: what is there stays as it is. Format 4 finds orders by a
//! partner's references. Format 5 finds them by the time that their provider has to decide, which
//! nobody had before.

use serde::Serialize;
use sled::{Batch, Db};

use super::index::Known;
use super::keys::{self, Key};
use super::open::{FORMAT, Format};
use super::{pack, values};
use crate::domain::order::Order;
use crate::store::{CallbackId, Error};

/// Where format 1 kept the bodies of callbacks.
const CALLBACK_BODY: u8 = b'y';

/// At most so many records are rewritten in one batch.
const RECORDS_PER_BATCH: usize = 64;

/// Rewrites what an older format keeps otherwise, and the number of the format.
pub(super) fn migrate(db: &Db, format: Format) -> Result<(), Error> {
    if format.number < FORMAT {
        tracing::info!(
            from = format.number,
            to = FORMAT,
            "the store is brought up to this release's format"
        );
        if format.number < 2 {
            join_bodies(db)?;
        }
        if format.number < 4 {
            index_orders(db)?;
        }
        let number = FORMAT;
        let present = Format { number, ..format };
        put(db, keys::FORMAT, &present)?;
    }
    Ok(())
}

/// Writes a record that has one piece.
pub(super) fn put(db: &Db, key: &[u8], record: &impl Serialize) -> Result<(), Error> {
    let (entry, _) = pack::record(record, &[])?;
    db.insert(key, entry)?;
    Ok(())
}

fn join_bodies(db: &Db) -> Result<(), Error> {
    loop {
        let bodies = db.scan_prefix([CALLBACK_BODY]).keys();
        let some: Vec<_> = bodies.take(RECORDS_PER_BATCH).collect::<Result<_, _>>()?;
        if some.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for key in some {
            join_body(db, &mut batch, &key)?;
        }
        db.apply_batch(batch)?;
    }
}

/// Requests that no callback tells of, and questions to the provider, came with the same format:
/// an older store has none.
fn index_orders(db: &Db) -> Result<(), Error> {
    for entry in db.scan_prefix([keys::ORDER]) {
        let (key, entry) = entry?;
        let order: Order = values::decode(&key, &values::finish(&**db, &key, &entry)?)?;
        for called in Known::of(&order).keys(&order.key) {
            put(db, &called, &order.key)?;
        }
    }
    Ok(())
}

fn join_body(db: &Db, batch: &mut Batch, body_key: &[u8]) -> Result<(), Error> {
    let id = keys::last_number(body_key).map(CallbackId);
    let id = id.ok_or_else(|| values::corrupt(body_key, None))?;
    let key = keys::callback(id);
    let body = values::read(&**db, body_key)?.unwrap_or_default();
    let record = values::read(&**db, &key)?.ok_or_else(|| values::corrupt(&key, None))?;
    remove(db, batch, body_key)?;
    remove(db, batch, &key)?;
    let (entry, pieces) = pack::bytes(&[&record[..], &body].concat())?;
    for (number, piece) in (0..).zip(pieces) {
        batch.insert(keys::piece(&key, number), piece);
    }
    batch.insert(key, entry);
    Ok(())
}

/// Removes a value with all its pieces.
fn remove(db: &Db, batch: &mut Batch, key: &[u8]) -> Result<(), Error> {
    if let Some(entry) = db.get(key)? {
        for number in 0..values::further_pieces(key, &entry)? {
            batch.remove(keys::piece(key, number));
        }
        batch.remove(Key::from(key));
    }
    Ok(())
}
