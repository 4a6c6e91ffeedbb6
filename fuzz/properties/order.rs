//! An order of one dialect as the provider hands it over: what intake takes can be stored, read
//! back and cancelled, at a price that is allowed, and keeps every byte that is not about it.

use beckn_bpp::domain::decide::{CancelRequest, Decision, Intent, decide};
use beckn_bpp::domain::ids::{NetworkName, OrderId, OrderKey};
use beckn_bpp::domain::money::Money;
use beckn_bpp::domain::order::{Cancellation, Order, Party, Reason};
use beckn_bpp::domain::policy::{Door, Policy};
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::intake::{self, Facts};
use beckn_bpp::protocol::kind::Kind;
use beckn_bpp::protocol::on_cancel::{self, Content, Style};
use beckn_bpp::protocol::raw::RawObject;
use beckn_bpp::protocol::time::Time;
use chrono::{DateTime, TimeDelta, Utc};

/// What a cancellation may change in an order.
fn changed_by_us(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::V0_9 => &["state", "quote"],
        Dialect::V1 | Dialect::OndcMobility => &[
            "status",
            "fulfillments",
            "quote",
            "updated_at",
            "cancellation",
        ],
        Dialect::OndcRetail | Dialect::OndcB2b => &[
            "state",
            "fulfillments",
            "quote",
            "updated_at",
            "cancellation",
        ],
        Dialect::Uhi => &["state", "fulfillment", "updated_at", "authorization"],
    }
}

/// Holds for every body that speaks `dialect`, and for orders that are on no network.
pub fn holds(dialect: Dialect, data: &[u8]) {
    let Ok(facts) = intake::read(data) else {
        return;
    };
    let document = facts.document.clone();
    let is_placed = facts.placement.is_some();
    let stored = RawObject::parse(&document).expect("what is kept is JSON");
    if is_placed && stored.get("context").and_then(on_cancel::dialect_of) != Some(dialect) {
        return;
    }
    let Some(order) = placed(facts) else {
        return;
    };
    reads_back(&order);
    for (by, intent) in [
        (Party::Customer, Intent::Quote),
        (Party::Customer, Intent::Commit),
        (Party::Provider, Intent::Commit),
    ] {
        let cancellation = match decided(&order, by, intent) {
            Some(cancellation) => cancellation,
            None => continue,
        };
        price_is_allowed(&order, &cancellation);
        let cancelled = order.cancelled(cancellation.clone());
        reads_back(&cancelled);
        let again = decide(&cancelled, &request(Party::Partner, Intent::Quote), now());
        assert_eq!(again, Decision::AlreadyCancelled(cancellation.clone()));
        if is_placed {
            callback_differs_only_by_the_cancellation(dialect, &document, &cancellation, intent);
        }
    }
}

fn now() -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// The order as the engine keeps it, under its own terms or free; none where the engine refuses
/// terms in another currency.
fn placed(facts: Facts) -> Option<Order> {
    let policy = facts.own_terms.unwrap_or_else(Policy::free);
    if let Some(price) = &facts.price {
        policy.check_currency(price).ok()?;
    }
    Some(Order {
        key: OrderKey {
            network: NetworkName::parse("mobility").expect("a name"),
            id: facts.id.or(OrderId::parse("O1").ok())?,
        },
        version: 1,
        placement: facts.placement,
        state: facts.state,
        fulfillments: facts.fulfillments,
        price: facts.price,
        paid: facts.paid,
        policy,
        booked_at: instant(facts.booked_at),
        occurred_at: instant(facts.occurred_at),
        booking: facts.booking,
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    })
}

fn instant(time: Option<Time>) -> DateTime<Utc> {
    let zone = Kind::Beckn.profile().time_zone;
    time.and_then(|time| time.in_zone(zone)).unwrap_or_else(now)
}

/// The store keeps JSON: an order that does not come back is lost with its acknowledgement.
fn reads_back(order: &Order) {
    let text = serde_json::to_string(order).expect("an order has a JSON form");
    let back = serde_json::from_str::<Order>(&text);
    assert_eq!(
        back.as_ref().map_err(ToString::to_string),
        Ok(order),
        "{text}"
    );
}

