//! A cancellation as it is kept with its order, and one that the provider still decides on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::MessageId;
use super::policy::Charge;
use super::portion::Portion;
use super::rto::Rto;
use super::terms::Basis;

/// Who cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The person who ordered, through a BAP or an app.
    Customer,
    /// The app the order was placed with, on its own account.
    Partner,
    /// The provider.
    Provider,
}

/// Why an order is cancelled, in the words of the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reason {
    /// The network's reason code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Free text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A cancellation that has happened: the same for every later answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Who cancelled.
    pub by: Party,
    /// Why, if they said so.
    pub reason: Reason,
    /// What it costs; absent when the order has no price.
    pub charge: Option<Charge>,
    /// The rule it was priced by; absent in records of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Basis>,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What of the order it is about; absent where that is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portion: Option<Portion>,
    /// The way back of goods that were under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Rto>,
    /// What asked for it: the name of an admin token, or `api-key:` and the id of a key; absent when
    /// it came over a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A cancellation that was asked for and that the provider still decides on: the buyer app knows
/// that, and hears of the outcome later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The request that the decision will answer.
    pub request: MessageId,
    /// Why it was asked for.
    pub reason: Reason,
    /// When.
    pub at: DateTime<Utc>,
    /// When the terms decide without the provider; absent where a question to it has a time of
    /// its own, and in records of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// How the order is cancelled then; absent where its terms forbid that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Box<Cancellation>>,
}
