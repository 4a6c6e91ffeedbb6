//! The money lines of an ONDC quote once the order is cancelled.
//!
//! Three ways to write the same sum: shops zero what is not paid any more, trade between
//! businesses adds a refund after each line, and tickets get one refund for each fare. In all of
//! them the lines add up to the fee, whatever the lines were. What a cancellation costs is
//! decided elsewhere.

mod tickets;

use super::share::Share;
use crate::domain::money::{Currency, Money};
use crate::protocol::quote::{self, Error};
use crate::protocol::raw::{self, RawArray, RawObject, quote as text};

pub(super) use self::tickets::returned;

/// What a line is about: an item, a fulfilment.
const ABOUT: &str = "@ondc/org/item_id";
/// What kind of line it is.
const TYPE: &str = "@ondc/org/title_type";
/// How many of an item it is for.
const QUANTITY: &str = "@ondc/org/item_quantity";

/// The kind of line that is for bringing it.
const DELIVERY: &str = "delivery";

/// Lines that are for a service of the seller and may stay when the goods do not.
const CHARGES: [&str; 3] = [DELIVERY, "packing", "misc"];

/// By how much a line changed, for the trail that shops show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The kind of line.
    pub kind: String,
    /// The item or fulfilment it is about.
    pub about: Option<String>,
    /// Negative for what is refunded.
    pub amount: Money,
    /// The amount as it is written.
    pub value: String,
}

struct Line<'a> {
    object: RawObject<'a>,
    amount: Money,
    written: String,
    kind: String,
    /// How much of the amount is cancelled.
    taken: i128,
    /// Whether it may stay as a fee.
    may_stay: bool,
}

impl Line<'_> {
    fn value(&self, amount: Money) -> String {
        amount.display_like(&self.written)
    }

    /// The line over another amount; an item's without those of it that are cancelled.
    fn over(&self, amount: Money, share: &Share) -> Result<RawObject<'_>, raw::Error> {
        let mut line = self.object.clone();
        if self.kind == "item" {
            let about = self.object.get_str(ABOUT);
            set_quantity(&mut line, |count| share.count_left(about.as_deref(), count));
        }
        if amount != self.amount {
            line.set("price", with_value(self.price(), &self.value(amount))?);
        }
        Ok(line)
    }

    fn price(&self) -> &str {
        self.object.get("price").unwrap_or("{}")
    }

    fn change(&self, by: i128) -> Change {
        let amount = self.amount.with_minor(by);
        Change {
            kind: self.kind.clone(),
            about: self.object.get_str(ABOUT).map(Into::into),
            amount,
            value: self.value(amount),
        }
    }
}

/// A shop's quote without the share that is cancelled for `fee`: goods of it at nothing, charges
/// as far as the fee reaches, and everything else as it was. `for_what` is the fulfilment that a
/// fee beyond the charges is put down to.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn zeroed(
    quote: &str,
    share: &Share,
    fee: Money,
    for_what: Option<&str>,
) -> Result<(String, Vec<Change>), Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency, share)?;
    let (kept, beyond) = keep(&lines, fee);
    let mut changed = RawArray::default();
    let mut changes = Vec::new();
    let mut total = beyond;
    for (line, kept) in lines.iter().zip(kept) {
        let left = line.amount.minor - line.taken + kept;
        total += left;
        changed.push(line.over(line.amount.with_minor(left), share)?.text());
        if left != line.amount.minor {
            changes.push(line.change(left - line.amount.minor));
        }
    }
    if beyond > 0 {
        let more = fee.with_minor(beyond);
        let value = more.display_like(&total_as_written(&object));
        changed.push(charge(for_what, &value, fee.currency));
        changes.push(Change {
            kind: "misc".to_owned(),
            about: for_what.map(str::to_owned),
            amount: more,
            value,
        });
    }
    let total = fee.with_minor(total);
    Ok((with_lines(&object, total, &changed)?, changes))
}

/// What the share costs by its lines; none where it cannot be told, because the lines do not add
/// up to the total, or give more back for it than it costs.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn price(quote: &str, share: &Share, total: Money) -> Result<Option<Money>, Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, total.currency, share)?;
    let sum: i128 = lines.iter().map(|line| line.amount.minor).sum();
    let taken: i128 = lines.iter().map(|line| line.taken).sum();
    let is_told = sum == total.minor && taken >= 0;
    Ok(is_told.then(|| total.with_minor(taken)))
}

/// The quote with a line for the way back behind what the way there cost, and that line.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn with_return(
    quote: &str,
    (of, id): (&str, &str),
    cost: Money,
) -> Result<(String, Change), Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, cost.currency, &Share::all())?;
    let is_way_there = |line: &Line<'_>| {
        line.kind == DELIVERY && line.object.get_str(ABOUT).as_deref() == Some(of)
    };
    let behind = lines.iter().rposition(is_way_there);
    let value = cost.display_like(&total_as_written(&object));
    let line = named(
        (Some(id), "Delivery charges"),
        DELIVERY,
        &value,
        cost.currency,
    );
    let mut changed = RawArray::default();
    for (at, known) in breakup.iter().enumerate() {
        changed.push(known);
        if Some(at) == behind {
            changed.push(line.as_str());
        }
    }
    if behind.is_none() {
        changed.push(line.as_str());
    }
    let total: i128 = lines.iter().map(|line| line.amount.minor).sum();
    let change = Change {
        kind: DELIVERY.to_owned(),
        about: Some(id.to_owned()),
        amount: cost,
        value,
    };
    let total = cost.with_minor(total + cost.minor);
    Ok((with_lines(&object, total, &changed)?, change))
}

