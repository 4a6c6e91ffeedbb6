//! The slow peers: one task each, that opens its connection again whenever the server ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Between two bytes.
const STEP: Duration = Duration::from_millis(200);

/// A request that is refused at once and leaves its connection open.
const FIRST: &[u8] = b"PUT /cancel HTTP/1.1\r\nhost: x\r\n\r\n";

/// What a peer is slow at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It says nothing.
    Silent,
    /// It drips the head of its first request.
    Head,
    /// It drips the head of its second.
    SecondHead,
    /// It drips a body.
    Body,
}

/// All there are.
pub const KINDS: [Kind; 4] = [Kind::Silent, Kind::Head, Kind::SecondHead, Kind::Body];

/// What became of their connections.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many the server ended.
    pub ended: AtomicU64,
    /// The longest that one was held, in milliseconds.
    pub longest_ms: AtomicU64,
}

/// Slow peers at work, until dropped.
pub struct Peers {
    pub tally: Arc<Tally>,
    running: JoinSet<()>,
}

impl Peers {
    /// So many, of all kinds in turn.
    pub fn start(count: usize, target: SocketAddr) -> Self {
        let tally = Arc::new(Tally::default());
        let mut running = JoinSet::new();
        for number in 0..count {
            let tally = Arc::clone(&tally);
            running.spawn(async move {
                loop {
                    let began = Instant::now();
                    // However it ends, it is the server that ended it.
                    let _ = hold(KINDS[number % KINDS.len()], target).await;
                    let held = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
                    tally.ended.fetch_add(1, Ordering::Relaxed);
                    tally.longest_ms.fetch_max(held, Ordering::Relaxed);
                }
            });
        }
        Self { tally, running }
    }

    /// Ends them all.
    pub async fn end(mut self) -> Arc<Tally> {
        self.running.shutdown().await;
        self.tally
    }
}

/// Holds a connection as long as it can.
async fn hold(kind: Kind, target: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(target).await?;
    let (begin, drop): (&[u8], &[u8]) = match kind {
        Kind::Silent => (b"", b""),
        Kind::Head => (b"POST /cancel HTTP/1.1\r\nx: ", b"x"),
        Kind::SecondHead => (FIRST, b"P"),
        Kind::Body => (
            b"POST /cancel HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
              content-length: 100000\r\n\r\n",
            b" ",
        ),
    };
    stream.write_all(begin).await?;
    let mut answer = [0; 1_024];
    loop {
        tokio::select! {
            read = stream.read(&mut answer) => if read? == 0 {
                return Ok(());
            },
            () = tokio::time::sleep(STEP) => stream.write_all(drop).await?,
        }
    }
}
