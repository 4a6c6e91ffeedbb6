//! What comes of a request to cancel. Pure: the order, the request and the time decide.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::order::{Cancellation, Order, Party, Reason, State};
use super::policy::{Asked, Door};
use super::terms::terms;
use super::undecided::Undecided;

/// Whether to cancel, or only to say what it would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Price it and change nothing (a soft cancel).
    Quote,
    /// Cancel.
    Commit,
    /// Cancel if the provider finds that it must: something of its own failed.
    Ask,
}

/// A proven wish to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// Who wishes it.
    pub by: Party,
    /// Where the wish came in.
    pub door: Door,
    /// Why.
    pub reason: Reason,
    /// For real, or as a question.
    pub intent: Intent,
}

impl CancelRequest {
    /// What of it the terms look at.
    #[must_use]
    pub fn asked(&self, at: DateTime<Utc>) -> Asked {
        Asked {
            by: self.by,
            door: self.door,
            at,
        }
    }
}

/// What was decided. A refusal is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The order is cancelled by this request.
    Cancelled(Cancellation),
    /// It was cancelled before: the same answer again.
    AlreadyCancelled(Cancellation),
    /// What it would cost now.
    Quoted(Cancellation),
    /// The provider has to look into it; how the order is cancelled if it never does, where the
    /// terms allow that.
    Asked(Option<Cancellation>),
    /// The provider looks into it already.
    Waiting,
    /// It cannot be cancelled.
    Refused(Denial),
    /// The provider is being asked about an earlier request: the outcome is the same.
    Undecided(Undecided),
}

/// Why an order cannot be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Denial {
    /// Its state does not allow it.
    State(State),
    /// The agreed terms do not allow it; the text is the rule's own.
    Terms(Option<String>),
    /// The provider was asked and does not want it; the text is its own.
    Provider(Option<String>),
    /// The fulfilment that is meant is over: delivered, or cancelled otherwise.
    Fulfillment,
}

impl Denial {
    /// The sentence for the one who asked.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Denial::State(State::InProgress) => "The order has started and cannot be cancelled",
            Denial::State(State::Completed) => "The order is completed and cannot be cancelled",
            Denial::State(State::NoShow) => "The customer did not come; it cannot be cancelled",
            Denial::State(_) => "The order cannot be cancelled in its present state",
            Denial::Terms(Some(text)) => text,
            Denial::Provider(Some(text)) => text,
            Denial::Provider(None) => "The provider does not allow this cancellation",
            Denial::Fulfillment => "The fulfillment is over and cannot be cancelled",
            Denial::Terms(None) => "The agreed terms do not allow this cancellation",
        }
        .to_owned()
    }
}

/// Decides a request; the first line that fits is the outcome (decisions: answers after the ACK).
#[must_use]
pub fn decide(order: &Order, request: &CancelRequest, now: DateTime<Utc>) -> Decision {
    if let Some(cancellation) = &order.cancellation {
        return Decision::AlreadyCancelled(cancellation.clone());
    }
    if order.state.is_cancellable()
        && request.intent != Intent::Quote
        && let Some(undecided) = &order.undecided
    {
        return Decision::Undecided(undecided.clone());
    }
    let is_settling = request.by == Party::Provider || request.intent == Intent::Quote;
    if order.pending.is_some() && !is_settling {
        return Decision::Waiting;
    }
    let is_for_provider = request.intent == Intent::Ask && order.state.is_cancellable();
    let terms = terms(order, &request.asked(now));
    match terms.denial {
        Some(_) if is_for_provider => return Decision::Asked(None),
        Some(denial) => return Decision::Refused(denial),
        None => {}
    }
    let cancellation = Cancellation {
        by: request.by,
        reason: request.reason.clone(),
        charge: terms.charge,
        terms: Some(terms.basis),
        portion: order.portion_left(),
        rto: None,
        at: now,
        token: None,
    };
    match request.intent {
        Intent::Ask if is_for_provider => Decision::Asked(Some(cancellation)),
        Intent::Quote => Decision::Quoted(cancellation),
        Intent::Commit | Intent::Ask => Decision::Cancelled(cancellation),
    }
}

/// Whether the terms want a reason for this cancellation at this time.
#[must_use]
pub fn needs_reason(order: &Order, request: &CancelRequest, now: DateTime<Utc>) -> bool {
    order.cancellation.is_none() && terms(order, &request.asked(now)).reason_required
}

#[cfg(test)]
mod tests;
