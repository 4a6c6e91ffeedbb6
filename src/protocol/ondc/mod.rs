//! What holds on ONDC, India's open network for commerce: error numbers, roles, times and reasons.
//!
//! It is Beckn with its own numbers and shapes. Which shape a message has is said by version and
//! domain together: retail speaks 1.2.x, trade between businesses (the same domains) and mobility
//! speak 2.0.x, rides and tickets 2.1.x too. What a cancellation changes is in [`retail`] and
//! [`mobility`], the money lines in `lines`.

pub mod cancel;
mod lines;
pub mod mobility;
mod parcel;
pub mod retail;
mod share;
mod tags;

use super::kind::Profile;
use super::reasons::{self, Table};
use super::registry::Form;
use super::{Dialect, answer};
use crate::crypto::signature::Scheme;
use crate::domain::decide::Denial;
use crate::domain::refusal::Word;

/// How every domain of this network begins.
pub const DOMAINS: &str = "ONDC:";

/// How those of retail and trade begin.
const RETAIL: &str = "ONDC:RET";

/// Rides.
const RIDES: &str = "ONDC:TRV10";

/// Bus and metro tickets, where the provider may decide later on a cancellation.
pub const TICKETS: &str = "ONDC:TRV11";

/// The table of this kind.
pub static PROFILE: Profile = Profile {
    scheme: Scheme::Beckn,
    signature_lifetime_seconds: 300,
    dialects: &[Dialect::OndcRetail, Dialect::OndcB2b, Dialect::OndcMobility],
    versions: "1.2.x, 2.0.x or, for rides and tickets, 2.1.x",
    default_version: "2.0.1",
    registry_form: Form::Ondc,
    ack: answer::ACK,
    error,
    denied,
    reasons: &[],
    reason_required: true,
    same_transaction: true,
    has_charges: true,
    time_zone: chrono_tz::UTC,
    audit_path: None,
    ttl_seconds: Some(30),
    restamp: true,
    tried_again_after: Some("23001"),
};

/// The dialect of a version in a domain of this network.
#[must_use]
pub fn dialect(version: &str, domain: &str) -> Option<Dialect> {
    let is_retail = domain.starts_with(RETAIL);
    // 2.1 adds flows and attributes; what a cancellation reads and changes is as in 2.0. Where no
    // domain is named it may be one of those that have it.
    let has_2_1 = [RIDES, TICKETS, DOMAINS].contains(&domain);
    match version {
        version if version.starts_with("1.2.") => Some(Dialect::OndcRetail),
        version if version.starts_with("2.1.") && has_2_1 => Some(Dialect::OndcMobility),
        version if version.starts_with("2.0.") && is_retail => Some(Dialect::OndcB2b),
        version if version.starts_with("2.0.") => Some(Dialect::OndcMobility),
        _ => None,
    }
}

/// The version of an answer to a message that cannot be read, where these domains are served.
#[must_use]
pub fn default_version(domains: &[String]) -> &'static str {
    let is_retail = |domain: &String| domain.starts_with(RETAIL);
    match !domains.is_empty() && domains.iter().all(is_retail) {
        true => "1.2.0",
        false => PROFILE.default_version,
    }
}

/// Whether a buyer app is told at once that its cancellation is looked into, and of the outcome
/// later by an `on_update`.
#[must_use]
pub fn is_told_twice(dialect: Dialect, domain: Option<&str>) -> bool {
    dialect == Dialect::OndcMobility && domain == Some(TICKETS)
}

/// The reasons of a dialect's domains; `None` outside this network.
#[must_use]
pub fn reasons(dialect: Dialect) -> Option<&'static Table> {
    reasons::table(match dialect {
        Dialect::OndcRetail => "ondc-retail-1.2",
        Dialect::OndcB2b => "ondc-retail-2.0",
        Dialect::OndcMobility => "ondc-mobility",
        Dialect::V0_9 | Dialect::V1 | Dialect::Uhi => return None,
    })
}

/// Number and type of what was asked for in vain. Tickets have numbers of their own for an order
/// that is over and for one that cannot be cancelled now; that its terms forbid it is the policy's
/// in every domain.
fn denied(domain: &str, denial: &Denial) -> (&'static str, &'static str) {
    match denial {
        Denial::Fulfillment => ("50008", "DOMAIN-ERROR"),
        Denial::State(state) if domain == TICKETS && state.is_final() => ("91213", "DOMAIN-ERROR"),
        Denial::State(_) | Denial::Provider(_) if domain == TICKETS => ("91212", "DOMAIN-ERROR"),
        Denial::State(_) | Denial::Terms(_) | Denial::Provider(_) => ("50001", "POLICY-ERROR"),
    }
}

