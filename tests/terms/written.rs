//! Orders as a provider writes them, in every dialect, and what leaves for them must add up to.

use beckn_bpp::domain::decide::Intent;
use beckn_bpp::domain::money::{Currency, Money, Percentage};
use beckn_bpp::domain::order::{Cancellation, Order};
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::kind::Kind;
use beckn_bpp::protocol::on_cancel::{self, Content, Style};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::drawn::{STATES, a_currency, amount, order, share, states};

/// An order as a provider hands it over, with the facts that the document does not have.
#[derive(Debug, Clone)]
pub struct Sample {
    pub dialect: Dialect,
    pub message: Value,
    pub order: Order,
}

/// A quote in whole units or with decimals, lines that need not sum to the total, terms by
/// amount, share or both, refund terms, and payments.
pub fn sample() -> impl Strategy<Value = Sample> {
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

pub type Written = (Money, bool);

#[allow(
    clippy::type_complexity,
    reason = "it is the shape of the strategy above"
)]
pub fn written(
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

pub const STYLE: Style<'static> = Style {
    kind: Kind::Beckn,
    bpp_id: "bpp.example.org",
    cancelled_word: "Cancelled",
    text_tag: None,
    sends_pin: false,
};

pub fn lines_sum_to_the_fee(
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
pub const ONDC: [(&str, &str); 3] = [
    ("ONDC:TRV11", "2.0.1"),
    ("ONDC:RET10", "1.2.0"),
    ("ONDC:RET10", "2.0.2"),
];

/// The quote of the order that leaves.
pub fn left(dialect: Dialect, document: &str, content: Content<'_>) -> Value {
    let body = on_cancel::encode(dialect, "{}", document, content, &STYLE);
    let mut body: Value = serde_json::from_str(&body.expect("writable")).expect("JSON");
    body["message"]["order"]["quote"].take()
}

pub fn add_up(quote: &Value, fee: Money) {
    assert_eq!(minor_of(&quote["price"], fee), fee.minor, "{quote}");
    let lines = quote["breakup"].as_array().expect("lines").iter();
    let sum: i128 = lines.map(|line| minor_of(&line["price"], fee)).sum();
    assert_eq!(sum, fee.minor, "{quote}");
}

/// Read digit by digit: a sum of lines may be longer than what is taken in.
pub fn minor_of(price: &Value, like: Money) -> i128 {
    assert_eq!(price["currency"], like.currency.code());
    let text = price["value"].as_str().expect("a decimal string");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let width = like.currency.exponent() as usize;
    assert!(part.len() <= width, "{text}");
    format!("{whole}{part:0<width$}").parse().expect("digits")
}
