//! ONDC retail: what a cancellation changes in an order of 1.2.x and, between businesses, 2.0.x.
//!
//! Both say in `cancelled_by` which subscriber cancelled. Shops (1.2.x) zero the lines of the
//! quote and put on each cancelled fulfilment why, what it was before, and by how much each line
//! changed; trade (2.0.x) leaves the fulfilment's tags alone and adds refunds to the quote. A shop's
//! fulfilment may also be cancelled alone, or come back (`parcel`).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::lines::{self, Change};
use super::parcel;
use super::share::Share;
use super::tags::{Before, add_tags, before, before_tag, request_tag, trail_tag};
use crate::domain::money::Money;
use crate::domain::order::{Cancellation, Party, State};
use crate::domain::portion::Portion;
use crate::protocol::on_cancel::Error;
use crate::protocol::raw::{RawArray, RawObject, quote};
use crate::protocol::time::Time;
use crate::protocol::{v1, words};

/// The word of both for a cancelled order and fulfilment.
const CANCELLED: &str = "Cancelled";

/// Fulfilments that stand for what is cancelled or comes back already.
const OF_THE_PAST: [&str; 2] = ["Cancel", "RTO"];

/// The two sides of an order, as they are registered.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The buyer app.
    pub bap: &'a str,
    /// Us.
    pub bpp: &'a str,
}

impl<'a> Parties<'a> {
    /// Goods on their way are often given up by their carrier.
    fn who(self, cancellation: &'a Cancellation) -> &'a str {
        let rto = cancellation.rto.as_ref();
        let carrier = rto.and_then(|rto| rto.cancelled_by.as_deref());
        match cancellation.by {
            Party::Customer | Party::Partner => self.bap,
            Party::Provider => carrier.unwrap_or(self.bpp),
        }
    }
}

/// A shop's order as cancelled, or one fulfilment of it. What is about one fulfilment, or brings
/// one back, is written into the stored document when it is decided: it is there already then.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled(
    order: &mut RawObject<'_>,
    cancellation: &Cancellation,
    parties: Parties<'_>,
) -> Result<(), Error> {
    let rto = cancellation.rto.as_ref();
    let one = cancellation.fulfillment();
    let parcel = one.or(rto.map(|rto| rto.of.as_str()));
    if parcel.is_some_and(|id| !Places::of(order).is_open(id)) {
        return Ok(());
    }
    let (changes, cost) = price(order, cancellation)?;
    let places = Places::of(order);
    let by = parties.who(cancellation);
    change_fulfillments(order, (one, cancellation.at), |id, before, fulfillment| {
        let rto = rto.filter(|rto| id == Some(rto.of.as_str()));
        let mut tags = vec![request_tag(cancellation, rto.map(parcel::tries), by)];
        tags.extend(before.map(before_tag));
        let is_own = |change: &&Change| one.is_some() || places.of_change(change) == id;
        tags.extend(changes.iter().filter(is_own).map(trail_tag));
        add_tags(fulfillment, &tags);
    });
    if let Some(id) = parcel {
        parcel::move_items(order, id, rto.map(|rto| rto.id.as_str()));
    }
    if let Some(rto) = rto {
        parcel::add_return(order, rto, cost.as_ref(), cancellation.at);
    }
    match one {
        Some(_) => parcel::goes_on(order, cancellation.at),
        None => finish(order, cancellation, by),
    }
    Ok(())
}

/// What one fulfilment of a shop's order costs by the lines of the quote; none where that cannot
/// be told. `total` is that of the quote.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn price_of(order: &RawObject<'_>, id: &str, total: Money) -> Result<Option<Money>, Error> {
    let portion = Portion::Fulfillment(id.to_owned());
    let share = Share::of_order(order, Some(&portion));
    let quote = order.get("quote").unwrap_or("{}");
    Ok(lines::price(quote, &share, total)?)
}

/// When a fulfilment was promised to have arrived or, of all that are still to come, the first;
/// none where the order does not say.
#[must_use]
pub fn promised(order: &RawObject<'_>, id: Option<&str>) -> Option<DateTime<Utc>> {
    let ends = objects(order, "fulfillments", |one| {
        let code = v1::fulfillment_code(one);
        let is_over = code
            .is_some_and(|code| words::state_of_fulfillment(&code).is_some_and(State::is_final));
        let is_meant = id.map_or(!is_over, |id| one.get_str("id").as_deref() == Some(id));
        let end = one.object("end").filter(|_| is_meant)?;
        let time = end.object("time")?;
        let range = time.object("range")?;
        Time::parse(&range.get_str("end")?)?.in_zone(Tz::UTC)
    });
    ends.into_iter().min()
}

/// The order of a business as cancelled.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled_b2b(
    order: &mut RawObject<'_>,
    cancellation: &Cancellation,
    parties: Parties<'_>,
) -> Result<(), Error> {
    price_b2b(order, cancellation)?;
    change_fulfillments(order, (None, cancellation.at), |_, _, _| {});
    finish(order, cancellation, parties.who(cancellation));
    Ok(())
}

/// A shop's order with what cancelling it would cost. Its state has no word for that.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn quoted(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    price(order, cancellation).map(drop)
}

/// The same of a business.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn quoted_b2b(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    price_b2b(order, cancellation)
}

