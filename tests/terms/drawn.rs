//! Prices, terms, policies and orders, drawn at random.

use beckn_bpp::domain::ids::{NetworkName, OrderId, OrderKey};
use beckn_bpp::domain::money::{Currency, Money, Percentage};
use beckn_bpp::domain::order::{Booking, Order, Party, State};
use beckn_bpp::domain::policy::{Asked, Door, Fee, Policy, RefundTerm, Rule};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

/// One of each exponent, and every combination of decimals in writing.
pub const CURRENCIES: [&str; 5] = ["INR", "JPY", "KWD", "CLF", "EUR"];

pub fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a code")
}

pub fn a_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(&CURRENCIES[..]).prop_map(currency)
}

pub fn money(minor: i128, currency: Currency) -> Money {
    Money { minor, currency }
}

/// Amounts from nothing to the most that fits 18 digits, small ones often.
pub fn minor() -> impl Strategy<Value = i128> {
    prop_oneof![
        2 => Just(0_i128),
        8 => 0..2_000_i128,
        8 => 0..2_000_000_000_i128,
        1 => 0..=99_999_999_999_999_i128,
    ]
}

pub fn share() -> impl Strategy<Value = Percentage> {
    let text = prop_oneof![
        Just("0".to_owned()),
        Just("100".to_owned()),
        Just("50".to_owned()),
        (0..100_u32, 0..10_000_u32).prop_map(|(whole, part)| format!("{whole}.{part:04}")),
    ];
    text.prop_map(|text| Percentage::parse(&text).expect("a share"))
}

pub fn amount(currency: Currency) -> impl Strategy<Value = Money> {
    minor().prop_map(move |minor| money(minor, currency))
}

/// A fee in which floor and cap may contradict each other and the price.
pub fn fee(currency: Currency) -> impl Strategy<Value = Fee> {
    let some = move || option::of(amount(currency));
    (some(), option::of(share()), some(), some()).prop_map(|(amount, percentage, floor, cap)| Fee {
        amount,
        percentage,
        floor,
        cap,
    })
}

pub fn now() -> DateTime<Utc> {
    "2026-03-02T06:00:00Z".parse().expect("a time")
}

pub const STATES: [&str; 3] = ["RIDE_ASSIGNED", "RIDE_ARRIVED_PICKUP", "PACKED"];

pub fn states() -> impl Strategy<Value = Vec<String>> {
    let one = prop::sample::select(&STATES[..]).prop_map(str::to_owned);
    vec(one, 0..3)
}

pub fn parties() -> impl Strategy<Value = Vec<Party>> {
    prop::sample::subsequence(
        vec![Party::Customer, Party::Partner, Party::Provider],
        1..=3,
    )
}

pub fn rule(currency: Currency) -> impl Strategy<Value = Rule> {
    let seconds = || option::of(0..7_200_i64);
    let when = (seconds(), seconds(), seconds());
    let says = (prop::bool::weighted(0.9), fee(currency), any::<bool>());
    (parties(), states(), when, says).prop_map(|(by, states, when, says)| Rule {
        by,
        doors: Vec::new(),
        fulfillment_states: states,
        order_states: Vec::new(),
        before_start_seconds: when.0,
        since_booking_seconds: when.1,
        not_after: when.2.map(|seconds| now() + TimeDelta::seconds(seconds)),
        allowed: says.0,
        fee: says.1,
        reason_required: says.2,
        text: None,
    })
}

pub fn refund(currency: Currency) -> impl Strategy<Value = RefundTerm> {
    let amount = option::of(amount(currency));
    (states(), any::<bool>(), amount).prop_map(|(states, eligible, amount)| RefundTerm {
        fulfillment_states: states,
        eligible,
        amount,
        within: None,
    })
}

pub fn policy(currency: Currency) -> impl Strategy<Value = Policy> {
    (vec(rule(currency), 0..5), vec(refund(currency), 0..3)).prop_map(|(rules, refunds)| Policy {
        name: "any".to_owned(),
        rules,
        refunds,
        ..Policy::default()
    })
}

pub fn order() -> impl Strategy<Value = Order> {
    let of = |currency| {
        let amounts = (minor(), option::of(minor()));
        let times = (0..7_200_i64, option::of(-3_600..7_200_i64));
        let state = prop::sample::select(&STATES[..]);
        let terms = (policy(currency), option::of(policy(currency)));
        (Just(currency), amounts, times, state, terms)
    };
    a_currency().prop_flat_map(of).prop_map(built)
}

pub type Drawn = (
    Currency,
    (i128, Option<i128>),
    (i64, Option<i64>),
    &'static str,
    (Policy, Option<Policy>),
);

pub fn built(
    (currency, (price, paid), (booked, starts), state, (policy, otherwise)): Drawn,
) -> Order {
    Order {
        key: OrderKey {
            network: NetworkName::parse("mobility").expect("a name"),
            id: OrderId::parse("O1").expect("an id"),
        },
        version: 1,
        placement: None,
        state: State::Confirmed,
        fulfillments: vec![fulfillment(state)],
        price: Some(money(price, currency)),
        paid: paid.map(|paid| money(paid, currency)),
        policy: Policy {
            otherwise: otherwise.map(Box::new),
            ..policy
        },
        booked_at: now() - TimeDelta::seconds(booked),
        occurred_at: now(),
        booking: Booking {
            starts_at: starts.map(|seconds| now() + TimeDelta::seconds(seconds)),
            ..Booking::default()
        },
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

pub fn fulfillment(state: &str) -> beckn_bpp::domain::order::Fulfillment {
    serde_json::from_value(json!({"id": null, "state": state})).expect("a fulfilment")
}

pub fn party() -> impl Strategy<Value = Party> {
    prop::sample::select(vec![Party::Customer, Party::Partner, Party::Provider])
}

pub fn asked(by: Party, at: DateTime<Utc>) -> Asked {
    Asked {
        by,
        door: Door::Network,
        at,
    }
}
