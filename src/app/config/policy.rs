//! The sections `[policy.NAME]`: cancellation terms for orders that bring none of their own.
//!
//! Gathers `domain::policy::Policy` by name. The rule that applies and its price are the
//! domain's business; here a rule is only made sure to be one. Also behind `policy check`, and for
//! policies that orders bring: they are read by the same code and have the same faults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::fault::{Fault, Problem};
use super::report::Report;
use super::section::Section;
use super::tree;
use super::values::{Decimal, Setting, Word, invalid};
use crate::domain::money::{Currency, Money, Percentage};
use crate::domain::order::{Party, State};
use crate::domain::policy::{Door, FREE, Fee, INLINE, OWN, Policy, Rule};
use crate::protocol::terms;

/// Names that an order's terms already have.
const RESERVED: [&str; 2] = [OWN, FREE];

impl Word for Door {
    const WORDS: &'static [(&'static str, Self)] = Door::WORDS;
}

impl Setting for State {
    fn parse(text: &str) -> Result<Self, Problem> {
        let words = || State::ALL.map(State::word).join(", ");
        let refused = || Problem::Invalid(format!("one of {}", words()));
        State::from_word(text).ok_or_else(refused)
    }

    fn shown(&self) -> Json {
        json!(self.word())
    }
}

/// Ten years: nothing is booked further ahead.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// Reads all policies out of `root`.
pub fn read(root: &mut Section<'_>) -> BTreeMap<String, Policy> {
    let named = root.sections("policy").into_iter();
    named
        .map(|(name, section)| (name.clone(), policy(name, section)))
        .collect()
}

fn policy(name: String, section: Section<'_>) -> Policy {
    super::check_name(&section, &name, &RESERVED);
    frozen(name, section, "at least one [[policy.NAME.rule]]")
}

/// Reads a policy that an order brings in its booking block: the members of a section
/// `[policy.NAME]`, as JSON.
///
/// # Errors
/// All that is wrong with it, in one line.
pub fn inline(policy: &Map<String, Json>) -> Result<Policy, String> {
    let report = Report::default();
    let section = Section::at(&report, INLINE, tree::of_json(policy));
    let policy = frozen(INLINE.to_owned(), section, "at least one rule");
    let faults = report.faults.into_inner();
    match faults.is_empty() {
        true => Ok(policy),
        false => Err(faults.into_iter().map(told).collect::<Vec<_>>().join("; ")),
    }
}

/// A fault of what came in a message; nobody could set an environment variable instead.
fn told(fault: Fault) -> String {
    let problem = match fault.problem {
        Problem::Missing { expected, .. } => Problem::Missing {
            expected,
            variable: None,
        },
        problem => problem,
    };
    match fault.value {
        Some(value) => format!("{} = {value}: {problem}", fault.key),
        None => format!("{}: {problem}", fault.key),
    }
}

fn frozen(name: String, mut section: Section<'_>, expected: &str) -> Policy {
    let rules: Vec<Rule> = section.tables("rule").into_iter().map(rule).collect();
    if rules.is_empty() && !section.has_faults_below("rule") {
        section.missing("rule", expected.to_owned());
    }
    section.finish();
    let mut policy = Policy {
        name,
        rules,
        ..Policy::default()
    };
    policy.version = terms::version(&policy);
    policy
}

fn rule(mut section: Section<'_>) -> Rule {
    // A provider's own cancellation is free unless a rule names it (decisions, section 4).
    let by = section.list("by", Some(vec![Party::Customer, Party::Partner]));
    if by.is_empty() && !section.has_faults_below("by") {
        section.fault(
            "by",
            invalid("at least one of \"customer\", \"partner\", \"provider\""),
        );
    }
    let allowed = section.or("allowed", true);
    let order_states = section.list("order_states", Some(Vec::new()));
    if order_states
        .iter()
        .any(|state: &State| !state.is_cancellable())
    {
        let rule = "an order in such a state cannot be cancelled whatever a rule says";
        section.fault("order_states", Problem::Conflict(rule.to_owned()));
    }
    let rule = Rule {
        by,
        doors: section.list("doors", Some(Vec::new())),
        order_states,
        fulfillment_states: section.list("fulfillment_states", Some(Vec::new())),
        before_start_seconds: seconds(&mut section, "before_start"),
        since_booking_seconds: seconds(&mut section, "since_booking"),
        not_after: None,
        allowed,
        fee: fee(&mut section, allowed),
        reason_required: section.or("reason_required", false),
        text: section.optional("text"),
    };
    section.finish();
    rule
}

fn seconds(section: &mut Section<'_>, name: &'static str) -> Option<i64> {
    let duration: Duration = section.optional(name)?;
    if duration > LONGEST {
        section.fault(name, invalid("at most \"3650d\""));
        return None;
    }
    i64::try_from(duration.as_secs()).ok()
}

fn fee(section: &mut Section<'_>, allowed: bool) -> Fee {
    let currency: Option<Currency> = section.optional("currency");
    let percentage = section.optional("percent").and_then(|Decimal(text)| {
        let refuse = |_| {
            section.fault(
                "percent",
                invalid("a share from 0 to 100, such as \"12.5\""),
            )
        };
        Percentage::parse(&text).map_err(refuse).ok()
    });
    let fee = Fee {
        amount: money(section, "amount", currency),
        percentage,
        floor: money(section, "floor", currency),
        cap: money(section, "cap", currency),
    };
    check(section, &fee, allowed);
    fee
}

fn money(
    section: &mut Section<'_>,
    name: &'static str,
    currency: Option<Currency>,
) -> Option<Money> {
    let Decimal(text) = section.optional(name)?;
    let Some(currency) = currency else {
        if !section.is_given("currency") {
            let rule = "an amount needs `currency` beside it, such as \"INR\"";
            section.fault(name, Problem::Conflict(rule.to_owned()));
        }
        return None;
    };
    let refuse = |error| section.fault(name, Problem::Invalid(format!("an amount: {error}")));
    Money::parse(&text, currency).map_err(refuse).ok()
}

/// A key that would change nothing is a misunderstanding.
fn check(section: &Section<'_>, fee: &Fee, allowed: bool) {
    let conflict = |name, rule: &str| section.fault(name, Problem::Conflict(rule.to_owned()));
    for name in ["amount", "percent", "floor", "cap"] {
        if !allowed && section.is_given(name) {
            conflict(name, "a rule with allowed = false has no fee");
        }
    }
    if section.is_given("amount") && section.is_given("percent") {
        conflict(
            "percent",
            "`amount` is given as well: a fee is one or the other",
        );
    }
    let is_given = |name: &&str| section.is_given(name);
    let has_fee = ["amount", "percent"].iter().any(&is_given);
    for name in ["floor", "cap"] {
        if allowed && !has_fee && section.is_given(name) {
            conflict(
                name,
                "it needs the fee that it limits beside it: `percent` or `amount`",
            );
        }
    }
    if section.is_given("currency") && !["amount", "floor", "cap"].iter().any(is_given) {
        conflict(
            "currency",
            "there is no amount in it: `amount`, `floor` or `cap`",
        );
    }
    if let (Some(floor), Some(cap)) = (fee.floor, fee.cap)
        && floor.minor > cap.minor
    {
        conflict("floor", "the floor is above the cap");
    }
}
