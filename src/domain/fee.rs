//! What a cancellation costs and what changes hands: the fee of a rule on a price, and the
//! refund and due that follow from what is paid.

use serde::{Deserialize, Serialize};

use super::money::{Money, Percentage};
use super::policy::is_in;

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

/// How much of what is paid goes back, in some states. What may not go back is kept, so it is
/// part of the fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTerm {
    /// The fulfilment states it speaks of; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fulfillment_states: Vec<String>,
    /// Whether anything goes back.
    pub eligible: bool,
    /// At most this goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// By when, as the order has it (ISO 8601); for people alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
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

impl RefundTerm {
    /// Whether it speaks of this state.
    #[must_use]
    pub fn holds_in(&self, state: Option<&str>) -> bool {
        is_in(&self.fulfillment_states, state)
    }

    /// The fee with what may not go back: it stays with the provider, so the customer pays it.
    /// Never above the price.
    #[must_use]
    pub fn on(&self, fee: Money, price: Money, paid: Option<Money>) -> Money {
        let paid = paid.map_or(0, |paid| paid.minor);
        let kept = match (self.eligible, self.amount) {
            (false, _) => paid,
            (true, Some(most)) => paid - most.minor.clamp(0, paid.max(0)),
            (true, None) => 0,
        };
        fee.with_minor(fee.minor.max(kept.min(price.minor)))
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
