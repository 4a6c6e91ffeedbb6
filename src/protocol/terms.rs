//! An order's own `cancellation_terms` and `refund_terms` (1.x, ONDC) as a policy.
//!
//! A term names a fulfilment state. The term whose state is the present one applies; where a state
//! of a ride or a delivery has no term of its own, the nearest earlier state's does. Of several terms of one
//! state the one whose `cancel_by` has not passed applies, the earliest first; once all have
//! passed, the latest goes on, because nobody agreed to anything dearer. Terms without a state
//! come last: they hold wherever no other does. A term that names no fee and only points to a
//! page leaves the price open, and a policy of the provider stands in.
//!
//! `cancel_by` is read as a time (`timestamp`, or the end of a `range`; without a zone, in that of
//! the network) or as a `duration` from the booking on; no specification says from when. Terms of
//! single `items` go before those of the order; fulfilments have none in any specification.

mod items;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::iso8601::Duration8601;
use super::time::Time;
use super::words::later_states;
use crate::crypto::digest::blake2b_512;
use crate::domain::money::{Currency, Error as MoneyError, Money, Percentage};
use crate::domain::order::Party;
use crate::domain::policy::{Fee, OWN, Policy, RefundTerm, Rule};

/// How many bytes of a digest make a version.
const VERSION_BYTES: usize = 6;

/// A term that cannot be priced; taking it for free would cost the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{list}[{index}]: {fault}")]
pub struct Error {
    /// `cancellation_terms` or `refund_terms`, with the item that they are of, if they are of one.
    pub list: String,
    /// Which of them.
    pub index: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its amount or share.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Its time.
    #[error("expected a {what} in cancel_by, such as {example:?}, got {got}")]
    CancelBy {
        /// `duration` or `timestamp`.
        what: &'static str,
        /// One that is.
        example: &'static str,
        /// What is there.
        got: String,
    },
    /// Nothing says what part of the price is the item's.
    #[error("expected a line of the quote or a price for this item, to take a fee of")]
    NoPrice,
}

/// The order's own terms; `None` when it has none. Times without a zone are read as UTC.
///
/// # Errors
/// Names the first term that is not readable.
pub fn read(order: &Value) -> Result<Option<Policy>, Error> {
    read_in(order, Tz::UTC)
}

/// The same, on a network whose clocks are in this zone.
///
/// # Errors
/// Names the first term that is not readable.
pub fn read_in(order: &Value, zone: Tz) -> Result<Option<Policy>, Error> {
    let booked = Booked::read(order, zone);
    let mut policy = Policy {
        name: OWN.to_owned(),
        rules: rules(order, "", booked)?,
        refunds: refund_terms(order, "")?,
        items: items::read(order, booked)?,
        ..Policy::default()
    };
    if policy.rules.is_empty() && policy.refunds.is_empty() && policy.items.is_empty() {
        return Ok(None);
    }
    if policy.rules.is_empty() {
        policy.rules.push(open(Vec::new(), false));
    }
    policy.version = version(&policy);
    Ok(Some(policy))
}

/// What can be priced, and is likely to be meant otherwise, by its place.
#[must_use]
pub fn remarks(order: &Value) -> Vec<String> {
    let is_odd = |(_, term): &(usize, &Value)| {
        let read = fee(&term["cancellation_fee"]).unwrap_or_default();
        let is_nothing = read.amount.is_some_and(|amount| amount.minor == 0);
        is_nothing && read.percentage.is_some_and(|share| !share.is_zero())
    };
    let told = |(index, term): (usize, &Value)| {
        let share = decimal(&term["cancellation_fee"]["percentage"]).unwrap_or_default();
        format!(
            "message.order.{TERMS}[{index}]: the amount goes before the percentage, and it is 0: \
             cancelling is free, not {share} %"
        )
    };
    let terms = list(order, TERMS).iter().enumerate();
    terms.filter(is_odd).map(told).collect()
}

/// The version of a policy: a fingerprint of what it says, whatever it is called.
#[must_use]
pub fn version(policy: &Policy) -> String {
    let mut said = serde_json::to_vec(&(&policy.rules, &policy.refunds)).unwrap_or_default();
    if !policy.items.is_empty() {
        said.extend(serde_json::to_vec(&policy.items).unwrap_or_default());
    }
    let digest = blake2b_512(&said);
    let hex = |byte: &u8| format!("{byte:02x}");
    digest[..VERSION_BYTES].iter().map(hex).collect()
}

const TERMS: &str = "cancellation_terms";
const REFUNDS: &str = "refund_terms";

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

/// `prefix` says whose they are, where they are not the order's.
fn fault<E: Into<Fault>>(prefix: &str, name: &str, index: usize) -> impl FnOnce(E) -> Error {
    let list = format!("{prefix}{name}");
    move |fault| Error {
        list,
        index,
        fault: fault.into(),
    }
}

/// When the order was booked, and the zone of times that have none.
#[derive(Clone, Copy)]
struct Booked {
    at: DateTime<Utc>,
    zone: Tz,
}

impl Booked {
    /// Without a time of its own the order is as good as booked long ago: then only the order
    /// among durations and among times is known.
    fn read(order: &Value, zone: Tz) -> Self {
        let at = instant(&order["created_at"], zone).unwrap_or(DateTime::UNIX_EPOCH);
        Self { at, zone }
    }
}

