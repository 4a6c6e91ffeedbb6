//! A provider's back end that is only a list of events and a PATCH.
//!
//! It reads what the server changed (`GET /events?after=N`), and tells what it did itself
//! (`PATCH /orders/{id}`). What it knows is a book of lines, each on the disk before the next
//! step is taken: the order, its state, and the sequence of the event that told so. Killed at any
//! moment it opens the book and goes on from there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How long to wait before asking a server again that does not answer.
const PAUSE: Duration = Duration::from_millis(100);

/// What the back end knows.
pub struct Book {
    file: File,
    /// The last event it has dealt with.
    pub after: u64,
    /// The orders that are over, each with its state.
    pub orders: BTreeMap<String, String>,
}

impl Book {
    /// Opens a book, or begins one. A line that was not finished is none.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).read(true).append(true).open(path)?;
        let (mut after, mut orders) = (0, BTreeMap::new());
        let mut bytes = 0;
        for line in BufReader::new(&file).split(b'\n') {
            let line = line?;
            let Ok(read) = serde_json::from_slice::<Value>(&line) else {
                break;
            };
            bytes += line.len() as u64 + 1;
            if let (Some(order), Some(state)) = (read["order"].as_str(), read["state"].as_str()) {
                orders.insert(order.to_owned(), state.to_owned());
            }
            after = read["sequence"].as_u64().unwrap_or(after);
        }
        file.set_len(bytes.min(file.metadata()?.len()))?;
        Ok(Self {
            file,
            after,
            orders,
        })
    }

    /// An order is over.
    fn over(&mut self, order: &str, state: &str) -> anyhow::Result<()> {
        self.write(&json!({"order": order, "state": state}))?;
        self.orders.insert(order.to_owned(), state.to_owned());
        Ok(())
    }

    /// An event was read; one that says that an order is cancelled goes down in one line with it.
    fn read(&mut self, event: &Value) -> anyhow::Result<()> {
        let sequence = event["sequence"]
            .as_u64()
            .context("an event has a number")?;
        let mut line = json!({"sequence": sequence});
        if event["type"] == "order.cancelled" {
            let order = event["order_id"]
                .as_str()
                .context("an event has an order")?;
            line["order"] = json!(order);
            line["state"] = json!("Cancelled");
            self.orders.insert(order.to_owned(), "Cancelled".to_owned());
        }
        self.after = sequence;
        self.write(&line)
    }

    fn write(&mut self, line: &Value) -> anyhow::Result<()> {
        writeln!(self.file, "{line}")?;
        Ok(self.file.sync_data()?)
    }
}

/// A back end at work.
pub struct BackEnd {
    /// What it knows.
    pub book: Mutex<Book>,
    /// The admin API of its server.
    pub api: String,
    /// The token that it has there.
    pub token: String,
    /// How it asks.
    pub http: reqwest::Client,
}

impl BackEnd {
    /// Reads events for ever, oldest first, and never one twice.
    pub async fn read_events(&self) -> anyhow::Result<()> {
        loop {
            let after = self.book.lock().await.after;
            let url = format!("{}/events?after={after}&wait=5", self.api);
            let Some(page) = self.asked(self.http.get(url)).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            for event in page.1["events"].as_array().into_iter().flatten() {
                self.book.lock().await.read(event)?;
            }
        }
    }

    /// Completes an order, or hears that it is cancelled.
    pub async fn complete(&self, order: &str) -> anyhow::Result<()> {
        while !self.book.lock().await.orders.contains_key(order) {
            let patch = self.http.patch(format!("{}/orders/{order}", self.api));
            let patch = patch.header("content-type", "application/json");
            let body = json!({"status": "Completed"}).to_string();
            let state = match self.asked(patch.body(body)).await {
                Some((200, _)) => "Completed",
                // It lost the race: the answer has the cancellation.
                Some((409, answer)) if answer["cancellation"].is_object() => "Cancelled",
                _ => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            self.book.lock().await.over(order, state)?;
        }
        Ok(())
    }

    async fn asked(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let answer = request.bearer_auth(&self.token).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        Some((status, serde_json::from_str(&text).ok()?))
    }
}
