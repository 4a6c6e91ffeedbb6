//! The ledger: every request before it leaves, every answer once it is read in full, on disk.
//!
//! One thread writes what waits and syncs once for all of it. The books that the audit uses are
//! read back from the file, so what is proved is what stands there.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::fate::Fate;
use crate::outside::books::{Books, Request, digest};
use crate::outside::orders::Numbered;

/// A line of the ledger.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The server acknowledged these orders.
    TakenIn { first: u64, count: u64 },
    /// A request is about to leave.
    Sent {
        order: u64,
        message: String,
        is_foreign: bool,
        body: String,
    },
    /// An ACK to this body was read in full.
    Acked { message: String, digest: String },
    /// An order is about to be erased.
    Erasing { order: u64 },
    /// The server said that it is.
    Erased { order: u64 },
}

impl Line {
    /// The line for a request.
    pub fn sent(request: &Request) -> Self {
        Self::Sent {
            order: request.order.0,
            message: request.message.clone(),
            is_foreign: request.is_foreign,
            body: request.body.clone(),
        }
    }

    /// The line for its ACK.
    pub fn acked(request: &Request) -> Self {
        Self::Acked {
            message: request.message.clone(),
            digest: digest(request.body.as_bytes()),
        }
    }
}

type Entry = (String, oneshot::Sender<()>);

/// See the file's text.
pub struct Ledger {
    path: PathBuf,
    queue: Sender<Entry>,
    writer: JoinHandle<std::io::Result<()>>,
}

impl Ledger {
    /// A new ledger in this directory.
    pub fn new(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join("ledger.ndjson");
        let file = File::create_new(&path)?;
        let (queue, entries) = channel();
        let writer = thread::spawn(move || write(file, &entries));
        Ok(Self {
            path,
            queue,
            writer,
        })
    }

    /// Writes a line; returns once it is on disk.
    pub async fn write(&self, line: &Line) -> anyhow::Result<()> {
        let (done, written) = oneshot::channel();
        let text = serde_json::to_string(line)?;
        let stopped = || anyhow!("the ledger cannot be written");
        self.queue.send((text, done)).map_err(|_| stopped())?;
        written.await.map_err(|_| stopped())
    }

    /// Ends the ledger and reads it back.
    pub fn close(self) -> anyhow::Result<Books> {
        drop(self.queue);
        let ended = self.writer.join();
        ended.map_err(|_| anyhow!("the ledger's thread panicked"))??;
        let mut books = Books::default();
        for line in BufReader::new(File::open(&self.path)?).lines() {
            let line = serde_json::from_str(&line?).context("a line of the ledger")?;
            enter(&mut books, line);
        }
        for message in books.messages.values() {
            if let Fate::Decided { refuses } = Fate::of(message.order) {
                books.decided_later.insert(message.order, refuses);
            }
        }
        Ok(books)
    }
}

fn write(mut file: File, entries: &Receiver<Entry>) -> std::io::Result<()> {
    while let Ok(first) = entries.recv() {
        let group: Vec<Entry> = std::iter::once(first).chain(entries.try_iter()).collect();
        let text: String = group.iter().map(|(line, _)| format!("{line}\n")).collect();
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        for (_, done) in group {
            // A client that was let go of does not wait any more.
            let _ = done.send(());
        }
    }
    Ok(())
}

fn enter(books: &mut Books, line: Line) {
    match line {
        Line::TakenIn { first, count } => {
            books.orders.extend((first..first + count).map(Numbered));
        }
        Line::Erasing { order } => {
            books.erased.entry(Numbered(order)).or_insert(false);
        }
        Line::Erased { order } => {
            books.erased.insert(Numbered(order), true);
        }
        Line::Sent {
            order,
            message,
            is_foreign,
            body,
        } => books.sent(&Request {
            order: Numbered(order),
            message,
            body,
            is_foreign,
        }),
        Line::Acked { message, digest } => books.acked(&message, digest),
    }
}
