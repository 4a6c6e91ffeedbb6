//! Terms of single items of an order.
//!
//! An item's own terms go before those of the order, for the item's part of the price: its fee is
//! taken of that part, and the order's terms hold for what is left of the price. Where an item's
//! terms name no price its part is left with the rest. What may not go back of an item is kept like
//! what may not go back of an order. Pure, like all terms.

use serde::{Deserialize, Serialize};

use super::fee::{Fee, RefundTerm};
use super::money::Money;
use super::order::Order;
use super::policy::{Asked, Rule};

/// An item with terms of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemTerms {
    /// Its id.
    pub item: String,
    /// Its part of the order's price; absent where none of its terms needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The ids of the fulfilments whose state counts for it; with none, the order's first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fulfillments: Vec<String>,
    /// First match wins.
    pub rules: Vec<Rule>,
    /// What is given back of it at most, first match wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundTerm>,
}

/// What of an item's terms applies to one cancellation.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The item.
    pub item: &'a ItemTerms,
    /// The rule that fits, where one does.
    pub rule: Option<&'a Rule>,
    /// How much of it may go back.
    pub refund: Option<&'a RefundTerm>,
}

/// What the order's own terms say of that for which no item has any.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    /// The fee.
    pub fee: Option<&'a Fee>,
    /// How much may go back.
    pub refund: Option<&'a RefundTerm>,
}

impl ItemTerms {
    /// What applies now.
    #[must_use]
    pub fn applies(&self, order: &Order, asked: &Asked) -> Part<'_> {
        let state = self.state(order);
        let mut rules = self.rules.iter();
        let mut refunds = self.refunds.iter();
        Part {
            item: self,
            rule: rules.find(|rule| rule.fits(order, state, asked)),
            refund: refunds.find(|term| term.holds_in(state)),
        }
    }

    /// Whether any of it is in what is left of an order.
    #[must_use]
    pub fn is_in(&self, order: &Order) -> bool {
        let gone = order.gone();
        let is_there = |id: &String| {
            let mut all = order.fulfillments.iter();
            !gone.contains(&id.as_str()) && all.any(|one| one.id.as_ref() == Some(id))
        };
        self.fulfillments.is_empty() || self.fulfillments.iter().any(is_there)
    }

    fn state<'o>(&self, order: &'o Order) -> Option<&'o str> {
        let is_own = |id: &String| self.fulfillments.contains(id);
        let mut all = order.fulfillments.iter();
        let own = all.find(|one| one.state.is_some() && one.id.as_ref().is_some_and(is_own));
        own.and_then(|one| one.state.as_deref())
            .or_else(|| order.fulfillment_state())
    }
}

impl<'a> Part<'a> {
    /// The fee, where its terms name one.
    #[must_use]
    pub fn fee(&self) -> Option<&'a Fee> {
        let rule = self.rule.filter(|rule| !rule.leaves_price_open());
        rule.map(|rule| &rule.fee)
    }
}

