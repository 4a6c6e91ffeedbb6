//! The one way from a refusal to HTTP status and body; error numbers are the network's kind's.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{PROXY_AUTHENTICATE, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::domain::refusal::{Refusal, Word};
use crate::protocol::kind::Kind;
use crate::protocol::{Dialect, answer};

/// How a refusal is shaped for the one who hears it.
#[derive(Debug, Clone, Copy)]
pub struct Audience<'a> {
    /// The kind of network, whose error numbers are used.
    pub kind: Kind,
    /// The dialect of the body.
    pub dialect: Dialect,
    /// Our subscriber id, the realm of a challenge.
    pub realm: &'a str,
    /// Whether it was the gateway's signature that failed.
    pub gateway: bool,
}

/// The HTTP status of a word, the same on every network; its error number is the network's.
#[must_use]
pub fn status(word: Word) -> u16 {
    match word {
        Word::Overloaded | Word::RegistryUnavailable | Word::StoreUnavailable => 503,
        Word::RateLimited => 429,
        Word::Internal => 500,
        Word::UnknownAction => 404,
        Word::MethodNotAllowed => 405,
        Word::UnsupportedMediaType | Word::UnsupportedEncoding => 415,
        Word::BodyTooLarge => 413,
        Word::HeadTooLarge => 431,
        Word::HeadTimeout | Word::BodyTimeout => 408,
        Word::RequestMalformed
        | Word::BodyIncomplete
        | Word::ChallengeRefused
        | Word::InvalidJson
        | Word::DuplicateKey
        | Word::TooDeep
        | Word::TooManyNodes => 400,
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
        | Word::WrongRole => 401,
        Word::ContextInvalid
        | Word::WrongAction
        | Word::UnknownVersion
        | Word::DomainNotServed
        | Word::WrongRecipient
        | Word::CallbackUrlMismatch
        | Word::RequestReused
        | Word::Stale
        | Word::SchemaMismatch
        | Word::OrderNotFound
        | Word::FulfillmentNotFound
        | Word::PartNotSupported
        | Word::InProgress
        | Word::InvalidReason
        | Word::NotLate
        | Word::ReasonRequired => 200,
    }
}

/// The whole answer to a refused request.
#[must_use]
pub fn nack(refusal: &Refusal, audience: Audience<'_>) -> HttpResponse {
    let status = status(refusal.word);
    let (code, kind) = (audience.kind.profile().error)(refusal.word);
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
pub fn ack(kind: Kind) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(kind.profile().ack)
}

/// The challenge of BECKN-006; the realm is the verifier.
fn challenge(realm: &str) -> String {
    format!(r#"Signature realm="{realm}",headers="(created) (expires) digest""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_status_and_on_every_kind_of_network_an_error_number() {
        for word in Word::ALL {
            assert!(StatusCode::from_u16(status(*word)).is_ok());
            for (network, digits) in [(Kind::Beckn, 5), (Kind::Ondc, 5), (Kind::Uhi, 8)] {
                let (code, kind) = (network.profile().error)(*word);
                assert_eq!(code.len(), digits, "{word:?}");
                assert!(kind.ends_with("-ERROR"), "{kind}");
            }
        }
    }

    #[test]
    fn a_401_carries_the_challenge_of_the_one_who_verified() {
        let refusal = Refusal::new(Word::Expired, "late");
        let audience = Audience {
            kind: Kind::Beckn,
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
