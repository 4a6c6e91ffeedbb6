//! Wire formats: what comes in becomes domain values, what goes out is spliced from raw text.
//!
//! Tolerant in, strict out. Three dialects are spoken: Beckn 0.9.x and 1.x, and UHI; a message
//! says which in its context. What else differs between networks is in [`kind`]. Nothing here
//! does I/O or decides anything.

pub mod answer;
pub mod beckn;
pub mod bookings;
pub mod cancel;
pub mod consultations;
pub mod context;
pub mod decision;
pub mod intake;
pub mod iso8601;
pub mod kind;
pub mod on_cancel;
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
        // A number's parser alone would take a sign as well.
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let is_number = |part: &str| digits(part) && part.parse::<u16>().is_ok();
        let numeric = version.split('.').all(is_number);
        match numeric {
            true if version == "0.7.1" => Some(Self::Uhi),
            true if version.starts_with("0.9.") => Some(Self::V0_9),
            true if version.starts_with("1.") => Some(Self::V1),
            _ => None,
        }
    }

    /// Its names.
    #[must_use]
    pub fn members(self) -> &'static Members {
        match self {
            Self::V0_9 | Self::V1 => &BECKN,
            Self::Uhi => &UHI,
        }
    }
}
