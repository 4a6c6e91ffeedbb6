//! All that lives beside the server: registry, BAPs, the small disk, and what was acknowledged.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use beckn_bpp::crypto::signature::Signer;
use chrono::Utc;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

use crate::bap::{self, Inbox};
use crate::disk::Disk;
use crate::outside::audit::audit;
use crate::outside::books::{Books, Request, digest};
use crate::outside::orders::{Bap, Numbered};
use crate::outside::process::{Addresses, Process};
use crate::outside::surroundings::{Admin, BAP_KEYS, Surroundings, signer};

/// Long enough for a busy machine; who waits this long has failed.
pub const WAIT: Duration = Duration::from_secs(20);

/// Short steps, no breaker: the BAPs answer well.
const DELIVERY: &str = "schedule = [\"0s\", \"200ms\", \"1s\", \"1s\", \"1s\", \"1s\"]\n\
    in_flight_per_host = 32\nbreaker_failures = 1000000\n";

/// How many clients send at the same time.
const CLIENTS: usize = 16;

/// How many orders are handed over at once.
const INTAKE: u64 = 200;

/// See the file's text. The disk goes before the directory that it is mounted in.
pub struct Town {
    pub disk: Disk,
    around: Surroundings,
    inbox: Arc<Inbox>,
    pub binary: PathBuf,
    baps: Vec<(Signer, Bap)>,
    books: Mutex<Books>,
    next_order: AtomicU64,
    http: reqwest::Client,
}

/// A server with its API.
pub struct Running {
    pub process: Process,
    pub at: Addresses,
    pub admin: Admin,
}

/// The answer to a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Ack,
    /// The status, the reason word, and whether it says when to come again.
    Refused(u16, String, bool),
    /// There was none.
    Gone,
}

/// What came of a load.
#[derive(Debug, Default, Clone, Copy)]
pub struct Load {
    pub acknowledged: usize,
    pub refused: usize,
}

