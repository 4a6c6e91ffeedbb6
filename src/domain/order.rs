//! The order: what a cancellation needs to know of it, and which moves are legal.
//!
//! The provider's own document (the `on_confirm` it handed over) is kept beside this and
//! never interpreted again after intake; these are the facts read from it once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{OrderKey, SubscriberId, TransactionId};
use super::money::Money;
use super::policy::Policy;
use super::portion::Part;
use super::undecided::Undecided;

pub use super::booking::{Booking, Patient, PolicyBlock};
pub use super::cancellation::{Cancellation, Party, Pending, Reason};

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

/// Whether a fulfilment with this code is over without having happened (rides, ONDC retail).
fn is_gone(code: &str) -> bool {
    let is_cancelled = ["Cancelled", "CANCELLED", "RIDE_CANCELLED"].contains(&code);
    is_cancelled || code.starts_with("RTO-")
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
    /// How it was cancelled, once it was; what was cancelled before that is in `parts`.
    pub cancellation: Option<Cancellation>,
    /// The fulfilments that were cancelled by themselves, in the order in which they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
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

    /// The state of the fulfilment that the terms look at: the first that has one, of those that
    /// are left, and is neither cancelled nor on its way back.
    #[must_use]
    pub fn fulfillment_state(&self) -> Option<&str> {
        let gone = self.gone();
        let is_left = |one: &&Fulfillment| !one.id.as_deref().is_some_and(|id| gone.contains(&id));
        let left = self.fulfillments.iter().filter(is_left);
        let states: Vec<&str> = left.filter_map(|one| one.state.as_deref()).collect();
        let under_way = states.iter().find(|code| !is_gone(code));
        under_way.or(states.first()).copied()
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

    /// Whether a cancellation was asked for of which nothing has become yet: somebody waits for it.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.undecided.is_some() || self.pending.is_some()
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
        let parts = order.parts.iter_mut().map(|part| &mut part.cancellation);
        for cancellation in order.cancellation.iter_mut().chain(parts) {
            cancellation.reason.text = None;
        }
        // Both hold somebody's own words. A store erases nothing that waits for a decision.
        order.undecided = None;
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
