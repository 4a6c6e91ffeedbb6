//! Follows the bytes of one HTTP/1.1 connection as they come in: where a head is, and where a body
//! ends (RFC 9112).
//!
//! The HTTP layer reads requests; this only watches, for the two things that it does not: a line
//! of a head that ends without a carriage return, which the next reader may see differently, and
//! a head that does not end. What the HTTP layer refuses by itself is not judged here again.

use memchr::memchr;

use super::chunks::Chunk;

/// The longest head, in bytes.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line ends with a line feed alone.
    BareLineFeed,
    /// It is longer than [`MAX_HEAD_BYTES`].
    TooLong,
}

/// Where in the stream the next byte belongs.
#[derive(Debug, Default)]
pub struct Heads {
    part: Part,
    head: Head,
}

#[derive(Debug, Default)]
enum Part {
    #[default]
    Head,
    /// So many bytes are left of a body.
    Body(u64),
    Chunked(Chunk),
    /// The HTTP layer refuses this head, and what follows it is nothing.
    Over,
}

/// A head as far as it has come.
#[derive(Debug, Default)]
struct Head {
    bytes: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    has_request_line: bool,
    body: Length,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Length {
    #[default]
    None,
    Known(u64),
    Chunked,
    /// Said twice, or not to be understood.
    Refused,
}

impl Heads {
    /// Whether a head has begun and has not ended.
    #[must_use]
    pub fn is_within_head(&self) -> bool {
        matches!(self.part, Part::Head) && self.head.bytes > 0
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// What is wrong, and at which of these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), (Fault, usize)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match &mut self.part {
                Part::Head => self
                    .line(rest)
                    .map_err(|(fault, here)| (fault, at + here))?,
                Part::Body(left) => {
                    let taken = (*left).min(rest.len() as u64);
                    *left -= taken;
                    if *left == 0 {
                        self.part = Part::Head;
                    }
                    // Not more than there is of `rest`.
                    taken as usize
                }
                Part::Chunked(chunk) => {
                    let (taken, next) = chunk.step(rest);
                    self.part = next.map_or(Part::Head, Part::Chunked);
                    taken
                }
                Part::Over => rest.len(),
            };
        }
        Ok(())
    }

    /// Takes the rest of a line of a head, or what has come of it; returns how much that was.
    fn line(&mut self, bytes: &[u8]) -> Result<usize, (Fault, usize)> {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.head.bytes += taken;
        if self.head.bytes > MAX_HEAD_BYTES {
            return Err((Fault::TooLong, taken - 1));
        }
        let Some(end) = end else {
            self.head.line.extend_from_slice(bytes);
            return Ok(taken);
        };
        let mut begun = std::mem::take(&mut self.head.line);
        let line = if begun.is_empty() {
            &bytes[..end]
        } else {
            begun.extend_from_slice(&bytes[..end]);
            &begun
        };
        match line.strip_suffix(b"\r") {
            Some([]) if self.head.has_request_line => self.end_of_head(),
            // A blank line before a request is nothing.
            Some([]) => self.head = Head::default(),
            Some(line) => self.head.read(line),
            None => return Err((Fault::BareLineFeed, end)),
        }
        Ok(taken)
    }

    fn end_of_head(&mut self) {
        self.part = match std::mem::take(&mut self.head).body {
            Length::None | Length::Known(0) => Part::Head,
            Length::Known(bytes) => Part::Body(bytes),
            Length::Chunked => Part::Chunked(Chunk::Size(0)),
            Length::Refused => Part::Over,
        };
    }
}

