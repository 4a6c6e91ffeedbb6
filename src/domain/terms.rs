//! What a cancellation would come to: the one answer that all doors, previews and callbacks give.
//!
//! [`terms`] is pure: the order, who asks through which door, and the time decide.

use serde::{Deserialize, Serialize};

use super::decide::Denial;
use super::items::{self, Part, Rest};
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
    let items = order.policy.items.iter().filter(|item| item.is_in(order));
    let mut parts: Vec<Part<'_>> = items.map(|item| item.applies(order, asked)).collect();
    let mut of_items = parts.iter().filter_map(|part| part.rule);
    let reason_required = of_items.any(|rule| rule.reason_required);
    let is_all_items = order
        .price_left()
        .is_some_and(|price| items::are_all(&parts, price));
    let applied = match is_all_items {
        true => Applied::nothing(&order.policy),
        false => order.policy.applies(order, asked),
    };
    let mut priced = applied;
    if is_unagreed(order, asked) {
        (priced.rule, parts) = (None, Vec::new());
    }
    let possible = order.state.is_cancellable();
    let denial = match applied.rule {
        _ if !possible => Some(Denial::State(order.state)),
        Some((_, rule)) if !rule.allowed => Some(Denial::Terms(rule.text.clone())),
        _ => None,
    };
    Terms {
        charge: charge(order, asked, (&priced, &parts)).filter(|_| denial.is_none()),
        reason_required: possible
            && denial.is_none()
            && (applied.reason_required || reason_required),
        basis: basis(order, asked, (&priced, &parts, is_all_items)),
        denial,
    }
}

/// At the door of booking apps a booking that nobody has confirmed yet costs nothing.
fn is_unagreed(order: &Order, asked: &Asked) -> bool {
    asked.door == Door::Bookings && order.state != State::Confirmed
}

fn charge(
    order: &Order,
    asked: &Asked,
    (applied, parts): (&Applied<'_>, &[Part<'_>]),
) -> Option<Charge> {
    let (price, paid) = (order.price_left()?, order.paid_left());
    // What goes back after a provider's own cancellation is no matter of the customer's terms.
    let is_providers = asked.by == Party::Provider;
    let limits_refund = !is_providers && !is_unagreed(order, asked);
    let refund = order.policy.refund_term(order);
    let rest = Rest {
        fee: applied.rule.map(|(_, rule)| &rule.fee),
        refund: refund.filter(|_| limits_refund),
    };
    let mut parts = parts.to_vec();
    if !limits_refund {
        parts.iter_mut().for_each(|part| part.refund = None);
    }
    let fee = items::fee(&parts, &rest, price, paid);
    Some(Charge::of(fee, paid))
}

fn basis(
    order: &Order,
    asked: &Asked,
    (applied, parts, is_all_items): (&Applied<'_>, &[Part<'_>], bool),
) -> Basis {
    let of_order = match applied.rule {
        Some((_, rule)) => sentence::of_rule(rule),
        None => sentence::NO_RULE.to_owned(),
    };
    let priced = parts.iter().filter(|part| part.fee().is_some());
    let of_items: Vec<_> = priced.filter_map(sentence::of_part).collect();
    let mut sentence = match (of_items.is_empty(), is_all_items) {
        (true, _) => of_order,
        (false, true) => of_items.join("; "),
        (false, false) => format!("{}; the rest: {of_order}", of_items.join("; ")),
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
