//! What an order has beside its document: the `booking` block of the intake.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::money::Money;
use super::order::State;

/// What the network does not carry, from the `booking` block of the intake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Booking {
    /// The joined network the order is on; needed only where several serve its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The state, in the words of [`State::word`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<State>,
    /// When the ride or consultation begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// The venue or clinic it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A partner's reference, carrying its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The provider's own id for the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The patient, for consultations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Patient>,
    /// The policy to freeze on the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyBlock>,
    /// The price, where the document has no quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// The policy of a booking block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PolicyBlock {
    /// A configured one, by its name.
    Named(String),
    /// One of its own, as it was written: the members of a configured one.
    Inline(Map<String, Value>),
}

/// Who a consultation is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// The facade's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The partner's id for the same person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// The facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hip_id: Option<String>,
}
