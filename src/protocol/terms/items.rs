//! The `cancellation_terms` and `refund_terms` of single items (Beckn 1.x: they override those of
//! the order).
//!
//! A fee needs a part of the price to be taken of: the lines of the quote that name the item, else
//! its own price as often as it was selected. Where an id is that of several items, no line says
//! which it is of.

use serde_json::Value;

use super::{Booked, Error, Fault, REFUNDS, TERMS, fault, list, price, refund_terms, rules};
use crate::domain::fee::Fee;
use crate::domain::items::ItemTerms;
use crate::domain::money::{Error as MoneyError, Money};

/// The items of an order that have terms.
pub(super) fn read(order: &Value, booked: Booked) -> Result<Vec<ItemTerms>, Error> {
    let items = list(order, "items").iter().enumerate();
    let has_terms = |item: &Value| {
        [TERMS, REFUNDS]
            .iter()
            .any(|name| !list(item, name).is_empty())
    };
    items
        .filter(|(_, item)| has_terms(item))
        .map(|(index, item)| one(order, (index, item), booked))
        .collect()
}

fn one(order: &Value, (index, item): (usize, &Value), booked: Booked) -> Result<ItemTerms, Error> {
    let prefix = format!("items[{index}].");
    let rules = rules(item, &prefix, booked)?;
    let refunds = refund_terms(item, &prefix)?;
    let needs_price = !refunds.is_empty() || rules.iter().any(|rule| rule.fee != Fee::default());
    let name = match list(item, TERMS).is_empty() {
        true => REFUNDS,
        false => TERMS,
    };
    let part = part(order, item).map_err(fault(&prefix, name, 0))?;
    if needs_price && part.is_none() {
        return Err(fault(&prefix, name, 0)(Fault::NoPrice));
    }
    let ids = list(item, "fulfillment_ids").iter();
    Ok(ItemTerms {
        item: item["id"]
            .as_str()
            .map_or_else(|| index.to_string(), str::to_owned),
        price: part,
        fulfillments: ids.filter_map(Value::as_str).map(str::to_owned).collect(),
        rules,
        refunds,
    })
}

/// The item's part of the price.
fn part(order: &Value, item: &Value) -> Result<Option<Money>, MoneyError> {
    let id = item["id"].as_str();
    let same_id = list(order, "items")
        .iter()
        .filter(|one| one["id"].as_str() == id);
    let lines = match same_id.count() {
        1 => list(&order["quote"], "breakup"),
        _ => &[],
    };
    let own = lines
        .iter()
        .filter(|line| id.is_some() && line["item"]["id"].as_str() == id);
    let mut sum: Option<Money> = None;
    for line in own {
        let Some(amount) = price(&line["price"])? else {
            continue;
        };
        sum = Some(match sum {
            Some(sum) if sum.currency != amount.currency => {
                return Err(MoneyError::CurrencyMismatch {
                    expected: sum.currency,
                    got: amount.currency,
                });
            }
            Some(sum) => sum.with_minor(sum.minor + amount.minor),
            None => amount,
        });
    }
    if sum.is_some() {
        return Ok(sum);
    }
    let each = price(&item["price"])?;
    Ok(each.map(|each| each.with_minor(each.minor.saturating_mul(count(item)))))
}

fn count(item: &Value) -> i128 {
    let quantity = &item["quantity"];
    let selected = quantity["selected"]["count"].as_i64();
    let count = selected.or_else(|| quantity["count"].as_i64());
    i128::from(count.unwrap_or(1).max(0))
}
