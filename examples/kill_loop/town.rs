//! All that lives through the kills: registry, BAPs, ledger, and the stock of orders.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::provider::SECRET;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::arguments::Arguments;
use crate::bap::{self, Inbox};
use crate::binary;
use crate::fate::{self, Fate};
use crate::ledger::{Ledger, Line};
use crate::lives::Lives;
use crate::operator;
use crate::outside::books::Request;
use crate::outside::orders::{Bap, Numbered};
use crate::outside::process::Process;
use crate::outside::surroundings::{Admin, BAP_KEYS, Surroundings, signer};

/// Callbacks in flight to one host.
const IN_FLIGHT_PER_HOST: usize = 64;

/// How many orders are handed over at once.
const INTAKE: u64 = 200;

/// See the file's text.
pub struct Town {
    pub seed: u64,
    pub around: Surroundings,
    pub inbox: Arc<Inbox>,
    pub ledger: Ledger,
    pub lives: Lives,
    pub memory: operator::Shared,
    pub sent: AtomicU64,
    pub binary: PathBuf,
    baps: Vec<(Signer, Bap)>,
    stock: Mutex<Stock>,
    past: std::sync::Mutex<Past>,
    violations: std::sync::Mutex<Vec<String>>,
}

/// Orders that the server has and nobody has cancelled.
#[derive(Default)]
struct Stock {
    fresh: Vec<Numbered>,
    next: u64,
}

/// Requests of earlier, and those of them that were acknowledged.
#[derive(Default)]
struct Past {
    requests: Vec<Request>,
    acknowledged: Vec<Request>,
}

impl Town {
    /// Builds it; the server is not started.
    pub fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let around = Surroundings::new(&(delivery() + &provider()))?;
        std::fs::write(around.directory.path().join("provider.secret"), SECRET)?;
        let inbox = Inbox::new(arguments.seed)?;
        let mut baps = Vec::new();
        let mut registered = Vec::new();
        for (index, key) in BAP_KEYS.into_iter().enumerate() {
            let signer = signer(&format!("bap-{index}.example.org"), key)?;
            let (bap, url) = bap::start(index, &signer, &inbox)?;
            registered.push((signer.clone(), url));
            baps.push((signer, bap));
        }
        let rows: Vec<_> = registered
            .iter()
            .map(|(signer, url)| (signer, url))
            .collect();
        around.register(&rows);
        Ok(Self {
            seed: arguments.seed,
            ledger: Ledger::new(around.directory.path())?,
            around,
            inbox,
            lives: Lives::default(),
            memory: operator::Shared::default(),
            sent: AtomicU64::new(0),
            binary: binary::server(arguments.server.as_ref())?,
            baps,
            stock: Mutex::default(),
            past: std::sync::Mutex::default(),
            violations: std::sync::Mutex::default(),
        })
    }

    /// Starts the server's process.
    pub fn start(&self) -> anyhow::Result<Process> {
        Process::start(&mut self.around.serve(Path::new(&self.binary)))
    }

    /// The BAP with this index: how it signs, and how contexts name it.
    pub fn bap(&self, index: usize) -> &(Signer, Bap) {
        &self.baps[index]
    }

    /// An order that nobody has cancelled; hands more over when there is none left.
    pub async fn fresh_order(&self, admin: &Admin) -> anyhow::Result<Numbered> {
        let mut stock = self.stock.lock().await;
        if stock.fresh.is_empty() {
            let first = stock.next;
            // Not asked for again when the answer does not come: then nobody knows of them.
            stock.next += INTAKE;
            let orders: Vec<_> = (first..first + INTAKE).map(Numbered).collect();
            let documents = orders.iter().map(|order| self.document(*order));
            admin
                .hand_over(&documents.collect::<Result<Vec<_>, _>>()?)
                .await?;
            let count = INTAKE;
            self.ledger.write(&Line::TakenIn { first, count }).await?;
            stock.fresh = orders;
        }
        Ok(stock.fresh.pop().unwrap_or(Numbered(0)))
    }

    fn document(&self, order: Numbered) -> anyhow::Result<Value> {
        let mut document = order.document(&self.bap(order.bap()).1)?;
        if let Fate::Decided { .. } = Fate::of(order) {
            fate::let_the_provider_decide(&mut document);
        }
        Ok(document)
    }

    /// How many callbacks have come to a BAP, or to all (`*`).
    pub fn arrivals(&self, who: &str) -> usize {
        let of = |bap: &usize| who == "*" || self.bap(*bap).1.id == who;
        let arrivals = self.inbox.arrivals();
        [0, 1].into_iter().filter(of).map(|bap| arrivals[bap]).sum()
    }

    /// Remembers a request for those that come again.
    pub fn remember(&self, request: &Request, was_acknowledged: bool) {
        let mut past = lock(&self.past);
        match was_acknowledged {
            true => past.acknowledged.push(request.clone()),
            false => past.requests.push(request.clone()),
        }
    }

    /// One of the requests sent so far.
    pub fn some_request(&self, chance: u64) -> Option<Request> {
        pick(&lock(&self.past).requests, chance)
    }

    /// One of the requests acknowledged so far.
    pub fn some_acknowledged(&self, chance: u64) -> Option<Request> {
        pick(&lock(&self.past).acknowledged, chance)
    }

    /// One of those acknowledged so far whose order is such.
    pub fn some_acknowledged_of(
        &self,
        chance: u64,
        such: impl Fn(Numbered) -> bool,
    ) -> Option<Request> {
        let past = lock(&self.past);
        let all = past.acknowledged.iter();
        let of_kind: Vec<_> = all.filter(|r| such(r.order)).cloned().collect();
        pick(&of_kind, chance)
    }

    /// Counts a request that leaves; gives its number.
    pub fn next_number(&self) -> u64 {
        self.sent.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes what a client saw and must not be.
    pub fn found(&self, violation: String) {
        lock(&self.violations).push(violation);
    }

    /// What the clients noted.
    pub fn findings(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }
}

/// A provider who is asked about some orders, and is never there to answer.
fn provider() -> String {
    format!(
        "[provider]\nsecret_file = \"provider.secret\"\n\
         hook_url = \"http://127.0.0.1:9/decide\"\nhook_wait = \"2m\"\n\
         hook_states = [\"{}\"]\n",
        fate::ASKED_IN
    )
}

fn pick(requests: &[Request], chance: u64) -> Option<Request> {
    let count = u64::try_from(requests.len())
        .ok()
        .filter(|count| *count > 0)?;
    requests.get(usize::try_from(chance % count).ok()?).cloned()
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Short steps and many of them, so that no fault but a NACK makes a callback dead; no breaker. The
/// deadline is long enough for a machine that is busy with the load: a callback that its BAP took
/// must come again for no other reason than a kill.
fn delivery() -> String {
    let steps = ["\"0s\"", "\"200ms\"", "\"500ms\""];
    let steps = steps.into_iter().chain(std::iter::repeat_n("\"1s\"", 120));
    format!(
        "schedule = [{}]\ntimeout = \"3s\"\nconnect_timeout = \"3s\"\n\
         nack_retries = 0\nin_flight = 256\nin_flight_per_host = {IN_FLIGHT_PER_HOST}\n\
         breaker_failures = 1000000\n",
        steps.collect::<Vec<_>>().join(", ")
    )
}
