//! A connection to the public listener on which a request is sent piece by piece.
//!
//! For what no HTTP client would do: announce a body and never send it, stop in the middle,
//! go on for ever.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Answer, TestApp, WAIT};

pub struct Wire(TcpStream);

impl Wire {
    pub async fn open(app: &TestApp) -> Self {
        let url = app.url("/");
        let address = (url.host_str().expect("a host"), url.port().expect("a port"));
        Self(TcpStream::connect(address).await.expect("connected"))
    }

    /// Opens a connection and posts the head of a JSON request.
    pub async fn with_head(app: &TestApp, headers: &[(&str, &str)]) -> Self {
        let mut head =
            "POST /cancel HTTP/1.1\r\nHost: bpp.example.org\r\nContent-Type: application/json\r\n"
                .to_owned();
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut wire = Self::open(app).await;
        wire.write(head.as_bytes()).await;
        wire
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("written");
        self.0.flush().await.expect("flushed");
    }

    /// Says that nothing more is coming, and goes on listening.
    pub async fn end_writing(&mut self) {
        self.0.shutdown().await.expect("shut down");
    }

    /// Whether there is something to be read by then.
    pub async fn is_answered_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.readable()).await.is_ok()
    }

    /// The answer, which must come in time.
    pub async fn answer(&mut self) -> Answer {
        let answer = tokio::time::timeout(WAIT, self.read_answer());
        answer.await.expect("an answer in time")
    }

    /// Whether the other side has closed the connection, in time.
    pub async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(WAIT, self.0.read_to_end(&mut rest)).await;
        closed.is_ok() && rest.is_empty()
    }

    async fn read_answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the answer's head"));
        }
        let head = String::from_utf8(head).expect("ASCII");
        let (status, headers) = parse(&head);
        let length = headers.get("content-length").expect("a length");
        let length: usize = length.to_str().expect("ASCII").parse().expect("digits");
        let mut body = vec![0; length];
        self.0
            .read_exact(&mut body)
            .await
            .expect("the answer's body");
        let text = String::from_utf8(body).expect("UTF-8");
        Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }
}

fn parse(head: &str) -> (u16, HeaderMap) {
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").expect("a header");
        let name: HeaderName = name.parse().expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    let status = status.expect("a status").parse().expect("digits");
    (status, lines.map(header).collect())
}
