//! All that a proof needs around the server: registry, hosts of many BAPs, orders placed with
//! them, and signed cancels for those.
//!
//! Message N cancels order N. Which host it is placed with is the scene's to say; the first so
//! many messages are dealt out evenly, the rest are the first host's.

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
    parties: Vec<(Signer, Bap)>,
    dealt_out: u64,
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
            dealt_out: messages.end,
        };
        let mut urls = Vec::new();
        for index in 0..hosts {
            let host = Host::start(&scene.ledger).await?;
            let url = Url::parse(&format!("http://{}", host.address))?;
            let signer = signer(&name(index), BAP_KEYS[0])?;
            let bap = Bap {
                id: name(index),
                uri: url.to_string(),
            };
            urls.push(url);
            scene.hosts.push(host);
            scene.parties.push((signer, bap));
        }
        let signers = scene.parties.iter().map(|(signer, _)| signer);
        let rows: Vec<_> = signers.zip(&urls).collect();
        scene.around.register(&rows);
        Ok(scene)
    }

    /// From this message on, all are the first host's.
    pub fn deal_out(&mut self, messages: u64) {
        self.dealt_out = messages;
    }

    /// The host that a message's callback goes to.
    pub fn host_of(&self, number: u64) -> usize {
        match number < self.dealt_out {
            true => (number % self.hosts.len() as u64) as usize,
            false => 0,
        }
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
            documents.push(Numbered(number).document(self.bap_of(number))?);
            if documents.len() == CHUNK || number + 1 == orders.end {
                admin.hand_over(&documents).await?;
                documents.clear();
            }
        }
        Ok(())
    }

    fn bap_of(&self, number: u64) -> &Bap {
        &self.parties[self.host_of(number)].1
    }

    /// The signed cancel of an order, ready to be written to the server at that address.
    pub fn request(&self, number: u64, target: SocketAddr) -> Request {
        let (signer, bap) = &self.parties[self.host_of(number)];
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

/// The BAP at a host.
pub fn name(index: usize) -> String {
    format!("bap-{index}.example.org")
}
