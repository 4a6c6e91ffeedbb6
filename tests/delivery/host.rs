//! A subscriber's host, scripted down to the bytes. Each connection carries one request.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let mut named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value)
    }
}

pub struct Host {
    pub lane: String,
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    /// Reads each request, then leaves the connection to the script with the request's number.
    pub async fn start<F, A>(script: F) -> Self
    where
        F: Fn(usize, TcpStream) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let lane = listener.local_addr().expect("bound").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let (script, kept) = (Arc::new(script), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (script, kept) = (Arc::clone(&script), Arc::clone(&kept));
                let counted = counted.clone();
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await?;
                    let number = {
                        let mut kept = kept.lock().expect("not poisoned");
                        kept.push(request);
                        kept.len() - 1
                    };
                    counted.send_modify(|count| *count += 1);
                    script(number, stream).await
                });
            }
        });
        let url = format!("http://{lane}/on_cancel");
        Self {
            lane,
            url,
            seen,
            count,
            task,
        }
    }

    /// Gives each request the next of these answers, and the last one for ever.
    pub async fn saying<const N: usize>(answers: [Vec<u8>; N]) -> Self {
        Self::start(move |number, mut stream| {
            let answer = answers[number.min(N - 1)].clone();
            async move { stream.write_all(&answer).await }
        })
        .await
    }

    /// Accepts, reads, and never answers.
    pub async fn tarpit() -> Self {
        Self::start(|_, stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
            Ok(())
        })
        .await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// Returns when that many requests have come in.
    pub async fn saw(&self, requests: usize) {
        let mut count = self.count.clone();
        count
            .wait_for(|count| *count >= requests)
            .await
            .expect("the host lives");
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Seen> {
    let mut bytes = Vec::new();
    let (end, length) = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let seen = Seen {
                head: String::from_utf8_lossy(&bytes[..end]).into(),
                body: vec![],
            };
            let length = seen
                .header("content-length")
                .and_then(|text| text.parse().ok());
            break (end, length.unwrap_or(0_usize));
        }
    };
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let head = String::from_utf8_lossy(&bytes[..end]).into();
    Ok(Seen {
        head,
        body: bytes.split_off(end + 4),
    })
}

/// A whole answer, after which the connection closes.
pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The usual receipt.
pub fn ack() -> Vec<u8> {
    answer("200 OK", "", r#"{"message":{"ack":{"status":"ACK"}}}"#)
}
