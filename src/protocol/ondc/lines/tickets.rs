//! The quote of a ticket: each fare has a refund of its own.

use super::{breakup, price_of, read, total_as_written, with_lines, with_value};
use crate::domain::money::Money;
use crate::protocol::ondc::share::Share;
use crate::protocol::quote::{self, Error, Quote};
use crate::protocol::raw::{self, RawObject, quote as text};

/// A ticket's quote over `fee`: each fare has its refund with the same item at a negative price.
/// A quote without items is that of a ride.
///
/// # Errors
/// When the quote is not what it was at intake.
pub(in crate::protocol::ondc) fn returned(quote: &str, fee: Money) -> Result<String, Error> {
    let object = RawObject::parse(quote)?;
    let breakup = breakup(&object)?;
    let lines = read(&breakup, fee.currency, &Share::all())?;
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
        let price = price_of(&amount.display_like(&as_written), amount.currency);
        changed.push(format!(r#"{{"title":"{title}","price":{price}}}"#));
    };
    if others != 0 {
        add("REFUND", fee.with_minor(-others));
    }
    add("CANCELLATION_CHARGES", fee);
    with_lines(&object, fee, &changed)
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
pub(super) fn reversed(value: &str) -> String {
    match value.strip_prefix('-') {
        Some(positive) => positive.to_owned(),
        None if value.bytes().all(|byte| matches!(byte, b'0' | b'.')) => value.to_owned(),
        None => format!("-{}", value.trim_start_matches('+')),
    }
}
