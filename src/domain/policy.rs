//! Cancellation terms: an ordered list of rules, of which the first that fits applies.
//!
//! An order's own `cancellation_terms` and a policy from the configuration both become a
//! [`Policy`] when the order is taken in, and stay frozen on it. Where no rule fits, the
//! cancellation is free. What a rule costs is in [`fee`](super::fee), what comes of it in
//! [`terms`](super::terms).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::money::{Error, Money};
use super::order::{Order, Party, State};

pub use super::fee::{Charge, Fee, RefundTerm};
pub use super::items::ItemTerms;

/// The name of terms that came with the order.
pub const OWN: &str = "order";

/// The name of terms that came beside the order, in its booking block. No section can have it.
pub const INLINE: &str = "booking.policy";

/// The name of the policy under which everything is free.
pub const FREE: &str = "free";

/// Ordered rules with a name that people know them by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// [`OWN`] for an order's own terms, [`INLINE`] for those beside it, [`FREE`] for none, else the
    /// configured name.
    pub name: String,
    /// A fingerprint of what it says: other rules, other version. Empty on orders that were
    /// taken in before there were versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// First match wins.
    pub rules: Vec<Rule>,
    /// What is given back at most, first match wins; none means all that is left after the fee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundTerm>,
    /// The items with terms of their own, which go before these for their part of the price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemTerms>,
    /// The terms that stand in where one of these rules leaves the price open, because it only
    /// points to a page of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Policy>>,
}

/// Where a wish to cancel comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// A signed message of a network.
    Network,
    /// The provider's own systems.
    Admin,
    /// The facade for consultations.
    Consultations,
    /// The booking API.
    Bookings,
}

impl Door {
    /// Every door with the word for it in configurations, queries and answers.
    pub const WORDS: &'static [(&'static str, Door)] = &[
        ("network", Door::Network),
        ("admin", Door::Admin),
        ("consultations", Door::Consultations),
        ("bookings", Door::Bookings),
    ];
}

/// Who asks to cancel, through which door, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Who cancels.
    pub by: Party,
    /// Where the wish came in.
    pub door: Door,
    /// The time that decides.
    pub at: DateTime<Utc>,
}

/// When a rule applies, and what it says. An absent condition always holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The parties it speaks of.
    pub by: Vec<Party>,
    /// The doors it speaks of; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<Door>,
    /// The fulfilment states it speaks of, in the network's words; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fulfillment_states: Vec<String>,
    /// The states of the order it speaks of; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_states: Vec<State>,
    /// Applies while the start is at least this many seconds away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_start_seconds: Option<i64>,
    /// Applies for this many seconds after the booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_booking_seconds: Option<i64>,
    /// Applies up to this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<DateTime<Utc>>,
    /// Whether cancelling is allowed at all.
    pub allowed: bool,
    /// What it costs.
    #[serde(default)]
    pub fee: Fee,
    /// Whether a reason must be given.
    #[serde(default)]
    pub reason_required: bool,
    /// The rule in a sentence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Rule {
    /// One that speaks of these parties, always holds and costs nothing.
    #[must_use]
    pub fn of(by: Vec<Party>) -> Self {
        Self {
            by,
            doors: Vec::new(),
            fulfillment_states: Vec::new(),
            order_states: Vec::new(),
            before_start_seconds: None,
            since_booking_seconds: None,
            not_after: None,
            allowed: true,
            fee: Fee::default(),
            reason_required: false,
            text: None,
        }
    }
}

/// What of a policy applies to one cancellation.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// The policy whose rule it is: this one, or the one that stands in for it.
    pub policy: &'a Policy,
    /// The rule and its place in the policy, counted from 1; none means free.
    pub rule: Option<(usize, &'a Rule)>,
    /// Whether a reason must be given.
    pub reason_required: bool,
}

impl<'a> Applied<'a> {
    /// No rule of this policy.
    #[must_use]
    pub fn nothing(policy: &'a Policy) -> Self {
        Self {
            policy,
            rule: None,
            reason_required: false,
        }
    }
}

impl Policy {
    /// A policy under which every cancellation is free.
    #[must_use]
    pub fn free() -> Self {
        Self {
            name: FREE.to_owned(),
            ..Self::default()
        }
    }

    /// The same rules, at no cost.
    #[must_use]
    pub fn without_fees(mut self) -> Self {
        for rule in &mut self.rules {
            rule.fee = Fee::default();
        }
        self
    }

