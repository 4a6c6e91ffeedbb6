//! Tables and properties of the strict reader: more than 500 bodies that must be refused, each
//! with its word, and the rule that whatever passes reads as any other reader would read it.

#[path = "../../../tests/common/odd_json.rs"]
mod table;

use super::*;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

fn refused(text: &str) -> Error {
    let shown = text.chars().take(80).collect::<String>();
    let error = parse(text.as_bytes()).expect_err(&shown);
    let said = error.to_string();
    assert!(said.is_ascii() && said.len() < 400, "{said}");
    assert!(!said.contains(char::is_control), "{said:?}");
    error
}

fn word(text: &str) -> Word {
    refused(text).word()
}

#[test]
fn a_key_twice_is_refused_at_any_depth_and_in_any_spelling() {
    for (body, path) in table::duplicates() {
        let error = refused(&body);
        assert_eq!(error.word(), Word::DuplicateKey, "{body}");
        let whole = error.to_string();
        assert!(whole.starts_with(path), "{body}: {whole}");
    }
}

#[test]
fn every_odd_body_is_refused_with_its_word() {
    for (body, word) in table::all() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
        let error = parse(&body).expect_err(&shown);
        assert_eq!(error.word().as_str(), word, "{shown}");
    }
}

#[test]
fn keys_that_only_look_alike_are_two() {
    for body in [
        r#"{"a":1,"A":1}"#,
        r#"{"a":1,"a ":1}"#,
        r#"{"é":1,"e\u0301":1}"#,
        r#"{"a":{"a":1},"b":{"a":1}}"#,
        r#"[{"a":1},{"a":1}]"#,
        r#"{"a":"a","b":"a"}"#,
        r#"{"а":1,"a":1}"#,
        r#"{"a\\u0061":1,"aa":2}"#,
    ] {
        parse(body.as_bytes()).unwrap_or_else(|e| panic!("{body}: {e}"));
    }
}

