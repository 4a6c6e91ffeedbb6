//! The money lines of an ONDC quote once the order is cancelled.
//!
//! Three ways to write the same sum: shops zero what is not paid any more, trade between
//! businesses adds a refund after each line, and tickets get one refund for each fare. In all of
//! them the lines add up to the fee, whatever the lines were. What a cancellation costs is
//! decided elsewhere.

use crate::domain::money::{Currency, Money};
use crate::protocol::quote::{self, Error, Quote};
use crate::protocol::raw::{self, RawArray, RawObject, quote as text};

/// What a line is about: an item, a fulfilment.
const ABOUT: &str = "@ondc/org/item_id";
/// What kind of line it is.
const TYPE: &str = "@ondc/org/title_type";
/// How many of an item it is for.
const QUANTITY: &str = "@ondc/org/item_quantity";

/// Lines that are for a service of the seller and may stay when the goods do not.
const CHARGES: [&str; 3] = ["delivery", "packing", "misc"];

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
}

impl Line<'_> {
    fn value(&self, amount: Money) -> String {
        amount.display_like(&self.written)
    }

    /// The line over another amount; an item's for none of it.
    fn over(&self, amount: Money) -> Result<RawObject<'_>, raw::Error> {
        let mut line = self.object.clone();
        if self.kind == "item" {
            without_quantity(&mut line);
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

/// A shop's quote over `fee`: goods at nothing, charges as far as the fee reaches. `for_what` is
/// the fulfilment that a fee beyond the charges is put down to.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn zeroed(
    quote: &str,
    fee: Money,
    for_what: Option<&str>,
) -> Result<(String, Vec<Change>), Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency)?;
    let (kept, beyond) = keep(&lines, fee);
    let mut changed = RawArray::default();
    let mut changes = Vec::new();
    for (line, kept) in lines.iter().zip(kept) {
        changed.push(line.over(line.amount.with_minor(kept))?.text());
        if kept != line.amount.minor {
            changes.push(line.change(kept - line.amount.minor));
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
    Ok((with_lines(&object, fee, &changed)?, changes))
}

/// A trade quote over `fee`: every line stays, and a refund follows what is not paid any more.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn refunded(quote: &str, fee: Money, for_what: Option<&str>) -> Result<String, Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency)?;
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

/// A ticket's quote over `fee`: each fare has its refund with the same item at a negative price.
/// A quote without items is that of a ride.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(super) fn returned(quote: &str, fee: Money) -> Result<String, Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency)?;
    let is_ticket = lines.iter().any(|line| line.object.get("item").is_some());
    if !is_ticket {
        let ride = Quote::read(quote)?;
        return ride.map_or(Ok(quote.to_owned()), |ride| ride.with_fee(fee));
    }
    let mut changed = breakup.clone();
    let mut others = 0;
    for line in &lines {
        let Some(item) = line.object.get("item") else {
            others += line.amount.minor;
            continue;
        };
        let mut refund = line.object.clone();
        refund.set("title", text("REFUND"));
        refund.set("item", reversed_item(item)?);
        let back = line.value(line.amount.with_minor(-line.amount.minor));
        refund.set("price", with_value(line.price(), &back)?);
        changed.push(refund.text());
    }
    let as_written = total_as_written(&object);
    let mut add = |title: &str, amount: Money| {
        let price = price(&amount.display_like(&as_written), amount.currency);
        changed.push(format!(r#"{{"title":"{title}","price":{price}}}"#));
    };
    if others != 0 {
        add("REFUND", fee.with_minor(-others));
    }
    add("CANCELLATION_CHARGES", fee);
    with_lines(&object, fee, &changed)
}

/// What each line keeps when the order costs `fee`, and what the fee exceeds that by: charges
/// stay as far as it reaches, in their order, everything else goes.
fn keep(lines: &[Line<'_>], fee: Money) -> (Vec<i128>, i128) {
    let mut left = fee.minor.max(0);
    let keep = |line: &Line<'_>| {
        let is_charge = CHARGES.contains(&line.kind.as_str());
        let kept = if is_charge {
            line.amount.minor.clamp(0, left)
        } else {
            0
        };
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

fn read<'a>(breakup: &'a RawArray<'_>, currency: Currency) -> Result<Vec<Line<'a>>, Error> {
    let line = |(index, text): (usize, &'a str)| {
        let object = RawObject::parse(text)?;
        let price = RawObject::parse(object.get("price").unwrap_or("{}"))?;
        let path = format!("quote.breakup[{index}].price");
        let amount = quote::amount(&price, &path, Some(currency))?;
        let written = price.get("value").and_then(quote::decimal_text);
        let kind = object.get_str(TYPE).map(Into::into);
        Ok(Line {
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
    let count = line.object(QUANTITY).map(|mut quantity| {
        quantity.set("count", "0");
        quantity.text()
    });
    if let Some(count) = count {
        line.set(QUANTITY, count);
    }
}

fn reversed_item(item: &str) -> Result<String, raw::Error> {
    let mut item = RawObject::parse(item)?;
    let unit = item.object("price").and_then(|price| {
        let value = price.get("value").and_then(quote::decimal_text)?;
        with_value(&price.text(), &reversed(&value)).ok()
    });
    if let Some(unit) = unit {
        item.set("price", unit);
    }
    Ok(item.text())
}

/// The decimal with the other sign, with the digits as written.
fn reversed(value: &str) -> String {
    match value.strip_prefix('-') {
        Some(positive) => positive.to_owned(),
        None if value.bytes().all(|byte| matches!(byte, b'0' | b'.')) => value.to_owned(),
        None => format!("-{}", value.trim_start_matches('+')),
    }
}

fn charge(for_what: Option<&str>, value: &str, currency: Currency) -> String {
    let about = for_what.map_or(String::new(), |id| format!(r#""{ABOUT}":{},"#, text(id)));
    let price = price(value, currency);
    format!(r#"{{{about}"title":"Cancellation charges","{TYPE}":"misc","price":{price}}}"#)
}

fn price(value: &str, currency: Currency) -> String {
    let (currency, value) = (text(currency.code()), text(value));
    format!(r#"{{"currency":{currency},"value":{value}}}"#)
}

#[cfg(test)]
mod tests;
