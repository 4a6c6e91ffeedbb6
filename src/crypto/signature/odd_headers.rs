//! Odd headers and the word each gets; the table is shared with the corpus that goes over the wire.

#[path = "../../../tests/common/odd_headers.rs"]
mod table;

use super::*;
use table::{CHANGES, NO_HEADERS, OK, changed};

const GOOD: &str = "Signature keyId=\"bap.example.org|k1|ed25519\",algorithm=\"ed25519\",created=\"1767225600\",expires=\"1767225900\",headers=\"(created) (expires) digest\",signature=\"zXA30mklBrtS8BNjPONu46MCDJIgV7s4qroGpuyRFdWfqrOPjvCVw1ZZgnJM7o1scJRcIM+KB9ZVnPpm82vwBw==\"";

const MALFORMED: &str = "header_malformed";

fn word_of(header: &str) -> &'static str {
    match Header::parse(header) {
        Ok(_) => OK,
        Err(error) => error.word(),
    }
}

#[test]
fn each_odd_header_gets_its_word() {
    for (part, by, expected) in CHANGES {
        let header = changed(GOOD, part, by);
        let found = Header::parse(&header);
        assert_eq!(word_of(&header), *expected, "{header:?}: {found:?}");
    }
}

#[test]
fn each_change_changes_the_header() {
    let idle: Vec<_> = CHANGES
        .iter()
        .filter(|(part, by, _)| changed(GOOD, part, by) == GOOD)
        .collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn texts_that_are_no_header_at_all_are_malformed() {
    for text in NO_HEADERS {
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
