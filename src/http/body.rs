//! Reads a body into one buffer: the bytes that are hashed, parsed and stored are these.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use crate::crypto::signature::Excerpt;
use crate::domain::refusal::{Refusal, Word};

/// How much, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes taken.
    pub bytes: usize,
    /// The whole time they may take.
    pub deadline: Duration,
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
    let reading = collect(payload, limits, announced.unwrap_or(0));
    match tokio::time::timeout(limits.deadline, reading).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::new(
            Word::BodyTimeout,
            format!(
                "the body was not complete within {} s",
                limits.deadline.as_secs_f32()
            ),
        )),
    }
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
    let mut body = BytesMut::with_capacity(hint.min(limits.bytes));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Refusal::new(
                Word::BodyIncomplete,
                "the body ended before it was complete",
            )
        })?;
        if body.len() + chunk.len() > limits.bytes {
            return Err(too_large(limits));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
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
