//! A registry on raw TCP: it says whatever it was told to, byte by byte, in its own time.
//!
//! One thread per connection, each of which ends by itself: nothing is written for longer than
//! [`LONGEST`] or beyond [`MOST`] bytes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use url::Url;

const LONGEST: Duration = Duration::from_secs(3);
const MOST: u64 = 64 * 1024 * 1024;

/// How an answer leaves.
#[derive(Debug, Clone)]
pub enum Manner {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes one by one, each after a pause.
    Drip(Vec<u8>, Duration),
    /// The first bytes once, the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// The connection stays open, and nothing comes.
    Silence,
    /// These bytes, and then nothing, on an open connection.
    Stuck(Vec<u8>),
}

pub struct Liar {
    pub url: Url,
    state: Arc<State>,
}

struct State {
    manner: Mutex<Manner>,
    asked: AtomicU64,
    is_over: AtomicBool,
}

impl Liar {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            manner: Mutex::new(Manner::Silence),
            asked: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if served.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&served);
                std::thread::spawn(move || {
                    // Whoever hangs up on a liar is right to.
                    let _ = state.answer(stream);
                });
            }
        });
        Self {
            url: format!("http://{address}/").parse().expect("a URL"),
            state,
        }
    }

    pub fn say(&self, manner: Manner) {
        *self.state.manner.lock().expect("no panic") = manner;
    }

    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener up, so that it sees that all is over.
        let address = self.url.socket_addrs(|| None).expect("an address")[0];
        let _ = TcpStream::connect(address);
    }
}

impl State {
    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(LONGEST))?;
        stream.set_write_timeout(Some(LONGEST))?;
        let mut stream = BufReader::new(stream);
        read_question(&mut stream)?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let manner = self.manner.lock().expect("no panic").clone();
        let stream = stream.get_mut();
        let begun = Instant::now();
        match manner {
            Manner::Bytes(bytes) => stream.write_all(&bytes)?,
            Manner::Drip(bytes, pause) => {
                for byte in bytes.chunks(1).take_while(|_| begun.elapsed() < LONGEST) {
                    stream.write_all(byte)?;
                    std::thread::sleep(pause);
                }
            }
            Manner::Endless(first, again) => {
                stream.write_all(&first)?;
                let mut written = 0;
                while begun.elapsed() < LONGEST && written < MOST {
                    stream.write_all(&again)?;
                    written += again.len() as u64;
                }
            }
            Manner::Silence => wait_for_end(stream),
            Manner::Stuck(bytes) => {
                stream.write_all(&bytes)?;
                wait_for_end(stream);
            }
        }
        Ok(())
    }
}

/// Until the other side hangs up, or long enough.
fn wait_for_end(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 1]);
}

fn read_question(stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)
}
