//! An answer to a callback: delivered exactly when it is 2xx, whole, and empty or JSON that is no
//! NACK; what is kept of it is short and cannot move a cursor.
//!
//! The first line is the status and how the answer ended, the second `Retry-After`.

use beckn_bpp::delivery::verdict::{Answer, End, MAX_DETAIL_CHARS, Verdict, judge, retry_after};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// Holds for every answer.
pub fn holds(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (first, second, body) = (part(), part(), part());
    let first = String::from_utf8_lossy(first);
    let (status, end) = first.split_once(' ').unwrap_or((&first, ""));
    let answer = Answer {
        status: status.parse().unwrap_or(200),
        retry_after: asked_to_wait(&String::from_utf8_lossy(second)),
        body: body.to_vec(),
        end: match end {
            "large" => End::TooLarge,
            "late" => End::Timeout,
            "" => End::Whole,
            complaint => End::Broken(complaint.to_owned()),
        },
    };
    // Redirects are told apart before an answer is judged.
    if (300..400).contains(&answer.status) {
        return;
    }
    let (verdict, detail) = judge(&answer, None);
    assert_eq!(verdict, expected(&answer));
    // Where one number asks for another try, only NACKs are judged otherwise.
    let (elsewhere, _) = judge(&answer, Some("23001"));
    match verdict {
        Verdict::Nack => assert!(matches!(
            elsewhere,
            Verdict::NackForNow | Verdict::NackForGood
        )),
        verdict => assert_eq!(elsewhere, verdict),
    }
    assert!(detail.chars().count() <= MAX_DETAIL_CHARS);
    let moves = |c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}".contains(c);
    assert!(!detail.chars().any(moves), "{detail:?}");
}

fn expected(answer: &Answer) -> Verdict {
    if answer.status / 100 != 2 {
        return Verdict::Status {
            code: answer.status,
            retry_after: answer.retry_after,
        };
    }
    match answer.end {
        End::TooLarge => return Verdict::AnswerTooLarge,
        End::Timeout => return Verdict::Timeout,
        End::Broken(_) => return Verdict::Transport,
        End::Whole => {}
    }
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    if answer.body.iter().all(is_blank) {
        return Verdict::Delivered;
    }
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
        return Verdict::NotJson;
    };
    let words = [
        &json["message"]["ack"]["status"],
        &json["message"]["status"],
        &json["status"],
        &json["ack_status"],
    ];
    let is_nack = |word: &&Value| {
        word.as_str()
            .is_some_and(|word| word.to_uppercase() == "NACK")
    };
    match words.iter().any(is_nack) {
        true => Verdict::Nack,
        false => Verdict::Delivered,
    }
}

/// Whole seconds or a date; a date that has passed means at once.
fn asked_to_wait(value: &str) -> Option<std::time::Duration> {
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    let span = retry_after(value, now)?;
    let digits = value.trim().bytes().all(|byte| byte.is_ascii_digit());
    let is_date = || DateTime::parse_from_rfc2822(value.trim()).is_ok();
    assert!(digits || is_date(), "{value:?}");
    assert_eq!(
        retry_after(&span.as_secs().to_string(), now).map(|span| span.as_secs()),
        Some(span.as_secs())
    );
    Some(span)
}
