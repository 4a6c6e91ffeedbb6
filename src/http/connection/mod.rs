//! One connection to the public listener: what the HTTP layer does not see to by itself.
//!
//! It stands between the socket and the HTTP layer and only watches. A head must be there in
//! time, the second on a connection like the first, and its lines must end as RFC 9112 says. What
//! comes in after a fault is not read. The HTTP layer is then handed a byte that no request can
//! hold, refuses it, and its bare answer, as to all else that it refuses, is replaced by one that
//! says what was wrong. Answers that are not taken do not hold a connection for ever.

mod chunks;
pub mod heads;

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Instant, Sleep, sleep_until};
use actix_web::web::{Bytes, BytesMut, Data};
use chrono::Utc;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::heads::{Fault, Heads};
use super::limits::Connected;
use super::{Doors, network};
use crate::domain::refusal::{Refusal, Word};

/// No request holds this byte outside its body, so the HTTP layer answers 400 to it.
const NO_REQUEST: u8 = 0;

/// How long a connection that finds no place may take to send what it wants to hear of.
const TURNED_AWAY: Duration = Duration::from_secs(1);

/// How long is waited for the other side.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the whole head of a request, once it has begun or the connection is there.
    pub head: Duration,
    /// For it to take some of what it is answered.
    pub answer: Duration,
}

/// A connection as the HTTP layer reads and writes it.
pub struct Connection {
    io: TcpStream,
    doors: Data<Doors>,
    heads: Heads,
    patience: Patience,
    /// When the head that is awaited must be there; nothing between two requests.
    head_due: Option<Pin<Box<Sleep>>>,
    /// When the answer that waits to be taken is given up.
    answer_due: Option<Pin<Box<Sleep>>>,
    /// Why it is turned away, before any of it is looked at.
    turned_away: Option<Refusal>,
    /// What the HTTP layer's next refusal is really about.
    fault: Option<Refusal>,
    /// Nothing more is read.
    is_over: bool,
    /// Our answer in the place of the HTTP layer's, as far as it is not yet written.
    answer: Bytes,
    _place: Option<Connected>,
}

impl Connection {
    /// Takes a connection that was just accepted, or turns it away when there is no room.
    #[must_use]
    pub fn new(io: TcpStream, doors: Data<Doors>, patience: Patience) -> Self {
        let peer = io.peer_addr().ok().map(|peer| peer.ip());
        let (place, turned_away) = match doors.limits.connect(peer) {
            Ok(place) => (Some(place), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let first = match &turned_away {
            Some(_) => TURNED_AWAY,
            None => patience.head,
        };
        Self {
            io,
            doors,
            heads: Heads::default(),
            patience,
            head_due: Some(after(first)),
            answer_due: None,
            turned_away,
            fault: None,
            is_over: false,
            answer: Bytes::new(),
            _place: place,
        }
    }

    /// Looks at what has just come in; after a fault, the HTTP layer gets [`NO_REQUEST`] in its
    /// place.
    fn watch(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        if let Some(refusal) = self.turned_away.take() {
            buffer.set_filled(before);
            return self.end(buffer, refusal);
        }
        if let Err((fault, at)) = self.heads.take(&buffer.filled()[before..]) {
            buffer.set_filled(before + at);
            return self.end(buffer, refusal_of(fault));
        }
        match (self.heads.is_within_head(), &self.head_due) {
            (true, None) => self.head_due = Some(after(self.patience.head)),
            (true, Some(_)) => {}
            (false, _) => self.head_due = None,
        }
    }

    fn end(&mut self, buffer: &mut ReadBuf<'_>, why: Refusal) {
        self.fault = Some(why);
        self.is_over = true;
        buffer.put_slice(&[NO_REQUEST]);
    }

    /// Ends the connection when the head is late. One that was opened and not used just ends.
    fn poll_late(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<()> {
        let Some(due) = &mut self.head_due else {
            return Poll::Pending;
        };
        ready!(due.as_mut().poll(cx));
        if let Some(refusal) = self.turned_away.take() {
            self.end(buffer, refusal);
        } else if self.heads.is_within_head() {
            let seconds = self.patience.head.as_secs_f32();
            let late = format!("the head of the request was not complete within {seconds} s");
            self.end(buffer, Refusal::new(Word::HeadTimeout, late));
        }
        self.is_over = true;
        Poll::Ready(())
    }

    /// Writes what is left of our own answer.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.answer))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            drop(self.answer.split_to(written));
        }
        Poll::Ready(Ok(()))
    }

    /// Passes on what the writing came to; what waits too long has failed.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.answer_due = None;
            return written;
        }
        let answer = self.patience.answer;
        let due = self.answer_due.get_or_insert_with(|| after(answer));
        due.as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What to say instead of the HTTP layer's bare answer of this status.
    fn replace(&mut self, status: &[u8]) {
        let refusal = self.fault.take().unwrap_or_else(|| match status {
            b"431" => Refusal::new(Word::HeadTooLarge, "a head has at most 96 headers"),
            _ => Refusal::new(Word::RequestMalformed, RULES),
        });
        let response = network::refuse_unread(&self.doors, &refusal);
        self.answer = on_the_wire(response);
    }
}

