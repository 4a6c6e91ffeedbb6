//! Lies about one member of the row.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use beckn_bpp::protocol::registry::Form;
use serde_json::{Value, json};

use super::{Lie, Names, names, said, time};

/// Each member with each value that is not to be believed, and without it.
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
