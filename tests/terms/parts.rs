//! The money of an order that goes part by part: nothing is lost, and nothing is paid twice.

use beckn_bpp::domain::decide::{CancelRequest, Decision, Intent, decide};
use beckn_bpp::domain::money::Currency;
use beckn_bpp::domain::order::{Cancellation, Order, Party, Reason, State};
use beckn_bpp::domain::policy::{Charge, Door, Policy};
use beckn_bpp::domain::portion::Portion;
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::on_cancel::{self, Content};
use beckn_bpp::protocol::ondc::retail;
use beckn_bpp::protocol::raw::RawObject;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::charges::charge_is_allowed;
use crate::drawn::{STATES, a_currency, built, money, now, policy};
use crate::written::{STYLE, add_up, left, minor_of};

/// A basket in two to four parcels, and the order in which they are cancelled.
#[derive(Debug, Clone)]
struct Basket {
    order: Order,
    document: String,
    sequence: Vec<usize>,
}

type Item = (i128, Vec<u32>);

fn basket() -> impl Strategy<Value = Basket> {
    let of = |(currency, parcels): (Currency, usize)| {
        let small = || 0..2_000_000_i128;
        let items = vec((small(), vec(0..4_u32, parcels)), 1..5);
        let charges = vec((small(), small()), parcels);
        let others = vec(-5_000..50_000_i128, 0..3);
        let paid = option::of(0..12_000_000_i128);
        let sequence = Just((0..parcels).collect::<Vec<_>>()).prop_shuffle();
        let money = (items, charges, others, paid);
        (
            Just(currency),
            money,
            policy(currency),
            sequence,
            1..=parcels,
        )
    };
    (a_currency(), 2..5_usize).prop_flat_map(of).prop_map(
        |(currency, money, policy, mut sequence, some)| {
            sequence.truncate(some);
            let (items, charges, others, paid) = money;
            written(
                currency,
                (&items, &charges, &others),
                (paid, policy),
                sequence,
            )
        },
    )
}

fn id(parcel: usize) -> String {
    format!("F{parcel}")
}

#[allow(
    clippy::type_complexity,
    reason = "it is the shape of the strategy above"
)]
fn written(
    currency: Currency,
    (items, charges, others): (&[Item], &[(i128, i128)], &[i128]),
    (paid, policy): (Option<i128>, Policy),
    sequence: Vec<usize>,
) -> Basket {
    let line = |about: Option<String>, kind: &str, minor: i128| {
        json!({"@ondc/org/item_id": about, "@ondc/org/title_type": kind,
            "price": {"currency": currency.code(), "value": money(minor, currency).to_string()}})
    };
    let mut lines = Vec::new();
    let mut placed = Vec::new();
    for (at, (minor, counts)) in items.iter().enumerate() {
        let item = format!("I{at}");
        let mut goods = line(Some(item.clone()), "item", *minor);
        goods["@ondc/org/item_quantity"] = json!({"count": counts.iter().sum::<u32>()});
        lines.push(goods);
        lines.push(line(Some(item.clone()), "tax", minor / 7));
        lines.push(line(Some(item.clone()), "discount", -minor / 11));
        lines.push(line(Some(item.clone()), "packing", minor / 13));
        let in_parcels = counts.iter().enumerate();
        placed.extend(in_parcels.map(|(parcel, count)| {
            json!({"id": item, "fulfillment_id": id(parcel), "quantity": {"count": count}})
        }));
    }
    for (parcel, (delivery, packing)) in charges.iter().enumerate() {
        lines.push(line(Some(id(parcel)), "delivery", *delivery));
        lines.push(line(Some(id(parcel)), "packing", *packing));
    }
    lines.extend(others.iter().map(|minor| line(None, "misc", *minor)));
    let total = lines
        .iter()
        .map(|line| minor_of(&line["price"], money(0, currency)));
    let total: i128 = total.sum();
    let parcels = 0..charges.len();
    let fulfillments: Vec<_> = parcels
        .clone()
        .map(|parcel| json!({"id": id(parcel), "state": {"descriptor": {"code": "Pending"}}}))
        .collect();
    let document = json!({
        "context": {"domain": "ONDC:RET10", "core_version": "1.2.0", "bap_id": "b"},
        "order": {"id": "O1", "state": "Accepted", "items": placed, "fulfillments": fulfillments,
            "quote": {"breakup": lines, "price": {"currency": currency.code(),
                "value": money(total, currency).to_string()}}}});
    let order = built((
        currency,
        (total, paid),
        (0, None),
        STATES[0],
        (policy, None),
    ));
    let fulfillments = parcels.map(|parcel| {
        serde_json::from_value(json!({"id": id(parcel), "state": "Pending"})).expect("a fulfilment")
    });
    Basket {
        order: Order {
            fulfillments: fulfillments.collect(),
            ..order
        },
        document: document.to_string(),
        sequence,
    }
}

