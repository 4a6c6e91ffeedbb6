//! The properties: of rounding, of charges, of what was previewed, and of what leaves.

use beckn_bpp::domain::decide::{CancelRequest, Decision, Intent, decide};
use beckn_bpp::domain::ids::MessageId;
use beckn_bpp::domain::money::{Money, Percentage};
use beckn_bpp::domain::order::{Order, Party, Reason};
use beckn_bpp::domain::policy::{Charge, Door, Policy, Rule};
use beckn_bpp::domain::preview::steps;
use beckn_bpp::domain::terms::terms;
use beckn_bpp::domain::undecided::{Answer, Undecided, settle};
use beckn_bpp::protocol::intake;
use beckn_bpp::protocol::terms::version;
use chrono::TimeDelta;
use proptest::option;
use proptest::prelude::*;

use crate::drawn::{a_currency, asked, currency, minor, money, now, order, party, rule};
use crate::written::{lines_sum_to_the_fee, sample};

/// Fee within the price; refund and due never negative; nobody pays or gets more than the fee.
pub fn charge_is_allowed(charge: &Charge, price: Money, paid: Option<Money>) {
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
