//! What an answer to a callback means.
//!
//! Pure: [`send`](super::send) reads the bytes, this file judges them, and
//! [`schedule`](super::schedule) decides what follows. Delivered is 2xx with an empty body or
//! with JSON that is no NACK, whatever shape the ACK has. A NACK counts as one only under 2xx:
//! under any other status the status itself is the verdict (a 401 or 400 often means that a key
//! has not spread yet), and the body is kept for people to read.
//! An answer that is longer than what is read cannot be judged and is not taken for delivered.

mod nack;
mod retry_after;
mod shown;

use std::time::Duration;

use serde_json::Value;

pub use self::retry_after::retry_after;
use self::shown::shown;
pub use self::shown::{MAX_DETAIL_CHARS, printable};

/// The result of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The subscriber has it.
    Delivered,
    /// The subscriber read it and refused it.
    Nack,
    /// It did, for a fault of its own that passes.
    NackForNow,
    /// It did, and its network has no use for another try.
    NackForGood,
    /// Neither 2xx nor 3xx.
    Status {
        /// The HTTP status.
        code: u16,
        /// How long the subscriber asks us to wait.
        retry_after: Option<Duration>,
    },
    /// 3xx, which is never followed.
    Redirect,
    /// 2xx with a body that is not JSON.
    NotJson,
    /// 2xx with a body longer than is read.
    AnswerTooLarge,
    /// The deadline passed.
    Timeout,
    /// The connection failed before the answer was whole.
    Transport,
    /// The URL itself is forbidden, which no waiting changes.
    BlockedUrl,
    /// The name resolved to forbidden addresses only, which may change.
    BlockedAddress,
    /// The registry has another address for the subscriber, or none.
    NotVouched,
    /// The registry cannot be asked for the subscriber's address.
    RegistryUnavailable,
    /// The callback's network, or the partner that it is for, is not in the configuration.
    UnknownNetwork,
    /// Our own code failed.
    Panic,
}

/// What an attempt says about the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Well,
    /// It does not, or asks to be spared.
    Ill,
    /// Nothing was learned.
    Unknown,
}

impl Verdict {
    /// The fixed word for records and metrics.
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Nack | Self::NackForGood => "nack",
            Self::NackForNow => "nack_for_now",
            Self::Status { .. } => "http_status",
            Self::Redirect => "redirect",
            Self::NotJson => "not_json",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::BlockedUrl | Self::BlockedAddress => "blocked_address",
            Self::NotVouched => "callback_url_mismatch",
            Self::RegistryUnavailable => "registry_unavailable",
            Self::UnknownNetwork => "unknown_network",
            Self::Panic => "panic",
        }
    }

    /// What the breaker learns: transport failures, timeouts, 5xx and 429 are a host's fault.
    #[must_use]
    pub fn health(self) -> Health {
        match self {
            Self::Timeout | Self::Transport => Health::Ill,
            Self::Status { code, .. } if code >= 500 || code == 429 => Health::Ill,
            Self::BlockedUrl
            | Self::BlockedAddress
            | Self::NotVouched
            | Self::RegistryUnavailable
            | Self::UnknownNetwork
            | Self::Panic => Health::Unknown,
            _ => Health::Well,
        }
    }
}

/// How reading an answer's body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of it was read.
    Whole,
    /// There is more than is read.
    TooLarge,
    /// The deadline passed.
    Timeout,
    /// The connection broke, with this complaint.
    Broken(String),
}

/// An answer as far as it was read; never a 3xx.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, as a span.
    pub retry_after: Option<Duration>,
    /// The body's beginning.
    pub body: Vec<u8>,
    /// Whether that is all of it.
    pub end: End,
}

/// Judges an answer; the text is what an operator wants to read of it. Where a network has one
/// error number that asks for another try, `passing` is that number.
#[must_use]
pub fn judge(answer: &Answer, passing: Option<&str>) -> (Verdict, String) {
    if !(200..300).contains(&answer.status) {
        let verdict = Verdict::Status {
            code: answer.status,
            retry_after: answer.retry_after,
        };
        return (verdict, shown(&answer.body));
    }
    match &answer.end {
        End::Whole => judge_body(&answer.body, passing),
        End::TooLarge => (Verdict::AnswerTooLarge, shown(&answer.body)),
        End::Timeout => (Verdict::Timeout, shown(&answer.body)),
        End::Broken(complaint) => (Verdict::Transport, printable(complaint)),
    }
}

