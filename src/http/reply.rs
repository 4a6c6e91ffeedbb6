//! The one table from a refusal to HTTP status, Beckn error number and body.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{PROXY_AUTHENTICATE, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::domain::refusal::{Refusal, Word};
use crate::protocol::{Dialect, answer};

/// How a refusal is shaped for the one who hears it.
#[derive(Debug, Clone, Copy)]
pub struct Audience<'a> {
    /// The dialect of the body.
    pub dialect: Dialect,
    /// Our subscriber id, the realm of a challenge.
    pub realm: &'a str,
    /// Whether it was the gateway's signature that failed.
    pub gateway: bool,
}

/// HTTP status, BECKN-005 number and 0.9.x error type of a word. BECKN-005 has no numbers for
/// authentication, time, load or version; those take the nearest general one.
#[must_use]
pub fn row(word: Word) -> (u16, &'static str, &'static str) {
    match word {
        Word::Overloaded | Word::RegistryUnavailable | Word::StoreUnavailable => {
            (503, "40000", "CORE-ERROR")
        }
        Word::RateLimited => (429, "40000", "CORE-ERROR"),
        Word::Internal => (500, "40000", "CORE-ERROR"),
        Word::HeadTooLarge => (431, "30000", "CORE-ERROR"),
        Word::UnknownAction => (404, "40001", "CONTEXT-ERROR"),
        Word::MethodNotAllowed => (405, "30000", "CORE-ERROR"),
        Word::UnsupportedMediaType | Word::UnsupportedEncoding => (415, "30000", "CORE-ERROR"),
        Word::BodyTooLarge => (413, "30000", "CORE-ERROR"),
        Word::HeadTimeout | Word::BodyTimeout => (408, "30000", "CORE-ERROR"),
        Word::RequestMalformed | Word::BodyIncomplete | Word::ChallengeRefused => {
            (400, "30000", "CORE-ERROR")
        }
        Word::InvalidJson | Word::DuplicateKey | Word::TooDeep | Word::TooManyNodes => {
            (400, "30000", "JSON-SCHEMA-ERROR")
        }
        Word::HeaderMissing
        | Word::HeaderMalformed
        | Word::AlgorithmNotSupported
        | Word::AlgorithmMismatch
        | Word::DigestNotCovered
        | Word::CreatedInFuture
        | Word::Expired
        | Word::LifetimeTooLong
        | Word::DigestMismatch
        | Word::SignatureMismatch
        | Word::SignerIsNotCaller
        | Word::UnknownKey
        | Word::KeyNotUsable
        | Word::KeyAmbiguous
        | Word::WrongRole => (401, "30000", "CONTEXT-ERROR"),
        Word::ContextInvalid
        | Word::WrongAction
        | Word::UnknownVersion
        | Word::DomainNotServed
        | Word::WrongRecipient
        | Word::CallbackUrlMismatch
        | Word::RequestReused
        | Word::Stale => (200, "30000", "CONTEXT-ERROR"),
        Word::SchemaMismatch => (200, "30000", "JSON-SCHEMA-ERROR"),
        Word::OrderNotFound => (200, "30010", "CORE-ERROR"),
        Word::InvalidReason | Word::ReasonRequired => (200, "30011", "DOMAIN-ERROR"),
    }
}

/// The whole answer to a refused request.
#[must_use]
pub fn nack(refusal: &Refusal, audience: Audience<'_>) -> HttpResponse {
    let (status, code, kind) = row(refusal.word);
    let message = refusal.to_string();
    let error = answer::Error {
        code,
        kind,
        message: &message,
        path: refusal.path.as_deref(),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        let header = if audience.gateway {
            PROXY_AUTHENTICATE
        } else {
            WWW_AUTHENTICATE
        };
        response.insert_header((header, challenge(audience.realm)));
    }
    if let Some(seconds) = refusal.retry_after_seconds {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.insert_header(("Allow", "POST"));
    }
    response.json(answer::nack(audience.dialect, &error))
}

/// The ACK.
#[must_use]
pub fn ack() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(answer::ACK)
}

/// The challenge of BECKN-006; the realm is the verifier.
fn challenge(realm: &str) -> String {
    format!(r#"Signature realm="{realm}",headers="(created) (expires) digest""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_row_and_what_passes_by_itself_is_5xx_or_429() {
        for word in Word::ALL {
            let (status, code, kind) = row(*word);
            assert!(StatusCode::from_u16(status).is_ok() && code.len() == 5);
            assert!(kind.ends_with("-ERROR"), "{kind}");
        }
    }

    #[test]
    fn a_401_carries_the_challenge_of_the_one_who_verified() {
        let refusal = Refusal::new(Word::Expired, "late");
        let audience = Audience {
            dialect: Dialect::V1,
            realm: "bpp.example.net",
            gateway: false,
        };
        let response = nack(&refusal, audience);
        assert_eq!(response.status(), 401);
        let wanted = r#"Signature realm="bpp.example.net",headers="(created) (expires) digest""#;
        assert_eq!(
            response
                .headers()
                .get(WWW_AUTHENTICATE)
                .map(|v| v.as_bytes()),
            Some(wanted.as_bytes())
        );
        let gateway = nack(
            &refusal,
            Audience {
                gateway: true,
                ..audience
            },
        );
        assert!(gateway.headers().get(PROXY_AUTHENTICATE).is_some());
        assert!(gateway.headers().get(WWW_AUTHENTICATE).is_none());
    }
}
