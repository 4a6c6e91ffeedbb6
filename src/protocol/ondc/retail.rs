//! ONDC retail: what a cancellation changes in an order of 1.2.x and, between businesses, 2.0.x.
//!
//! Both say in `cancelled_by` which subscriber cancelled. Shops (1.2.x) zero the lines of the
//! quote and put on each cancelled fulfilment why, what it was before, and by how much each line
//! changed; trade (2.0.x) leaves the fulfilment's tags alone and adds refunds to the quote. One
//! fulfilment of several cannot be cancelled by itself, and goods that must come back (RTO) are
//! the provider's own process: neither is written here.

use chrono::{DateTime, Utc};

use super::lines::{self, Change};
use crate::domain::order::{Cancellation, Party};
use crate::protocol::on_cancel::{Error, rfc3339};
use crate::protocol::raw::{RawArray, RawObject, quote};
use crate::protocol::v1;

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
    fn who(self, by: Party) -> &'a str {
        match by {
            Party::Customer | Party::Partner => self.bap,
            Party::Provider => self.bpp,
        }
    }
}

/// A shop's order as cancelled.
///
/// # Errors
/// When the stored document cannot be read back.
pub fn cancelled(
    order: &mut RawObject<'_>,
    cancellation: &Cancellation,
    parties: Parties<'_>,
) -> Result<(), Error> {
    let changes = price(order, cancellation)?;
    let places = Places::of(order);
    let by = parties.who(cancellation.by);
    change_fulfillments(order, cancellation.at, |id, before, fulfillment| {
        let mut tags = vec![request_tag(cancellation, by)];
        tags.extend(before.map(before_tag));
        let own = changes
            .iter()
            .filter(|change| places.of_change(change) == id);
        tags.extend(own.map(trail_tag));
        add_tags(fulfillment, &tags);
    });
    finish(order, cancellation, by);
    Ok(())
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
    change_fulfillments(order, cancellation.at, |_, _, _| {});
    finish(order, cancellation, parties.who(cancellation.by));
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

fn price(order: &mut RawObject<'_>, cancellation: &Cancellation) -> Result<Vec<Change>, Error> {
    let quote = order.get("quote").map(str::to_owned);
    let (Some(charge), Some(quote)) = (cancellation.charge, quote) else {
        return Ok(Vec::new());
    };
    let first = Places::of(order).first;
    let (quote, changes) = lines::zeroed(&quote, charge.fee, first.as_deref())?;
    order.set("quote", quote);
    Ok(changes)
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
    if order.get("updated_at").is_some() {
        order.set("updated_at", quote(&rfc3339(cancellation.at)));
    }
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

/// What a fulfilment was before, and since when.
struct Before {
    code: String,
    since: Option<String>,
}

/// Cancels every fulfilment that still stands for something to come; `also` adds to it.
fn change_fulfillments(
    order: &mut RawObject<'_>,
    at: DateTime<Utc>,
    also: impl Fn(Option<&str>, Option<Before>, &mut RawObject<'_>),
) {
    let Some(list) = order.array("fulfillments") else {
        return;
    };
    let since = order.get_str("updated_at").map(Into::into);
    let mut changed = RawArray::default();
    for item in list.iter() {
        let Some(mut fulfillment) = RawObject::parse(item).ok().filter(is_open) else {
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

fn is_open(fulfillment: &RawObject<'_>) -> bool {
    let kind = fulfillment.get_str("type").unwrap_or_default();
    v1::fulfillment_code(fulfillment).as_deref() != Some(CANCELLED)
        && !OF_THE_PAST.contains(&&*kind)
}

fn before(fulfillment: &RawObject<'_>, order_since: Option<String>) -> Option<Before> {
    let state = fulfillment.object("state");
    let own = state.and_then(|state| state.get_str("updated_at").map(Into::into));
    Some(Before {
        code: v1::fulfillment_code(fulfillment)?,
        since: own.or(order_since),
    })
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

fn objects<T>(
    order: &RawObject<'_>,
    member: &str,
    read: impl Fn(&RawObject<'_>) -> Option<T>,
) -> Vec<T> {
    let list = order.array(member).unwrap_or_default();
    let list = list.iter().filter_map(|item| RawObject::parse(item).ok());
    list.filter_map(|item| read(&item)).collect()
}

fn request_tag(cancellation: &Cancellation, by: &str) -> String {
    let reason = cancellation
        .reason
        .id
        .as_deref()
        .map(|id| ("reason_id", id));
    let list: Vec<_> = reason.into_iter().chain([("cancelled_by", by)]).collect();
    tag("cancel_request", &list)
}

fn before_tag(before: Before) -> String {
    let since = before.since.as_deref().map(|at| ("updated_at", at));
    let list = [("fulfillment_state", &*before.code)];
    let list: Vec<_> = list.into_iter().chain(since).collect();
    tag("precancel_state", &list)
}

fn trail_tag(change: &Change) -> String {
    let about = change.about.as_deref().map(|id| ("id", id));
    let mut list = vec![("type", &*change.kind)];
    list.extend(about);
    list.push(("currency", change.amount.currency.code()));
    list.push(("value", &*change.value));
    tag("quote_trail", &list)
}

fn tag(code: &str, list: &[(&str, &str)]) -> String {
    let entry = |(code, value): &(&str, &str)| {
        format!(r#"{{"code":{},"value":{}}}"#, quote(code), quote(value))
    };
    let list: Vec<String> = list.iter().map(entry).collect();
    format!(r#"{{"code":{},"list":[{}]}}"#, quote(code), list.join(","))
}

fn add_tags(fulfillment: &mut RawObject<'_>, tags: &[String]) {
    let mut all = fulfillment.array("tags").unwrap_or_default();
    for tag in tags {
        all.push(tag.as_str());
    }
    let all = all.to_string();
    fulfillment.set("tags", all);
}
