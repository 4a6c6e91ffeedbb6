//! A cancellation that the provider is asked about before it is final, and what its answer, or
//! the end of the time for one, makes of it.
//!
//! The terms go first: only what they allow is asked about, and the provider can refuse it or
//! take less than they say, never more. What they say is fixed when the question is put, so
//! that nobody pays for the waiting; price and payments are those of the outcome, and the fee is
//! within that price. Pure: nothing here asks anybody.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::decide::{Decision, Denial};
use super::ids::{MessageId, RequestKey};
use super::money::Money;
use super::order::{Cancellation, Order, Party, Pending, State};
use super::policy::{Asked, Charge, Door};
use super::terms::terms;

/// A cancellation that waits for the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// Names the question.
    pub question: MessageId,
    /// How the order is cancelled unless the provider says otherwise.
    pub proposed: Cancellation,
    /// When the terms decide without the provider.
    pub until: DateTime<Utc>,
    /// The requests of a network that get the outcome, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<RequestKey>,
    /// The requests of other doors that get it as their answer, and again when they come again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_doors: Vec<RequestKey>,
}

impl Undecided {
    /// All requests that get the outcome.
    pub fn requests(&self) -> impl Iterator<Item = &RequestKey> {
        self.waiting.iter().chain(&self.at_doors)
    }
}

/// Why an order that was asked about was not cancelled, as everybody who waited was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where the order stood then.
    pub state: State,
    /// Why.
    pub denial: Denial,
}

/// What the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Cancel it, for this fee instead of that of the terms, if it says one.
    Allow(Option<Money>),
    /// Do not, for this reason, if it says one.
    Refuse(Option<String>),
    /// The provider's own cancellation, which came instead of an answer.
    Instead(Box<Cancellation>),
    /// Nothing in time.
    Silence,
}

impl Order {
    /// The order once the provider is asked; the version is counted up.
    #[must_use]
    pub fn asked_about(&self, undecided: Undecided) -> Order {
        Order {
            version: self.version + 1,
            undecided: Some(undecided),
            ..self.clone()
        }
    }

    /// The order when its question is over and it goes on; the version is counted up.
    #[must_use]
    pub fn no_longer_asked_about(&self) -> Order {
        Order {
            version: self.version + 1,
            undecided: None,
            pending: None,
            ..self.clone()
        }
    }
}

