//! What holds on UHI, India's health network: its signatures, roles, error numbers and reasons.
//!
//! The shapes of its messages are in [`message`]. Its numbers are those of the reference code:
//! the portal publishes none, so nobody may branch on them. It has no charges: a patient pays at
//! the visit, so a cancellation changes no quote.

pub mod message;

use super::kind::Profile;
use super::reasons::{Row, row};
use super::registry::Form;
use super::{Dialect, answer};
use crate::crypto::signature::Scheme;
use crate::domain::order::{Party, State};
use crate::domain::refusal::Word;

/// The table of this kind.
pub static PROFILE: Profile = Profile {
    scheme: Scheme::Uhi,
    signature_lifetime_seconds: 10,
    dialects: &[Dialect::Uhi],
    versions: "0.7.1",
    default_version: "0.7.1",
    registry_form: Form::Uhi,
    ack: answer::ACK_UHI,
    error,
    denied: |_, _| ("UHI-1403", "POLICY-ERROR"),
    reasons: &REASONS,
    reason_required: true,
    same_transaction: true,
    has_charges: false,
    time_zone: chrono_tz::Asia::Kolkata,
    audit_path: Some("api/v1/uhi/on_cancel_audit"),
    ttl_seconds: None,
    restamp: false,
    tried_again_after: None,
};

/// The seven reasons of a patient and the six of a doctor or facility. Who may use one is said by
/// this table alone: the beginnings of the words mislead.
const REASONS: [Row; 13] = [
    patient("PATIENT_PERSONAL_EMERGENCY", "A personal emergency"),
    patient("PATIENT_HEALTH_IMPROVED", "The patient's health improved"),
    patient(
        "PATIENT_UNABLE_TO_VISIT_PHYSICALLY",
        "The patient cannot come to the clinic",
    ),
    patient("DOCTOR_ASKED_TO_CANCEL", "The doctor asked for it"),
    patient("PATIENT_BOOKED_IN_ERROR", "Booked by mistake"),
    patient(
        "PATIENT_SEEKING_ALTERNATIVE",
        "The patient looks for another doctor",
    ),
    patient("PATIENT_OTHER", "Another reason of the patient").in_words(),
    doctor("DOCTOR_PERSONAL_EMERGENCY", "The doctor has an emergency"),
    doctor("DOCTOR_UNAVAILABLE", "The doctor is not available"),
    doctor("DOCTOR_SCHEDULE_CHANGE", "The doctor's schedule changed"),
    doctor("FACILITY_CLOSURE", "The facility is closed"),
    doctor("TECHNICAL_SYSTEM_ISSUE", "A technical fault"),
    doctor("DOCTOR_OTHER", "Another reason of the doctor").in_words(),
];

/// The words of `order.state` that Beckn does not have, or means otherwise.
const STATES: [(&str, State); 5] = [
    ("PROVISIONALLY_BOOKED", State::Pending),
    ("CONFIRMED_NOT_PAID", State::Confirmed),
    ("APPOINTMENT_STARTED", State::InProgress),
    // The patient came, and nobody was there.
    ("DOCTOR_NO_SHOW", State::Failed),
    ("NO_SHOW", State::NoShow),
];

/// The state that a word means, where it is one of this network's own.
#[must_use]
pub fn state_of_order_word(word: &str) -> Option<State> {
    let known = STATES.iter().find(|(known, _)| *known == word);
    known.map(|(_, state)| *state)
}

const fn patient(id: &'static str, text: &'static str) -> Row {
    row(id, &[Party::Customer], text)
}

const fn doctor(id: &'static str, text: &'static str) -> Row {
    row(id, &[Party::Provider], text)
}

fn error(word: Word) -> (&'static str, &'static str) {
    match word {
        Word::HeaderMissing => ("UHI-1401", "CONTEXT-ERROR"),
        Word::RegistryUnavailable => ("UHI-1402", "CORE-ERROR"),
        Word::SignatureMismatch | Word::DigestMismatch => ("UHI-1405", "CONTEXT-ERROR"),
        Word::UnknownKey | Word::KeyNotUsable => ("UHI-1406", "CONTEXT-ERROR"),
        Word::Internal | Word::StoreUnavailable => ("UHI-1407", "CORE-ERROR"),
        Word::HeaderMalformed
        | Word::AlgorithmNotSupported
        | Word::AlgorithmMismatch
        | Word::DigestNotCovered
        | Word::CreatedInFuture
        | Word::Expired
        | Word::LifetimeTooLong => ("UHI-1408", "CONTEXT-ERROR"),
        // The underscore is theirs.
        Word::KeyAmbiguous => ("UHI_1410", "CONTEXT-ERROR"),
        Word::InvalidJson | Word::DuplicateKey | Word::TooDeep | Word::TooManyNodes => {
            ("UHI-1411", "JSON-SCHEMA-ERROR")
        }
        Word::SignerIsNotCaller | Word::WrongRole => ("UHI-1412", "CONTEXT-ERROR"),
        Word::OrderNotFound | Word::FulfillmentNotFound => ("UHI-1413", "CORE-ERROR"),
        Word::Overloaded | Word::RateLimited | Word::InProgress => ("UHI-1500", "CORE-ERROR"),
        Word::SchemaMismatch => ("UHI-1404", "JSON-SCHEMA-ERROR"),
        Word::InvalidReason | Word::NotLate | Word::ReasonRequired | Word::PartNotSupported => {
            ("UHI-1404", "DOMAIN-ERROR")
        }
        Word::UnknownAction
        | Word::MethodNotAllowed
        | Word::UnsupportedMediaType
        | Word::UnsupportedEncoding
        | Word::BodyTooLarge
        | Word::HeadTooLarge
        | Word::HeadTimeout
        | Word::RequestMalformed
        | Word::BodyTimeout
        | Word::BodyIncomplete
        | Word::ChallengeRefused
        | Word::ContextInvalid
        | Word::WrongAction
        | Word::UnknownVersion
        | Word::DomainNotServed
        | Word::WrongRecipient
        | Word::CallbackUrlMismatch
        | Word::RequestReused
        | Word::Stale => ("UHI-1404", "CONTEXT-ERROR"),
    }
}
