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
mod tests {
    use chrono::TimeDelta;

    use super::super::ids::{MessageId, NetworkName, OrderId, OrderKey};
    use super::super::money::{Currency, Money, Percentage};
    use super::super::order::{Booking, Fulfillment, Pending};
    use super::super::policy::{Charge, Fee, Policy, Rule};
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-02T06:11:25Z".parse().expect("a time")
    }

    fn inr(minor: i128) -> Money {
        Money {
            minor,
            currency: Currency::parse("INR").expect("a code"),
        }
    }

    fn rule(states: &[&str], share: &str) -> Rule {
        Rule {
            by: vec![Party::Customer],
            doors: Vec::new(),
            order_states: Vec::new(),
            fulfillment_states: states.iter().map(ToString::to_string).collect(),
            before_start_seconds: None,
            since_booking_seconds: None,
            not_after: None,
            allowed: true,
            fee: Fee {
                percentage: Percentage::parse(share).ok(),
                ..Fee::default()
            },
            reason_required: false,
            text: None,
        }
    }

    fn order(state: State, rules: Vec<Rule>) -> Order {
        Order {
            key: OrderKey {
                network: NetworkName::parse("mobility").expect("valid"),
                id: OrderId::parse("O1").expect("valid"),
            },
            version: 1,
            placement: None,
            state,
            fulfillments: vec![Fulfillment {
                id: None,
                state: Some("RIDE_ASSIGNED".into()),
                ..Fulfillment::default()
            }],
            price: Some(inr(14_600)),
            paid: Some(inr(10_000)),
            policy: Policy {
                name: "test".into(),
                rules,
                ..Policy::default()
            },
            booked_at: now() - TimeDelta::minutes(10),
            occurred_at: now() - TimeDelta::minutes(10),
            booking: Booking::default(),
            cancellation: None,
            undecided: None,
            pending: None,
            erased_at: None,
        }
    }

    fn request(by: Party, intent: Intent) -> CancelRequest {
        CancelRequest {
            by,
            door: Door::Network,
            reason: Reason::default(),
            intent,
        }
    }

    fn fee_of(decision: &Decision) -> Option<Charge> {
        match decision {
            Decision::Cancelled(c) | Decision::Quoted(c) | Decision::AlreadyCancelled(c) => {
                c.charge
            }
            Decision::Asked(_)
            | Decision::Waiting
            | Decision::Refused(_)
            | Decision::Undecided(_) => None,
        }
    }

    #[test]
    fn only_open_states_can_be_cancelled() {
        for state in State::ALL {
            let decision = decide(
                &order(state, Vec::new()),
                &request(Party::Customer, Intent::Commit),
                now(),
            );
            assert_eq!(
                matches!(decision, Decision::Cancelled(_)),
                state.is_cancellable()
            );
        }
    }

    #[test]
    fn the_first_rule_that_fits_sets_the_fee_and_refund_and_due_follow() {
        let order = order(
            State::Confirmed,
            vec![rule(&["RIDE_STARTED"], "100"), rule(&[], "50")],
        );
        let decision = decide(&order, &request(Party::Customer, Intent::Commit), now());
        let expected = Charge {
            fee: inr(7_300),
            refund: inr(2_700),
            due: inr(0),
        };
        assert_eq!(fee_of(&decision), Some(expected));
    }

    #[test]
    fn a_providers_cancellation_is_free_unless_a_rule_says_otherwise() {
        let mut order = order(State::Confirmed, vec![rule(&[], "100")]);
        let free = decide(&order, &request(Party::Provider, Intent::Commit), now());
        assert_eq!(fee_of(&free).map(|charge| charge.fee), Some(inr(0)));
        order.policy.rules[0].by = vec![Party::Provider];
        let charged = decide(&order, &request(Party::Provider, Intent::Commit), now());
        assert_eq!(fee_of(&charged).map(|charge| charge.fee), Some(inr(14_600)));
    }

    #[test]
    fn exactly_at_a_border_counts_for_the_customer() {
        let mut free = rule(&[], "0");
        free.before_start_seconds = Some(3_600);
        let mut order = order(State::Confirmed, vec![free, rule(&[], "100")]);
        let fee_at = |order: &Order| {
            fee_of(&decide(
                order,
                &request(Party::Customer, Intent::Commit),
                now(),
            ))
            .map(|charge| charge.fee.minor)
        };
        order.booking.starts_at = Some(now() + TimeDelta::seconds(3_600));
        assert_eq!(fee_at(&order), Some(0));
        order.booking.starts_at = Some(now() + TimeDelta::seconds(3_599));
        assert_eq!(fee_at(&order), Some(14_600));
    }

    #[test]
    fn a_rule_can_forbid_and_its_sentence_is_the_answer() {
        let mut never = rule(&[], "0");
        never.allowed = false;
        never.text = Some("Not on the day itself".into());
        let decision = decide(
            &order(State::Confirmed, vec![never]),
            &request(Party::Customer, Intent::Commit),
            now(),
        );
        let Decision::Refused(denial) = decision else {
            panic!("expected a refusal")
        };
        assert_eq!(denial.sentence(), "Not on the day itself");
    }

    #[test]
    fn a_cancelled_order_answers_with_its_first_cancellation_even_to_a_question() {
        let open = order(State::Confirmed, vec![rule(&[], "50")]);
        let first = decide(&open, &request(Party::Customer, Intent::Commit), now());
        let Decision::Cancelled(cancellation) = first else {
            panic!("expected a cancellation")
        };
        let cancelled = open.cancelled(cancellation.clone());
        assert_eq!(cancelled.version, 2);
        for intent in [Intent::Quote, Intent::Commit] {
            let later = now() + TimeDelta::hours(1);
            let again = decide(&cancelled, &request(Party::Provider, intent), later);
            assert_eq!(again, Decision::AlreadyCancelled(cancellation.clone()));
        }
    }

    #[test]
    fn while_the_provider_looks_into_it_only_the_provider_cancels() {
        let open = order(State::Confirmed, vec![rule(&[], "50")]);
        let ask = request(Party::Customer, Intent::Ask);
        let Decision::Asked(Some(proposed)) = decide(&open, &ask, now()) else {
            panic!("expected a question")
        };
        let fee = proposed.charge.map(|charge| charge.fee);
        assert_eq!(fee, Some(inr(7_300)), "what the terms would say");
        let pending = Pending {
            request: MessageId::parse("m1").expect("valid"),
            reason: Reason::default(),
            at: now(),
            until: None,
            proposed: Some(Box::new(proposed)),
        };
        let waiting = open.awaiting(pending);
        assert_eq!((waiting.version, waiting.state), (2, State::Confirmed));
        for intent in [Intent::Ask, Intent::Commit] {
            let again = decide(&waiting, &request(Party::Customer, intent), now());
            assert_eq!(again, Decision::Waiting);
        }
        let price = decide(&waiting, &request(Party::Customer, Intent::Quote), now());
        assert!(matches!(price, Decision::Quoted(_)));
        let settled = decide(&waiting, &request(Party::Provider, Intent::Commit), now());
        let Decision::Cancelled(cancellation) = settled else {
            panic!("expected a cancellation")
        };
        assert_eq!(waiting.cancelled(cancellation).pending, None);
        let kept = waiting.kept(now());
        assert_eq!((kept.pending, kept.state), (None, State::Completed));
        let missed = Order {
            state: State::NoShow,
            ..waiting.clone()
        };
        assert_eq!(missed.kept(now()).state, State::NoShow);
        assert_eq!(missed.erased(now()).pending, None);
        let over = decide(&order(State::Completed, Vec::new()), &ask, now());
        assert_eq!(over, Decision::Refused(Denial::State(State::Completed)));
    }

    #[test]
    fn an_order_without_a_price_has_no_charge() {
        let mut order = order(State::Confirmed, vec![rule(&[], "50")]);
        order.price = None;
        let decision = decide(&order, &request(Party::Customer, Intent::Quote), now());
        assert_eq!(fee_of(&decision), None);
    }
}