/// What becomes of a cancellation that was asked about. An order that has begun or ended
/// meanwhile is not cancelled, whatever the answer.
#[must_use]
pub fn settle(
    order: &Order,
    undecided: &Undecided,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Decision {
    if !order.state.is_cancellable() {
        return Decision::Refused(Denial::State(order.state));
    }
    let proposed = &undecided.proposed;
    let fee = match answer {
        Answer::Refuse(why) => return Decision::Refused(Denial::Provider(why.clone())),
        Answer::Instead(own) => return Decision::Cancelled(Cancellation::clone(own)),
        Answer::Allow(fee) => *fee,
        Answer::Silence => None,
    };
    Decision::Cancelled(Cancellation {
        charge: charged(proposed, order, fee),
        at: now,
        ..proposed.clone()
    })
}

/// What becomes of a cancellation that the provider looked into for too long: the same as of a
/// question that it did not answer in time.
#[must_use]
pub fn overdue(order: &Order, pending: &Pending, now: DateTime<Utc>) -> Decision {
    if !order.state.is_cancellable() {
        return Decision::Refused(Denial::State(order.state));
    }
    if let Some(proposed) = &pending.proposed {
        return Decision::Cancelled(Cancellation {
            charge: charged(proposed, order, None),
            at: now,
            ..Cancellation::clone(proposed)
        });
    }
    let asked = Asked {
        by: Party::Customer,
        door: Door::Network,
        at: pending.at,
    };
    let denial = terms(order, &asked).denial;
    Decision::Refused(denial.unwrap_or(Denial::Terms(None)))
}

/// What a proposed cancellation costs by now; nothing where there was no price to take a fee of.
fn charged(proposed: &Cancellation, order: &Order, fee: Option<Money>) -> Option<Charge> {
    match (proposed.charge, order.price_left()) {
        (Some(charge), _) => Some(at_most(charge, order, fee)),
        (None, Some(price)) => Some(Charge::of(price.with_minor(0), order.paid_left())),
        (None, None) => None,
    }
}

/// The fee of the terms is the most there is, and the price may have changed meanwhile.
fn at_most(charge: Charge, order: &Order, fee: Option<Money>) -> Charge {
    let most = charge.fee;
    let same = |amount: &Money| amount.currency == most.currency;
    let price = order.price_left().filter(same).unwrap_or(most);
    let asked = fee.filter(same).unwrap_or(most).minor;
    let minor = asked.min(most.minor).min(price.minor).max(0);
    Charge::of(most.with_minor(minor), order.paid_left().filter(same))
}

#[cfg(test)]
mod tests {
    use super::super::decide::{CancelRequest, Intent, decide};
    use super::super::ids::{NetworkName, OrderId, OrderKey};
    use super::super::money::Currency;
    use super::super::order::{Booking, Reason};
    use super::super::policy::{Policy, Rule};
    use super::*;

    fn inr(minor: i128) -> Money {
        let currency = Currency::parse("INR").expect("a code");
        Money { minor, currency }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn order(state: State) -> Order {
        Order {
            key: OrderKey {
                network: NetworkName::parse("mobility").expect("valid"),
                id: OrderId::parse("O1").expect("valid"),
            },
            version: 1,
            placement: None,
            state,
            fulfillments: Vec::new(),
            price: Some(inr(10_000)),
            paid: Some(inr(10_000)),
            policy: Policy::free(),
            booked_at: at(0),
            occurred_at: at(0),
            booking: Booking::default(),
            cancellation: None,
            parts: Vec::new(),
            undecided: None,
            pending: None,
            erased_at: None,
        }
    }

    fn undecided() -> Undecided {
        Undecided {
            question: MessageId::parse("q1").expect("valid"),
            proposed: Cancellation {
                by: Party::Customer,
                reason: Reason::default(),
                charge: Some(Charge::of(inr(3_000), Some(inr(10_000)))),
                terms: None,
                portion: None,
                rto: None,
                at: at(1),
                token: None,
            },
            until: at(21),
            waiting: Vec::new(),
            at_doors: Vec::new(),
        }
    }

    fn fee(answer: &Answer) -> i128 {
        match settle(&order(State::Confirmed), &undecided(), answer, at(9)) {
            Decision::Cancelled(cancellation) => {
                assert_eq!(cancellation.at, at(9));
                let charge = cancellation.charge.expect("a price");
                assert_eq!(charge.refund.minor, 10_000 - charge.fee.minor);
                charge.fee.minor
            }
            other => panic!("expected a cancellation, got {other:?}"),
        }
    }

    #[test]
    fn the_provider_takes_at_most_what_the_terms_say_and_silence_takes_that() {
        assert_eq!(fee(&Answer::Silence), 3_000);
        assert_eq!(fee(&Answer::Allow(None)), 3_000);
        for (asked, taken) in [(2_999, 2_999), (0, 0), (3_000, 3_000), (3_001, 3_000)] {
            assert_eq!(fee(&Answer::Allow(Some(inr(asked)))), taken);
        }
        let euros = Money {
            minor: 1,
            currency: Currency::parse("EUR").expect("a code"),
        };
        assert_eq!(fee(&Answer::Allow(Some(euros))), 3_000);
    }

    #[test]
    fn a_refusal_is_the_providers_and_what_has_begun_is_not_cancelled() {
        let refuse = Answer::Refuse(Some("No".to_owned()));
        let refused = settle(&order(State::Confirmed), &undecided(), &refuse, at(9));
        let expected = Denial::Provider(Some("No".to_owned()));
        assert_eq!(refused, Decision::Refused(expected));
        for state in [State::InProgress, State::Completed] {
            let allowed = Answer::Allow(None);
            let late = settle(&order(state), &undecided(), &allowed, at(9));
            assert_eq!(late, Decision::Refused(Denial::State(state)));
        }
    }

    #[test]
    fn what_the_provider_looks_into_for_too_long_is_decided_by_the_terms_of_when_it_was_asked() {
        let pending = |proposed| Pending {
            request: MessageId::parse("m1").expect("valid"),
            reason: Reason::default(),
            at: at(1),
            until: Some(at(86_401)),
            proposed,
        };
        let proposed = undecided().proposed;
        let late = at(90_000);
        let asked = pending(Some(Box::new(proposed.clone())));
        let cancelled = Decision::Cancelled(Cancellation {
            at: late,
            ..proposed
        });
        assert_eq!(overdue(&order(State::Confirmed), &asked, late), cancelled);
        let used = Decision::Refused(Denial::State(State::Completed));
        assert_eq!(overdue(&order(State::Completed), &asked, late), used);
        let mut forbidden = order(State::Confirmed);
        forbidden.policy.rules.push(Rule {
            allowed: false,
            text: Some("Never".to_owned()),
            ..Rule::of(vec![Party::Customer])
        });
        let denial = Denial::Terms(Some("Never".to_owned()));
        let kept = overdue(&forbidden, &pending(None), late);
        assert_eq!(kept, Decision::Refused(denial));
    }

    #[test]
    fn while_the_provider_is_asked_a_second_wish_waits_and_a_price_is_still_told() {
        let asked = order(State::Confirmed).asked_about(undecided());
        assert_eq!(asked.version, 2);
        let wish = |intent| CancelRequest {
            by: Party::Customer,
            door: Door::Network,
            reason: Reason::default(),
            intent,
        };
        let waits = decide(&asked, &wish(Intent::Commit), at(2));
        assert_eq!(waits, Decision::Undecided(undecided()));
        let priced = decide(&asked, &wish(Intent::Quote), at(2));
        assert!(matches!(priced, Decision::Quoted(_)));
        assert_eq!(asked.no_longer_asked_about().undecided, None);
    }
}
