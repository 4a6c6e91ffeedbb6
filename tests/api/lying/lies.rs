//! Every way in which a registry may lie about one key, as answers to one question.
//!
//! A lie takes the one answer that would be believed and spoils a single thing of it. The key in
//! it is an impostor's, so whoever believes any of them lets the impostor in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use beckn_bpp::crypto::keys::VerifyingKey;
use beckn_bpp::protocol::registry::{Form, Role};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use super::liar::Manner;

/// The name of a lie, and how it leaves.
pub type Lie = (String, Manner);

/// The members that this form has under another name.
pub struct Names {
    pub key_id: &'static str,
    pub url: &'static str,
    pub key: &'static str,
}

pub fn names(form: Form) -> Names {
    let (key_id, url, key) = match form {
        Form::Core => ("key_id", "url", "signing_public_key"),
        Form::Ondc => ("ukId", "subscriber_url", "signing_public_key"),
        Form::Uhi => ("pub_key_id", "subscriber_url", "encr_public_key"),
    };
    Names { key_id, url, key }
}

/// The row that is believed.
pub fn honest(form: Form, key: &VerifyingKey) -> Value {
    let Names {
        key_id,
        url,
        key: member,
    } = names(form);
    let key = match form {
        Form::Uhi => key.to_spki_base64(),
        Form::Core | Form::Ondc => key.to_base64(),
    };
    json!({
        "subscriber_id": "bap.example.org", key_id: "k1", "type": form.words(Role::Buyer)[0],
        "domain": "mobility", url: "https://bap.example.org/beckn", member: key,
        "status": "SUBSCRIBED", "valid_from": time(-86_400), "valid_until": time(86_400),
    })
}

