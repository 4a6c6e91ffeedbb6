//! What holds on every Beckn network: signatures (BECKN-006), roles, error numbers (BECKN-005).
//!
//! The shapes of its messages are in [`v0_9`](super::v0_9) and [`v1`](super::v1).

use super::kind::Profile;
use super::registry::Form;
use super::{Dialect, answer};
use crate::crypto::signature::Scheme;
use crate::domain::refusal::Word;

/// The table of this kind.
pub static PROFILE: Profile = Profile {
    scheme: Scheme::Beckn,
    signature_lifetime_seconds: 300,
    dialects: &[Dialect::V0_9, Dialect::V1],
    versions: "0.9.x or 1.x",
    default_version: "1.1.0",
    registry_form: Form::Core,
    ack: answer::ACK,
    error,
    denied: |_, _| ("50001", "POLICY-ERROR"),
    reasons: &[],
    reason_required: false,
    same_transaction: false,
    has_charges: true,
    time_zone: chrono_tz::UTC,
    audit_path: None,
    ttl_seconds: None,
    restamp: false,
    tried_again_after: None,
};

/// BECKN-005 number and 0.9.x error type. BECKN-005 has no numbers for authentication, time,
/// load or version; those take the nearest general one.
fn error(word: Word) -> (&'static str, &'static str) {
    match word {
        Word::Overloaded
        | Word::RegistryUnavailable
        | Word::StoreUnavailable
        | Word::RateLimited
        | Word::InProgress
        | Word::Internal => ("40000", "CORE-ERROR"),
        Word::UnknownAction => ("40001", "CONTEXT-ERROR"),
        Word::PartNotSupported => ("40001", "DOMAIN-ERROR"),
        Word::FulfillmentNotFound => ("30008", "DOMAIN-ERROR"),
        Word::MethodNotAllowed
        | Word::UnsupportedMediaType
        | Word::UnsupportedEncoding
        | Word::BodyTooLarge
        | Word::HeadTooLarge
        | Word::HeadTimeout
        | Word::RequestMalformed
        | Word::BodyTimeout
        | Word::BodyIncomplete
        | Word::ChallengeRefused => ("30000", "CORE-ERROR"),
        Word::InvalidJson
        | Word::DuplicateKey
        | Word::TooDeep
        | Word::TooManyNodes
        | Word::SchemaMismatch => ("30000", "JSON-SCHEMA-ERROR"),
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
        | Word::WrongRole
        | Word::ContextInvalid
        | Word::WrongAction
        | Word::UnknownVersion
        | Word::DomainNotServed
        | Word::WrongRecipient
        | Word::CallbackUrlMismatch
        | Word::RequestReused
        | Word::Stale => ("30000", "CONTEXT-ERROR"),
        Word::OrderNotFound => ("30010", "CORE-ERROR"),
        Word::InvalidReason | Word::NotLate | Word::ReasonRequired => ("30011", "DOMAIN-ERROR"),
    }
}
