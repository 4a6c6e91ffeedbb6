//! The order: what a cancellation needs to know of it, and which moves are legal.
//!
//! The provider's own document (the `on_confirm` it handed over) is kept beside this and
//! never interpreted again after intake; these are the facts read from it once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{MessageId, OrderKey, SubscriberId, TransactionId};
use super::money::Money;
use super::policy::{Charge, Policy};
use super::terms::Basis;
use super::undecided::Undecided;

/// Where an order stands. Each network and door has its own words for these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Asked for, not yet paid or held.
    Pending,
    /// Waits for the provider to accept it.
    AwaitingProvider,
    /// Agreed by both sides.
    Confirmed,
    /// The ride or the consultation has begun.
    InProgress,
    /// Done.
    Completed,
    /// The customer did not come.
    NoShow,
    /// The provider could not do it.
    Failed,
    /// Cancelled, by either side.
    Cancelled,
}

impl State {
    /// Whether the order can still be cancelled.
    #[must_use]
    pub fn is_cancellable(self) -> bool {
        matches!(
            self,
            State::Pending | State::AwaitingProvider | State::Confirmed
        )
    }

    /// Whether nothing can follow: a final order is never brought back to life.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            State::Completed | State::NoShow | State::Failed | State::Cancelled
        )
    }

    /// The word used by the admin API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::AwaitingProvider => "AwaitingProvider",
            State::Confirmed => "Confirmed",
            State::InProgress => "InProgress",
            State::Completed => "Completed",
            State::NoShow => "NoShow",
            State::Failed => "Failed",
            State::Cancelled => "Cancelled",
        }
    }

    /// All states, in the order of an order's life.
    pub const ALL: [State; 8] = [
        State::Pending,
        State::AwaitingProvider,
        State::Confirmed,
        State::InProgress,
        State::Completed,
        State::NoShow,
        State::Failed,
        State::Cancelled,
    ];

    /// Reads the word of [`State::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<State> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

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

/// Who placed the order on the network, and where their callbacks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The BAP.
    pub bap: SubscriberId,
    /// The callback base URL that the order's context named.
    pub bap_uri: String,
    /// The session the order was placed in.
    pub transaction: TransactionId,
}

/// One fulfilment of the order and where it stands, in the network's word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fulfillment {
    /// Its id, where the document gives one.
    pub id: Option<String>,
    /// Its state's code, such as `RIDE_ASSIGNED`.
    pub state: Option<String>,
    /// Who fulfils it, a doctor say, where the document tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// When it begins, where the document tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
}

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

/// Everything a decision is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Network and id.
    pub key: OrderKey,
    /// Counts every stored change, from 1; what compare-and-set compares.
    pub version: u64,
    /// Who placed it on a network; absent for an order that is on none.
    pub placement: Option<Placement>,
    /// Where it stands.
    pub state: State,
    /// Its fulfilments, in the document's order.
    pub fulfillments: Vec<Fulfillment>,
    /// The total of the quote.
    pub price: Option<Money>,
    /// The sum of the payments marked paid.
    pub paid: Option<Money>,
    /// The terms that were agreed, frozen at intake.
    pub policy: Policy,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
    /// When the last change happened on the provider's side; older news is ignored.
    pub occurred_at: DateTime<Utc>,
    /// What the network does not carry.
    pub booking: Booking,
    /// How it was cancelled, once it was.
    pub cancellation: Option<Cancellation>,
    /// The cancellation that the provider is asked about, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// The cancellation that the provider still decides on; beside the state, which stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// When personal data and raw messages were erased; amounts, ids and times stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

impl Order {
    /// The order as it would stand with its fulfilments in another state.
    #[must_use]
    pub fn with_fulfillment_state(&self, code: &str, state: State) -> Order {
        let mut order = Order {
            state,
            ..self.clone()
        };
        for fulfillment in &mut order.fulfillments {
            fulfillment.state = Some(code.to_owned());
        }
        order
    }

    /// The state of the fulfilment that the terms look at: the first that has one.
    #[must_use]
    pub fn fulfillment_state(&self) -> Option<&str> {
        self.fulfillments
            .iter()
            .find_map(|fulfillment| fulfillment.state.as_deref())
    }

    /// When it begins: by the booking block, else by the first fulfilment that tells.
    #[must_use]
    pub fn starts_at(&self) -> Option<DateTime<Utc>> {
        let mut told = self.fulfillments.iter().map(|one| one.starts_at);
        self.booking.starts_at.or_else(|| told.find_map(|at| at))
    }

    /// When nothing could follow any more, for an order that is final.
    #[must_use]
    pub fn final_since(&self) -> Option<DateTime<Utc>> {
        let cancelled = self
            .cancellation
            .as_ref()
            .map(|cancellation| cancellation.at);
        self.state
            .is_final()
            .then(|| cancelled.unwrap_or(self.occurred_at))
    }

    /// The order without what names or describes a person; the version is counted up, so that
    /// whoever read it before cannot answer with what is gone.
    #[must_use]
    pub fn erased(&self, at: DateTime<Utc>) -> Order {
        let mut order = Order {
            version: self.version + 1,
            erased_at: Some(at),
            ..self.clone()
        };
        order.booking.patient = None;
        for fulfillment in &mut order.fulfillments {
            fulfillment.agent = None;
        }
        if let Some(cancellation) = &mut order.cancellation {
            cancellation.reason.text = None;
        }
        // There is nothing left that a decision could be told about.
        order.pending = None;
        order
    }

    /// The order while the provider decides; the version is counted up.
    #[must_use]
    pub fn awaiting(&self, pending: Pending) -> Order {
        Order {
            version: self.version + 1,
            pending: Some(pending),
            ..self.clone()
        }
    }

    /// The order once the provider did not cancel it after all: used, so it is over, unless it
    /// ended otherwise meanwhile. The version is counted up.
    #[must_use]
    pub fn kept(&self, at: DateTime<Utc>) -> Order {
        let state = match self.state.is_final() {
            true => self.state,
            false => State::Completed,
        };
        Order {
            version: self.version + 1,
            state,
            occurred_at: self.occurred_at.max(at),
            pending: None,
            ..self.clone()
        }
    }

    /// The order as it stands once cancelled; the version is counted up.
    #[must_use]
    pub fn cancelled(&self, cancellation: Cancellation) -> Order {
        Order {
            version: self.version + 1,
            state: State::Cancelled,
            cancellation: Some(cancellation),
            undecided: None,
            pending: None,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_word_and_only_open_ones_are_cancellable() {
        for state in State::ALL {
            assert_eq!(State::from_word(state.word()), Some(state));
            assert!(!(state.is_cancellable() && state.is_final()));
        }
        assert_eq!(State::from_word("cancelled"), None);
        assert!(!State::InProgress.is_cancellable() && !State::InProgress.is_final());
    }
}
