//! All that a proof needs around the server: registry, hosts of many BAPs, orders placed with
//! them, and signed cancels for those.
//!
//! Message N cancels order N. Who has placed it is the scene's to say: messages are dealt out
//! evenly to the BAPs that have a host each, but for those that are given to one of them, or to a
//! guest, who shares the host of another.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use beckn_bpp::crypto::signature::Signer;
use chrono::Utc;
use url::Url;

use super::hosts::Host;
use super::ledger::Ledger;
use super::orders::{Bap, Numbered};
use super::process::{Addresses, Process};
use super::surroundings::{Admin, BAP_KEYS, Surroundings, signer};
use super::volley::Request;

/// Orders handed over in one request.
const CHUNK: usize = 500;

/// See the file's text.
pub struct Scene {
    /// Directory, configuration and registry.
    pub around: Surroundings,
    /// One for each BAP.
    pub hosts: Vec<Host>,
    /// What happened to each message.
    pub ledger: Arc<Ledger>,
    parties: Vec<Party>,
    given: Vec<(Range<u64>, usize)>,
}

/// A BAP, and which host is its.
struct Party {
    signer: Signer,
    bap: Bap,
    url: Url,
    host: usize,
}

/// A running server.
pub struct Running {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub at: Addresses,
    /// Its admin API.
    pub admin: Admin,
    /// How long it took to be ready.
    pub start: Duration,
}

impl Scene {
    /// So many hosts and messages; `sections` is the `[delivery]` section and what follows it.
    pub async fn new(hosts: usize, messages: Range<u64>, sections: &str) -> anyhow::Result<Self> {
        let around = Surroundings::new(sections)?;
        let ledger = Arc::new(Ledger::new(messages.end));
        let mut scene = Self {
            around,
            hosts: Vec::new(),
            ledger,
            parties: Vec::new(),
            given: Vec::new(),
        };
        for index in 0..hosts {
            let host = Host::start(&scene.ledger).await?;
            let url = Url::parse(&format!("http://{}", host.address))?;
            scene.hosts.push(host);
            scene.join(url, index)?;
        }
        Ok(scene)
    }

    /// One more BAP, at the host of this one; gives its number.
    pub fn invite(&mut self, host: usize) -> anyhow::Result<usize> {
        let url = format!("http://{}/guest", self.hosts[host].address);
        self.join(Url::parse(&url)?, host)?;
        Ok(self.parties.len() - 1)
    }

    fn join(&mut self, url: Url, host: usize) -> anyhow::Result<()> {
        let id = name(self.parties.len());
        self.parties.push(Party {
            signer: signer(&id, BAP_KEYS[0])?,
            bap: Bap {
                id,
                uri: url.to_string(),
            },
            url,
            host,
        });
        let rows = self.parties.iter().map(|party| (&party.signer, &party.url));
        self.around.register(&rows.collect::<Vec<_>>());
        Ok(())
    }

    /// These messages are this BAP's.
    pub fn give(&mut self, messages: Range<u64>, party: usize) {
        self.given.push((messages, party));
    }

    fn party_of(&self, number: u64) -> &Party {
        let given = self.given.iter().find(|given| given.0.contains(&number));
        let dealt_out = || (number % self.hosts.len() as u64) as usize;
        &self.parties[given.map_or_else(dealt_out, |given| given.1)]
    }

    /// The host that a message's callback goes to.
    pub fn host_of(&self, number: u64) -> usize {
        self.party_of(number).host
    }

    /// Starts the server, with more settings from the environment.
    pub async fn start(&self, binary: &Path, more: &[(&str, &str)]) -> anyhow::Result<Running> {
        let mut command = self.around.serve(binary);
        // Thousands of lines a second would be kept in memory here; the one that says where it
        // listens is needed.
        command.env("BECKN_BPP__LOG__LEVEL", "warn,beckn_bpp::app::server=info");
        for (name, value) in more {
            command.env(format!("BECKN_BPP__{name}"), value);
        }
        self.ledger.new_life();
        let began = Instant::now();
        let process = Process::start(&mut command)?;
        let waited = tokio::task::spawn_blocking(move || {
            let at = process.ready(Duration::from_secs(60))?;
            anyhow::Ok((process, at))
        });
        let (process, at) = waited.await??;
        Ok(Running {
            process,
            at,
            admin: Admin::at(at.admin)?,
            start: began.elapsed(),
        })
    }

    /// Hands these orders over.
    pub async fn hand_over(&self, admin: &Admin, orders: Range<u64>) -> anyhow::Result<()> {
        let mut documents = Vec::with_capacity(CHUNK);
        for number in orders.clone() {
            documents.push(Numbered(number).document(&self.party_of(number).bap)?);
            if documents.len() == CHUNK || number + 1 == orders.end {
                admin.hand_over(&documents).await?;
                documents.clear();
            }
        }
        Ok(())
    }

    /// The signed cancel of an order, ready to be written to the server at that address.
    pub fn request(&self, number: u64, target: SocketAddr) -> Request {
        let Party { signer, bap, .. } = self.party_of(number);
        let body = Numbered(number).cancel(bap, &format!("message-{number}"));
        let authorization = signer.authorization(body.as_bytes(), Utc::now().timestamp());
        let head = format!(
            "POST /cancel HTTP/1.1\r\nhost: {target}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nauthorization: {authorization}\r\n\r\n",
            body.len()
        );
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        Request { number, bytes }
    }

    /// The signed cancels of these orders. They are good for five minutes.
    pub fn requests(&self, numbers: Range<u64>, target: SocketAddr) -> Vec<Request> {
        numbers.map(|number| self.request(number, target)).collect()
    }

    /// From ACK to callback, for those of these messages whose host is among those and whose
    /// callback has come; in nanoseconds.
    pub fn delays(&self, numbers: Range<u64>, hosts: Range<usize>) -> Vec<u64> {
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        let of_hosts = numbers.filter(|number| hosts.contains(&self.host_of(*number)));
        let delay = |number: u64| {
            let slot = self.ledger.slot(number)?;
            let (acked, answered) = (slot.acked.load(relaxed), slot.answered.load(relaxed));
            (acked > 0 && answered > 0).then(|| answered.saturating_sub(acked))
        };
        of_hosts.filter_map(delay).collect()
    }

    /// Waits until every acknowledged message was answered; says how long that took.
    pub async fn answered(&self, within: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        while self.ledger.unanswered() > 0 {
            ensure!(
                began.elapsed() < within,
                "{} callbacks are still owed after {} s",
                self.ledger.unanswered(),
                within.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(began.elapsed())
    }
}

/// The BAP with this number; those with a host of their own have its number.
pub fn name(index: usize) -> String {
    format!("bap-{index}.example.org")
}
