//! An order's own `cancellation_terms` (1.x) as rules of a policy.
//!
//! A term names a fulfilment state. The term whose state is the present one applies; where a
//! ride's state has no term of its own, the nearest earlier state's does. Terms without a
//! state come last: they hold wherever no other does.

use serde_json::Value;

use super::words::RIDE_STATES;
use crate::domain::money::{Currency, Error as MoneyError, Money, Percentage};
use crate::domain::order::Party;
use crate::domain::policy::{Fee, Policy, Rule};

/// A term that cannot be priced; taking it for free would cost the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cancellation_terms[{index}]: {source}")]
pub struct Error {
    /// Which term.
    pub index: usize,
    /// What is wrong with its fee.
    pub source: MoneyError,
}

/// The order's own terms; `None` when it has none.
///
/// # Errors
/// Names the first term whose fee is not readable.
pub fn read(order: &Value) -> Result<Option<Policy>, Error> {
    let terms = order["cancellation_terms"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if terms.is_empty() {
        return Ok(None);
    }
    let own_states: Vec<&str> = terms.iter().filter_map(state).collect();
    let mut rules = Vec::with_capacity(terms.len());
    for (index, term) in terms.iter().enumerate() {
        let fee = fee(term).map_err(|source| Error { index, source })?;
        rules.push(rule(term, fee, &own_states));
    }
    rules.sort_by_key(|rule| rule.fulfillment_states.is_empty());
    Ok(Some(Policy {
        name: "order".to_owned(),
        rules,
    }))
}

fn state(term: &Value) -> Option<&str> {
    term["fulfillment_state"]["descriptor"]["code"].as_str()
}

fn rule(term: &Value, fee: Fee, own_states: &[&str]) -> Rule {
    Rule {
        by: vec![Party::Customer, Party::Partner],
        fulfillment_states: state(term).map_or(Vec::new(), |s| covered(s, own_states)),
        before_start_seconds: None,
        since_booking_seconds: None,
        not_after: None,
        allowed: true,
        fee,
        reason_required: is_true(&term["reason_required"]),
        text: None,
    }
}

/// The state itself and, in the sequence of a ride, the later ones up to the next term's.
fn covered(state: &str, own_states: &[&str]) -> Vec<String> {
    let Some(at) = RIDE_STATES.iter().position(|known| *known == state) else {
        return vec![state.to_owned()];
    };
    let later = RIDE_STATES[at + 1..]
        .iter()
        .take_while(|later| !own_states.contains(later));
    std::iter::once(&RIDE_STATES[at])
        .chain(later)
        .map(ToString::to_string)
        .collect()
}

fn fee(term: &Value) -> Result<Fee, MoneyError> {
    let fee = &term["cancellation_fee"];
    let percentage = decimal(&fee["percentage"]).map(|text| Percentage::parse(&text));
    let amount = decimal(&fee["amount"]["value"]).map(|text| {
        let code = fee["amount"]["currency"].as_str().unwrap_or_default();
        Currency::parse(code).and_then(|currency| Money::parse(&text, currency))
    });
    Ok(Fee {
        amount: amount.transpose()?,
        percentage: percentage.transpose()?,
        ..Fee::default()
    })
}

/// A decimal string; whole JSON numbers are taken too.
fn decimal(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn is_true(value: &Value) -> bool {
    value
        .as_bool()
        .unwrap_or_else(|| value.as_str() == Some("true"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn term(state: Option<&str>, fee: Value) -> Value {
        let mut term = json!({"cancellation_fee": fee, "reason_required": true});
        if let Some(state) = state {
            term["fulfillment_state"] = json!({"descriptor": {"code": state}});
        }
        term
    }

    #[test]
    fn a_ride_state_without_a_term_takes_the_nearest_earlier_one() {
        let order = json!({"cancellation_terms": [
            term(None, json!({"percentage": "5"})),
            term(Some("RIDE_ASSIGNED"), json!({"percentage": "0"})),
            term(Some("RIDE_ARRIVED_PICKUP"), json!({"amount": {"currency": "INR", "value": "50"}})),
        ]});
        let policy = read(&order).expect("readable").expect("terms");
        let states: Vec<_> = policy
            .rules
            .iter()
            .map(|r| r.fulfillment_states.clone())
            .collect();
        assert_eq!(states[0], ["RIDE_ASSIGNED", "RIDE_ENROUTE_PICKUP"]);
        assert_eq!(
            states[1],
            ["RIDE_ARRIVED_PICKUP", "RIDE_STARTED", "RIDE_ENDED"]
        );
        assert!(states[2].is_empty(), "the general term comes last");
        assert!(policy.rules.iter().all(|rule| rule.reason_required));
    }

    #[test]
    fn a_state_outside_the_sequence_covers_only_itself() {
        let order = json!({"cancellation_terms": [term(Some("PACKED"), json!({}))]});
        let policy = read(&order).expect("readable").expect("terms");
        assert_eq!(policy.rules[0].fulfillment_states, ["PACKED"]);
    }

    #[test]
    fn a_fee_that_cannot_be_read_is_refused_by_number() {
        let order = json!({"cancellation_terms": [
            term(None, json!({"percentage": "0"})), term(None, json!({"percentage": "a lot"}))]});
        assert_eq!(read(&order).expect_err("unreadable").index, 1);
        assert_eq!(read(&json!({})), Ok(None));
        assert_eq!(read(&json!({"cancellation_terms": []})), Ok(None));
    }
}
