//! Lies that are no JSON of rows at all, or no answer.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::{Lie, head, ok, with_status};
use crate::lying::liar::Manner;

/// `elsewhere` tells the truth.
pub fn of_wire(honest: &Value, elsewhere: &Url) -> Vec<Lie> {
    let rows = json!([honest]).to_string();
    let bytes = rows.as_bytes();
    let half = &bytes[..bytes.len() / 2];
    let length = |bytes: u64| head("200 OK", &format!("Content-Length: {bytes}\r\n"));
    let chunked = || head("200 OK", "Transfer-Encoding: chunked\r\n");
    let padded = |bytes: usize| [rows.clone(), " ".repeat(bytes)].concat();
    let whole = [length(bytes.len() as u64), bytes.to_vec()].concat();
    let utf16: Vec<u8> = rows.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gzip = "Content-Encoding: gzip\r\nContent-Length: 20\r\n";
    let pause = Duration::from_millis(20);
    let mut lies = vec![
        ("HTML", ok(b"<html><body>SUBSCRIBED</body></html>")),
        ("nothing", ok(b"")),
        ("half of the JSON", ok(half)),
        ("JSON and more", ok(format!("{rows} and more").as_bytes())),
        ("two documents", ok(format!("{rows}{rows}").as_bytes())),
        (
            "JSON with a byte order mark",
            ok(format!("\u{feff}{rows}").as_bytes()),
        ),
        ("UTF-16", ok(&utf16)),
        ("bytes that are no text", ok(&[0xff; 512])),
        (
            "compressed, it says",
            Manner::Bytes([head("200 OK", gzip), vec![0x1f; 20]].concat()),
        ),
        (
            "one byte over a mebibyte",
            ok(padded(1024 * 1024 + 1 - rows.len()).as_bytes()),
        ),
        (
            "ten gigabytes",
            Manner::Endless(length(10_000_000_000), vec![b' '; 65_536]),
        ),
        (
            "no end",
            Manner::Endless(
                chunked(),
                [&b"10000\r\n"[..], &[b' '; 65_536], b"\r\n"].concat(),
            ),
        ),
        (
            "rows, then no end",
            Manner::Endless(
                [length(10_000_000_000), bytes.to_vec()].concat(),
                vec![b' '; 65_536],
            ),
        ),
        (
            "headers without end",
            Manner::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(999)),
        ),
        (
            "an answer that only begins",
            Manner::Endless(
                b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
                b"HTTP/1.1 100 Continue\r\n\r\n".repeat(99),
            ),
        ),
        ("a slow drip", Manner::Drip(whole.clone(), pause)),
        (
            "a slow drip of headers",
            Manner::Drip(head("200 OK", ""), pause),
        ),
        ("silence", Manner::Silence),
        (
            "headers and silence",
            Manner::Stuck(length(bytes.len() as u64)),
        ),
        (
            "half and silence",
            Manner::Stuck([length(bytes.len() as u64), half.to_vec()].concat()),
        ),
        (
            "half and the end",
            Manner::Bytes([length(bytes.len() as u64), half.to_vec()].concat()),
        ),
        (
            "a chunk too few",
            Manner::Bytes([chunked(), b"5\r\n[{\"su\r\n".to_vec()].concat()),
        ),
        (
            "two lengths",
            Manner::Bytes(
                [
                    head("200 OK", "Content-Length: 5\r\nContent-Length: 9999\r\n"),
                    bytes.to_vec(),
                ]
                .concat(),
            ),
        ),
        ("no HTTP", Manner::Bytes(bytes.to_vec())),
        ("TLS", Manner::Bytes(vec![0x16, 0x03, 0x01, 0x02, 0x00])),
        ("the end", Manner::Bytes(Vec::new())),
    ];
    let to = format!(
        "Location: {elsewhere}lookup\r\nContent-Length: {}\r\n",
        bytes.len()
    );
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let redirect = [head(status, &to), bytes.to_vec()].concat();
        lies.push((status, Manner::Bytes(redirect)));
    }
    for status in [
        "300 X", "304 X", "400 X", "401 X", "402 X", "403 X", "404 X", "410 X", "418 X", "429 X",
        "500 X", "502 X", "503 X", "599 X",
    ] {
        lies.push((status, with_status(status, bytes)));
    }
    let name = |(name, manner): (&str, Manner)| (name.to_owned(), manner);
    lies.into_iter().map(name).collect()
}
