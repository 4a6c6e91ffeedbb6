//! Why a signature does not hold: the usual slips, tried one by one.
//!
//! Each try makes the bytes or the text that a sender with that slip would have signed, and asks
//! the key. It only ever explains a refusal; nothing is accepted because of it.

use serde_json::Value;

use crate::crypto::digest::{blake2b_512, blake2b_512_base64};
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::{Header, Scheme};

/// The slip that fits, or where to look when none does.
pub(super) fn guess(header: &Header, body: &[u8], key: &VerifyingKey) -> String {
    let over_body = |body: &[u8]| header.verify(body, key).is_ok();
    let slip = bodies(body)
        .into_iter()
        .find(|(_, body)| over_body(body))
        .map(|(slip, _)| slip);
    let text = header.signing_string(&blake2b_512_base64(body));
    let over_text = |text: &[u8]| key.verify(text, &header.signature);
    let slip = slip.or_else(|| {
        let mut tried = match header.scheme {
            Scheme::Beckn => beckn_texts(&text),
            Scheme::Uhi => uhi_texts(&text),
        }
        .into_iter();
        tried
            .find(|(_, text)| over_text(text))
            .map(|(slip, _)| slip)
    });
    match slip {
        Some(slip) => format!("the signature does hold {slip}"),
        None => "none of the usual slips explains it. Compare digest and text above with the \
            sender's own: another digest means that the body was changed on the way; the same \
            text means that another key signed it"
            .to_owned(),
    }
}

fn bodies(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let trimmed = body.trim_ascii_end().to_vec();
    let mut with_lf = trimmed.clone();
    with_lf.push(b'\n');
    let mut tried = vec![
        (
            "over the body without the line break or blanks at its end: they were added after signing",
            trimmed,
        ),
        (
            "over the body with a line break at its end: it was lost after signing",
            with_lf,
        ),
        (
            "over the body with \\n for \\r\\n: line ends were changed after signing",
            replaced(body, "\r\n", "\n"),
        ),
        (
            "over the body with \\r\\n for \\n: line ends were changed after signing",
            replaced(body, "\n", "\r\n"),
        ),
    ];
    if let Ok(message) = serde_json::from_slice::<Value>(body) {
        tried.push((
            "over the body as compact JSON: it was serialised anew after signing",
            message.to_string().into_bytes(),
        ));
        tried.push((
            "over the body as indented JSON: it was serialised anew after signing",
            format!("{message:#}").into_bytes(),
        ));
    }
    tried
}

fn replaced(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(from, to).into_bytes()
}

/// A slip, and what a sender with it would have signed.
type Slips = Vec<(&'static str, Vec<u8>)>;

fn beckn_texts(text: &str) -> Slips {
    vec![
        (
            "over the text with a line break after its last line: there must be none",
            format!("{text}\n").into_bytes(),
        ),
        (
            "over the text with \\r\\n between its lines: it must be \\n",
            replaced(text.as_bytes(), "\n", "\r\n"),
        ),
        (
            "over the text without blanks after its colons: there must be one",
            replaced(text.as_bytes(), ": ", ":"),
        ),
        (
            "over the text with BLAKE2b-512 for BLAKE-512",
            replaced(text.as_bytes(), "BLAKE-512", "BLAKE2b-512"),
        ),
    ]
}

/// The first three are what the published prose of UHI leads to; its signatures are otherwise.
fn uhi_texts(text: &str) -> Slips {
    let lines = text.replace(" (expires)", "\n(expires)");
    let lines = lines.replace(" digest", "\ndigest");
    vec![
        (
            "over the text itself: the base64 of its BLAKE2b-512 must be signed",
            text.as_bytes().to_vec(),
        ),
        (
            "over the text in three lines: it must be one line, hashed again",
            blake2b_512_base64(lines.as_bytes()).into_bytes(),
        ),
        (
            "over the text in three lines, not hashed again: it must be one line, and hashed",
            lines.into_bytes(),
        ),
        (
            "over the 64 bytes of the second hash: the 88 characters of its base64 must be signed",
            blake2b_512(text.as_bytes()).to_vec(),
        ),
    ]
}
