//! Cancellation terms: an ordered list of rules, and what the one that fits costs.
//!
//! An order's own `cancellation_terms` and a policy from the configuration both become a
//! [`Policy`] when the order is taken in, and stay frozen on it. The first rule that fits
//! applies; where none fits the cancellation is free.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::money::{Error, Money, Percentage};
use super::order::{Order, Party};

/// Ordered rules with a name that people know them by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// `order` for an order's own terms, `free` for none, else the configured name.
    pub name: String,
    /// First match wins.
    pub rules: Vec<Rule>,
}

/// When a rule applies, and what it says. An absent condition always holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The parties it speaks of.
    pub by: Vec<Party>,
    /// The fulfilment states it speaks of; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fulfillment_states: Vec<String>,
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

/// A fee: an amount, or else a share of the price, kept between floor and cap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fee {
    /// A fixed amount; goes before the percentage where both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// A share of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percentage>,
    /// At least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Money>,
    /// At most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Money>,
}

/// What a cancellation costs and what changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// `0 <= fee <= price`.
    pub fee: Money,
    /// Back to the customer: `max(0, paid - fee)`.
    pub refund: Money,
    /// Still owed by the customer: `max(0, fee - paid)`.
    pub due: Money,
}

impl Policy {
    /// A policy under which every cancellation is free.
    #[must_use]
    pub fn free() -> Self {
        Self {
            name: "free".to_owned(),
            rules: Vec::new(),
        }
    }

    /// The rule that applies to a cancellation of `order` by `by` at `now`.
    #[must_use]
    pub fn rule_for(&self, order: &Order, by: Party, now: DateTime<Utc>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(order, by, now))
    }

    /// Refuses amounts in another currency than the price they would be taken from.
    ///
    /// # Errors
    /// Names the two currencies.
    pub fn check_currency(&self, price: &Money) -> Result<(), Error> {
        let amounts = self.rules.iter().flat_map(|rule| {
            [rule.fee.amount, rule.fee.floor, rule.fee.cap]
                .into_iter()
                .flatten()
        });
        for amount in amounts {
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
    /// Borders count for the customer: exactly `before_start_seconds` away still fits.
    fn fits(&self, order: &Order, by: Party, now: DateTime<Utc>) -> bool {
        let state_fits = self.fulfillment_states.is_empty()
            || order
                .fulfillment_state()
                .is_some_and(|state| self.fulfillment_states.iter().any(|s| s == state));
        let start_fits = self.before_start_seconds.is_none_or(|seconds| {
            let start = order.starts_at();
            start.is_some_and(|start| start - now >= TimeDelta::seconds(seconds))
        });
        let booking_fits = self
            .since_booking_seconds
            .is_none_or(|seconds| now - order.booked_at <= TimeDelta::seconds(seconds));
        let deadline_fits = self.not_after.is_none_or(|deadline| now <= deadline);
        self.by.contains(&by) && state_fits && start_fits && booking_fits && deadline_fits
    }
}

impl Fee {
    /// The fee on a price, within floor, cap and `0..=price`.
    #[must_use]
    pub fn on(&self, price: &Money) -> Money {
        let share = self
            .percentage
            .map_or(price.with_minor(0), |share| price.percent(share));
        let mut minor = self.amount.map_or(share.minor, |amount| amount.minor);
        minor = minor.max(self.floor.map_or(minor, |floor| floor.minor));
        minor = minor.min(self.cap.map_or(minor, |cap| cap.minor));
        price.with_minor(minor.clamp(0, price.minor.max(0)))
    }
}

impl Charge {
    /// The charge for a fee when `paid` has been paid.
    #[must_use]
    pub fn of(fee: Money, paid: Option<Money>) -> Self {
        let paid = paid.map_or(0, |paid| paid.minor);
        Self {
            fee,
            refund: fee.with_minor((paid - fee.minor).max(0)),
            due: fee.with_minor((fee.minor - paid).max(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::money::Currency;
    use super::*;

    fn inr(minor: i128) -> Money {
        Money {
            minor,
            currency: Currency::parse("INR").expect("a code"),
        }
    }

    #[test]
    fn a_fee_is_kept_between_floor_and_cap() {
        let percentage = Percentage::parse("10").ok();
        let fee = Fee {
            percentage,
            floor: Some(inr(500)),
            cap: Some(inr(2_000)),
            amount: None,
        };
        assert_eq!(fee.on(&inr(1_000)), inr(500));
        assert_eq!(fee.on(&inr(10_000)), inr(1_000));
        assert_eq!(fee.on(&inr(90_000)), inr(2_000));
        assert_eq!(fee.on(&inr(300)), inr(300), "never above the price");
        let both = Fee {
            percentage,
            amount: Some(inr(700)),
            ..Fee::default()
        };
        assert_eq!(
            both.on(&inr(10_000)),
            inr(700),
            "an amount goes before a percentage"
        );
    }

    proptest! {
        #[test]
        fn a_fee_is_never_below_zero_nor_above_the_price(
            price in 0_i128..1_000_000_000,
            amount in proptest::option::of(-1_000_i128..2_000_000_000),
            paid in 0_i128..2_000_000_000,
            share in 0_u32..=100,
        ) {
            let fee = Fee {
                amount: amount.map(inr),
                percentage: Percentage::parse(&share.to_string()).ok(),
                ..Fee::default()
            };
            let charge = Charge::of(fee.on(&inr(price)), Some(inr(paid)));
            prop_assert!(charge.fee.minor >= 0 && charge.fee.minor <= price);
            prop_assert!(charge.refund.minor >= 0 && charge.due.minor >= 0);
            prop_assert_eq!(paid - charge.refund.minor + charge.due.minor, charge.fee.minor);
        }
    }
}