fn after(time: Duration) -> Pin<Box<Sleep>> {
    Box::pin(sleep_until(Instant::now() + time))
}

/// What the HTTP layer wants of a head.
const RULES: &str = "expected a request as RFC 9112 writes it: a method, a path and HTTP/1.1, one \
    Host, and either one Content-Length in digits or Transfer-Encoding: chunked";

fn refusal_of(fault: Fault) -> Refusal {
    match fault {
        Fault::BareLineFeed => {
            let detail = "expected CR LF at the end of each line of the head, got LF alone";
            Refusal::new(Word::RequestMalformed, detail)
        }
        Fault::TooLong => {
            let detail = format!("a head has at most {} bytes", heads::MAX_HEAD_BYTES);
            Refusal::new(Word::HeadTooLarge, detail)
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer)?;
        if read.is_pending() {
            return self.poll_late(cx, buffer).map(Ok);
        }
        if buffer.filled().len() > before {
            self.watch(buffer, before);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let ours = self.poll_answer(cx)?;
        if ours.is_pending() {
            return self.in_time(cx, Poll::Pending);
        }
        let Some((at, status)) = bare_answer(bytes) else {
            let written = Pin::new(&mut self.io).poll_write(cx, bytes);
            return self.in_time(cx, written);
        };
        if at > 0 {
            let written = Pin::new(&mut self.io).poll_write(cx, &bytes[..at]);
            return self.in_time(cx, written);
        }
        self.replace(status);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.poll_answer(cx);
        ready!(self.in_time(cx, written))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Where in these bytes the HTTP layer's own answer to a request that it refuses begins, and its
/// status. Such an answer is the last on its connection, has no body, and not the id that every
/// answer of a handler has.
fn bare_answer(bytes: &[u8]) -> Option<(usize, &[u8])> {
    // Nearly all answers have a body, and no body of ours ends like this.
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let at = memmem::rfind(bytes, b"HTTP/1.")?;
    let head = &bytes[at..];
    let status = head.get(9..12)?;
    let is_bare =
        matches!(status, b"400" | b"431") && memmem::find(head, b"x-request-id").is_none();
    is_bare.then_some((at, status))
}

/// An answer as bytes; the connection ends with it.
fn on_the_wire(response: HttpResponse) -> Bytes {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        // Made here of text, so none is left out.
        let value = value.to_str().unwrap_or_default();
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let _ = write!(
        head,
        "content-length: {}\r\nconnection: close\r\ndate: {date}\r\n\r\n",
        body.len()
    );
    let mut bytes = BytesMut::from(head.as_bytes());
    bytes.extend_from_slice(&body);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_http_layers_own_answers_are_replaced() {
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let ours = "HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}";
        for (bytes, found) in [
            (bare.to_owned(), Some(0)),
            (format!("{ours}{bare}"), Some(ours.len())),
            (ours.to_owned(), None),
            (bare[..bare.len() - 1].to_owned(), None),
            (bare.replace("400", "200"), None),
            (bare.replace("content-length", "x-request-id"), None),
            ("\r\n\r\n".to_owned(), None),
            ("HTTP/1.\r\n\r\n".to_owned(), None),
            (String::new(), None),
        ] {
            let at = bare_answer(bytes.as_bytes()).map(|(at, _)| at);
            assert_eq!(at, found, "{bytes:?}");
        }
    }
}
