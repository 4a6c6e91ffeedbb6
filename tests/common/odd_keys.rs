//! Keys and signatures that must not prove anything: the points of small order, and the cases of
//! Project Wycheproof with what each must come to.
//!
//! The keys' own tests and the corpus that goes over the wire run the same.

#![allow(dead_code, reason = "each program uses a part of it")]

use serde_json::Value;

/// The eight points of small order; the last six spellings are non-canonical ones of them.
pub const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// The bytes that hexadecimal digits stand for.
pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}

/// A case of Project Wycheproof.
pub struct Signed {
    pub id: u64,
    pub key: Vec<u8>,
    pub message: Vec<u8>,
    pub signature: Vec<u8>,
    pub is_valid: bool,
}

/// All of its cases for Ed25519 (`tests/vectors/README.md`).
pub fn wycheproof() -> Vec<Signed> {
    let vectors = include_str!("../vectors/wycheproof_ed25519.json");
    let vectors: Value = serde_json::from_str(vectors).expect("JSON");
    let bytes = |value: &Value| unhex(value.as_str().expect("hex"));
    let groups = vectors["groups"].as_array().expect("a list").iter();
    let cases = groups.flat_map(|group| {
        let tests = group["tests"].as_array().expect("a list").iter();
        tests.map(|test| Signed {
            id: test["id"].as_u64().expect("a number"),
            key: bytes(&group["pk"]),
            message: bytes(&test["msg"]),
            signature: bytes(&test["sig"]),
            is_valid: test["result"] == "valid",
        })
    });
    cases.collect()
}
