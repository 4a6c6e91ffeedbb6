//! Each outcome, and which of them goes before which.

use chrono::TimeDelta;

use super::*;
use crate::domain::ids::{MessageId, NetworkName, OrderId, OrderKey};
use crate::domain::items::ItemTerms;
use crate::domain::money::{Currency, Money, Percentage};
use crate::domain::order::{Booking, Fulfillment, Pending};
use crate::domain::policy::{Charge, Fee, Policy, Rule};
use crate::domain::portion::Portion;

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
        fulfillment_states: states.iter().map(ToString::to_string).collect(),
        fee: Fee {
            percentage: Percentage::parse(share).ok(),
            ..Fee::default()
        },
        ..Rule::of(vec![Party::Customer])
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
        parts: Vec::new(),
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
        Decision::Cancelled(c) | Decision::Quoted(c) | Decision::AlreadyCancelled(c) => c.charge,
        Decision::Asked(_) | Decision::Waiting | Decision::Refused(_) | Decision::Undecided(_) => {
            None
        }
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
    assert!(missed.is_undecided() && !missed.erased(now()).is_undecided());
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

#[test]
fn an_items_terms_go_with_the_fulfilment_that_it_is_in() {
    let mut order = order(State::Confirmed, vec![rule(&[], "0")]);
    let fulfillment = |id: &str| Fulfillment {
        id: Some(id.into()),
        ..Fulfillment::default()
    };
    order.fulfillments = vec![fulfillment("F1"), fulfillment("F2")];
    order.policy.items = vec![ItemTerms {
        item: "I1".into(),
        price: Some(inr(6_000)),
        fulfillments: vec!["F1".into()],
        rules: vec![rule(&[], "100")],
        refunds: Vec::new(),
    }];
    let decided = |order: &Order| decide(order, &request(Party::Customer, Intent::Commit), now());
    let fee = |order: &Order| fee_of(&decided(order)).map(|charge| charge.fee);
    let only =
        |at: usize, price| order.only(&order.fulfillments[at], State::Confirmed, Some(inr(price)));
    assert_eq!(fee(&order), Some(inr(6_000)));
    assert_eq!(fee(&only(1, 8_600)), Some(inr(0)), "it is in the other one");
    let first = only(0, 6_000);
    let Decision::Cancelled(cancellation) = decided(&first) else {
        panic!("expected a cancellation")
    };
    assert_eq!(
        cancellation.charge.map(|charge| charge.fee),
        Some(inr(6_000))
    );
    let portion = Some(Portion::Fulfillment("F1".into()));
    let left = order.without(
        &first,
        Cancellation {
            portion,
            ..cancellation
        },
    );
    assert_eq!(fee(&left), Some(inr(0)), "nobody pays for it twice");
}
