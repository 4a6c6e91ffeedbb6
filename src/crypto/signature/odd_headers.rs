//! Odd headers and the word each gets: a table of one-line changes to a good header.

use super::*;

const SIGNATURE: &str =
    "zXA30mklBrtS8BNjPONu46MCDJIgV7s4qroGpuyRFdWfqrOPjvCVw1ZZgnJM7o1scJRcIM+KB9ZVnPpm82vwBw==";
const GOOD: &str = "Signature keyId=\"bap.example.org|k1|ed25519\",algorithm=\"ed25519\",created=\"1767225600\",expires=\"1767225900\",headers=\"(created) (expires) digest\",signature=\"zXA30mklBrtS8BNjPONu46MCDJIgV7s4qroGpuyRFdWfqrOPjvCVw1ZZgnJM7o1scJRcIM+KB9ZVnPpm82vwBw==\"";

const OK: &str = "accepted";
const MALFORMED: &str = "header_malformed";
const UNSUPPORTED: &str = "algorithm_not_supported";
const MISMATCH: &str = "algorithm_mismatch";
const NOT_COVERED: &str = "digest_not_covered";

/// What to replace in [`GOOD`], by what, and the word.
const CHANGES: &[(&str, &str, &str)] = &[
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
    ("created=", "created=\"1767225600\",created=", MALFORMED),
    (
        "algorithm=",
        "keyId=\"bap.example.org|k1|ed25519\",algorithm=",
        MALFORMED,
    ),
    ("created=\"1767225600\",", "", MALFORMED),
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
    ("\"1767225600\"", "1767225600", OK),
    ("\"1767225900\"", "1767225900 ", OK),
    ("1767225900", "9223372036854775807", OK),
    ("1767225900", "1767225600", OK),
    ("1767225900", "9223372036854775808", MALFORMED),
    ("1767225900", "99999999999999999999", MALFORMED),
    ("1767225900", "1767225599", MALFORMED),
    ("\"1767225900\"", "1767225900s", MALFORMED),
    ("\"1767225600\"", "-1767225600", MALFORMED),
    ("1767225600", "-1767225600", MALFORMED),
    ("1767225600", "+1767225600", MALFORMED),
    ("1767225600", " 1767225600", MALFORMED),
    ("1767225600", "1767225600 ", MALFORMED),
    ("1767225600", "1767225600.0", MALFORMED),
    ("1767225600", "1e9", MALFORMED),
    ("\"1767225600\"", "1e9", MALFORMED),
    ("1767225600", "0x6955", MALFORMED),
    ("1767225600", "01767225600", MALFORMED),
    ("1767225600", "0", MALFORMED),
    ("1767225600", "", MALFORMED),
    ("\"1767225600\"", "", MALFORMED),
    ("1767225600", "2026-01-01T00:00:00Z", MALFORMED),
    ("1767225600", "\u{661}\u{667}", MALFORMED),
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
    ("vwBw==", "vwBx==", MALFORMED),
    ("vwBw==", "vwBwAA==", MALFORMED),
    ("vwBw==", "vw==", MALFORMED),
    ("zXA3", "zX-_", MALFORMED),
    ("zXA3", "zX A3", MALFORMED),
    ("zXA3", "zXA3,", MALFORMED),
    ("zXA3", "@@@@", MALFORMED),
    (SIGNATURE, "", MALFORMED),
    ("==\"", "==\",", MALFORMED),
    ("==\"", "==\"  ", OK),
    ("==\"", "==\" x", MALFORMED),
    ("==\"", "==\",x", MALFORMED),
    ("==\"", "==\", Signature keyId=\"a|b|ed25519\"", MALFORMED),
];

fn word_of(header: &str) -> &'static str {
    match Header::parse(header) {
        Ok(_) => OK,
        Err(error) => error.word(),
    }
}

#[test]
fn each_odd_header_gets_its_word() {
    assert!(CHANGES.len() >= 60);
    for (part, by, expected) in CHANGES {
        let header = GOOD.replace(part, by);
        let found = Header::parse(&header);
        assert_eq!(word_of(&header), *expected, "{header:?}: {found:?}");
    }
}

