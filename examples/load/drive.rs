//! Sends the messages: clients that take the next number, sign, post, and read the answer.
//!
//! Without a rate each client sends as soon as it has its answer. With one, messages fall due
//! at fixed times and the time of an ACK counts from then, not from when a client was free: a
//! server that stalls cannot hide it by being asked less.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::arguments::Plan;
use crate::connection::{Answer, Connection};
use crate::ledger::Ledger;
use crate::message::Messages;
use crate::target::Target;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Tally {
    /// When sending began, on the ledger's clock.
    pub began: u64,
    /// When the last answer was read.
    pub ended: u64,
    /// Time from due to ACK read, in nanoseconds.
    pub ack: Vec<u64>,
    /// Time from due to the first byte sent, in nanoseconds: how late we were ourselves.
    pub late: Vec<u64>,
    /// What was answered instead of an ACK, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// What all clients share.
struct Drive {
    plan: Plan,
    ledger: Arc<Ledger>,
    messages: Arc<Messages>,
    target: std::net::SocketAddr,
    /// The request's head up to the length, and what follows it.
    head: [String; 2],
    next: AtomicU64,
    began: Instant,
    /// Messages that have fallen due and are not taken yet.
    due: Semaphore,
    /// How many fall due in all, once that is known.
    last: AtomicU64,
}

/// Sends all messages of the run, or as many as its time allows.
pub async fn run(
    plan: &Plan,
    ledger: &Arc<Ledger>,
    messages: &Arc<Messages>,
    target: &Target,
) -> anyhow::Result<Tally> {
    let drive = Arc::new(Drive {
        plan: plan.clone(),
        ledger: Arc::clone(ledger),
        messages: Arc::clone(messages),
        target: target.address,
        head: head(target),
        next: AtomicU64::new(0),
        began: Instant::now(),
        due: Semaphore::new(0),
        last: AtomicU64::new(plan.count),
    });
    if let Some(rate) = plan.rate {
        let drive = Arc::clone(&drive);
        std::thread::spawn(move || drive.pace(rate));
    }
    let mut clients = JoinSet::new();
    for _ in 0..plan.concurrency {
        clients.spawn(Arc::clone(&drive).client());
    }
    let mut tally = Tally {
        began: ledger.at(drive.began),
        ..Tally::default()
    };
    while let Some(part) = clients.join_next().await {
        tally.add(part?);
    }
    tally.ended = ledger.now();
    Ok(tally)
}

fn head(target: &Target) -> [String; 2] {
    let url = &target.url;
    let path = url.path().trim_end_matches('/');
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let first = format!(
        "POST {path}/cancel HTTP/1.1\r\nhost: {host}:{port}\r\n\
         content-type: application/json\r\ncontent-length: "
    );
    [first, "\r\nauthorization: ".to_owned()]
}

impl Drive {
    /// Lets messages fall due, on a thread of its own: the runtime's timer counts milliseconds.
    fn pace(&self, rate: f64) {
        for number in 0..self.plan.count {
            let due = self.due_at(number, rate);
            if due.duration_since(self.began) > self.plan.time {
                self.last.store(number, Ordering::Release);
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.due.add_permits(1);
        }
        // One more for each client, to see that there is no more.
        self.due.add_permits(self.plan.concurrency);
    }

    fn due_at(&self, number: u64, rate: f64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / rate)
    }

    async fn client(self: Arc<Self>) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        while let Some((number, due)) = self.take().await {
            let request = self.request(number);
            for copy in 0..self.plan.copies() {
                let began = Instant::now();
                // Only the first can have waited for a client.
                let due = due.filter(|_| copy == 0).unwrap_or(began);
                tally.late.push(nanoseconds(due, began));
                match self.post(&mut connection, &request).await {
                    Ok(()) => {
                        tally.ack.push(nanoseconds(due, Instant::now()));
                        self.ledger.acked(number);
                    }
                    Err(error) => *tally.errors.entry(error).or_default() += 1,
                }
            }
        }
        tally
    }

    /// The next message and when it is due; none when the run is over.
    async fn take(&self) -> Option<(u64, Option<Instant>)> {
        match self.plan.rate {
            Some(rate) => {
                self.due.acquire().await.ok()?.forget();
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let over = number >= self.last.load(Ordering::Acquire);
                (!over).then(|| (number, Some(self.due_at(number, rate))))
            }
            None => {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let over = number >= self.plan.count || self.began.elapsed() > self.plan.time;
                (!over).then_some((number, None))
            }
        }
    }

    fn request(&self, number: u64) -> Vec<u8> {
        let (body, authorization) = self.messages.cancel(number, Utc::now());
        let [before_length, after_length] = &self.head;
        let length = body.len().to_string();
        let parts: [&str; 6] = [
            before_length,
            &length,
            after_length,
            &authorization,
            "\r\n\r\n",
            &body,
        ];
        parts.concat().into_bytes()
    }

    /// Posts a request; a kept connection that has gone stale is replaced once.
    async fn post(
        &self,
        connection: &mut Option<Connection>,
        request: &[u8],
    ) -> Result<(), String> {
        let kept = connection.is_some();
        let mut answer = self.try_post(connection, request).await;
        if kept && answer.is_err() {
            answer = self.try_post(connection, request).await;
        }
        let answer = answer?;
        if answer.closes {
            *connection = None;
        }
        judge(&answer)
    }

    async fn try_post(
        &self,
        connection: &mut Option<Connection>,
        request: &[u8],
    ) -> Result<Answer, String> {
        let exchange = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::open(self.target).await?,
            };
            let answer = open.exchange(request).await?;
            Ok::<_, std::io::Error>((open, answer))
        };
        match timeout(PATIENCE, exchange).await {
            Ok(Ok((open, answer))) => {
                *connection = Some(open);
                Ok(answer)
            }
            Ok(Err(error)) => Err(format!("connection: {}", error.kind())),
            Err(_) => Err("connection: no answer in time".to_owned()),
        }
    }
}

fn nanoseconds(from: Instant, to: Instant) -> u64 {
    let time = to.saturating_duration_since(from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// An ACK, or the kind of what came instead: the status, and the first word of the error.
fn judge(answer: &Answer) -> Result<(), String> {
    let has = |text: &[u8]| answer.body.windows(text.len()).any(|part| part == text);
    if answer.status == 200 && has(b"\"ACK\"") {
        return Ok(());
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or("no ACK");
    let word = message.split([':', ' ']).next().unwrap_or_default();
    Err(format!("{} {word}", answer.status))
}

impl Tally {
    fn add(&mut self, part: Self) {
        self.ack.extend(part.ack);
        self.late.extend(part.late);
        for (kind, times) in part.errors {
            *self.errors.entry(kind).or_default() += times;
        }
    }
}
