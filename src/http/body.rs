//! Reads a body into one buffer: the bytes that are hashed, parsed and stored are these.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::crypto::signature::Excerpt;
use crate::domain::refusal::{Refusal, Word};

/// How much, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes taken.
    pub bytes: usize,
    /// The whole time they may take.
    pub deadline: Duration,
    /// How many must come each second once they have taken two seconds; 0 means no matter.
    pub per_second: usize,
}

/// How long a body may take however little of it comes.
const UNHURRIED: Duration = Duration::from_secs(2);

impl Limits {
    /// How long after its beginning a body may have only so many bytes.
    fn patience(self, bytes: usize) -> Duration {
        let enough = bytes.checked_div(self.per_second).map(|seconds| {
            let millis = bytes % self.per_second * 1_000 / self.per_second;
            let earned = Duration::from_secs(seconds as u64);
            let earned = earned.saturating_add(Duration::from_millis(millis as u64));
            UNHURRIED.saturating_add(earned)
        });
        enough.map_or(self.deadline, |enough| enough.min(self.deadline))
    }
}

/// Reads the body of a JSON request.
///
/// # Errors
/// 415, 413, 408, or 400 when the body ends early.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    limits: Limits,
) -> Result<Bytes, Refusal> {
    check_type(request)?;
    let announced = header(request, &CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > limits.bytes) {
        return Err(too_large(limits));
    }
    collect(payload, limits, announced.unwrap_or(0)).await
}

fn check_type(request: &HttpRequest) -> Result<(), Refusal> {
    let content_type = header(request, &CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let got = Excerpt::of(content_type);
        let detail = format!("expected Content-Type: application/json, got {got}");
        return Err(Refusal::new(Word::UnsupportedMediaType, detail));
    }
    // All of them: a second header could name what the first one hides.
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    let plain = |encoding: &HeaderValue| {
        let bytes = encoding.as_bytes().trim_ascii();
        bytes.eq_ignore_ascii_case(b"identity")
    };
    match encodings.all(plain) {
        true => Ok(()),
        false => {
            let detail = "send the body as it is, without Content-Encoding";
            Err(Refusal::new(Word::UnsupportedEncoding, detail))
        }
    }
}

async fn collect(mut payload: Payload, limits: Limits, hint: usize) -> Result<Bytes, Refusal> {
    let began = Instant::now();
    let mut body = BytesMut::with_capacity(hint.min(limits.bytes));
    loop {
        let due = began + limits.patience(body.len());
        let chunk = match timeout_at(due, payload.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(_))) => {
                let detail = "the body ended before it was complete";
                return Err(Refusal::new(Word::BodyIncomplete, detail));
            }
            Ok(None) => return Ok(body.freeze()),
            Err(_) => return Err(too_slow(limits, body.len())),
        };
        if body.len() + chunk.len() > limits.bytes {
            return Err(too_large(limits));
        }
        body.extend_from_slice(&chunk);
    }
}

fn too_slow(limits: Limits, bytes: usize) -> Refusal {
    let patience = limits.patience(bytes);
    let seconds = patience.as_secs_f32();
    let detail = match patience < limits.deadline {
        true => format!(
            "expected {} bytes a second of the body, got {bytes} in {seconds} s",
            limits.per_second
        ),
        false => format!("the body was not complete within {seconds} s"),
    };
    Refusal::new(Word::BodyTimeout, detail)
}

fn too_large(limits: Limits) -> Refusal {
    Refusal::new(
        Word::BodyTooLarge,
        format!("a body has at most {} bytes", limits.bytes),
    )
}

/// A header's text, where it is there once and is visible ASCII.
#[must_use]
pub fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_be_slow_for_two_seconds_and_then_as_long_as_enough_of_it_comes() {
        let limits = |per_second| Limits {
            bytes: 262_144,
            deadline: Duration::from_secs(10),
            per_second,
        };
        for (per_second, bytes, millis) in [
            (1_024, 0, 2_000),
            (1_024, 512, 2_500),
            (1_024, 2_048, 4_000),
            (1_024, 200_000, 10_000),
            (0, 0, 10_000),
            (1, usize::MAX, 10_000),
        ] {
            let patience = limits(per_second).patience(bytes);
            assert_eq!(patience.as_millis(), millis, "{per_second} {bytes}");
        }
    }
}
