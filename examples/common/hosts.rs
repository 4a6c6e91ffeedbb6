//! The BAPs' side: hosts that take callbacks well, late, or not at all, and count who is there.
//!
//! Raw sockets, because a good HTTP server cannot be as bad as this must be, and because it is
//! lean enough to share a machine with what is measured. A callback counts as answered in the
//! ledger once its host is about to acknowledge it.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use beckn_bpp::crypto::digest::blake2b_512;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::callback::Callback;
use super::ledger::Ledger;

const ACK: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n\
{\"message\":{\"ack\":{\"status\":\"ACK\"}}}";

/// What a host does with a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// Acknowledges at once.
    Well,
    /// Acknowledges after this time.
    Late(Duration),
    /// Never answers.
    Silent,
    /// Resets the connection.
    Reset,
}

/// A host.
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    ledger: Arc<Ledger>,
    temper: Mutex<Temper>,
    connections: Tally,
    in_flight: Tally,
}

/// How many there are, and how many there were at most.
#[derive(Default)]
struct Tally {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Tally {
    fn one_more(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn one_less(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    fn forget_most(&self) {
        let now = self.now.load(Ordering::Relaxed);
        self.most.store(now, Ordering::Relaxed);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Host {
    /// Starts one on a free port.
    pub async fn start(ledger: &Arc<Ledger>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            ledger: Arc::clone(ledger),
            temper: Mutex::new(Temper::Well),
            connections: Tally::default(),
            in_flight: Tally::default(),
        });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let visit = Visit::begin(Arc::clone(&serving));
                tokio::spawn(visit.serve(stream));
            }
        });
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// How it answers what comes in from now on.
    pub fn behave(&self, temper: Temper) {
        *lock(&self.shared.temper) = temper;
    }

    /// The most connections that were open at one time.
    pub fn most_connections(&self) -> usize {
        self.shared.connections.most.load(Ordering::Relaxed)
    }

    /// The most callbacks that were here unanswered at one time.
    pub fn most_in_flight(&self) -> usize {
        self.shared.in_flight.most.load(Ordering::Relaxed)
    }

    /// Begins to count both anew.
    pub fn forget_most(&self) {
        self.shared.connections.forget_most();
        self.shared.in_flight.forget_most();
    }
}

/// One connection, counted as long as it is open.
struct Visit(Arc<Shared>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.connections.one_less();
    }
}

impl Visit {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.connections.one_more();
        Self(shared)
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::with_capacity(8_192);
        // A connection that breaks is the sender's to repeat.
        while let Ok(Some(body)) = read_request(&mut stream, &mut buffer).await {
            self.0.in_flight.one_more();
            let stays = self.answer(&mut stream, &body).await;
            self.0.in_flight.one_less();
            if !stays || stream.write_all(ACK).await.is_err() {
                return;
            }
        }
    }

    /// Says whether this callback is to be acknowledged.
    async fn answer(&self, stream: &mut TcpStream, body: &[u8]) -> bool {
        let temper = *lock(&self.0.temper);
        let acknowledges = match temper {
            Temper::Well => true,
            Temper::Late(delay) => !gone_within(stream, delay).await,
            Temper::Silent => !gone_within(stream, Duration::MAX).await,
            Temper::Reset => {
                // What cannot be reset is closed, which is as bad.
                let _ = stream.set_zero_linger();
                false
            }
        };
        if acknowledges {
            self.note(body);
        }
        acknowledges
    }

    fn note(&self, body: &[u8]) {
        let ledger = &self.0.ledger;
        let callback = Callback::read(body);
        let number = |text: &str, prefix| text.strip_prefix(prefix)?.parse::<u64>().ok();
        let message = callback
            .as_ref()
            .and_then(|callback| number(callback.message_id(), "message-"));
        let (Some(callback), Some(message)) = (callback, message) else {
            ledger.foreign.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(slot) = ledger.slot(message) else {
            ledger.foreign.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let order = callback.order_id().and_then(|id| number(id, "order-"));
        let digest = blake2b_512(body);
        let digest = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
        ledger.answered(slot, digest, order == Some(message));
    }
}

/// Waits; says whether the other side hung up meanwhile.
async fn gone_within(stream: &mut TcpStream, delay: Duration) -> bool {
    let mut more = [0];
    let heard = tokio::time::timeout(delay, stream.peek(&mut more)).await;
    heard.is_ok()
}

/// The body of the next request; `None` when the other side hangs up between two.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Vec<u8>>> {
    buffer.clear();
    loop {
        if let Some((from, upto)) = whole(buffer) {
            return Ok(Some(buffer[from..upto].to_vec()));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Where the body begins and ends, once all of it is there.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let lengths = text.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let upto = head + 4 + lengths.last().unwrap_or(0);
    (bytes.len() >= upto).then_some((head + 4, upto))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