/// Whether nothing of the price is left for the order's terms.
#[must_use]
pub fn are_all(parts: &[Part<'_>], price: Money) -> bool {
    let own = parts.iter().filter(|part| part.fee().is_some());
    let own = own.filter_map(|part| part.item.price);
    price.minor > 0 && own.map(|part| part.minor).sum::<i128>() >= price.minor
}

/// The fee on a price of which `paid` is paid: that of each item on its part, and that of the
/// order on the rest. Never above the price.
#[must_use]
pub fn fee(parts: &[Part<'_>], rest: &Rest<'_>, price: Money, paid: Option<Money>) -> Money {
    let paid = paid.map_or(0, |paid| paid.minor);
    let mut left = Amounts {
        price: price.minor,
        paid,
    };
    // What goes back of these is said by the order's refund terms.
    let (mut shared, mut shared_fee) = (Amounts::default(), 0);
    let (mut sum, mut kept) = (0, 0);
    for part in parts {
        let own = part.item.price.map_or(0, |own| own.minor);
        let own = left.take(own, (paid, price.minor), part.fee().is_some());
        match (part.fee(), part.refund) {
            (Some(fee), Some(refund)) => {
                let fee = fee.on(&price.with_minor(own.price));
                sum += own.keep(fee, refund);
            }
            (Some(fee), None) => {
                shared.add(own);
                shared_fee += fee.on(&price.with_minor(own.price)).minor;
            }
            (None, Some(refund)) => kept += own.keep(price.with_minor(0), refund),
            (None, None) => {}
        }
    }
    let of_rest = rest
        .fee
        .map_or(0, |fee| fee.on(&price.with_minor(left.price)).minor);
    shared.add(left);
    shared_fee += of_rest.max(kept);
    let shared_fee = price.with_minor(shared_fee);
    sum += match rest.refund {
        Some(refund) => shared.keep(shared_fee, refund),
        None => shared_fee.minor,
    };
    price.with_minor(sum.clamp(0, price.minor.max(0)))
}

/// A part of the price, and what is paid of it, in minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    price: i128,
    paid: i128,
}

impl Amounts {
    /// A part of this, with its share of what is paid of the whole. Taken out, or only looked at.
    fn take(&mut self, price: i128, (paid, whole): (i128, i128), out: bool) -> Amounts {
        let price = price.clamp(0, self.price.max(0));
        let share = match whole {
            0 => 0,
            // Half up, as all money is.
            whole => (2 * paid * price + whole) / (2 * whole),
        };
        let part = Amounts {
            price,
            paid: share.min(self.paid),
        };
        if out {
            self.price -= part.price;
            self.paid -= part.paid;
        }
        part
    }

    fn add(&mut self, other: Amounts) {
        self.price += other.price;
        self.paid += other.paid;
    }

    /// The fee with what may not go back.
    fn keep(&self, fee: Money, refund: &RefundTerm) -> i128 {
        let [price, paid] = [self.price, self.paid].map(|minor| fee.with_minor(minor));
        refund.on(fee, price, Some(paid)).minor
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::money::{Currency, Percentage};
    use super::super::order::Party;
    use super::*;

    fn inr(minor: i128) -> Money {
        let currency = Currency::parse("INR").expect("a code");
        Money { minor, currency }
    }

    fn share(percent: u32) -> Fee {
        Fee {
            percentage: Percentage::parse(&percent.to_string()).ok(),
            ..Fee::default()
        }
    }

    fn refund(eligible: bool, amount: Option<i128>) -> RefundTerm {
        RefundTerm {
            fulfillment_states: Vec::new(),
            eligible,
            amount: amount.map(inr),
            within: None,
        }
    }

    fn item(price: i128, fee: Fee, refunds: Vec<RefundTerm>) -> ItemTerms {
        ItemTerms {
            item: "I1".to_owned(),
            price: Some(inr(price)),
            fulfillments: Vec::new(),
            rules: vec![Rule {
                fee,
                ..Rule::of(vec![Party::Customer])
            }],
            refunds,
        }
    }

    fn part(item: &ItemTerms) -> Part<'_> {
        Part {
            item,
            rule: item.rules.first(),
            refund: item.refunds.first(),
        }
    }

    fn rest<'a>(fee: &'a Fee, refund: Option<&'a RefundTerm>) -> Rest<'a> {
        Rest {
            fee: Some(fee),
            refund,
        }
    }

    #[test]
    fn each_item_pays_by_its_terms_and_the_order_for_what_is_left() {
        let half = share(50);
        let items = [
            item(6_000, share(100), Vec::new()),
            item(1_000, share(0), Vec::new()),
        ];
        let parts = items.each_ref().map(part);
        let total = |parts: &[Part<'_>]| fee(parts, &rest(&half, None), inr(10_000), None);
        assert_eq!(total(&parts), inr(6_000 + 1_500));
        assert_eq!(total(&parts[..1]), inr(6_000 + 2_000));
        assert_eq!(total(&[]), inr(5_000));
        assert!(!are_all(&parts, inr(10_000)) && are_all(&parts, inr(7_000)));
        let amount = Fee {
            amount: Some(inr(9_000)),
            ..Fee::default()
        };
        let dear = fee(&parts, &rest(&amount, None), inr(10_000), None);
        assert_eq!(dear, inr(6_000 + 3_000), "never more than the rest");
    }

    #[test]
    fn what_may_not_go_back_of_an_item_is_kept_of_its_share_of_what_is_paid() {
        let free = share(0);
        let none_back = item(4_000, share(10), vec![refund(false, None)]);
        let total = |paid| {
            fee(
                &[part(&none_back)],
                &rest(&free, None),
                inr(10_000),
                Some(paid),
            )
        };
        assert_eq!(total(inr(10_000)), inr(4_000));
        assert_eq!(total(inr(5_000)), inr(2_000), "half of it is paid");
        assert_eq!(total(inr(0)), inr(400));
        let of_order = refund(true, Some(1_000));
        let both = fee(
            &[part(&none_back)],
            &rest(&free, Some(&of_order)),
            inr(10_000),
            Some(inr(10_000)),
        );
        assert_eq!(
            both,
            inr(4_000 + 5_000),
            "the order's terms hold for the rest"
        );
        let no_fee = item(4_000, Fee::default(), vec![refund(false, None)]);
        let half = share(50);
        let total = |fee_of_order: &Fee| {
            let rest = rest(fee_of_order, None);
            fee(&[part(&no_fee)], &rest, inr(10_000), Some(inr(10_000)))
        };
        assert_eq!(total(&free), inr(4_000));
        assert_eq!(total(&half), inr(5_000), "and is not paid twice");
    }

    proptest! {
        #[test]
        fn items_never_cost_more_than_the_price_and_a_single_one_costs_what_the_order_would(
            price in 0_i128..1_000_000,
            prices in proptest::collection::vec(0_i128..1_000_000, 0..4),
            share_of_items in 0_u32..=100,
            share_of_order in 0_u32..=100,
            paid in 0_i128..2_000_000,
            eligible in any::<bool>(),
        ) {
            let items: Vec<_> = prices
                .iter()
                .map(|one| item(*one, share(share_of_items), vec![refund(eligible, None)]))
                .collect();
            let parts: Vec<_> = items.iter().map(part).collect();
            let (of_order, price, paid) = (share(share_of_order), inr(price), Some(inr(paid)));
            let total = fee(&parts, &rest(&of_order, None), price, paid);
            prop_assert!(total.minor >= 0 && total.minor <= price.minor);
            let whole = item(price.minor, share(share_of_items), vec![refund(eligible, None)]);
            let by_item = fee(&[part(&whole)], &rest(&of_order, None), price, paid);
            let term = refund(eligible, None);
            let alone = share(share_of_items);
            let by_order = fee(&[], &rest(&alone, Some(&term)), price, paid);
            prop_assert_eq!(by_item, by_order);
        }
    }
}