fn request(by: Party, intent: Intent) -> CancelRequest {
    let reason = Reason {
        id: Some("001".to_owned()),
        text: Some("\"quoted\"\n".to_owned()),
    };
    CancelRequest {
        by,
        door: Door::Network,
        reason,
        intent,
    }
}

fn decided(order: &Order, by: Party, intent: Intent) -> Option<Cancellation> {
    let decision = decide(order, &request(by, intent), now());
    match decision {
        Decision::Cancelled(cancellation) | Decision::Quoted(cancellation) => {
            assert!(order.state.is_cancellable());
            Some(cancellation)
        }
        Decision::Refused(denial) => {
            assert!(!order.state.is_cancellable(), "{}", denial.sentence());
            None
        }
        Decision::AlreadyCancelled(_)
        | Decision::Asked(_)
        | Decision::Waiting
        | Decision::Undecided(_) => {
            panic!("neither cancelled before nor asked of the provider")
        }
    }
}

fn price_is_allowed(order: &Order, cancellation: &Cancellation) {
    assert_eq!(cancellation.charge.is_some(), order.price.is_some());
    let (Some(charge), Some(price)) = (cancellation.charge, order.price) else {
        return;
    };
    let paid = order.paid.map_or(0, |paid| paid.minor);
    assert!((0..=price.minor.max(0)).contains(&charge.fee.minor));
    assert!(charge.refund.minor >= 0 && charge.due.minor >= 0);
    assert_eq!(
        paid - charge.refund.minor + charge.due.minor,
        charge.fee.minor
    );
    assert_eq!(charge.fee.currency, price.currency);
}

fn callback_differs_only_by_the_cancellation(
    dialect: Dialect,
    document: &str,
    cancellation: &Cancellation,
    intent: Intent,
) {
    let content = match intent {
        Intent::Quote => Content::Quoted(cancellation),
        Intent::Commit | Intent::Ask => Content::Cancelled(cancellation),
    };
    let style = Style {
        kind: Kind::Beckn,
        bpp_id: "bpp.example.org",
        cancelled_word: "Cancelled",
        text_tag: None,
        sends_pin: false,
    };
    let body = on_cancel::encode(dialect, "{}", document, content, &style);
    let body = body.expect("what intake took can be cancelled");
    serde_json::from_str::<serde_json::Value>(&body).expect("a body is JSON");
    let whole = RawObject::parse(&body).expect("an object");
    let message = whole.object("message").expect("a message");
    let after = message.object("order").expect("an order");
    let stored = RawObject::parse(document).expect("an object");
    let before = stored.object("order").expect("an order");
    let foreign = |(key, _): &(&str, &str)| !changed_by_us(dialect).contains(key);
    let kept: Vec<_> = before.iter().filter(foreign).collect();
    assert_eq!(after.iter().filter(foreign).collect::<Vec<_>>(), kept);
    total_is_the_fee(dialect, &after, cancellation);
}

/// The total is the fee and, unless a free 0.9.x cancellation left the quote as it was, so is
/// the sum of all lines.
fn total_is_the_fee(dialect: Dialect, order: &RawObject<'_>, cancellation: &Cancellation) {
    let (Some(quote), Some(charge)) = (order.object("quote"), cancellation.charge) else {
        return;
    };
    let Some(total) = quote
        .object("price")
        .and_then(|price| minor(&price, charge.fee))
    else {
        return;
    };
    if dialect == Dialect::V1 || charge.fee.minor > 0 {
        assert_eq!(total, charge.fee.minor);
        let lines = quote.array("breakup").expect("lines were added");
        let prices = (0..lines.len()).filter_map(|at| {
            let line = lines.object(at)?;
            minor(&line.object("price")?, charge.fee)
        });
        assert_eq!(prices.sum::<i128>(), charge.fee.minor, "{quote}");
    }
}

/// The amount of a price in minor units; unlike one that is read in, it may have any length.
fn minor(price: &RawObject<'_>, like: Money) -> Option<i128> {
    let text = price
        .get_str("value")
        .or(price.get("value").map(Into::into))?;
    let text = text.trim_start_matches('+');
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let width = like.currency.exponent() as usize;
    let part = format!("{:0<width$}", part.trim_end_matches('0'));
    format!("{whole}{part}").parse().ok()
}