    /// What applies to a cancellation of `order`.
    #[must_use]
    pub fn applies(&self, order: &Order, asked: &Asked) -> Applied<'_> {
        let mut numbered = self.rules.iter().enumerate();
        let state = order.fulfillment_state();
        let rule = numbered.find(|(_, rule)| rule.fits(order, state, asked));
        let reason_required = rule.is_some_and(|(_, rule)| rule.reason_required);
        match (rule, &self.otherwise) {
            (Some((_, rule)), Some(other)) if rule.leaves_price_open() => {
                let other = other.applies(order, asked);
                Applied {
                    reason_required: reason_required || other.reason_required,
                    ..other
                }
            }
            _ => Applied {
                policy: self,
                rule: rule.map(|(index, rule)| (index + 1, rule)),
                reason_required,
            },
        }
    }

    /// How much of what is paid may go back in the order's present state.
    #[must_use]
    pub fn refund_term(&self, order: &Order) -> Option<&RefundTerm> {
        let state = order.fulfillment_state();
        self.refunds.iter().find(|term| term.holds_in(state))
    }

    /// Whether a rule names no price, so that another policy may stand in.
    #[must_use]
    pub fn leaves_price_open(&self) -> bool {
        self.rules.iter().any(Rule::leaves_price_open)
    }

    /// Its rules, those of items and those of the policy that stands in.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        let of_items = self.items.iter().flat_map(|item| &item.rules);
        let other = self.otherwise.iter().flat_map(|other| &other.rules);
        self.rules.iter().chain(of_items).chain(other)
    }

    /// Refuses amounts in another currency than the price they would be taken from.
    ///
    /// # Errors
    /// Names the two currencies.
    pub fn check_currency(&self, price: &Money) -> Result<(), Error> {
        let fees = self.all_rules().flat_map(|rule| {
            let fee = &rule.fee;
            [fee.amount, fee.floor, fee.cap].into_iter().flatten()
        });
        let of_items = self.items.iter().flat_map(|item| &item.refunds);
        let refunds = self.refunds.iter().chain(of_items);
        let refunds = refunds.filter_map(|term| term.amount);
        let parts = self.items.iter().filter_map(|item| item.price);
        for amount in fees.chain(refunds).chain(parts) {
            if amount.currency != price.currency {
                return Err(Error::CurrencyMismatch {
                    expected: price.currency,
                    got: amount.currency,
                });
            }
        }
        Ok(())
    }
}

impl Rule {
    /// Whether it applies, where the fulfilment that counts is in this state. Borders count for the
    /// customer: exactly `before_start_seconds` away still fits.
    #[must_use]
    pub fn fits(&self, order: &Order, state: Option<&str>, asked: &Asked) -> bool {
        self.by.contains(&asked.by)
            && (self.doors.is_empty() || self.doors.contains(&asked.door))
            && (self.order_states.is_empty() || self.order_states.contains(&order.state))
            && is_in(&self.fulfillment_states, state)
            && self.fits_at(order, asked.at)
    }

    fn fits_at(&self, order: &Order, at: DateTime<Utc>) -> bool {
        // A rule about the time before the start says nothing of an order that has none.
        let has_start = self.before_start_seconds.is_none() || order.starts_at().is_some();
        has_start && self.borders(order).into_iter().all(|border| at <= border)
    }

    /// The last instants at which its conditions of time hold.
    #[must_use]
    pub fn borders(&self, order: &Order) -> Vec<DateTime<Utc>> {
        let before = |seconds: i64| {
            let start = order.starts_at()?;
            moved(start, -seconds)
        };
        let since = |seconds: i64| moved(order.booked_at, seconds);
        let before = self.before_start_seconds.and_then(before);
        let since = self.since_booking_seconds.and_then(since);
        [before, since, self.not_after]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether it allows the cancellation without saying what it costs.
    #[must_use]
    pub fn leaves_price_open(&self) -> bool {
        self.allowed && self.fee == Fee::default()
    }

    /// Whether it fits wherever `later` does, so that a later rule never gets its turn.
    #[must_use]
    pub fn covers(&self, later: &Rule) -> bool {
        let latest = |own: Option<i64>, other: Option<i64>, holds: fn(i64, i64) -> bool| match own {
            None => true,
            Some(own) => other.is_some_and(|other| holds(own, other)),
        };
        later.by.iter().all(|by| self.by.contains(by))
            && within(&later.doors, &self.doors)
            && within(&later.fulfillment_states, &self.fulfillment_states)
            && within(&later.order_states, &self.order_states)
            && latest(
                self.before_start_seconds,
                later.before_start_seconds,
                |own, other| own <= other,
            )
            && latest(
                self.since_booking_seconds,
                later.since_booking_seconds,
                |own, other| own >= other,
            )
            && match self.not_after {
                None => true,
                Some(own) => later.not_after.is_some_and(|other| own >= other),
            }
    }
}

/// Whether it is one of the states; no states means any.
pub(super) fn is_in(states: &[String], state: Option<&str>) -> bool {
    states.is_empty() || state.is_some_and(|state| states.iter().any(|known| known == state))
}

/// Whether all of `inner` is in `outer`, where an empty list means everything.
fn within<T: PartialEq>(inner: &[T], outer: &[T]) -> bool {
    outer.is_empty() || (!inner.is_empty() && inner.iter().all(|one| outer.contains(one)))
}

/// None where a date would leave the calendar.
fn moved(from: DateTime<Utc>, seconds: i64) -> Option<DateTime<Utc>> {
    from.checked_add_signed(TimeDelta::try_seconds(seconds)?)
}
