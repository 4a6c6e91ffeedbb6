//! Odd signature headers and the word each gets: a table of one-line changes to a right header.
//!
//! The parser's own test and the corpus that goes over the wire run the same table. In it
//! `{created}`, `{expires}` and `{signature}` stand for what the right header has there, `{head}` and
//! `{tail}` for the first and the last four letters of the signature before its padding, and
//! `{odd}` for those with other unused bits.

#![allow(dead_code, reason = "each program uses a part of it")]

pub const OK: &str = "accepted";
const MALFORMED: &str = "header_malformed";
const UNSUPPORTED: &str = "algorithm_not_supported";
const MISMATCH: &str = "algorithm_mismatch";
const NOT_COVERED: &str = "digest_not_covered";

/// What to replace in a right header, by what, and the word that the grammar has for it.
pub const CHANGES: &[(&str, &str, &str)] = &[
    // The scheme.
    ("Signature ", "signature ", OK),
    ("Signature ", "SIGNATURE   ", OK),
    ("Signature ", "  Signature ", OK),
    ("Signature ", "Signature\t", MALFORMED),
    ("Signature ", "Signature", MALFORMED),
    ("Signature ", "Signature,", MALFORMED),
    ("Signature ", "Signatur ", MALFORMED),
    ("Signature ", "Signature: ", MALFORMED),
    ("Signature ", "Signature Signature ", MALFORMED),
    ("Signature ", "Bearer ", MALFORMED),
    ("Signature ", "", MALFORMED),
    // Between the parameters.
    (",", ", ", OK),
    (",", " , \t", OK),
    (",", ";", MALFORMED),
    (",", " ", MALFORMED),
    (",", ",,", MALFORMED),
    (",", "", MALFORMED),
    (",", "\r\n ,", MALFORMED),
    ("Signature k", "Signature ,k", MALFORMED),
    ("=\"bap", " = \"bap", MALFORMED),
    ("=\"bap", "= \"bap", MALFORMED),
    // Names.
    ("keyId", "keyid", MALFORMED),
    ("keyId", "key_id", MALFORMED),
    ("keyId=", "=", MALFORMED),
    ("keyId", "\"keyId\"", MALFORMED),
    ("algorithm=", "alg=", MALFORMED),
    ("created=", "nonce=\"1\",created=", MALFORMED),
    ("created=", "created=\"{created}\",created=", MALFORMED),
    (
        "algorithm=",
        "keyId=\"bap.example.org|k1|ed25519\",algorithm=",
        MALFORMED,
    ),
    ("created=\"{created}\",", "", MALFORMED),
    ("algorithm=\"ed25519\",", "", MALFORMED),
    (",headers=\"(created) (expires) digest\"", "", MALFORMED),
    // Quotes and characters.
    ("\"", "'", MALFORMED),
    ("\"", "\u{201c}", MALFORMED),
    ("\"", "", MALFORMED),
    ("algorithm=\"ed25519\"", "algorithm=ed25519", MALFORMED),
    ("\"bap", "\"\"bap", MALFORMED),
    ("\"bap", "\"\\\"bap", MALFORMED),
    ("\"bap", "\"b\\ap", MALFORMED),
    ("bap", "b\u{0}ap", MALFORMED),
    ("bap", "b\nap", MALFORMED),
    ("bap", "b\tap", MALFORMED),
    ("bap", "b\u{430}p", MALFORMED),
    ("bap", "\u{202e}bap", MALFORMED),
    // keyId.
    ("bap.example.org|k1", "https://mock_bap.com/|k1", OK),
    ("bap.example.org|k1", "a,keyId=b|k1", OK),
    ("bap.example.org|k1|", "bap.example.org|", MALFORMED),
    ("bap.example.org|k1|ed25519", "bap.example.org", MALFORMED),
    ("bap.example.org|k1", "bap.example.org|k1|k2", MALFORMED),
    ("bap.example.org|k1", "|k1", MALFORMED),
    ("bap.example.org|k1", "bap.example.org|", MALFORMED),
    ("k1|ed25519\"", "k1|\"", MALFORMED),
    ("bap.example.org|k1|ed25519", "", MALFORMED),
    ("bap.example.org|k1|ed25519", "||", MALFORMED),
    ("bap.example", "bap example", MALFORMED),
    ("k1|", "k 1|", MALFORMED),
    // Algorithms.
    ("m=\"ed25519", "m=\"hs2019", UNSUPPORTED),
    ("m=\"ed25519", "m=\"Ed25519", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ED25519", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ed25519 ", UNSUPPORTED),
    ("m=\"ed25519", "m=\"", UNSUPPORTED),
    ("m=\"ed25519", "m=\"none", UNSUPPORTED),
    ("m=\"ed25519", "m=\"rsa-sha256", UNSUPPORTED),
    ("m=\"ed25519", "m=\"rsa-sha512", UNSUPPORTED),
    ("m=\"ed25519", "m=\"hmac-sha256", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ecdsa-sha256", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ed448", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ed25519ph", UNSUPPORTED),
    ("m=\"ed25519", "m=\"ed25519ctx", UNSUPPORTED),
    ("m=\"ed25519", "m=\"EdDSA", UNSUPPORTED),
    ("ed25519", "xed25519", UNSUPPORTED),
    ("ed25519", "ED25519", UNSUPPORTED),
    ("k1|ed25519", "k1|xed25519", MISMATCH),
    ("k1|ed25519", "k1|ED25519", MISMATCH),
    ("k1|ed25519", "k1|rsa-sha256", MISMATCH),
    // Times.
    ("\"{created}\"", "{created}", OK),
    ("\"{expires}\"", "{expires} ", OK),
    ("{expires}", "9223372036854775807", OK),
    ("{expires}", "{created}", OK),
    ("{expires}", "9223372036854775808", MALFORMED),
    ("{expires}", "99999999999999999999", MALFORMED),
    ("{expires}", "1767225599", MALFORMED),
    ("\"{expires}\"", "{expires}s", MALFORMED),
    ("\"{created}\"", "-{created}", MALFORMED),
    ("{created}", "-{created}", MALFORMED),
    ("{created}", "+{created}", MALFORMED),
    ("{created}", " {created}", MALFORMED),
    ("{created}", "{created} ", MALFORMED),
    ("{created}", "{created}.0", MALFORMED),
    ("{created}", "1e9", MALFORMED),
    ("\"{created}\"", "1e9", MALFORMED),
    ("{created}", "0x6955", MALFORMED),
    ("{created}", "0{created}", MALFORMED),
    ("{created}", "0", MALFORMED),
    ("{created}", "", MALFORMED),
    ("\"{created}\"", "", MALFORMED),
    ("{created}", "2026-01-01T00:00:00Z", MALFORMED),
    ("{created}", "\u{661}\u{667}", MALFORMED),
    // The list of signed parts.
    ("(created) (expires) digest", "(created)(expires)digest", OK),
    (
        "(created) (expires) digest",
        "(created) (expires)digest",
        OK,
    ),
    (
        "(created) (expires) digest",
        "(expires) (created) digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "created expires digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(created)  (expires) digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        " (created) (expires) digest",
        MALFORMED,
    ),
    ("(created) (expires) digest", "(created) digest", MALFORMED),
    ("(created) (expires) digest", "digest", MALFORMED),
    (
        "(created) (expires) digest",
        "(created) (expires) Digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(created) (expires) digest host",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(request-target) (created) (expires) digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(created) (expires) digest digest",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(created) (expires)",
        NOT_COVERED,
    ),
    (
        "(created) (expires) digest",
        "(created) (expires) digests",
        NOT_COVERED,
    ),
    ("(created) (expires) digest", "(created)", NOT_COVERED),
    ("(created) (expires) digest", "", NOT_COVERED),
    // The signature's own text.
    ("==\"", "=\"", MALFORMED),
    ("==\"", "\"", MALFORMED),
    ("==\"", "===\"", MALFORMED),
    ("==\"", "== \"", MALFORMED),
    ("==\"", "==", MALFORMED),
    ("{tail}==", "{odd}==", MALFORMED),
    ("{tail}==", "{tail}AA==", MALFORMED),
    ("{tail}==", "==", MALFORMED),
    ("{head}", "zX-_", MALFORMED),
    ("{head}", "zX A3", MALFORMED),
    ("{head}", "{head},", MALFORMED),
    ("{head}", "@@@@", MALFORMED),
    ("{signature}", "", MALFORMED),
    ("==\"", "==\",", MALFORMED),
    ("==\"", "==\"  ", OK),
    ("==\"", "==\" x", MALFORMED),
    ("==\"", "==\",x", MALFORMED),
    ("==\"", "==\", Signature keyId=\"a|b|ed25519\"", MALFORMED),
    // More of the same, each by one step further.
    ("Signature ", "Basic ", MALFORMED),
    ("Signature ", "Digest ", MALFORMED),
    ("Signature ", "Signature\u{a0}", MALFORMED),
    ("Signature ", "\u{feff}Signature ", MALFORMED),
    ("Signature ", "Signature =", MALFORMED),
    ("keyId=", "keyId==", MALFORMED),
    ("keyId=", "keyId[]=", MALFORMED),
    ("keyId=", "keyId*=", MALFORMED),
    ("keyId=", "key%49d=", MALFORMED),
    ("headers=", "Headers=", MALFORMED),
    ("signature=", "sig=", MALFORMED),
    (
        "signature=",
        "signature=\"{signature}\",signature=",
        MALFORMED,
    ),
    ("expires=", "expires=\"{expires}\",expires=", MALFORMED),
    ("algorithm=", "algorithm=\"ed25519\",algorithm=", MALFORMED),
    (
        "headers=",
        "headers=\"(created) (expires) digest\",headers=",
        MALFORMED,
    ),
    ("created=\"", "created=\"0", MALFORMED),
    ("expires=\"", "expires=\"-", MALFORMED),
    ("expires=\"", "expires=\"+", MALFORMED),
    ("expires=\"", "expires=\"0x", MALFORMED),
    ("{expires}", "1e99", MALFORMED),
    ("{expires}", "1_795_629_600", MALFORMED),
    ("{expires}", "1,795,629,600", MALFORMED),
    ("{expires}", "Infinity", MALFORMED),
    ("{expires}", "{expires}\u{661}", MALFORMED),
    ("{created}", "\u{ff11}", MALFORMED),
    ("{created}", "{created};", MALFORMED),
    ("k1|ed25519\"", "k1|ed25519|\"", MALFORMED),
    ("bap.example.org|k1", "bap.example.org%7Ck1", MALFORMED),
    ("bap.example.org|k1", "bap.example.org\u{ff5c}k1", MALFORMED),
    ("k1|", "k1\u{7f}|", MALFORMED),
    ("m=\"ed25519", "m=\"ed25519-sha512", UNSUPPORTED),
    ("m=\"ed25519", "m=\"xed25519", UNSUPPORTED),
    ("m=\"ed25519", "m=\"curve25519", UNSUPPORTED),
    ("m=\"ed25519", "m=\"1.3.101.112", UNSUPPORTED),
    ("m=\"ed25519", "m=\"hmac-sha512", UNSUPPORTED),
    ("m=\"ed25519", "m=\"HS256", UNSUPPORTED),
    ("m=\"ed25519", "m=\"RS256", UNSUPPORTED),
    ("k1|ed25519", "k1|hs2019", MISMATCH),
    ("k1|ed25519", "k1|none", MISMATCH),
    ("{signature}", "{signature}{signature}", MALFORMED),
    ("{signature}", "{signature}, ", MALFORMED),
    ("{head}", "%2B{head}", MALFORMED),
    ("{head}", "\\u002B{head}", MALFORMED),
];

/// What the server says where it is not the grammar that refuses: the text that was put in, and the
/// word. The HTTP layer sees four first, the context and the window the others.
pub const ON_THE_WIRE: &[(&str, &str)] = &[
    ("\r\n ,", "request_malformed"),
    ("b\u{0}ap", "request_malformed"),
    ("b\nap", "request_malformed"),
    ("k1\u{7f}|", "request_malformed"),
    ("https://mock_bap.com/|k1", "signer_is_not_caller"),
    ("a,keyId=b|k1", "signer_is_not_caller"),
    ("9223372036854775807", "lifetime_too_long"),
];

/// A change whose answer depends on the second in which it arrives.
pub const BY_THE_SECOND: (&str, &str) = ("{expires}", "{created}");

/// Texts that are no signature header at all; all are malformed.
pub const NO_HEADERS: &[&str] = &[
    "",
    " ",
    "Signature",
    "Signature ",
    "Signature =",
    "Signature keyId",
    "Signature keyId=\"",
    "Signature keyId=\"a|b|ed25519\"",
    ",",
    "\"",
    "{\"created\":\"1767225600\"}",
];

/// A right header with one change.
pub fn changed(right: &str, part: &str, by: &str) -> String {
    right.replace(&filled(part, right), &filled(by, right))
}

/// Puts what the right header has in the place of the words in braces.
fn filled(text: &str, right: &str) -> String {
    let value = |name: &str| {
        let (_, rest) = right
            .split_once(&format!("{name}=\""))
            .expect("a right header");
        rest.split('"').next().expect("a value").to_owned()
    };
    let signature = value("signature");
    let (letters, _) = signature.split_once("==").expect("64 bytes in base64");
    let (head, tail) = (&letters[..4], &letters[letters.len() - 4..]);
    // The last letter holds two bits and four unused ones, which are zero when it is right.
    let (rest, last) = tail.split_at(3);
    let odd = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        _ => "x",
    };
    text.replace("{created}", &value("created"))
        .replace("{expires}", &value("expires"))
        .replace("{signature}", &signature)
        .replace("{head}", head)
        .replace("{tail}", tail)
        .replace("{odd}", &format!("{rest}{odd}"))
}