impl Head {
    fn read(&mut self, line: &[u8]) {
        if !self.has_request_line {
            self.has_request_line = true;
            return;
        }
        // Of all names only these two matter, and most lines are told apart by one byte.
        if !matches!(line[0], b'c' | b'C' | b't' | b'T') {
            return;
        }
        let Some(colon) = memchr(b':', line) else {
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let length = if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value).ok();
            digits.and_then(|text| text.parse().ok()).map(Length::Known)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let chunked = value.eq_ignore_ascii_case(b"chunked");
            chunked.then_some(Length::Chunked)
        } else {
            return;
        };
        self.body = match (self.body, length) {
            (Length::None, Some(length)) => length,
            _ => Length::Refused,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const POST: &str = "POST /cancel HTTP/1.1\r\nHost: bpp\r\n";

    fn taken(text: &str) -> Result<bool, (Fault, usize)> {
        let mut heads = Heads::default();
        heads.take(text.as_bytes())?;
        Ok(heads.is_within_head())
    }

    #[test]
    fn a_head_begins_with_its_first_byte_and_ends_with_its_blank_line() {
        for (text, within) in [
            ("", false),
            ("P", true),
            (POST, true),
            ("\r\n", false),
            ("\r\nP", true),
        ] {
            assert_eq!(taken(text), Ok(within), "{text:?}");
        }
        for body in [
            "Content-Length: 3\r\n\r\na\nb",
            "content-length:0\r\n\r\n",
            "\r\n",
            "Transfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n",
            "transfer-encoding: CHUNKED\r\n\r\nA;x=\"1\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
        ] {
            assert_eq!(taken(&format!("{POST}{body}")), Ok(false), "{body:?}");
            let next = format!("{POST}{body}G");
            assert_eq!(taken(&next), Ok(true), "{body:?}: the next has begun");
        }
    }

    #[test]
    fn a_line_feed_alone_is_found_in_every_head_and_not_in_a_body() {
        for (text, at) in [
            ("GET / HTTP/1.1\n".to_owned(), 14),
            ("\n".to_owned(), 0),
            (format!("{POST}X: 1\n"), POST.len() + 4),
            (format!("{POST}\n"), POST.len()),
            (
                format!("{POST}Content-Length: 2\r\n\r\n\n\nGET /\n"),
                POST.len() + 28,
            ),
            (
                format!("{POST}Transfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\nG\n"),
                POST.len() + 42,
            ),
        ] {
            assert_eq!(taken(&text), Err((Fault::BareLineFeed, at)), "{text:?}");
        }
    }

    #[test]
    fn a_head_has_at_most_16_kib() {
        let long =
            |bytes: usize| format!("{POST}X: {}\r\n\r\n", "x".repeat(bytes - POST.len() - 7));
        assert_eq!(taken(&long(MAX_HEAD_BYTES)), Ok(false));
        let fault = taken(&long(MAX_HEAD_BYTES + 1)).expect_err("too long");
        assert_eq!(fault.0, Fault::TooLong);
        let endless = "x".repeat(MAX_HEAD_BYTES + 1);
        assert_eq!(taken(&endless), Err((Fault::TooLong, MAX_HEAD_BYTES)));
    }

    #[test]
    fn what_the_http_layer_refuses_is_not_followed() {
        for lengths in [
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\n\n\n\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n\n\n\n",
            "Content-Length: x\r\n\r\n\n\n\n",
            "Transfer-Encoding: gzip\r\n\r\n\n\n\n",
        ] {
            assert_eq!(taken(&format!("{POST}{lengths}")), Ok(false), "{lengths:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_in_which_bytes_come_do_not_matter(
            bodies in prop::collection::vec(("[a-z\n]{0,40}", any::<bool>()), 1..5),
            cuts in prop::collection::vec(1..20_usize, 1..200),
        ) {
            let mut stream = String::new();
            for (body, chunked) in bodies {
                stream += POST;
                stream += &match chunked {
                    false => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
                    true if body.is_empty() => "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
                    true => format!(
                        "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                        body.len()
                    ),
                };
            }
            let mut heads = Heads::default();
            let mut rest = stream.as_bytes();
            for cut in cuts.into_iter().cycle() {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                prop_assert_eq!(heads.take(piece), Ok(()));
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert!(!heads.is_within_head());
            prop_assert_eq!(heads.take(b"GET / HTTP/1.1\n"), Err((Fault::BareLineFeed, 14)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut heads = Heads::default();
            let _ = heads.take(&bytes);
        }
    }
}
