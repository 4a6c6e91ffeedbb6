//! One record a request, on stable storage before the ACK: raw sled, one thread that takes what
//! waits, inserts it as one batch, flushes, and calls `fdatasync` itself, because sled's flush
//! hands the data to the operating system only. Nothing is ever read back or removed.

use std::fs::File;
use std::path::Path;
use std::thread;

use actix_web::web::Bytes;
use anyhow::anyhow;
use tokio::sync::{mpsc, oneshot};

/// As much page cache as the server has by default.
const CACHE_BYTES: u64 = 20_000_000;
/// At most so many records share a sync.
const RECORDS_PER_SYNC: usize = 256;

struct Record {
    request: Bytes,
    callback: Bytes,
    durable: oneshot::Sender<()>,
}

/// Where records wait for the thread.
pub struct Store(mpsc::UnboundedSender<Record>);

impl Store {
    /// Opens the directory and starts the thread.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .open()?;
        let file = File::open(path.join("db"))?;
        let (sender, queue) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || commit_all(&db, &file, queue))?;
        Ok(Self(sender))
    }

    /// Returns once request and callback are on stable storage.
    pub async fn keep(&self, request: Bytes, callback: Bytes) -> anyhow::Result<()> {
        let (durable, kept) = oneshot::channel();
        let record = Record {
            request,
            callback,
            durable,
        };
        self.0
            .send(record)
            .map_err(|_| anyhow!("the store has stopped"))?;
        Ok(kept.await?)
    }
}

/// Ends when a write fails: whoever waits then hears that nothing was kept.
fn commit_all(db: &sled::Db, file: &File, mut queue: mpsc::UnboundedReceiver<Record>) {
    let mut number = 0_u64;
    while let Some(first) = queue.blocking_recv() {
        let mut records = vec![first];
        while records.len() < RECORDS_PER_SYNC
            && let Ok(record) = queue.try_recv()
        {
            records.push(record);
        }
        if let Err(error) = commit(db, file, &records, &mut number) {
            eprintln!("a write failed: {error}");
            return;
        }
        for record in records {
            // Whoever asked may have gone.
            let _ = record.durable.send(());
        }
    }
}

fn commit(db: &sled::Db, file: &File, records: &[Record], number: &mut u64) -> anyhow::Result<()> {
    let mut batch = sled::Batch::default();
    for record in records {
        *number += 1;
        let length = u32::try_from(record.request.len())?.to_be_bytes();
        let value = [&length[..], &record.request, &record.callback].concat();
        batch.insert(&number.to_be_bytes(), value);
    }
    db.apply_batch(batch)?;
    db.flush()?;
    Ok(file.sync_data()?)
}