/// Changes the quote; by how much its lines changed, and what the way back costs.
fn price(
    order: &mut RawObject<'_>,
    cancellation: &Cancellation,
) -> Result<(Vec<Change>, Option<Change>), Error> {
    let quote = order.get("quote").map(str::to_owned);
    let (Some(charge), Some(quote)) = (cancellation.charge, quote) else {
        return Ok((Vec::new(), None));
    };
    let share = Share::of_order(order, cancellation.portion.as_ref());
    let first = Places::of(order).first;
    let for_what = cancellation.fulfillment().or(first.as_deref());
    let back = cancellation.rto.as_ref();
    let back = back.and_then(|rto| Some((rto, rto.charge?)));
    let minor = charge.fee.minor - back.map_or(0, |(_, cost)| cost.minor);
    let (mut quote, changes) =
        lines::zeroed(&quote, &share, charge.fee.with_minor(minor), for_what)?;
    let mut way_back = None;
    if let Some((rto, cost)) = back {
        let (with, change) = lines::with_return(&quote, (&rto.of, &rto.id), cost)?;
        quote = with;
        way_back = Some(change);
    }
    order.set("quote", quote);
    Ok((changes, way_back))
}

fn price_b2b(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<(), Error> {
    let quote = order.get("quote").map(str::to_owned);
    if let (Some(charge), Some(quote)) = (cancellation.charge, quote) {
        let first = Places::of(order).first;
        let quote = lines::refunded(&quote, charge.fee, first.as_deref())?;
        order.set("quote", quote);
    }
    Ok(())
}

fn finish(order: &mut RawObject<'_>, cancellation: &Cancellation, by: &str) {
    order.set("state", quote(CANCELLED));
    v1::set_updated_at(order, cancellation.at);
    let by = quote(by);
    let reason = cancellation.reason.id.as_deref();
    let reason = reason.map_or(String::new(), |id| {
        format!(r#","reason":{{"id":{}}}"#, quote(id))
    });
    order.set(
        "cancellation",
        format!(r#"{{"cancelled_by":{by}{reason}}}"#),
    );
}

/// Cancels every fulfilment that still stands for something to come, or only that one; `also`
/// adds to it.
fn change_fulfillments(
    order: &mut RawObject<'_>,
    (only, at): (Option<&str>, DateTime<Utc>),
    also: impl Fn(Option<&str>, Option<Before>, &mut RawObject<'_>),
) {
    let Some(list) = order.array("fulfillments") else {
        return;
    };
    let since = order.get_str("updated_at").map(Into::into);
    let mut changed = RawArray::default();
    for item in list.iter() {
        let is_meant = |one: &RawObject<'_>| {
            is_open(one) && only.is_none_or(|id| one.get_str("id").as_deref() == Some(id))
        };
        let Some(mut fulfillment) = RawObject::parse(item).ok().filter(is_meant) else {
            changed.push(item);
            continue;
        };
        let before = before(&fulfillment, since.clone());
        v1::set_fulfillment_code(&mut fulfillment, CANCELLED, at);
        let id: Option<String> = fulfillment.get_str("id").map(Into::into);
        also(id.as_deref(), before, &mut fulfillment);
        changed.push(fulfillment.text());
    }
    let changed = changed.to_string();
    order.set("fulfillments", changed);
}

/// Whether a fulfilment still stands for something to come.
pub(super) fn is_open(fulfillment: &RawObject<'_>) -> bool {
    let kind = fulfillment.get_str("type").unwrap_or_default();
    v1::fulfillment_code(fulfillment).as_deref() != Some(CANCELLED)
        && !OF_THE_PAST.contains(&&*kind)
}

/// Which fulfilment each item is in, and the first that is still open.
struct Places {
    of_items: Vec<(String, String)>,
    fulfillments: Vec<String>,
    first: Option<String>,
}

impl Places {
    fn of(order: &RawObject<'_>) -> Self {
        let open: Vec<String> = objects(order, "fulfillments", |one| {
            is_open(one).then(|| one.get_str("id").map(Into::into))?
        });
        Self {
            of_items: objects(order, "items", |item| {
                let id = item.get_str("id")?.into();
                Some((id, item.get_str("fulfillment_id")?.into()))
            }),
            first: open.first().cloned(),
            fulfillments: open,
        }
    }

    fn is_open(&self, id: &str) -> bool {
        self.fulfillments.iter().any(|open| open == id)
    }

    /// The fulfilment that a line's change is shown on.
    fn of_change(&self, change: &Change) -> Option<&str> {
        let about = change.about.as_ref();
        let itself = self.fulfillments.iter().find(|id| Some(*id) == about);
        let item = self.of_items.iter().find(|(item, _)| Some(item) == about);
        let of_item = item
            .map(|(_, id)| id)
            .filter(|id| self.fulfillments.contains(id));
        let place = itself.or(of_item).or(self.first.as_ref());
        place.map(String::as_str)
    }
}

/// What is read of each object in a list of the order.
pub(super) fn objects<T>(
    order: &RawObject<'_>,
    member: &str,
    read: impl Fn(&RawObject<'_>) -> Option<T>,
) -> Vec<T> {
    let list = order.array(member).unwrap_or_default();
    let list = list.iter().filter_map(|item| RawObject::parse(item).ok());
    list.filter_map(|item| read(&item)).collect()
}
