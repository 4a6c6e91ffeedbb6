//! Bytes that are no HTTP request, or two requests to two readers (RFC 9112, section 11).
//!
//! After each the connection ends, so that what follows is never read as a request of its own.

use crate::bench::Bench;
use crate::refused::Wanted;

/// What stands before the line in question, and after it.
const BEFORE: &str =
    "POST /cancel HTTP/1.1\r\nHost: bpp.example.org\r\nContent-Type: application/json\r\n";

/// Lines of a head that no reader may take, with what follows them.
const LINES: &[&str] = &[
    // Two lengths, or none that is a number.
    "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\":",
    "Content-Length: 5\r\nContent-Length: 5\r\n\r\n{\"a\":",
    "Content-Length: 5, 5\r\n\r\n{\"a\":",
    "Content-Length: 5;6\r\n\r\n{\"a\":",
    "Content-Length: \r\n\r\n",
    "Content-Length: -1\r\n\r\n",
    "Content-Length: +5\r\n\r\n{\"a\":",
    "Content-Length: 5.0\r\n\r\n{\"a\":",
    "Content-Length: 0x5\r\n\r\n{\"a\":",
    "Content-Length: 5e0\r\n\r\n{\"a\":",
    "Content-Length: 5 5\r\n\r\n{\"a\":",
    "Content-Length: five\r\n\r\n{\"a\":",
    "Content-Length: \u{665}\r\n\r\n{\"a\":",
    "Content-Length: 18446744073709551616\r\n\r\n",
    "Content-Length: 99999999999999999999999\r\n\r\n",
    // A length and chunks, in either order.
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "content-length: 5\r\nTRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n",
    // Encodings that readers disagree about.
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: identity\r\n\r\n",
    "Transfer-Encoding: \r\n\r\n",
    "Transfer-Encoding: chunked\u{0}\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
    // Names and lines that some readers mend.
    "Content-Length : 5\r\n\r\n{\"a\":",
    "Content-Length\t: 5\r\n\r\n{\"a\":",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    " Content-Length: 5\r\n\r\n{\"a\":",
    "Content-Length: 5\r\n 6\r\n\r\n{\"a\":",
    "X: 1\r\n\tContent-Length: 5\r\n\r\n",
    "Content-Length\r\n\r\n",
    ": 5\r\n\r\n",
    "Content Length: 5\r\n\r\n",
    "Content-Length\u{0}: 5\r\n\r\n",
    "C\u{f6}ntent-Length: 5\r\n\r\n",
    "X: \u{0}\r\n\r\n",
    "X: \u{1}\r\n\r\n",
    "X: \u{7f}\r\n\r\n",
    // Lines that end otherwise.
    "Content-Length: 5\n\r\n{\"a\":",
    "X: 1\nContent-Length: 5\r\n\r\n{\"a\":",
    "X: 1\n\r\n",
    "X: 1\r\n\n",
    "X: 1\rContent-Length: 5\r\n\r\n",
    "X: 1\r\r\n\r\n",
    "\n",
    // One host.
    "Host: bpp.example.org\r\n\r\n",
    "Host: other.example.org\r\n\r\n",
];

/// Whole beginnings of a connection.
const STARTS: &[&[u8]] = &[
    b"\n",
    b"POST /cancel HTTP/1.1\nHost: x\r\n\r\n",
    b"POST /cancel HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    b"POST /cancel HTTP/1.0\r\nHost: x\r\n\r\n",
    b"POST /cancel HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /cancel HTTP/2.0\r\nHost: x\r\n\r\n",
    b"POST /cancel HTTP/1.2\r\nHost: x\r\n\r\n",
    b"POST /cancel HTTP/11\r\nHost: x\r\n\r\n",
    b"POST /cancel http/1.1\r\nHost: x\r\n\r\n",
    b"POST /cancel HTTP/1.1 x\r\nHost: x\r\n\r\n",
    b"POST  /cancel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST\t/cancel\tHTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /cancel\r\n\r\n",
    b"POST /can cel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /can\x00cel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /can\x7fcel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /c\xc3\xa4ncel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"P(ST /cancel HTTP/1.1\r\nHost: x\r\n\r\n",
    b" POST /cancel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\xef\xbb\xbfPOST /cancel HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"{\"context\":{}}\r\n\r\n",
    b"EHLO mail.example.org\r\n\r\n",
    b"\x00",
];

/// Chunked bodies that are none.
const CHUNKS: &[&[u8]] = &[
    b"x\r\n",
    b"-1\r\n",
    b"0x5\r\n{\"a\":\r\n0\r\n\r\n",
    b" 5\r\n{\"a\":\r\n0\r\n\r\n",
    b"5 5\r\n",
    b"5\n{\"a\":\r\n0\r\n\r\n",
    b"5\r{\"a\":",
    b"5\r\n{\"a\":x",
    b"5\r\n{\"a\":\n0\r\n\r\n",
    b"5;\x00\r\n{\"a\":\r\n0\r\n\r\n",
    b"ffffffffffffffff1\r\n",
    b"\r\n",
];

/// Written to nobody in particular.
fn to_nobody(word: &str) -> Wanted<'_> {
    Wanted {
        network: "none",
        ..Wanted::word(word)
    }
}

/// What a smuggler would want to be read as the next request.
const NEXT: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_two_meanings_are_refused_and_end_their_connection() {
    let mut bench = Bench::set("HTTP framing", "").await;
    let lines = LINES
        .iter()
        .map(|line| format!("{BEFORE}{line}").into_bytes());
    let starts = STARTS.iter().map(|start| start.to_vec());
    for bytes in lines.chain(starts) {
        let case = String::from_utf8_lossy(&bytes).into_owned();
        let bytes = [&bytes, NEXT].concat();
        let wanted = to_nobody("request_malformed");
        let mut wire = bench.refuses(&case, &bytes, &wanted).await;
        assert!(wire.is_closed().await, "{case}");
    }
    for bytes in CHUNKS {
        let case = String::from_utf8_lossy(bytes).into_owned();
        let head = format!("{BEFORE}Transfer-Encoding: chunked\r\n\r\n");
        let bytes = [head.as_bytes(), bytes].concat();
        let wanted = Wanted::word("body_incomplete");
        let mut wire = bench.refuses(&case, &bytes, &wanted).await;
        assert!(wire.is_closed().await, "{case}");
    }
    let many = format!("{BEFORE}{}\r\n", "X: 1\r\n".repeat(100));
    for (head, word) in [
        (many, "head_too_large"),
        (
            format!("{BEFORE}X: {}\r\n\r\n", "x".repeat(17_000)),
            "head_too_large",
        ),
        (
            format!("{BEFORE}{}\r\n", "Y: y\r\n".repeat(3_000)),
            "head_too_large",
        ),
        ("x".repeat(17_000), "head_too_large"),
        (
            format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(17_000)),
            "head_too_large",
        ),
    ] {
        let case: String = head.chars().take(100).collect();
        let mut wire = bench
            .refuses(&case, head.as_bytes(), &to_nobody(word))
            .await;
        assert!(wire.is_closed().await, "{case}");
    }
    bench.ends_well(90).await;
}
