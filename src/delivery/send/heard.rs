//! What came back of an attempt: an answer as far as it is read, or why there is none.

use reqwest::Response;
use reqwest::header::{HeaderName, LOCATION};
use tokio::time::{Instant, timeout_at};

use super::super::guard;
use super::super::verdict::{self, End, Verdict};
use super::Sent;

/// Reads until the end, the limit or the deadline; dropping the response then hangs up.
pub(super) async fn read_body(
    response: &mut Response,
    limit: usize,
    deadline: Instant,
) -> (Vec<u8>, End) {
    let mut body = Vec::new();
    let end = loop {
        match timeout_at(deadline, response.chunk()).await {
            Err(_) => break End::Timeout,
            Ok(Err(error)) => break End::Broken(complaint(error)),
            Ok(Ok(None)) => break End::Whole,
            Ok(Ok(Some(chunk))) => {
                let room = limit - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break End::TooLarge;
                }
            }
        }
    };
    (body, end)
}

pub(super) fn redirected(response: &Response) -> Sent {
    let location = header(response, LOCATION);
    Sent {
        verdict: Verdict::Redirect,
        status: Some(response.status().as_u16()),
        detail: verdict::printable(&format!("Location: {location}")),
        signed: None,
    }
}

pub(super) fn header(response: &Response, name: HeaderName) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |v| {
        String::from_utf8_lossy(v.as_bytes()).into_owned()
    })
}

pub(super) fn unsent(error: reqwest::Error) -> Sent {
    if let Some(blocked) = guard::cause_of(&error) {
        return Sent::unanswered(Verdict::BlockedAddress, &blocked.to_string());
    }
    let verdict = if error.is_timeout() {
        Verdict::Timeout
    } else {
        Verdict::Transport
    };
    Sent::unanswered(verdict, &complaint(error))
}

/// The error with its causes, without the URL, which the callback shows already.
fn complaint(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
