//! Wire formats: what comes in becomes domain values, what goes out is spliced from raw text.
//!
//! Tolerant in, strict out. Beckn 0.9.x and 1.x, UHI and three dialects of ONDC are spoken; a
//! message says which in its context. What else differs between networks is in [`kind`]. Nothing
//! here does I/O or decides anything.

pub mod answer;
pub mod beckn;
pub mod bookings;
pub mod cancel;
pub mod consultations;
pub mod context;
pub mod decision;
pub mod fault;
pub mod intake;
pub mod iso8601;
pub mod kind;
pub mod on_cancel;
pub mod ondc;
mod path;
pub mod quote;
pub mod raw;
pub mod reasons;
pub mod registry;
pub mod schema;
pub mod strict;
pub mod subscription;
pub mod terms;
pub mod time;
pub mod uhi;
pub mod v0_9;
pub mod v1;
pub mod words;

/// A family of versions that share their shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Beckn core 0.9.x.
    V0_9,
    /// Beckn core 1.x.
    V1,
    /// UHI 0.7.1.
    Uhi,
    /// ONDC retail 1.2.x: shops.
    OndcRetail,
    /// ONDC retail 2.0.x: trade between businesses.
    OndcB2b,
    /// ONDC mobility 2.0.x and 2.1.x: rides and tickets.
    OndcMobility,
}

/// What a dialect calls the members of `context` that say who asks and who is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Members {
    /// The buyer app.
    pub bap_id: &'static str,
    /// Where it is called back.
    pub bap_uri: &'static str,
    /// The provider platform.
    pub bpp_id: &'static str,
    /// Where that is.
    pub bpp_uri: &'static str,
    /// Where in a `cancel` the order is named.
    pub order_id: &'static str,
    /// Where in it the reason is.
    pub reason: &'static str,
}

const BECKN: Members = Members {
    bap_id: "bap_id",
    bap_uri: "bap_uri",
    bpp_id: "bpp_id",
    bpp_uri: "bpp_uri",
    order_id: "message.order_id",
    reason: "message.cancellation_reason_id",
};

const UHI: Members = Members {
    bap_id: "consumer_id",
    bap_uri: "consumer_uri",
    bpp_id: "provider_id",
    bpp_uri: "provider_uri",
    order_id: "message.order.id",
    reason: "message.order.fulfillment.tags['@abdm/gov.in/cancel_reason']",
};

impl Dialect {
    /// The dialect of a version such as `0.9.1` or `1.1.0`; `None` for one we do not speak.
    #[must_use]
    pub fn of(version: &str) -> Option<Self> {
        match is_numeric(version) {
            true if version == "0.7.1" => Some(Self::Uhi),
            true if version.starts_with("0.9.") => Some(Self::V0_9),
            true if version.starts_with("1.") => Some(Self::V1),
            _ => None,
        }
    }

    /// The dialect of a version in the domain that stands beside it: ONDC's domains have
    /// versions of their own.
    #[must_use]
    pub fn in_domain(version: &str, domain: Option<&str>) -> Option<Self> {
        let domain = domain.filter(|domain| domain.starts_with(ondc::DOMAINS));
        let domain = domain.filter(|_| is_numeric(version));
        let own = domain.and_then(|domain| ondc::dialect(version, domain));
        own.or_else(|| Self::of(version))
    }

    /// Its names.
    #[must_use]
    pub fn members(self) -> &'static Members {
        match self {
            Self::V0_9 | Self::V1 | Self::OndcRetail | Self::OndcB2b | Self::OndcMobility => &BECKN,
            Self::Uhi => &UHI,
        }
    }

    /// Whether it is one of those in which an error has a `type` and its place is a `path`; in
    /// the others, of the 1.x family, it is `paths`.
    #[must_use]
    pub fn has_typed_errors(self) -> bool {
        match self {
            Self::V0_9 | Self::Uhi | Self::OndcRetail => true,
            Self::V1 | Self::OndcB2b | Self::OndcMobility => false,
        }
    }
}

fn is_numeric(version: &str) -> bool {
    // A number's parser alone would take a sign as well.
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_number = |part: &str| digits(part) && part.parse::<u16>().is_ok();
    version.split('.').all(is_number)
}