fn commit() -> CancelRequest {
    CancelRequest {
        by: Party::Customer,
        door: Door::Network,
        reason: Reason::default(),
        intent: Intent::Commit,
    }
}

/// The order without a parcel, with its document; none where the terms or the quote do not allow it.
fn without(order: &Order, document: &str, parcel: usize) -> Option<(Order, String)> {
    let total = order.price.expect("a price");
    let whole = RawObject::parse(document).expect("an object");
    let raw = whole.object("order").expect("an order");
    let price = retail::price_of(&raw, &id(parcel), total).expect("readable")?;
    let part = order.only(&order.fulfillments[parcel], State::Confirmed, Some(price));
    let Decision::Cancelled(cancellation) = decide(&part, &commit(), now()) else {
        return None;
    };
    let charge = cancellation.charge.expect("a charge");
    charge_is_allowed(&charge, part.price.expect("a price"), part.paid);
    assert!(charge.fee.minor <= price.minor.max(0));
    let cancellation = Cancellation {
        portion: Some(Portion::Fulfillment(id(parcel))),
        ..cancellation
    };
    let after = on_cancel::written(document, &cancellation, &STYLE).expect("writable");
    let again = on_cancel::written(&after, &cancellation, &STYLE).expect("writable");
    assert_eq!(again, after, "it is there already");
    let quote = &serde_json::from_str::<Value>(&after).expect("JSON")["order"]["quote"];
    let left = total.with_minor(minor_of(&quote["price"], total));
    assert_eq!(left.minor, total.minor - price.minor + charge.fee.minor);
    add_up(quote, left);
    let mut order = order.without(&part, cancellation);
    order.price = Some(left);
    order.fulfillments[parcel].state = Some("Cancelled".to_owned());
    Some((order, after))
}

proptest! {
    #[test]
    fn an_order_that_goes_part_by_part_costs_at_most_its_price_and_pays_nothing_back_twice(
        basket in basket(),
    ) {
        let Basket { mut order, mut document, sequence } = basket;
        let price = order.price.expect("a price");
        prop_assume!(price.minor >= 0);
        for parcel in sequence {
            if let Some(next) = without(&order, &document, parcel) {
                (order, document) = next;
            }
        }
        let text = serde_json::to_string(&order).expect("an order has a JSON form");
        let back: Order = serde_json::from_str(&text).expect("readable");
        prop_assert_eq!(&back, &order);
        let mut charges: Vec<Charge> = order.parts.iter()
            .filter_map(|part| part.cancellation.charge).collect();
        let fees = |charges: &[Charge]| charges.iter().map(|charge| charge.fee.minor).sum::<i128>();
        if let Decision::Cancelled(rest) = decide(&order, &commit(), now()) {
            let charge = rest.charge.expect("a charge");
            charge_is_allowed(&charge, order.price_left().expect("a price"), order.paid_left());
            prop_assert_eq!(rest.portion.is_some(), !order.parts.is_empty());
            charges.push(charge);
            let quote = left(Dialect::OndcRetail, &document, Content::Cancelled(&rest));
            add_up(&quote, price.with_minor(fees(&charges)));
            let [refunds, dues] = [|one: &Charge| one.refund.minor, |one: &Charge| one.due.minor]
                .map(|of| charges.iter().map(of).sum::<i128>());
            let paid = order.paid.map_or(0, |paid| paid.minor);
            prop_assert_eq!(paid - refunds + dues, fees(&charges));
        }
        prop_assert!((0..=price.minor).contains(&fees(&charges)));
    }
}
