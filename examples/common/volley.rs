//! Sends requests that were made and signed beforehand: a client that costs next to nothing,
//! because it shares the machine with the server that it loads.
//!
//! Either each of some clients waits for its answer (`closed`), or requests leave at fixed times
//! however slow the answers are (`open`). One that is refused because there is no room goes to
//! the end of the queue and is sent again, as a caller would do who is told to come later.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connection::{Answer, Connection};
use super::ledger::Ledger;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often requests that have fallen due are looked for.
const STEP: Duration = Duration::from_millis(1);

/// A request, ready to be written.
pub struct Request {
    /// Its message.
    pub number: u64,
    /// Its bytes, head and body.
    pub bytes: Vec<u8>,
}

/// One request sent.
#[derive(Debug, Clone)]
pub struct Shot {
    /// When it should have left.
    pub due: Instant,
    /// When it left.
    pub sent: Instant,
    /// When its answer was read, or its end seen.
    pub done: Instant,
    /// What was answered.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was acknowledged.
    Ack,
    /// 503, and whether `Retry-After` was there.
    Busy(bool),
    /// Another answer: its status and the beginning of its body.
    Other(String),
    /// No connection could be made any more.
    Refused,
    /// The connection ended without an answer.
    Broken(String),
    /// All our connections were waiting: we, not the server, were short.
    Unsent,
}

/// Requests on their way to a server.
pub struct Volley {
    target: SocketAddr,
    ledger: Arc<Ledger>,
    waiting: Mutex<VecDeque<Request>>,
    idle: Mutex<Vec<Connection>>,
    busy: AtomicUsize,
    most_busy: usize,
    /// Set to end a run early.
    over: AtomicBool,
}

impl Volley {
    /// These requests, over at most so many connections.
    pub fn new(
        target: SocketAddr,
        ledger: &Arc<Ledger>,
        requests: impl IntoIterator<Item = Request>,
        connections: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            target,
            ledger: Arc::clone(ledger),
            waiting: Mutex::new(requests.into_iter().collect()),
            idle: Mutex::default(),
            busy: AtomicUsize::new(0),
            most_busy: connections,
            over: AtomicBool::new(false),
        })
    }

    /// Requests that are still to be sent.
    pub fn left(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// Ends the run that goes on; what is in flight is waited for.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// So many clients that wait for their answers, for so long or until nothing is left.
    pub async fn closed(self: &Arc<Self>, clients: usize, time: Duration) -> Vec<Shot> {
        let until = Instant::now() + time;
        let mut running = JoinSet::new();
        for _ in 0..clients {
            let volley = Arc::clone(self);
            running.spawn(async move {
                let mut shots = Vec::new();
                while volley.goes_on(until) {
                    let Some(request) = volley.next() else { break };
                    shots.push(volley.shoot(request, Instant::now()).await);
                }
                shots
            });
        }
        running.join_all().await.into_iter().flatten().collect()
    }

    /// So many a second for so long, or until nothing is left.
    pub async fn open(self: &Arc<Self>, rate: f64, time: Duration) -> Vec<Shot> {
        let began = Instant::now();
        let mut running = JoinSet::new();
        let (mut shots, mut count) = (Vec::new(), 0_u64);
        while self.goes_on(began + time) {
            let due = |count: u64| began + Duration::from_secs_f64(count as f64 / rate);
            while due(count) <= Instant::now() {
                let Some(request) = self.next() else { break };
                running.spawn(Arc::clone(self).shoot_owned(request, due(count)));
                count += 1;
            }
            while let Some(Ok(shot)) = running.try_join_next() {
                shots.push(shot);
            }
            if running.is_empty() && self.left() == 0 {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        shots.extend(running.join_all().await);
        shots
    }

    /// The next request alone; `None` when nothing is left.
    pub async fn one(&self) -> Option<Shot> {
        let request = self.next()?;
        Some(self.shoot(request, Instant::now()).await)
    }

    fn goes_on(&self, until: Instant) -> bool {
        Instant::now() < until && !self.over.load(Ordering::Relaxed)
    }

    fn next(&self) -> Option<Request> {
        lock(&self.waiting).pop_front()
    }

    async fn shoot_owned(self: Arc<Self>, request: Request, due: Instant) -> Shot {
        self.shoot(request, due).await
    }

    async fn shoot(&self, request: Request, due: Instant) -> Shot {
        let sent = Instant::now();
        let outcome = match self.busy.fetch_add(1, Ordering::Relaxed) < self.most_busy {
            true => self.post(&request.bytes).await,
            false => Outcome::Unsent,
        };
        self.busy.fetch_sub(1, Ordering::Relaxed);
        let done = Instant::now();
        match outcome {
            Outcome::Ack => self.ledger.acked(request.number),
            Outcome::Busy(_) | Outcome::Unsent => lock(&self.waiting).push_back(request),
            _ => {}
        }
        Shot {
            due,
            sent,
            done,
            outcome,
        }
    }

    /// Posts a request; a kept connection that the server has closed meanwhile is replaced.
    async fn post(&self, bytes: &[u8]) -> Outcome {
        let exchange = async {
            let kept = lock(&self.idle).pop();
            if let Some(mut kept) = kept
                && let Ok(answer) = kept.exchange(bytes).await
            {
                return self.took(kept, &answer);
            }
            let Ok(mut fresh) = Connection::open(self.target).await else {
                return Outcome::Refused;
            };
            match fresh.exchange(bytes).await {
                Ok(answer) => self.took(fresh, &answer),
                Err(error) => Outcome::Broken(error.kind().to_string()),
            }
        };
        let late = |_| Outcome::Broken("no answer in time".to_owned());
        let outcome = tokio::time::timeout(PATIENCE, exchange).await;
        outcome.unwrap_or_else(late)
    }

    fn took(&self, connection: Connection, answer: &Answer) -> Outcome {
        if !answer.closes {
            lock(&self.idle).push(connection);
        }
        judge(answer)
    }
}

fn judge(answer: &Answer) -> Outcome {
    let has = |text: &[u8]| answer.body.windows(text.len()).any(|part| part == text);
    match answer.status {
        200 if has(b"\"ACK\"") => Outcome::Ack,
        503 => Outcome::Busy(answer.retry_after.is_some()),
        status => {
            let body = String::from_utf8_lossy(&answer.body);
            Outcome::Other(format!(
                "{status} {}",
                body.chars().take(160).collect::<String>()
            ))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many shots ended so.
pub fn count(shots: &[Shot], what: impl Fn(&Outcome) -> bool) -> u64 {
    shots.iter().filter(|shot| what(&shot.outcome)).count() as u64
}

/// How long those that ended so took from leaving to their answer, in nanoseconds.
pub fn times(shots: &[Shot], what: impl Fn(&Outcome) -> bool) -> Vec<u64> {
    let of_kind = shots.iter().filter(|shot| what(&shot.outcome));
    let took = |shot: &Shot| (shot.done - shot.sent).as_nanos();
    of_kind
        .map(|shot| took(shot).try_into().unwrap_or(u64::MAX))
        .collect()
}

/// The kinds of what should not have been, each once.
pub fn complaints(shots: &[Shot]) -> Vec<String> {
    let mut found: Vec<String> = shots
        .iter()
        .filter_map(|shot| match &shot.outcome {
            Outcome::Ack | Outcome::Busy(_) | Outcome::Unsent => None,
            other => Some(format!("{other:?}")),
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
