//! What must hold for the money of every cancellation, whatever the terms, price and payments.
//!
//! A short form runs with the suite. `./scripts/properties.sh` tries each property on a hundred
//! thousand cases.

use beckn_bpp::domain::decide::{CancelRequest, Decision, Intent, decide};
use beckn_bpp::domain::ids::{MessageId, NetworkName, OrderId, OrderKey};
use beckn_bpp::domain::money::{Currency, Money, Percentage};
use beckn_bpp::domain::order::{Booking, Cancellation, Order, Party, Reason, State};
use beckn_bpp::domain::policy::{Asked, Charge, Door, Fee, Policy, RefundTerm, Rule};
use beckn_bpp::domain::preview::steps;
use beckn_bpp::domain::terms::terms;
use beckn_bpp::domain::undecided::{Answer, Undecided, settle};
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::intake;
use beckn_bpp::protocol::kind::Kind;
use beckn_bpp::protocol::on_cancel::{self, Content, Style};
use beckn_bpp::protocol::terms::version;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "terms/parts.rs"]
mod parts;

/// One of each exponent, and every combination of decimals in writing.
const CURRENCIES: [&str; 5] = ["INR", "JPY", "KWD", "CLF", "EUR"];

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a code")
}

fn a_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(&CURRENCIES[..]).prop_map(currency)
}

fn money(minor: i128, currency: Currency) -> Money {
    Money { minor, currency }
}

/// Amounts from nothing to the most that fits 18 digits, small ones often.
fn minor() -> impl Strategy<Value = i128> {
    prop_oneof![
        2 => Just(0_i128),
        8 => 0..2_000_i128,
        8 => 0..2_000_000_000_i128,
        1 => 0..=99_999_999_999_999_i128,
    ]
}

fn share() -> impl Strategy<Value = Percentage> {
    let text = prop_oneof![
        Just("0".to_owned()),
        Just("100".to_owned()),
        Just("50".to_owned()),
        (0..100_u32, 0..10_000_u32).prop_map(|(whole, part)| format!("{whole}.{part:04}")),
    ];
    text.prop_map(|text| Percentage::parse(&text).expect("a share"))
}

fn amount(currency: Currency) -> impl Strategy<Value = Money> {
    minor().prop_map(move |minor| money(minor, currency))
}

/// A fee in which floor and cap may contradict each other and the price.
fn fee(currency: Currency) -> impl Strategy<Value = Fee> {
    let some = move || option::of(amount(currency));
    (some(), option::of(share()), some(), some()).prop_map(|(amount, percentage, floor, cap)| Fee {
        amount,
        percentage,
        floor,
        cap,
    })
}

fn now() -> DateTime<Utc> {
    "2026-03-02T06:00:00Z".parse().expect("a time")
}

const STATES: [&str; 3] = ["RIDE_ASSIGNED", "RIDE_ARRIVED_PICKUP", "PACKED"];

fn states() -> impl Strategy<Value = Vec<String>> {
    let one = prop::sample::select(&STATES[..]).prop_map(str::to_owned);
    vec(one, 0..3)
}

fn parties() -> impl Strategy<Value = Vec<Party>> {
    prop::sample::subsequence(
        vec![Party::Customer, Party::Partner, Party::Provider],
        1..=3,
    )
}

