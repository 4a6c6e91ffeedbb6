//! `order import`: many orders from a file, in pieces, each bad one reported by its line.
//!
//! The admin API takes newline-delimited orders and answers each; here the file is cut into
//! requests of a sensible size and the numbers of lines are made those of the file. What an
//! order must look like is not known here: the server says it.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json, value::RawValue};

use super::admin::Client;
use super::output;

/// Bytes of orders sent in one request.
const CHUNK_BYTES: usize = 512 * 1024;

/// The longest line sent; the server takes a little more in one request.
const LINE_BYTES: usize = 15 * 1024 * 1024;

/// Some programs begin a text file with this.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of the file.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Whole lines, after this many others.
    Lines { before: usize, bytes: &'a [u8] },
    /// One line that is too long to send, by its number.
    TooLong { line: usize, bytes: usize },
}

/// What an import has done so far.
#[derive(Default)]
struct Tally {
    created: usize,
    updated: usize,
    unchanged: usize,
    refused: usize,
}

/// Hands the orders of a file over; fails when any was refused.
pub(super) async fn run(client: &Client, file: &Path, json: bool) -> anyhow::Result<()> {
    let bytes = one_line(read(file)?);
    let bar = progress(bytes.len());
    let mut tally = Tally::default();
    for piece in pieces(&bytes) {
        let answers = hand_over(client, &piece).await?;
        for answer in &answers {
            bar.suspend(|| tally.count(answer, json));
        }
        bar.inc(piece.len());
    }
    bar.finish_and_clear();
    tally.finish(json)
}

/// The answers to one piece, with the numbers of lines that the file has.
async fn hand_over(client: &Client, piece: &Piece<'_>) -> anyhow::Result<Vec<Value>> {
    let (before, bytes) = match piece {
        Piece::Lines { before, bytes } => (*before, bytes.to_vec()),
        Piece::TooLong { line, bytes } => {
            let error = format!("the line has {bytes} bytes; expected at most {LINE_BYTES}");
            return Ok(vec![
                json!({"line": line, "result": "refused", "error": error}),
            ]);
        }
    };
    let text = client.post_lines("/orders", bytes).await.with_context(|| {
        format!(
            "stopped at line {}; what came before it is imported, and importing it again \
            changes nothing",
            before + 1
        )
    })?;
    let numbered = text.lines().map(|line| {
        let mut answer: Value = serde_json::from_str(line).context("an answer line is not JSON")?;
        answer["line"] = json!(answer["line"].as_u64().unwrap_or(0) + before as u64);
        Ok(answer)
    });
    numbered.collect()
}

impl Tally {
    fn count(&mut self, answer: &Value, json: bool) {
        match answer["result"].as_str() {
            Some("created") => self.created += 1,
            Some("updated") => self.updated += 1,
            Some("unchanged") => self.unchanged += 1,
            _ => self.refused += 1,
        }
        if json {
            println!("{answer}");
            return;
        }
        if answer["result"] == "refused" {
            eprintln!("line {}: {}", answer["line"], output::text(answer, "error"));
        }
        for remark in answer["remarks"].as_array().into_iter().flatten() {
            let remark = remark.as_str().unwrap_or_default();
            eprintln!("line {}: remark: {remark}", answer["line"]);
        }
    }

    fn finish(self, json: bool) -> anyhow::Result<()> {
        let Self {
            created,
            updated,
            unchanged,
            refused,
        } = self;
        let all = created + updated + unchanged + refused;
        if !json {
            println!(
                "{created} created, {updated} updated, {unchanged} unchanged, {refused} refused"
            );
        }
        match refused {
            0 if all == 0 => eprintln!("beckn-bpp: there are no orders in it"),
            0 => {}
            _ if refused == all && all > 1 => {
                bail!("all {all} lines were refused; a file of many orders has one on each line")
            }
            _ => bail!("{refused} of {all} orders were refused, the others are imported"),
        }
        Ok(())
    }
}

impl Piece<'_> {
    fn len(&self) -> u64 {
        match self {
            Piece::Lines { bytes, .. } => bytes.len() as u64,
            Piece::TooLong { bytes, .. } => *bytes as u64,
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut bytes),
        false => File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// A file that is one JSON document over many lines becomes one line, its text untouched:
/// line breaks between members are spaces to JSON, and inside strings they cannot be.
fn one_line(mut bytes: Vec<u8>) -> Vec<u8> {
    if serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
        for byte in &mut bytes {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    bytes
}

/// Whole lines, together up to about [`CHUNK_BYTES`]; lines that are too long stand alone.
fn pieces(bytes: &[u8]) -> Vec<Piece<'_>> {
    let (mut pieces, mut start, mut end, mut before, mut number) = (Vec::new(), 0, 0, 0, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let too_long = line.len() > LINE_BYTES;
        if end > start && (too_long || end - start + line.len() > CHUNK_BYTES) {
            let bytes = &bytes[start..end];
            pieces.push(Piece::Lines { before, bytes });
            (start, before) = (end, number);
        }
        end += line.len();
        number += 1;
        if too_long {
            let bytes = line.len();
            pieces.push(Piece::TooLong {
                line: number,
                bytes,
            });
            (start, before) = (end, number);
        }
    }
    if end > start {
        let bytes = &bytes[start..end];
        pieces.push(Piece::Lines { before, bytes });
    }
    pieces
}

fn progress(bytes: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::new(bytes as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_that_know_their_numbers_and_lose_nothing() {
        let line = format!("{}\n", "x".repeat(100_000));
        let text = line.repeat(12) + "last";
        let (mut all, mut lines) = (Vec::new(), 0);
        for piece in pieces(text.as_bytes()) {
            let Piece::Lines { before, bytes } = piece else {
                panic!("no line is too long");
            };
            assert_eq!(before, lines);
            lines += bytes.split_inclusive(|byte| *byte == b'\n').count();
            all.extend_from_slice(bytes);
        }
        assert_eq!((all, lines), (text.into_bytes(), 13));
    }

    #[test]
    fn a_line_that_is_too_long_stands_alone() {
        let text = format!("a\n{}\nb\n", "x".repeat(LINE_BYTES));
        let lines = |before, bytes| Piece::Lines { before, bytes };
        let too_long = Piece::TooLong {
            line: 2,
            bytes: LINE_BYTES + 1,
        };
        assert_eq!(
            pieces(text.as_bytes()),
            [lines(0, b"a\n"), too_long, lines(2, b"b\n")]
        );
        assert_eq!(pieces(b""), []);
    }

    #[test]
    fn a_document_over_many_lines_becomes_one_and_lines_stay_lines() {
        let one = |text: &str| one_line(text.as_bytes().to_vec());
        assert_eq!(one("{\r\n \"a\": 1.10\n}"), b"{   \"a\": 1.10 }");
        assert_eq!(one("{}\n{}\n"), b"{}\n{}\n");
    }
}
