//! What a cancellation would come to: the one answer that all doors, previews and callbacks give.
//!
//! [`terms`] is pure: the order, who asks through which door, and the time decide.

use serde::{Deserialize, Serialize};

use super::decide::Denial;
use super::order::{Order, Party, State};
use super::policy::{Applied, Asked, Charge, Door};
use super::sentence;

/// What a cancellation would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Why it is not possible, if it is not.
    pub denial: Option<Denial>,
    /// What it costs and what changes hands; none where it is not possible or the order has no
    /// price.
    pub charge: Option<Charge>,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// What this rests on.
    pub basis: Basis,
}

/// The rule a cancellation was priced by, as it is kept with the cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The name of the policy.
    pub policy: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The place of the rule in it, counted from 1; none where no rule fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The rule in a sentence, for people.
    pub sentence: String,
}

/// What cancelling `order` would come to. What was cancelled before is not looked at: an order
/// that is cancelled cannot be cancelled.
#[must_use]
pub fn terms(order: &Order, asked: &Asked) -> Terms {
    let applied = order.policy.applies(order, asked);
    let priced = match is_unagreed(order, asked) {
        true => Applied {
            rule: None,
            ..applied
        },
        false => applied,
    };
    let possible = order.state.is_cancellable();
    let denial = match applied.rule {
        _ if !possible => Some(Denial::State(order.state)),
        Some((_, rule)) if !rule.allowed => Some(Denial::Terms(rule.text.clone())),
        _ => None,
    };
    Terms {
        charge: charge(order, asked, &priced).filter(|_| denial.is_none()),
        reason_required: possible && denial.is_none() && applied.reason_required,
        basis: basis(order, asked, &priced),
        denial,
    }
}

/// At the door of booking apps a booking that nobody has confirmed yet costs nothing.
fn is_unagreed(order: &Order, asked: &Asked) -> bool {
    asked.door == Door::Bookings && order.state != State::Confirmed
}

fn charge(order: &Order, asked: &Asked, applied: &Applied<'_>) -> Option<Charge> {
    let (price, paid) = (order.price_left()?, order.paid_left());
    let free = price.with_minor(0);
    let fee = applied.rule.map_or(free, |(_, rule)| rule.fee.on(&price));
    // What goes back after a provider's own cancellation is no matter of the customer's terms.
    let refund = match asked.by {
        Party::Provider => None,
        _ if is_unagreed(order, asked) => None,
        Party::Customer | Party::Partner => order.policy.refund_term(order),
    };
    let fee = refund.map_or(fee, |term| term.on(fee, price, paid));
    Some(Charge::of(fee, paid))
}

fn basis(order: &Order, asked: &Asked, applied: &Applied<'_>) -> Basis {
    let mut sentence = match applied.rule {
        Some((_, rule)) => sentence::of_rule(rule),
        None => sentence::NO_RULE.to_owned(),
    };
    if asked.by != Party::Provider
        && let Some(term) = order.policy.refund_term(order)
    {
        sentence.push_str("; ");
        sentence.push_str(&sentence::of_refund(term));
    }
    Basis {
        policy: applied.policy.name.clone(),
        version: applied.policy.version.clone(),
        rule: applied.rule.map(|(number, _)| number),
        sentence,
    }
}