fn rule(currency: Currency) -> impl Strategy<Value = Rule> {
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

fn refund(currency: Currency) -> impl Strategy<Value = RefundTerm> {
    let amount = option::of(amount(currency));
    (states(), any::<bool>(), amount).prop_map(|(states, eligible, amount)| RefundTerm {
        fulfillment_states: states,
        eligible,
        amount,
        within: None,
    })
}

fn policy(currency: Currency) -> impl Strategy<Value = Policy> {
    (vec(rule(currency), 0..5), vec(refund(currency), 0..3)).prop_map(|(rules, refunds)| Policy {
        name: "any".to_owned(),
        rules,
        refunds,
        ..Policy::default()
    })
}

fn order() -> impl Strategy<Value = Order> {
    let of = |currency| {
        let amounts = (minor(), option::of(minor()));
        let times = (0..7_200_i64, option::of(-3_600..7_200_i64));
        let state = prop::sample::select(&STATES[..]);
        let terms = (policy(currency), option::of(policy(currency)));
        (Just(currency), amounts, times, state, terms)
    };
    a_currency().prop_flat_map(of).prop_map(built)
}

type Drawn = (
    Currency,
    (i128, Option<i128>),
    (i64, Option<i64>),
    &'static str,
    (Policy, Option<Policy>),
);

fn built((currency, (price, paid), (booked, starts), state, (policy, otherwise)): Drawn) -> Order {
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

fn fulfillment(state: &str) -> beckn_bpp::domain::order::Fulfillment {
    serde_json::from_value(json!({"id": null, "state": state})).expect("a fulfilment")
}

fn party() -> impl Strategy<Value = Party> {
    prop::sample::select(vec![Party::Customer, Party::Partner, Party::Provider])
}

fn asked(by: Party, at: DateTime<Utc>) -> Asked {
    Asked {
        by,
        door: Door::Network,
        at,
    }
}

/// Fee within the price; refund and due never negative; nobody pays or gets more than the fee.
fn charge_is_allowed(charge: &Charge, price: Money, paid: Option<Money>) {
    let paid = paid.map_or(0, |paid| paid.minor);
    let Charge { fee, refund, due } = charge;
    assert!((0..=price.minor).contains(&fee.minor), "{fee} of {price}");
    assert!(refund.minor >= 0 && due.minor >= 0, "{refund}, {due}");
    assert!(refund.minor == 0 || due.minor == 0, "{refund}, {due}");
    assert_eq!(paid - refund.minor + due.minor, fee.minor);
    for part in [fee, refund, due] {
        assert_eq!(part.currency, price.currency);
    }
}

proptest! {
    #[test]
    fn a_share_is_rounded_half_up_in_every_currency(
        minor in 0..=999_999_999_999_999_999_i128, code in a_currency(), ten_thousandths in 0..=1_000_000_u32,
    ) {
        let (whole, part) = (ten_thousandths / 10_000, ten_thousandths % 10_000);
        let share = Percentage::parse(&format!("{whole}.{part:04}")).expect("a share");
        let got = money(minor, code).percent(share).minor;
        // By long division: what is left over decides, and exactly a half goes up.
        let exact = minor * i128::from(ten_thousandths);
        let (quotient, left) = (exact / 1_000_000, exact % 1_000_000);
        prop_assert_eq!(got, quotient + i128::from(left >= 500_000));
    }

    #[test]
    fn an_amount_reads_back_as_written_in_every_currency(
        minor in -999_999_999_999_999_i128..=999_999_999_999_999, code in a_currency(),
    ) {
        let amount = money(minor, code);
        prop_assert_eq!(Money::parse(&amount.to_string(), code), Ok(amount));
        for like in ["1", "1.00"] {
            prop_assert_eq!(Money::parse(&amount.display_like(like), code), Ok(amount));
        }
    }

    #[test]
    fn a_fee_is_within_the_price_and_refund_and_due_are_never_negative(
        order in order(), by in party(), seconds in 0..14_400_i64,
    ) {
        let at = now() + TimeDelta::seconds(seconds);
        let told = terms(&order, &asked(by, at));
        prop_assert_eq!(told.charge.is_none(), told.denial.is_some());
        if let (Some(charge), Some(price)) = (told.charge, order.price) {
            charge_is_allowed(&charge, price, order.paid);
        }
    }

    #[test]
    fn what_is_decided_is_what_was_previewed_for_that_time(
        order in order(), by in party(), seconds in 0..14_400_i64,
    ) {
        let at = now() + TimeDelta::seconds(seconds);
        let steps = steps(&order, &asked(by, now()));
        prop_assert_eq!(steps[0].from, now());
        prop_assert_eq!(steps.last().and_then(|step| step.until), None);
        for pair in steps.windows(2) {
            prop_assert!(pair[0].until.is_some_and(|until| until < pair[1].from));
            prop_assert!(pair[0].terms != pair[1].terms);
        }
        let holds = |step: &&beckn_bpp::domain::preview::Step| {
            step.from <= at && step.until.is_none_or(|until| at <= until)
        };
        let step = steps.iter().find(holds).expect("a step for every time");
        prop_assert_eq!(&step.terms, &terms(&order, &asked(by, at)));
        let request = CancelRequest {
            by,
            door: Door::Network,
            reason: Reason::default(),
            intent: Intent::Commit,
        };
        match decide(&order, &request, at) {
            Decision::Cancelled(cancellation) => {
                prop_assert_eq!(cancellation.charge, step.terms.charge);
                prop_assert_eq!(cancellation.terms.as_ref(), Some(&step.terms.basis));
                let cancelled = order.cancelled(cancellation.clone());
                let again = decide(&cancelled, &request, at + TimeDelta::days(1));
                prop_assert_eq!(again, Decision::AlreadyCancelled(cancellation));
            }
            Decision::Refused(denial) => prop_assert_eq!(Some(denial), step.terms.denial.clone()),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn what_was_asked_about_costs_at_most_what_was_told_and_the_price_that_holds_by_then(
        order in order(), by in party(), (price, paid) in (minor(), option::of(minor())),
        taken in option::of(minor()),
    ) {
        let request = CancelRequest {
            by,
            door: Door::Network,
            reason: Reason::default(),
            intent: Intent::Commit,
        };
        let Decision::Cancelled(proposed) = decide(&order, &request, now()) else {
            return Ok(());
        };
        let told = proposed.charge.expect("a charge");
        let asked = order.asked_about(Undecided {
            question: MessageId::parse("q1").expect("an id"),
            proposed,
            until: now(),
            waiting: Vec::new(),
            at_doors: Vec::new(),
        });
        let code = told.fee.currency;
        let news = Order {
            price: Some(money(price, code)),
            paid: paid.map(|paid| money(paid, code)),
            ..asked
        };
        let undecided = news.undecided.clone().expect("a question");
        let allow = Answer::Allow(taken.map(|taken| money(taken, code)));
        for answer in [Answer::Silence, allow] {
            let Decision::Cancelled(cancellation) = settle(&news, &undecided, &answer, now()) else {
                return Err(TestCaseError::fail("it is cancelled"));
            };
            let charge = cancellation.charge.expect("a charge");
            charge_is_allowed(&charge, money(price, code), news.paid);
            prop_assert!(charge.fee.minor <= told.fee.minor);
        }
    }

    #[test]
    fn what_is_frozen_on_an_order_reads_back_the_same(order in order()) {
        let text = serde_json::to_string(&order).expect("an order has a JSON form");
        let back: Order = serde_json::from_str(&text).expect("readable");
        prop_assert_eq!(version(&back.policy), version(&order.policy));
        prop_assert_eq!(back, order);
    }

    #[test]
    fn a_rule_that_covers_another_fits_whenever_that_does(
        one in rule(currency("INR")), other in rule(currency("INR")), order in order(),
        by in party(), seconds in 0..14_400_i64,
    ) {
        prop_assert!(one.covers(&one));
        let at = asked(by, now() + TimeDelta::seconds(seconds));
        let fits = |rule: &Rule| {
            let alone = Policy { rules: vec![rule.clone()], ..Policy::default() };
            alone.applies(&order, &at).rule.is_some()
        };
        if one.covers(&other) && fits(&other) {
            prop_assert!(fits(&one));
        }
    }

    #[test]
    fn the_lines_sum_to_the_total_and_the_total_is_the_fee(
        sample in sample(), intent in prop::sample::select(vec![Intent::Quote, Intent::Commit]),
    ) {
        let facts = intake::read(sample.message.to_string().as_bytes());
        let facts = facts.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let price = facts.price.expect("a price");
        let policy = facts.own_terms.clone().unwrap_or_else(Policy::free);
        let document = facts.document.clone();
        let order = Order { price: Some(price), paid: facts.paid, policy,
            fulfillments: facts.fulfillments, ..sample.order };
        let request = CancelRequest { by: Party::Customer, door: Door::Network,
            reason: Reason::default(), intent };
        let cancellation = match decide(&order, &request, now()) {
            Decision::Cancelled(cancellation) | Decision::Quoted(cancellation) => cancellation,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        let charge = cancellation.charge.expect("a charge");
        charge_is_allowed(&charge, price, order.paid);
        lines_sum_to_the_fee(sample.dialect, &document, &cancellation, intent);
    }
}

/// An order as a provider hands it over, with the facts that the document does not have.
#[derive(Debug, Clone)]
struct Sample {
    dialect: Dialect,
    message: Value,
    order: Order,
}

/// A quote in whole units or with decimals, lines that need not sum to the total, terms by
/// amount, share or both, refund terms, and payments.
fn sample() -> impl Strategy<Value = Sample> {
    let of = |currency: Currency| {
        let line = move || amount(currency);
        let lines = vec((line(), any::<bool>()), 0..5);
        let quote = (line(), any::<bool>(), lines);
        let terms = (option::of(line()), option::of(share()), states());
        let refund = option::of((any::<bool>(), option::of(line())));
        let paid = vec((option::of(line()), any::<bool>()), 0..3);
        (order(), any::<bool>(), quote, terms, refund, paid)
    };
    a_currency().prop_flat_map(of).prop_map(written)
}

type Written = (Money, bool);

#[allow(
    clippy::type_complexity,
    reason = "it is the shape of the strategy above"
)]
fn written(
    (order, is_new, (total, whole, lines), (amount, share, states), refund, paid): (
        Order,
        bool,
        (Money, bool, Vec<Written>),
        (Option<Money>, Option<Percentage>, Vec<String>),
        Option<(bool, Option<Money>)>,
        Vec<(Option<Money>, bool)>,
    ),
) -> Sample {
    let text = |money: Money, whole: bool| match whole {
        true => money.display_like("1"),
        false => money.to_string(),
    };
    let price = |money: Money, whole: bool| json!({"currency": money.currency.code(), "value": text(money, whole)});
    let breakup: Vec<_> = lines
        .iter()
        .map(|(line, whole)| json!({"title": "LINE", "price": price(*line, *whole)}))
        .collect();
    let states: Vec<_> = states
        .iter()
        .map(|code| json!({"descriptor": {"code": code}}))
        .collect();
    let fee = json!({"amount": amount.map(|amount| price(amount, false)),
        "percentage": share.map(|share| share.to_string())});
    let mut terms = vec![json!({"cancellation_fee": fee})];
    terms.extend(
        states
            .iter()
            .map(|state| json!({"fulfillment_state": state, "cancellation_fee": fee})),
    );
    let refunds = refund.map(|(eligible, most)| {
        json!([{"refund_eligible": eligible, "refund_amount": most.map(|most| price(most, false))}])
    });
    let payments: Vec<_> = paid
        .iter()
        .map(|(amount, is_paid)| {
            let status = if *is_paid { "PAID" } else { "NOT-PAID" };
            json!({"status": status, "params": {"amount": amount.map(|amount| text(amount, false))}})
        })
        .collect();
    let (dialect, member, number) = match is_new {
        true => (Dialect::V1, "version", "1.1.0"),
        false => (Dialect::V0_9, "core_version", "0.9.4"),
    };
    let message = json!({
        "context": {member: number, "bap_id": "b", "bap_uri": "https://b.example", "transaction_id": "t"},
        "message": {"order": {
            "id": "O1", "state": "Confirmed", "status": "ACTIVE",
            "fulfillments": [{"state": {"descriptor": {"code": STATES[0]}}}],
            "quote": {"price": price(total, whole), "breakup": breakup},
            "payments": payments, "cancellation_terms": terms, "refund_terms": refunds,
        }},
    });
    Sample {
        dialect,
        message,
        order,
    }
}

const STYLE: Style<'static> = Style {
    kind: Kind::Beckn,
    bpp_id: "bpp.example.org",
    cancelled_word: "Cancelled",
    text_tag: None,
    sends_pin: false,
};

fn lines_sum_to_the_fee(
    dialect: Dialect,
    document: &str,
    cancellation: &Cancellation,
    intent: Intent,
) {
    let content = match intent {
        Intent::Quote => Content::Quoted(cancellation),
        Intent::Commit | Intent::Ask => Content::Cancelled(cancellation),
    };
    let fee = cancellation.charge.expect("a charge").fee;
    if dialect == Dialect::V1 {
        for (domain, version) in ONDC {
            let mut placed: Value = serde_json::from_str(document).expect("JSON");
            placed["context"] = json!({"domain": domain, "version": version, "bap_id": "b"});
            add_up(&left(dialect, &placed.to_string(), content), fee);
        }
    }
    let quote = &left(dialect, document, content);
    if dialect == Dialect::V0_9 && fee.minor == 0 {
        let before: Value = serde_json::from_str(document).expect("JSON");
        assert_eq!(
            quote, &before["order"]["quote"],
            "a free one leaves the quote alone"
        );
        return;
    }
    add_up(quote, fee);
}

/// The domains and versions of ONDC's three ways of writing a quote.
const ONDC: [(&str, &str); 3] = [
    ("ONDC:TRV11", "2.0.1"),
    ("ONDC:RET10", "1.2.0"),
    ("ONDC:RET10", "2.0.2"),
];

/// The quote of the order that leaves.
fn left(dialect: Dialect, document: &str, content: Content<'_>) -> Value {
    let body = on_cancel::encode(dialect, "{}", document, content, &STYLE);
    let mut body: Value = serde_json::from_str(&body.expect("writable")).expect("JSON");
    body["message"]["order"]["quote"].take()
}

fn add_up(quote: &Value, fee: Money) {
    assert_eq!(minor_of(&quote["price"], fee), fee.minor, "{quote}");
    let lines = quote["breakup"].as_array().expect("lines").iter();
    let sum: i128 = lines.map(|line| minor_of(&line["price"], fee)).sum();
    assert_eq!(sum, fee.minor, "{quote}");
}

/// Read digit by digit: a sum of lines may be longer than what is taken in.
fn minor_of(price: &Value, like: Money) -> i128 {
    assert_eq!(price["currency"], like.currency.code());
    let text = price["value"].as_str().expect("a decimal string");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let width = like.currency.exponent() as usize;
    assert!(part.len() <= width, "{text}");
    format!("{whole}{part:0<width$}").parse().expect("digits")
}

#[test]
fn every_currency_has_the_decimals_of_iso_4217() {
    let listed = |exponent: u32, codes: &str| {
        for code in codes.split_whitespace() {
            assert_eq!(currency(code).exponent(), exponent, "{code}");
        }
    };
    listed(
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    );
    listed(3, "BHD IQD JOD KWD LYD OMR TND");
    listed(4, "CLF UYW");
    listed(
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN \
         BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP \
         GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT \
         LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN \
         NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
         SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VES VED \
         WST XCD YER ZAR ZMW ZWG",
    );
}
