//! What the REST doors share: a failure on its way out, and what makes a request the same again.
//!
//! Each door writes a failure in the shape of its own contract; nothing here knows a shape.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::HttpResponseBuilder;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::Value;
use tracing::info;
use uuid::Uuid;

use super::{X_REQUEST_ID, reply};
use crate::domain::ids::{MessageId, SubscriberId};
use crate::domain::refusal::{Refusal, Word};
use crate::engine::waiting::Full;
use crate::store;

/// What a client calls a request, so that it can ask again without a second effect.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// When to come again if too many wait for the provider, in seconds.
const WHEN_FULL: u64 = 5;

/// A failure on its way out.
#[derive(Debug)]
pub(super) struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// What programs go by.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// What else the contract has beside it; null for nothing.
    pub details: Box<Value>,
    /// When to try again, for what passes by itself.
    pub retry_after_seconds: Option<u64>,
}

impl Failure {
    /// A failure without a time.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: Box::default(),
            retry_after_seconds: None,
        }
    }

    /// A refusal of the limits or of the body's reader; `invalid` is the door's word for what
    /// cannot be read.
    pub fn of(refusal: Refusal, invalid: &'static str) -> Self {
        let status = reply::status(refusal.word);
        let code = match refusal.word {
            Word::UnsupportedMediaType | Word::UnsupportedEncoding => "UNSUPPORTED_MEDIA_TYPE",
            Word::BodyTooLarge => "BODY_TOO_LARGE",
            Word::RateLimited => "RATE_LIMITED",
            Word::Overloaded | Word::StoreUnavailable => "UNAVAILABLE",
            _ if status < 500 => invalid,
            _ => "INTERNAL",
        };
        Self {
            retry_after_seconds: refusal.retry_after_seconds,
            ..Self::new(status, code, refusal.detail)
        }
    }

    /// A request that would have to wait for the provider, where there is no place to.
    pub fn full(full: Full) -> Self {
        let (status, code) = match full {
            Full::InAll => (503, "UNAVAILABLE"),
            Full::OfClient => (429, "RATE_LIMITED"),
        };
        Self {
            retry_after_seconds: Some(WHEN_FULL),
            ..Self::new(status, code, full.to_string())
        }
    }

    /// What passes by itself.
    pub fn for_now(message: impl Into<String>, store: Option<&store::Error>) -> Self {
        let seconds = match store {
            None | Some(store::Error::Busy) => 1,
            Some(_) => 5,
        };
        Self {
            retry_after_seconds: Some(seconds),
            ..Self::new(503, "UNAVAILABLE", message)
        }
    }

    /// The answer but for its body, with what is said of it in the log.
    pub fn begin(&self, door: &'static str) -> HttpResponseBuilder {
        let request_id = Uuid::now_v7().to_string();
        info!(request.id = %request_id, door, reason = self.code, detail = %self.message,
            "a request at a door is refused");
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response.insert_header((X_REQUEST_ID.clone(), request_id));
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response
    }
}

/// Counts a request by how it ended.
pub(super) fn count<T>(action: &'static str, answer: &Result<T, Failure>) {
    let outcome = answer
        .as_ref()
        .map_or_else(|failure| failure.code, |_| "ok");
    metrics::counter!("bpp_requests_total", "action" => action, "outcome" => outcome).increment(1);
}

/// The client's own key for this request, if it gave one.
///
/// # Errors
/// Says why it cannot be one.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<MessageId>, String> {
    let Some(value) = request.headers().get(&IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str();
    let text = text.map_err(|_| "Idempotency-Key is not visible ASCII".to_owned())?;
    let text = unquoted(text);
    let key = MessageId::parse(&format!("key:{text}"));
    let key = key.map_err(|error| format!("Idempotency-Key: {error}"))?;
    // The empty key would be the same for everybody who forgot to fill it in.
    match text.is_empty() {
        true => Err("Idempotency-Key is empty".to_owned()),
        false => Ok(Some(key)),
    }
}

/// The header's draft has the key in quotes, as a structured string; most clients have it bare.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// Clients of doors are counted as subscribers are.
pub(super) fn counted(client: &str) -> Option<SubscriberId> {
    SubscriberId::parse(client).ok()
}