fn rules(of: &Value, prefix: &str, booked: Booked) -> Result<Vec<Rule>, Error> {
    let terms = list(of, TERMS);
    let own_states: Vec<&str> = terms.iter().filter_map(state).collect();
    let mut dated = Vec::with_capacity(terms.len());
    for (index, term) in terms.iter().enumerate() {
        let read = rule(term, &own_states, booked);
        let read = read.map_err(fault(prefix, TERMS, index))?;
        dated.push(read);
    }
    dated.sort_by_key(|(until, rule)| {
        let (undated, until) = (until.is_none(), until.unwrap_or_default());
        (rule.fulfillment_states.is_empty(), undated, until)
    });
    let mut rules: Vec<Rule> = dated.into_iter().map(|(_, rule)| rule).collect();
    for at in 0..rules.len() {
        let states = &rules[at].fulfillment_states;
        let mut later = rules[at + 1..].iter();
        if !later.any(|other| other.fulfillment_states == *states) {
            (rules[at].since_booking_seconds, rules[at].not_after) = (None, None);
        }
    }
    Ok(rules)
}

/// A rule, and the time up to which it may be cancelled under it.
fn rule(
    term: &Value,
    own_states: &[&str],
    booked: Booked,
) -> Result<(Option<DateTime<Utc>>, Rule), Fault> {
    let states = state(term).map_or(Vec::new(), |state| covered(state, own_states));
    let fee = fee(&term["cancellation_fee"])?;
    let (duration, not_after) = cancel_by(&term["cancel_by"], booked.zone)?;
    let until = duration.map(|duration| duration.after(booked.at));
    let since_booking = until.map(|until| (until - booked.at).num_seconds());
    let mut rule = open(states, is_true(&term["reason_required"]));
    if fee != Fee::default() {
        // A provider's own cancellation is free unless a rule of the provider says otherwise.
        rule.by = vec![Party::Customer, Party::Partner];
    }
    let rule = Rule {
        since_booking_seconds: since_booking,
        not_after,
        fee,
        ..rule
    };
    Ok((until.or(not_after), rule))
}

/// A rule for everybody that allows and leaves the price open.
fn open(fulfillment_states: Vec<String>, reason_required: bool) -> Rule {
    Rule {
        fulfillment_states,
        reason_required,
        ..Rule::of(vec![Party::Customer, Party::Partner, Party::Provider])
    }
}

/// The core wants the code in a descriptor; refund terms have it in a place's shape by mistake.
fn state(term: &Value) -> Option<&str> {
    let state = &term["fulfillment_state"];
    state["descriptor"]["code"]
        .as_str()
        .or(state["code"].as_str())
}

/// The state itself and, in the sequence of a ride or a delivery, the later ones up to the next
/// term's.
fn covered(state: &str, own_states: &[&str]) -> Vec<String> {
    let later = later_states(state).iter().copied();
    let later = later.take_while(|later| !own_states.contains(later));
    std::iter::once(state)
        .chain(later)
        .map(ToString::to_string)
        .collect()
}

type CancelBy = (Option<Duration8601>, Option<DateTime<Utc>>);

/// A label alone is for people.
fn cancel_by(time: &Value, zone: Tz) -> Result<CancelBy, Fault> {
    let duration = &time["duration"];
    if !duration.is_null() {
        let read = duration.as_str().and_then(Duration8601::parse);
        let fault = || not_a("duration", "PT60M", duration);
        return read.map(|read| (Some(read), None)).ok_or_else(fault);
    }
    let at = match &time["timestamp"] {
        Value::Null => &time["range"]["end"],
        at => at,
    };
    if at.is_null() {
        return Ok((None, None));
    }
    let fault = || not_a("timestamp", "2026-03-02T06:00:00Z", at);
    instant(at, zone)
        .map(|at| (None, Some(at)))
        .ok_or_else(fault)
}

fn not_a(what: &'static str, example: &'static str, got: &Value) -> Fault {
    Fault::CancelBy {
        what,
        example,
        got: got.to_string().chars().take(40).collect(),
    }
}

fn instant(value: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    let time = Time::parse(value.as_str()?)?.in_zone(zone)?;
    // Near the end of the calendar nothing could be added to it.
    let far = DateTime::<Utc>::MAX_UTC - TimeDelta::days(36_600);
    Some(time.min(far))
}

fn fee(fee: &Value) -> Result<Fee, MoneyError> {
    let percentage = decimal(&fee["percentage"]).map(|text| Percentage::parse(&text));
    Ok(Fee {
        amount: price(&fee["amount"])?,
        percentage: percentage.transpose()?,
        ..Fee::default()
    })
}

fn refund_terms(of: &Value, prefix: &str) -> Result<Vec<RefundTerm>, Error> {
    let terms = list(of, REFUNDS);
    let own_states: Vec<&str> = terms.iter().filter_map(state).collect();
    let mut read = Vec::with_capacity(terms.len());
    for (index, term) in terms.iter().enumerate() {
        let amount = price(&term["refund_amount"]).map_err(fault(prefix, REFUNDS, index))?;
        read.push(RefundTerm {
            fulfillment_states: state(term).map_or(Vec::new(), |s| covered(s, &own_states)),
            eligible: term["refund_eligible"].is_null() || is_true(&term["refund_eligible"]),
            amount,
            within: term["refund_within"]["duration"]
                .as_str()
                .map(str::to_owned),
        });
    }
    read.sort_by_key(|term| term.fulfillment_states.is_empty());
    Ok(read)
}

fn price(price: &Value) -> Result<Option<Money>, MoneyError> {
    let amount = decimal(&price["value"]).map(|text| {
        let code = price["currency"].as_str().unwrap_or_default();
        Currency::parse(code).and_then(|currency| Money::parse(&text, currency))
    });
    amount.transpose()
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
mod tests;