fn time(seconds: i64) -> String {
    (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339()
}

/// Status 200 with this body, as JSON.
pub fn ok(body: &[u8]) -> Manner {
    with_status("200 OK", body)
}

pub fn said(answer: &Value) -> Manner {
    ok(answer.to_string().as_bytes())
}

fn with_status(status: &str, body: &[u8]) -> Manner {
    let head = head(status, &format!("Content-Length: {}\r\n", body.len()));
    Manner::Bytes([head, body.to_vec()].concat())
}

fn head(status: &str, more: &str) -> Vec<u8> {
    let kind = "Content-Type: application/json\r\nConnection: close\r\n";
    format!("HTTP/1.1 {status}\r\n{kind}{more}\r\n").into_bytes()
}

/// Lies about one member of the row.
pub fn of_members(form: Form, honest: &Value) -> Vec<Lie> {
    let Names { key_id, key, .. } = names(form);
    let mut members: Vec<(&str, Vec<Value>)> = vec![
        (
            "subscriber_id",
            vec![
                json!("other.example.org"),
                json!("bap.example.org.evil.example"),
                json!("evil-bap.example.org"),
                json!("BAP.example.org"),
                json!("bap.example.org/x"),
                json!("b\u{0430}p.example.org"),
                json!("bap.example.org\u{0}"),
                json!("bap.example.org."),
                json!("*"),
                json!(""),
                json!(["bap.example.org"]),
                json!({"id": "bap.example.org"}),
                Value::Null,
            ],
        ),
        (
            key_id,
            vec![
                json!("k2"),
                json!("K1"),
                json!("k1 "),
                json!("k"),
                json!("k11"),
                json!("bap.example.org|k1|ed25519"),
                json!(""),
                json!(1),
                json!(["k1"]),
                Value::Null,
            ],
        ),
        (
            "status",
            vec![
                json!("UNSUBSCRIBED"),
                json!("INITIATED"),
                json!("UNDER_SUBSCRIPTION"),
                json!("INVALID_SSL"),
                json!("EXPIRED"),
                json!("SUSPENDED"),
                json!("SUBSCRIBED "),
                json!("SUBSCRIBED,UNSUBSCRIBED"),
                json!(""),
                json!(true),
                json!(["SUBSCRIBED"]),
            ],
        ),
        (
            "valid_until",
            vec![
                json!(time(-1)),
                json!(time(-86_400)),
                json!("1970-01-01T00:00:00Z"),
                json!("soon"),
                json!(""),
                json!(4_102_444_800_u64),
                json!(["2999-01-01T00:00:00Z"]),
            ],
        ),
        (
            "valid_from",
            vec![
                json!(time(3_600)),
                json!("2999-01-01T00:00:00Z"),
                json!("yesterday"),
                json!(0),
            ],
        ),
        (
            "type",
            vec![
                json!("BPP"),
                json!("BG"),
                json!("BREG"),
                json!("HSPA"),
                json!("provider"),
                json!("gateway"),
                json!(""),
                json!(["BPP"]),
                Value::Null,
            ],
        ),
        (key, keys(honest[key].as_str().expect("a key"))),
    ];
    if form != Form::Core {
        members[2].1.push(Value::Null);
    }
    let mut lies = Vec::new();
    for (member, values) in members {
        for value in values {
            let name = format!("{member} is {value}");
            let mut row = honest.clone();
            row[member] = value;
            lies.push((name, said(&json!([row]))));
        }
        let mut row = honest.clone();
        let gone = row.as_object_mut().expect("a row").shift_remove(member);
        let tolerated = member.starts_with("valid_") || (member == "status" && form == Form::Core);
        if gone.is_some() && !tolerated {
            lies.push((format!("{member} is not there"), said(&json!([row]))));
        }
    }
    lies
}

/// What is no key, or one that anybody can sign for.
fn keys(honest: &str) -> Vec<Value> {
    let bytes = STANDARD.decode(honest).expect("base64");
    let raw = &bytes[bytes.len() - 32..];
    // Points whose order divides 8, and second spellings of the first two.
    let weak = [
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "7P///////////////////////////////////////38=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=",
        "xxdqcD1NjYTIUtOQ4gwQUw8PbtxvIBG64P0OYmgNkjk=",
        "xxdqcD1NjYTIUtOQ4gwQUw8PbtxvIBG64P0OYmgNkrk=",
        "JuiVj8KycntgzcFv3fPuoPDwkSOQ3+5FHwLxnZfybQY=",
        "JuiVj8KycntgzcFv3fPuoPDwkSOQ3+5FHwLxnZfybYY=",
        "7v///////////////////////////////////////38=",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=",
    ];
    let encoded = |bytes: &[u8]| json!(STANDARD.encode(bytes));
    let x25519 = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00", raw].concat();
    let longer = [raw, &[0]].concat();
    let mut lies: Vec<Value> = weak.map(|point| json!(point)).to_vec();
    lies.extend([
        encoded(&raw[..31]),
        encoded(&longer),
        encoded(&[raw, raw].concat()),
        encoded(&[]),
        encoded(&x25519),
        encoded(&[&x25519[..], &[0]].concat()),
        encoded(&[0x30; 48]),
        json!(
            raw.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        ),
        json!(format!("{honest}\n")),
        json!(format!(" {honest}")),
        json!(URL_SAFE.encode([0xfb; 32])),
        json!("-----BEGIN PUBLIC KEY-----"),
        json!(raw),
        json!([honest]),
        json!({"key": honest}),
        json!(true),
        Value::Null,
    ]);
    lies
}

/// Lies by more rows, or by what is around them. `decoy` is a row of another key.
pub fn of_rows(form: Form, honest: &Value, decoy: &Value) -> Vec<Lie> {
    let member = names(form).key;
    let mut unreadable = honest.clone();
    unreadable[member] = json!("no key");
    let stranger = |n: usize| {
        let mut row = honest.clone();
        row["subscriber_id"] = json!(format!("{n}.example.org"));
        row
    };
    let strangers: Vec<Value> = (0..1_000).map(stranger).collect();
    let deep = (0..200).fold(json!([honest]), |inner, _| json!([inner]));
    let answers = [
        ("two keys under one id", json!([honest, decoy])),
        (
            "two keys under one id, the other way",
            json!([decoy, honest]),
        ),
        ("a key and none under one id", json!([honest, unreadable])),
        ("none and a key under one id", json!([unreadable, honest])),
        ("three rows, two keys", json!([honest, decoy, honest])),
        ("a thousand rows of others", json!(strangers)),
        ("no rows", json!([])),
        ("rows in a list", json!([[honest]])),
        ("rows two hundred deep", deep),
        ("rows under another name", json!({"data": [honest]})),
        (
            "a row in a wrapped wrapper",
            json!({"message": {"message": [honest]}}),
        ),
        ("a row as text", json!([honest.to_string()])),
        ("rows as text", json!(honest.to_string())),
        ("an error beside nothing", json!({"error": {"code": "1"}})),
        (
            "a NACK",
            json!({"message": {"ack": {"status": "NACK"}}, "error": {"code": "1"}}),
        ),
        ("an empty object", json!({})),
        ("null", Value::Null),
        ("true", json!(true)),
        ("a number", json!(1)),
    ];
    let lie = |(name, answer): (&str, Value)| (name.to_owned(), said(&answer));
    answers.into_iter().map(lie).collect()
}

/// Lies that are no JSON of rows at all, or no answer. `elsewhere` tells the truth.
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