fn judge_body(body: &[u8], passing: Option<&str>) -> (Verdict, String) {
    if body.trim_ascii().is_empty() {
        return (Verdict::Delivered, String::new());
    }
    match serde_json::from_slice::<Value>(body) {
        Err(_) => (Verdict::NotJson, shown(body)),
        Ok(json) if nack::is(&json) => (nack::verdict(&json, passing), nack::complaint(&json)),
        Ok(_) => (Verdict::Delivered, shown(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> (Verdict, String) {
        judged_on(None, status, body)
    }

    fn judged_on(passing: Option<&str>, status: u16, body: &str) -> (Verdict, String) {
        let answer = Answer {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
            end: End::Whole,
        };
        judge(&answer, passing)
    }

    #[test]
    fn every_shape_of_an_ack_and_an_empty_body_is_delivered() {
        for body in [
            "",
            " \r\n",
            r#"{"message":{"ack":{"status":"ACK"}}}"#,
            r#"{"message":{"ack":{"status":"ACK"}},"error":{}}"#,
            r#"{"message":{"ack":{"status":"ACK"}},"error":{"code":null}}"#,
            r#"{"context":{},"message":{"ack":{"status":"ACK"}}}"#,
            r#"{"status":"ACK","signature":"x"}"#,
            r#"{"message":{"status":"ACK","messageId":"m"}}"#,
            r#"{"ack_status":"ACK"}"#,
            "{}",
            "[]",
            "null",
            r#""OK""#,
        ] {
            for status in [200, 202, 204] {
                assert_eq!(judged(status, body).0, Verdict::Delivered, "{body}");
            }
        }
    }

    #[test]
    fn every_shape_of_a_nack_is_one_and_its_error_is_kept() {
        for body in [
            r#"{"message":{"ack":{"status":"NACK"}},"error":{"code":"30010"}}"#,
            r#"{"context":{"a":"b"},"message":{"ack":{"status":"NACK"},"error":{"code":"30010"}}}"#,
            r#"{"status":"NACK","error":{"code":"30010"}}"#,
            r#"{"message":{"status":"NACK","error":{"code":"30010"}}}"#,
            r#"{"ack_status":"nack","error":{"code":"30010"}}"#,
        ] {
            let expected = (Verdict::Nack, r#"{"code":"30010"}"#.to_owned());
            assert_eq!(judged(200, body), expected, "{body}");
        }
        let bare = r#"{"message":{"ack":{"status":"NACK"}},"error":null}"#;
        assert!(judged(200, bare).1.contains("NACK"));
    }

    #[test]
    fn where_one_number_asks_for_another_try_every_other_nack_is_for_good() {
        let verdict = |error: &str| {
            let body = format!(r#"{{"message":{{"ack":{{"status":"NACK"}}}},"error":{error}}}"#);
            judged_on(Some("23001"), 200, &body).0
        };
        assert_eq!(verdict(r#"{"code":"23001"}"#), Verdict::NackForNow);
        assert_eq!(verdict(r#"{"code":23001}"#), Verdict::NackForNow);
        for other in [r#"{"code":"23002"}"#, "{}", "null"] {
            assert_eq!(verdict(other), Verdict::NackForGood, "{other}");
        }
        let ack = r#"{"message":{"ack":{"status":"ACK"}},"error":{"code":"23001"}}"#;
        assert_eq!(judged_on(Some("23001"), 200, ack).0, Verdict::Delivered);
    }

    #[test]
    fn a_nack_under_another_status_is_judged_by_the_status() {
        let body = r#"{"message":{"ack":{"status":"NACK"}}}"#;
        let (verdict, detail) = judged(401, body);
        assert_eq!(verdict.outcome(), "http_status");
        assert_eq!(detail, body);
    }

    #[test]
    fn what_is_not_json_or_not_whole_is_not_delivered() {
        for body in ["OK", "<html>", "\u{1f}\u{8b}", "{", "{} {}", "\u{feff}{}"] {
            assert_eq!(judged(200, body).0, Verdict::NotJson, "{body}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(judged(200, &deep).0, Verdict::NotJson);
        let cut = |end| {
            let answer = Answer {
                status: 200,
                retry_after: None,
                body: b"{}".to_vec(),
                end,
            };
            judge(&answer, None).0
        };
        assert_eq!(cut(End::TooLarge), Verdict::AnswerTooLarge);
        assert_eq!(cut(End::Timeout), Verdict::Timeout);
        assert_eq!(cut(End::Broken("reset".into())), Verdict::Transport);
    }

    #[test]
    fn only_a_hosts_own_failures_count_against_it() {
        let status = |code| {
            Verdict::Status {
                code,
                retry_after: None,
            }
            .health()
        };
        for code in [500, 502, 503, 504, 429] {
            assert_eq!(status(code), Health::Ill);
        }
        for code in [400, 401, 404, 409] {
            assert_eq!(status(code), Health::Well);
        }
        assert_eq!(Verdict::Timeout.health(), Health::Ill);
        assert_eq!(Verdict::Nack.health(), Health::Well);
        assert_eq!(Verdict::Panic.health(), Health::Unknown);
    }
}