/// A trade quote over `fee`: every line stays, and a refund follows what is not paid any more.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn refunded(quote: &str, fee: Money, for_what: Option<&str>) -> Result<String, Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency, &Share::all())?;
    let (kept, beyond) = keep(&lines, fee);
    let mut changed = RawArray::default();
    for (line, kept) in lines.iter().zip(kept) {
        changed.push(line.object.text());
        if kept != line.amount.minor {
            let mut refund = line.object.clone();
            refund.set(TYPE, text("refund"));
            without_quantity(&mut refund);
            let back = line.value(line.amount.with_minor(kept - line.amount.minor));
            refund.set("price", with_value(line.price(), &back)?);
            changed.push(refund.text());
        }
    }
    if beyond > 0 {
        let value = fee.with_minor(beyond);
        let value = value.display_like(&total_as_written(&object));
        changed.push(charge(for_what, &value, fee.currency));
    }
    with_lines(&object, fee, &changed)
}

/// What of its cancelled share each line keeps when that costs `fee`, and what the fee exceeds
/// that by: charges stay as far as it reaches, in their order, everything else goes.
fn keep(lines: &[Line<'_>], fee: Money) -> (Vec<i128>, i128) {
    let mut left = fee.minor.max(0);
    let keep = |line: &Line<'_>| {
        let most = if line.may_stay { left } else { 0 };
        let kept = line.taken.clamp(0, most);
        left -= kept;
        kept
    };
    let kept = lines.iter().map(keep).collect();
    (kept, left)
}

fn breakup<'a>(quote: &'a RawObject<'_>) -> Result<RawArray<'a>, raw::Error> {
    quote
        .get("breakup")
        .map_or(Ok(RawArray::default()), RawArray::parse)
}

fn read<'a>(
    breakup: &'a RawArray<'_>,
    currency: Currency,
    share: &Share,
) -> Result<Vec<Line<'a>>, Error> {
    let line = |(index, text): (usize, &'a str)| {
        let object = RawObject::parse(text)?;
        let price = RawObject::parse(object.get("price").unwrap_or("{}"))?;
        let path = format!("quote.breakup[{index}].price");
        let amount = quote::amount(&price, &path, Some(currency))?;
        let written = price.get("value").and_then(quote::decimal_text);
        let kind: Option<String> = object.get_str(TYPE).map(Into::into);
        let is_charge = kind.as_deref().is_some_and(|kind| CHARGES.contains(&kind));
        let about = object.get_str(ABOUT).map(String::from);
        Ok(Line {
            taken: share.of(about.as_deref(), amount).minor,
            may_stay: is_charge && share.may_stay(about.as_deref()),
            amount,
            written: written.unwrap_or_default(),
            kind: kind.unwrap_or_default(),
            object,
        })
    };
    breakup.iter().enumerate().map(line).collect()
}

fn with_lines(quote: &RawObject<'_>, fee: Money, lines: &RawArray<'_>) -> Result<String, Error> {
    let value = fee.display_like(&total_as_written(quote));
    let price = with_value(quote.get("price").unwrap_or("{}"), &value)?;
    let mut changed = quote.clone();
    changed.set("price", price);
    changed.set("breakup", lines.to_string());
    Ok(changed.text())
}

fn total_as_written(quote: &RawObject<'_>) -> String {
    let price = quote.object("price");
    let value = price.and_then(|price| price.get("value").and_then(quote::decimal_text));
    value.unwrap_or_default()
}

fn with_value(price: &str, value: &str) -> Result<String, raw::Error> {
    let mut price = RawObject::parse(price)?;
    price.set("value", text(value));
    Ok(price.text())
}

fn without_quantity(line: &mut RawObject<'_>) {
    set_quantity(line, |_| 0);
}

fn set_quantity(line: &mut RawObject<'_>, left: impl FnOnce(u64) -> u64) {
    let count = line.object(QUANTITY).map(|mut quantity| {
        let count = quantity.get("count").and_then(|count| count.parse().ok());
        quantity.set("count", left(count.unwrap_or(0)).to_string());
        quantity.text()
    });
    if let Some(count) = count {
        line.set(QUANTITY, count);
    }
}

fn charge(for_what: Option<&str>, value: &str, currency: Currency) -> String {
    named((for_what, "Cancellation charges"), "misc", value, currency)
}

fn named((about, title): (Option<&str>, &str), kind: &str, value: &str, of: Currency) -> String {
    let about = about.map_or(String::new(), |id| format!(r#""{ABOUT}":{},"#, text(id)));
    let price = price_of(value, of);
    format!(r#"{{{about}"title":"{title}","{TYPE}":"{kind}","price":{price}}}"#)
}

fn price_of(value: &str, currency: Currency) -> String {
    let (currency, value) = (text(currency.code()), text(value));
    format!(r#"{{"currency":{currency},"value":{value}}}"#)
}

#[cfg(test)]
mod tests;
