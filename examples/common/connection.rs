//! One kept HTTP/1.1 connection, with no more of HTTP than a small answer needs: a general
//! client costs several times as much, and that time would be missing from what is measured.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The largest answer read.
const ANSWER_BYTES: usize = 256 * 1024;

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; in chunks when it came so.
    pub body: Vec<u8>,
    /// The connection must not be used again.
    pub closes: bool,
    /// What `Retry-After` says, in seconds.
    pub retry_after: Option<u64>,
}

/// What the head of an answer says about the rest.
struct Head {
    status: u16,
    bytes: usize,
    length: Option<usize>,
    chunked: bool,
    closes: bool,
    retry_after: Option<u64>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(4_096);
        Ok(Self { stream, buffer })
    }

    /// Writes a whole request and reads the whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Error> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some(answer) = self.whole_answer()? {
                return Ok(answer);
            }
            if self.buffer.len() > ANSWER_BYTES {
                return Err(Error::new(ErrorKind::InvalidData, "the answer is too long"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The answer, once all of it is there.
    fn whole_answer(&self) -> Result<Option<Answer>, Error> {
        let Some(head) = head(&self.buffer)? else {
            return Ok(None);
        };
        let body = &self.buffer[head.bytes..];
        let whole = match head.length {
            _ if head.chunked => body.ends_with(b"0\r\n\r\n"),
            Some(length) => body.len() >= length,
            None => true,
        };
        Ok(whole.then(|| Answer {
            status: head.status,
            body: body.to_vec(),
            closes: head.closes,
            retry_after: head.retry_after,
        }))
    }
}

fn head(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let invalid = || Error::new(ErrorKind::InvalidData, "this is no HTTP/1.1 answer");
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let mut head = Head {
        status: status.and_then(|s| s.parse().ok()).ok_or_else(invalid)?,
        bytes: end + 4,
        length: None,
        chunked: false,
        closes: false,
        retry_after: None,
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("retry-after") {
            head.retry_after = value.parse().ok();
        }
    }
    Ok(Some(head))
}
