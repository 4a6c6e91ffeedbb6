//! Bodies that two readers could read differently, or that cost more than they are worth, and the
//! word each is refused with.
//!
//! The strict reader's own tests and the corpus that goes over the wire run the same tables.

#![allow(dead_code, reason = "each program uses a part of it")]

/// What is no JSON.
pub const NO_JSON: &[&str] = &[
    "",
    " ",
    "\n",
    "nul",
    "nulll",
    "True",
    "tru",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "{}{}",
    "{} x",
    "[]]",
    "1 2",
    "1,",
    "null null",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{[]:1}",
    "'a'",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\u{41}\"",
    "\"\\'\"",
    "\"a\nb\"",
    "\"\t\"",
    "\"\u{1}\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\\ud800\"",
    "{\"\\ud800\":1}",
    "01",
    "-01",
    "00",
    "1.",
    ".1",
    "-.1",
    "+1",
    "-",
    "--1",
    "1e",
    "1e+",
    "1e-",
    "1.e1",
    "1e1.5",
    "0x10",
    "1_000",
    "1,000",
    "1f",
    "1e999",
    "-1e999",
    "1e309",
    "[1e400]",
    "// x\n1",
    "/* x */ 1",
    "1 // x",
    "#",
    "{\"a\":1;}",
    "\u{feff}{}",
    "\u{a0}{}",
    "{}\u{0}",
    "\u{0}",
    "{}\u{feff}",
    "\u{c}1",
    "\u{b}1",
    "[\u{2028}]",
];

/// Bytes that are no text, and at which byte that shows.
pub const NO_TEXT: &[(&[u8], usize)] = &[
    (b"\"\xff\"", 1),
    (b"{\"a\":\"\xc3\"}", 6),
    (b"\"\xc0\x80\"", 1),
    (b"\"\xed\xa0\x80\"", 1),
    (b"\"\xf5\x80\x80\x80\"", 1),
    (b"[]\x80", 2),
    (b"\xff\xfe{\x00}\x00", 0),
    (b"{\"\xe9\":1}", 2),
];

/// Numbers of more digits than readers agree on.
pub const LONG_NUMBERS: &[&str] = &[
    "1234567890123456789",
    "-1234567890123456789",
    "18446744073709551615",
    "18446744073709551616",
    "12345678901234567890.000",
    "1.0000000000000000000001",
    "0.1234567890123456789",
    "100000000000000000000",
    "1000000000000000000e-18",
];

/// Zeros that some readers keep apart from zero.
pub const MINUS_ZEROS: &[&str] = &["-0", "-0.0", "-0e5", "-0.000E-1"];

/// Texts that hold the character that ends texts elsewhere.
pub const NULS: &[&str] = &[
    r#""\u0000""#,
    r#"{"a":"x\u0000y"}"#,
    r#"{"\u0000":1}"#,
    r#"[["a\u0000"]]"#,
];

/// Every body of these tables and the sizes over the limits, with its word.
pub fn all() -> Vec<(Vec<u8>, &'static str)> {
    let numbers = LONG_NUMBERS.iter().chain(MINUS_ZEROS);
    let numbers = numbers.flat_map(|number| [format!("[{number}]"), format!("{{\"a\":{number}}}")]);
    let texts = NO_JSON.iter().chain(NULS).map(|text| (*text).to_owned());
    let long = [
        format!("{{\"a\":\"{}\"}}", "x".repeat(16_385)),
        format!("{{\"{}\":1}}", "x".repeat(16_385)),
    ];
    let no_json = texts.chain(numbers).chain(long);
    let no_text = NO_TEXT.iter().map(|(bytes, _)| bytes.to_vec());
    let no_json = no_json.map(String::into_bytes).chain(no_text);
    let no_json = no_json.map(|body| (body, "invalid_json"));
    let twice = duplicates().into_iter();
    let twice = twice.map(|(body, _)| (body.into_bytes(), "duplicate_key"));
    no_json.chain(twice).chain(over_the_limits()).collect()
}

fn over_the_limits() -> Vec<(Vec<u8>, &'static str)> {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    let members: Vec<_> = (0..10_000).map(|i| format!("\"{i}\":null")).collect();
    [
        (nested("[", "]", 65), "too_deep"),
        (nested("{\"a\":", "}", 65), "too_deep"),
        (nested("[", "]", 129), "too_deep"),
        ("[".repeat(100_000), "too_deep"),
        ("{\"a\":".repeat(40_000), "too_deep"),
        (
            format!("[{}]", vec!["1"; 10_000].join(",")),
            "too_many_nodes",
        ),
        (
            format!("[{}]", vec!["[]"; 80_000].join(",")),
            "too_many_nodes",
        ),
        (format!("{{{}}}", members.join(",")), "too_many_nodes"),
    ]
    .map(|(body, word)| (body.into_bytes(), word))
    .into()
}

/// Ways to bury an object, with the path of its members.
fn buried(object: &str) -> Vec<(String, &'static str)> {
    vec![
        (object.to_owned(), ""),
        (format!(r#"{{"context":{object},"z":1}}"#), "context."),
        (format!(r#"{{"z":[1,{{"y":{object}}}]}}"#), "z[1].y."),
        (format!("[[[{object}]]]"), "[0][0][0]."),
        (
            format!(r#"{{"message":{{"order":{{"items":[{{}},{object}]}}}}}}"#),
            "message.order.items[1].",
        ),
    ]
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\u{:04X}", c as u32))
        .collect()
}

/// Objects with a key twice, at any depth and in any spelling, and where that key is.
pub fn duplicates() -> Vec<(String, &'static str)> {
    let keys = [
        "a", "order_id", "action", "bap_id", "é", "/", "", "a b", "\u{7f}", "Z",
    ];
    keys.into_iter().flat_map(twice).collect()
}

fn twice(key: &str) -> Vec<(String, &'static str)> {
    let (plain, spelt) = (key.to_owned(), escaped(key));
    let lower = spelt.to_ascii_lowercase();
    let mut all = Vec::new();
    for (one, two) in [
        (&plain, &plain),
        (&plain, &spelt),
        (&spelt, &plain),
        (&lower, &spelt),
    ] {
        for object in [
            format!(r#"{{"{one}":1,"{two}":1}}"#),
            format!(r#"{{"{one}":{{"q":[]}},"between":null, "{two}" : "x"}}"#),
        ] {
            all.extend(buried(&object));
        }
    }
    all
}