#[test]
fn each_change_changes_the_header() {
    let idle: Vec<_> = CHANGES
        .iter()
        .filter(|(part, by, _)| GOOD.replace(part, by) == GOOD)
        .collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn texts_that_are_no_header_at_all_are_malformed() {
    for text in [
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
    ] {
        assert_eq!(word_of(text), MALFORMED, "{text:?}");
    }
}

#[test]
fn a_header_over_4_kib_is_refused_before_it_is_read() {
    let padded = |length: usize| GOOD.replace(',', &format!(",{}", " ".repeat(length)));
    assert_eq!(word_of(&padded(100)), OK);
    let found = Header::parse(&padded(1000));
    assert!(matches!(found, Err(Error::Malformed(Fault::TooLong(_)))));
}

#[test]
fn ids_have_at_most_255_characters() {
    let of = |length: usize| GOOD.replace("bap.example.org", &"a".repeat(length));
    assert_eq!(word_of(&of(255)), OK);
    assert_eq!(word_of(&of(256)), MALFORMED);
}

#[test]
fn a_header_says_who_and_when() {
    let header = Header::parse(GOOD).expect("good");
    assert_eq!(header.subscriber_id, "bap.example.org");
    assert_eq!(header.key_id, "k1");
    assert_eq!((header.created, header.expires), (1767225600, 1767225900));
    assert_eq!(header.signature[..2], [0xcd, 0x70]);
    assert_eq!(header.to_string(), GOOD);
}

#[test]
fn the_sentence_says_expected_and_got_and_cuts_what_it_repeats() {
    let long = format!("<b>\u{1b}[31m{}", "x".repeat(500));
    let cases = [
        (GOOD.replace("m=\"ed25519", "m=\"hs2019"), "got hs2019"),
        (
            GOOD.replace("1767225600", "1e9"),
            "expected created in Unix seconds, digits only, got 1e9",
        ),
        (GOOD.replace("1767225600", ""), "got nothing"),
        (GOOD.replace("k1|", ""), "got 2 part(s)"),
        (GOOD.replace("bap", "b\u{1b}p"), "got \\u{1b} at byte"),
        (GOOD.replace("digest", &long.replace('\u{1b}', "")), "..."),
    ];
    for (header, part) in cases {
        let text = Header::parse(&header).expect_err("refused").to_string();
        assert!(text.contains(part), "{text}");
        assert!(text.contains("expected"), "{text}");
        assert!(
            text.len() < 240 && text.bytes().all(|b| matches!(b, b' '..=b'~')),
            "{text}"
        );
    }
    assert_eq!(Excerpt::of(&long).to_string().len(), 80);
    assert_eq!(Excerpt::of(&"y".repeat(80)).to_string(), "y".repeat(80));
}

#[test]
fn the_token_of_another_scheme_is_never_repeated() {
    for header in [
        "Bearer sk_live_1_topsecret",
        "sk_live_1_topsecret",
        "topsecrettopsecret x",
    ] {
        let error = Header::parse(header).expect_err("refused");
        assert!(
            !format!("{error} {error:?}").contains("topsecret"),
            "{error}"
        );
    }
}

#[test]
fn the_window_is_open_from_5_seconds_before_created_until_expires() {
    let header = Header::parse(GOOD).expect("good");
    let word = |now: i64| header.check_window(now, 3600).err().map(|e| e.word());
    let (created, expires) = (header.created, header.expires);
    assert_eq!(word(created - 6), Some("created_in_future"));
    assert_eq!(word(created - 5), None);
    assert_eq!(word(created), None);
    assert_eq!(word(expires), None);
    assert_eq!(word(expires + 1), Some("expired"));
    assert_eq!(word(i64::MIN), Some("created_in_future"));
    assert_eq!(word(i64::MAX), Some("expired"));
}

#[test]
fn the_lifetime_is_bounded_and_never_overflows() {
    let header = Header::parse(GOOD).expect("good");
    assert_eq!(header.check_window(header.created, 300), Ok(()));
    let error = header.check_window(header.created, 299).expect_err("long");
    assert_eq!(error.word(), "lifetime_too_long");
    let endless = GOOD.replace("1767225900", "9223372036854775807");
    let error = Header::parse(&endless)
        .expect("well formed")
        .check_window(header.created, 3600)
        .expect_err("long");
    assert_eq!(error.word(), "lifetime_too_long");
}

#[test]
fn the_sentences_about_time_hold_every_figure() {
    let header = Header::parse(GOOD).expect("good");
    let text = |now: i64, max: i64| header.check_window(now, max).expect_err("out").to_string();
    let future = text(header.created - 11, 3600);
    for figure in ["5 s", "1767225589", "1767225600", "11 s"] {
        assert!(future.contains(figure), "{future}");
    }
    let late = text(header.expires + 7, 3600);
    for figure in ["1767225907", "1767225900", "1767225600", "7 s"] {
        assert!(late.contains(figure), "{late}");
    }
    let long = text(header.created, 60);
    for figure in ["60 s", "1767225600", "1767225900", "300 s"] {
        assert!(long.contains(figure), "{long}");
    }
}
