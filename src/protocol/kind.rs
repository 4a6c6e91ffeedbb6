//! What sets one family of networks apart from another, as one table per kind.
//!
//! Everything that differs by network and is not the shape of a message hangs on [`Kind`]: how
//! requests are signed, how registries are asked, error numbers, reasons, zone, what is copied to a
//! gateway. The tables are data in one file per kind ([`beckn`], [`ondc`], [`uhi`]); a network that joins
//! carries its kind and asks it. The shapes of messages hang on [`Dialect`].

use chrono_tz::Tz;

use super::reasons::Row;
use super::registry::Form;
use super::{Dialect, beckn, ondc, uhi};
use crate::crypto::signature::Scheme;
use crate::domain::decide::Denial;
use crate::domain::refusal::Word;

/// A family of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Beckn core 0.9.x and 1.x.
    Beckn,
    /// India's open network for commerce: retail 1.2.x and 2.0.x, mobility 2.0.x and
    /// 2.1.x.
    Ondc,
    /// India's Unified Health Interface, 0.7.1.
    Uhi,
}

/// The table of a kind.
#[derive(Debug)]
pub struct Profile {
    /// How requests are signed.
    pub scheme: Scheme,
    /// How long our signatures hold unless the configuration says otherwise, in seconds.
    pub signature_lifetime_seconds: u64,
    /// The dialects that are spoken.
    pub dialects: &'static [Dialect],
    /// The versions of those, for people.
    pub versions: &'static str,
    /// The version of an answer to a message whose own version cannot be read.
    pub default_version: &'static str,
    /// How its registries are asked for keys, unless the configuration says otherwise.
    pub registry_form: Form,
    /// The body of an ACK.
    pub ack: &'static str,
    /// Error number and type of a refusal.
    pub error: fn(Word) -> (&'static str, &'static str),
    /// The same of an order in a domain that cannot be cancelled for this reason.
    pub denied: fn(&str, &Denial) -> (&'static str, &'static str),
    /// The reasons there are, whatever the domain; none means any, or a table for each domain.
    pub reasons: &'static [Row],
    /// Whether a cancellation needs one unless the configuration says otherwise.
    pub reason_required: bool,
    /// Whether an order is known in the session that it was placed in alone.
    pub same_transaction: bool,
    /// Whether a cancellation may cost something there; where not, `[policy.default]` says only
    /// who may cancel when.
    pub has_charges: bool,
    /// Where times without a zone are, unless the configuration says otherwise.
    pub time_zone: Tz,
    /// Where below a gateway's URL copies of callbacks go.
    pub audit_path: Option<&'static str>,
    /// How long a message is valid that does not say so, and how long ours are said to be;
    /// `None` leaves both open.
    pub ttl_seconds: Option<u32>,
    /// Whether the time in a callback is renewed at each attempt unless the configuration says
    /// otherwise.
    pub restamp: bool,
    /// The number of the only NACK after which a callback is tried again; `None` where every
    /// NACK is tried a few more times.
    pub tried_again_after: Option<&'static str>,
}

impl Kind {
    /// Its table.
    #[must_use]
    pub fn profile(self) -> &'static Profile {
        match self {
            Kind::Beckn => &beckn::PROFILE,
            Kind::Ondc => &ondc::PROFILE,
            Kind::Uhi => &uhi::PROFILE,
        }
    }

    /// The dialect of a version, in a domain where one is named, if it is one of this kind.
    #[must_use]
    pub fn dialect(self, version: &str, domain: Option<&str>) -> Option<Dialect> {
        let spoken = |dialect: &Dialect| self.profile().dialects.contains(dialect);
        let domain = match self {
            Kind::Ondc => domain.or(Some(ondc::DOMAINS)),
            Kind::Beckn | Kind::Uhi => domain,
        };
        Dialect::in_domain(version, domain).filter(spoken)
    }
}