/// Number and type of a refusal. The first digit says who answers: 3 to 5 are a seller's, and
/// 31001 alone asks for another try.
fn error(word: Word) -> (&'static str, &'static str) {
    match word {
        Word::Overloaded
        | Word::RateLimited
        | Word::RegistryUnavailable
        | Word::StoreUnavailable
        | Word::Internal => ("31001", "CORE-ERROR"),
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
        | Word::WrongRole => ("30016", "CONTEXT-ERROR"),
        Word::Stale => ("30022", "CONTEXT-ERROR"),
        Word::OrderNotFound => ("30018", "DOMAIN-ERROR"),
        Word::FulfillmentNotFound => ("50007", "DOMAIN-ERROR"),
        Word::InvalidReason | Word::ReasonRequired => ("30012", "DOMAIN-ERROR"),
        Word::NotLate => ("30014", "DOMAIN-ERROR"),
        Word::InProgress => ("31003", "DOMAIN-ERROR"),
        Word::UnknownAction | Word::PartNotSupported => ("40001", "DOMAIN-ERROR"),
        Word::InvalidJson
        | Word::DuplicateKey
        | Word::TooDeep
        | Word::TooManyNodes
        | Word::SchemaMismatch => ("30000", "JSON-SCHEMA-ERROR"),
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
        Word::ContextInvalid
        | Word::WrongAction
        | Word::UnknownVersion
        | Word::DomainNotServed
        | Word::WrongRecipient
        | Word::CallbackUrlMismatch
        | Word::RequestReused => ("30000", "CONTEXT-ERROR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::State;

    #[test]
    fn version_and_domain_together_say_the_shape() {
        for (version, domain, expected) in [
            ("1.2.0", "ONDC:RET10", Some(Dialect::OndcRetail)),
            ("1.2.5", "ONDC:RET1A", Some(Dialect::OndcRetail)),
            ("2.0.2", "ONDC:RET10", Some(Dialect::OndcB2b)),
            ("2.0.1", "ONDC:TRV10", Some(Dialect::OndcMobility)),
            ("2.0.0", "ONDC:TRV11", Some(Dialect::OndcMobility)),
            ("1.1.0", "ONDC:TRV10", None),
            ("2.1.0", "ONDC:TRV10", Some(Dialect::OndcMobility)),
            ("2.1.0", "ONDC:TRV11", Some(Dialect::OndcMobility)),
            ("2.1.0", "ONDC:RET10", None),
            ("2.1.0", "ONDC:TRV12", None),
            ("2.2.0", "ONDC:TRV10", None),
            ("3.0.0", "ONDC:RET10", None),
        ] {
            assert_eq!(dialect(version, domain), expected, "{version} {domain}");
        }
    }

    #[test]
    fn tickets_have_numbers_of_their_own_for_what_cannot_be_cancelled() {
        let number = |domain, denial: &Denial| denied(domain, denial).0;
        for (denial, of_tickets) in [
            (Denial::State(State::Cancelled), "91213"),
            (Denial::State(State::Completed), "91213"),
            (Denial::State(State::InProgress), "91212"),
            (Denial::Provider(None), "91212"),
            (Denial::Terms(None), "50001"),
        ] {
            assert_eq!(number(TICKETS, &denial), of_tickets, "{denial:?}");
            assert_eq!(number(RIDES, &denial), "50001", "{denial:?}");
        }
    }

    #[test]
    fn every_dialect_of_this_network_has_a_table_of_reasons_and_no_other() {
        for dialect in PROFILE.dialects {
            assert!(reasons(*dialect).is_some(), "{dialect:?}");
        }
        assert!(reasons(Dialect::V1).is_none() && reasons(Dialect::Uhi).is_none());
    }

    #[test]
    fn a_network_of_shops_alone_answers_the_unreadable_as_shops_do() {
        let served = |domains: &[&str]| {
            let domains: Vec<String> = domains.iter().map(ToString::to_string).collect();
            default_version(&domains)
        };
        assert_eq!(served(&["ONDC:RET10", "ONDC:RET11"]), "1.2.0");
        assert_eq!(served(&["ONDC:RET10", "ONDC:TRV10"]), "2.0.1");
        assert_eq!(served(&[]), "2.0.1");
    }
}