#[test]
fn the_slash_has_two_more_spellings() {
    assert_eq!(word(r#"{"/":1,"\/":1}"#), Word::DuplicateKey);
    assert_eq!(word(r#"{"\n":1,"\u000a":1}"#), Word::DuplicateKey);
    assert_eq!(word(r#"{"😀":1,"\ud83d\ude00":1}"#), Word::DuplicateKey);
}

#[test]
fn what_is_no_json_is_refused() {
    for body in table::NO_JSON {
        assert_eq!(word(body), Word::InvalidJson, "{body:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    for &(body, at_byte) in table::NO_TEXT {
        assert_eq!(parse(body), Err(Error::NotUtf8 { at_byte }));
    }
    assert_eq!(parse(b"\xEF\xBB\xBF{}"), Err(Error::ByteOrderMark));
}

#[test]
fn the_depth_ends_at_64() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        parse(nested(64).as_bytes()).expect("64 is allowed");
        assert_eq!(word(&nested(65)), Word::TooDeep);
        assert_eq!(word(&nested(128)), Word::TooDeep);
        assert_eq!(word(&open.repeat(100_000)), Word::TooDeep);
    }
}

#[test]
fn the_nodes_end_at_10_000() {
    let array = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    parse(array(9_999).as_bytes()).expect("with the array itself 10,000");
    assert_eq!(word(&array(10_000)), Word::TooManyNodes);
    assert_eq!(word(&array(1_000_000)), Word::TooManyNodes);
    let object = |n: usize| {
        let members: Vec<_> = (0..n).map(|i| format!("\"{i}\":null")).collect();
        format!("{{{}}}", members.join(","))
    };
    parse(object(9_999).as_bytes()).expect("with the object itself 10,000");
    assert_eq!(word(&object(10_000)), Word::TooManyNodes);
    assert_eq!(
        word(&format!("[{}[]]", "[],".repeat(9_999))),
        Word::TooManyNodes
    );
    let wide = parse_within(array(20_000).as_bytes(), Limits::document());
    assert!(wide.is_ok());
}

#[test]
fn a_text_ends_at_16_kib_and_holds_no_nul() {
    let text = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n));
    let key = |n: usize| format!("{{\"{}\":1}}", "x".repeat(n));
    for made in [&text as &dyn Fn(usize) -> String, &key] {
        parse(made(16_384).as_bytes()).expect("16 KiB is allowed");
        let error = refused(&made(16_385));
        assert!(matches!(error, Error::TextTooLong { limit: 16_384, .. }));
        assert!(parse_within(made(100_000).as_bytes(), Limits::document()).is_ok());
        assert!(parse_within(made(102_401).as_bytes(), Limits::document()).is_err());
    }
    // Six bytes on the wire are one in the text.
    parse(format!("\"{}\"", "\\u0041".repeat(16_384)).as_bytes()).expect("decoded length counts");
    for body in [
        r#""\u0000""#,
        r#"{"a":"x\u0000y"}"#,
        r#"{"\u0000":1}"#,
        r#"[["a\u0000"]]"#,
    ] {
        assert!(matches!(refused(body), Error::Nul { .. }), "{body}");
        assert!(parse_within(body.as_bytes(), Limits::document()).is_err());
    }
    parse(br#"{"a":"\\u0000"}"#).expect("an escaped backslash is no NUL");
}

#[test]
fn numbers_that_readers_disagree_on_are_refused_from_strangers_only() {
    let long = table::LONG_NUMBERS.iter();
    let long = long.map(|number| (*number, NumberFault::TooManyDigits));
    let zeros = table::MINUS_ZEROS.iter();
    let zeros = zeros.map(|number| (*number, NumberFault::MinusZero));
    for (number, fault) in long.chain(zeros) {
        for (before, after) in [("", ""), ("[1.5,\"-0 \\\" 1\",", "]"), ("{\"-0\": ", "}")] {
            let body = format!("{before}{number}{after}");
            let at_byte = before.len();
            assert_eq!(refused(&body), Error::Number { fault, at_byte }, "{body}");
            assert!(
                parse_within(body.as_bytes(), Limits::document()).is_ok(),
                "{body}"
            );
        }
    }
}

#[test]
fn honest_numbers_pass() {
    for number in [
        "0",
        "-1",
        "1",
        "0.0",
        "1.10",
        "1e5",
        "-1.5E+3",
        "999999999999999999",
        "3.2",
        "17.42",
        "-999999999999999999",
        "12.971598700000001",
        "0.00012345678901234567",
        "1e-7",
        "1e308",
        "123456789012345678",
        "1.2345678901234567e-6",
        "-0.1",
        "1e-999",
        "0e999",
    ] {
        for body in [
            number.to_owned(),
            format!("{{\"a\":[{number}, {number} ]}}"),
        ] {
            parse(body.as_bytes()).unwrap_or_else(|e| panic!("{body}: {e}"));
        }
    }
    // A number inside a text is a text.
    parse(br#"{"gps":"-0,1234567890123456789012","q":"\"-0"}"#).expect("texts are not numbers");
}

#[test]
fn a_fault_is_named_with_its_place() {
    let body = "{\"message\":\n {\"items\":[{\"id\":\"x\"},\n {\"id\" \"y\"}]}}";
    let at_byte = body.find("\"y\"").expect("it is there");
    assert!(matches!(refused(body), Error::Syntax { at_byte: at, .. } if at == at_byte));
    let evil = format!(
        "{{\"\\u001b[31m\\n{}\":{{\"a\":1,\"a\":2}}}}",
        "k".repeat(900)
    );
    assert!(refused(&evil).to_string().contains("\\u{1b}[31m\\n"));
}

#[test]
fn every_fault_has_the_word_of_the_table() {
    let words = [
        Word::InvalidJson,
        Word::DuplicateKey,
        Word::TooDeep,
        Word::TooManyNodes,
    ];
    let texts = words.map(Word::as_str);
    assert_eq!(
        texts,
        [
            "invalid_json",
            "duplicate_key",
            "too_deep",
            "too_many_nodes"
        ]
    );
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[^\u{0}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\u{0}]{0,6}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_sound_reads_as_it_was_meant(value in json()) {
        prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value.clone()));
        let pretty = serde_json::to_vec_pretty(&value).expect("a value");
        prop_assert_eq!(parse(&pretty), Ok(value));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn what_passes_reads_as_any_reader_would(body in "[\\[\\]{}:,\"a\\\\u061 0-9.eE+-]{0,24}") {
        if let Ok(value) = parse(body.as_bytes()) {
            let other: Value = serde_json::from_str(&body).expect("what passed is JSON");
            prop_assert_eq!(value, other);
        }
    }
}