impl Town {
    /// Builds it, with a disk of this size; the server is not started.
    pub fn new(binary: PathBuf, megabytes: u32) -> anyhow::Result<Self> {
        let around = Surroundings::new(DELIVERY)?;
        let disk = Disk::mount(&around.directory.path().join("disk"), megabytes)?;
        let inbox = Inbox::new(0)?;
        inbox.heal();
        let (mut baps, mut urls) = (Vec::new(), Vec::new());
        for (index, key) in BAP_KEYS.into_iter().enumerate() {
            let signer = signer(&format!("bap-{index}.example.org"), key)?;
            let (bap, url) = bap::start(index, &signer, &inbox)?;
            baps.push((signer, bap));
            urls.push(url);
        }
        let rows: Vec<_> = baps.iter().map(|(signer, _)| signer).zip(&urls).collect();
        around.register(&rows);
        Ok(Self {
            disk,
            around,
            inbox,
            binary,
            baps,
            books: Mutex::default(),
            next_order: AtomicU64::new(0),
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// The store's directory.
    pub fn store(&self) -> PathBuf {
        self.disk.path().join("data")
    }

    /// Starts the server's process with this watermark.
    pub fn spawn(&self, min_free_bytes: u64) -> anyhow::Result<Process> {
        let mut command = self.around.serve(&self.binary);
        command.env("BECKN_BPP__STORE__PATH", self.store());
        command.env("BECKN_BPP__STORE__MIN_FREE", format!("{min_free_bytes}B"));
        command.env("BECKN_BPP__STORE__MIN_FREE_PERCENT", "100");
        Process::start(&mut command)
    }

    /// Starts the server, and waits until it serves.
    pub fn start(&self, min_free_bytes: u64) -> anyhow::Result<Running> {
        let process = self.spawn(min_free_bytes)?;
        let at = process.ready(WAIT)?;
        let admin = Admin::at(at.admin)?;
        Ok(Running { process, at, admin })
    }

    /// Hands over so many more orders.
    pub async fn hand_over(&self, admin: &Admin, count: u64) -> anyhow::Result<()> {
        let first = self.next_order.load(Ordering::Relaxed) + self.stock() as u64;
        for first in (first..first + count).step_by(INTAKE as usize) {
            let orders: Vec<_> = (first..first + INTAKE).map(Numbered).collect();
            let documents = orders.iter().map(|o| o.document(&self.baps[o.bap()].1));
            let documents = documents.collect::<Result<Vec<_>, _>>()?;
            admin.hand_over(&documents).await?;
            self.books().orders.extend(orders);
        }
        Ok(())
    }

    /// How many orders are there that nobody has cancelled.
    fn stock(&self) -> usize {
        let next = usize::try_from(self.next_order.load(Ordering::Relaxed));
        self.books().orders.len() - next.unwrap_or(usize::MAX)
    }

    /// Many clients cancel one order after the other, until so many were refused or the server
    /// is gone.
    pub async fn load(&self, public: SocketAddr, refusals: usize) -> anyhow::Result<Load> {
        let load = Mutex::new(Load::default());
        let clients = (0..CLIENTS).map(|_| self.client(public, &load, refusals));
        for ended in futures_util::future::join_all(clients).await {
            ended?;
        }
        Ok(*lock(&load))
    }

    async fn client(
        &self,
        public: SocketAddr,
        load: &Mutex<Load>,
        refusals: usize,
    ) -> anyhow::Result<()> {
        while lock(load).refused < refusals {
            match self.cancel(public).await? {
                Answer::Ack => lock(load).acknowledged += 1,
                Answer::Refused(503, word, true) if word == "store_unavailable" => {
                    lock(load).refused += 1;
                }
                // More than may wait was sent at once; that is no news of the disk.
                Answer::Refused(503, word, true) if word == "overloaded" => {}
                Answer::Gone => return Ok(()),
                other => anyhow::bail!("a cancel was answered with {other:?}"),
            }
        }
        Ok(())
    }

    /// Cancels an order that nobody has cancelled; a refused one counts as cancelled.
    pub async fn cancel(&self, public: SocketAddr) -> anyhow::Result<Answer> {
        let order = Numbered(self.next_order.fetch_add(1, Ordering::Relaxed));
        ensure!(self.books().orders.contains(&order), "no order is left");
        let (signer, bap) = &self.baps[order.bap()];
        let message = format!("message-{}", order.0);
        let request = Request {
            order,
            body: order.cancel(bap, &message),
            message,
            is_foreign: false,
        };
        self.books().sent(&request);
        let answer = self.post(public, signer, &request.body).await;
        let answer = answer.unwrap_or(Answer::Gone);
        if answer == Answer::Ack {
            let digest = digest(request.body.as_bytes());
            self.books().acked(&request.message, digest);
        }
        Ok(answer)
    }

    async fn post(&self, to: SocketAddr, signer: &Signer, body: &str) -> reqwest::Result<Answer> {
        let authorization = signer.authorization(body.as_bytes(), Utc::now().timestamp());
        let post = self.http.post(format!("http://{to}/cancel"));
        let post = post.header(CONTENT_TYPE, "application/json");
        let post = post.header(AUTHORIZATION, authorization);
        let answer = post.body(body.to_owned()).send().await?;
        let status = answer.status().as_u16();
        let says_when = answer.headers().contains_key(RETRY_AFTER);
        let body: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        if status == 200 && body["message"]["ack"]["status"] == "ACK" {
            return Ok(Answer::Ack);
        }
        let text = body["error"]["message"].as_str().unwrap_or_default();
        let word = text.split(':').next().unwrap_or_default().to_owned();
        Ok(Answer::Refused(status, word, says_when))
    }

    /// The status of `/health/ready`, and what it says of the store.
    pub async fn readiness(&self, public: SocketAddr) -> anyhow::Result<(u16, String)> {
        let asked = self.http.get(format!("http://{public}/health/ready"));
        let answer = asked.send().await?;
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let of_store = body["checks"]["store"].as_str();
        Ok((status, of_store.unwrap_or_default().to_owned()))
    }

    /// How long it takes until `/health/ready` says yes.
    pub async fn ready(&self, public: SocketAddr) -> anyhow::Result<Duration> {
        let began = Instant::now();
        while self.readiness(public).await?.0 != 200 {
            let said = self.readiness(public).await?.1;
            ensure!(began.elapsed() < WAIT, "not ready after {WAIT:?}: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(began.elapsed())
    }

    /// Compares what was acknowledged with what arrived and what the server has.
    pub async fn audit(&self, admin: &Admin) -> anyhow::Result<usize> {
        let books = self.books().clone();
        let (received, not_understood) = self.inbox.all();
        ensure!(
            not_understood == 0,
            "{not_understood} requests were no callbacks"
        );
        let report = audit(admin, &books, &received).await.context("audit")?;
        ensure!(report.violations.is_empty(), "{:#?}", report.violations);
        Ok(received.len())
    }

    /// How many callbacks have come in so far.
    pub fn callbacks(&self) -> usize {
        self.inbox.all().0.len()
    }

    /// How many cancels were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.books().acknowledged()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
