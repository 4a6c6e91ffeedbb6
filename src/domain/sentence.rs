//! Rules in sentences, for people: the rule's own text, else one made from what it says.

use chrono::SecondsFormat;

use super::items::Part;
use super::order::{Party, State};
use super::policy::{Door, Fee, RefundTerm, Rule};

/// Where no rule fits.
pub const NO_RULE: &str = "Cancelling is free";

/// What a rule says, in its own words where it has some.
#[must_use]
pub fn of_rule(rule: &Rule) -> String {
    match &rule.text {
        Some(text) => text.clone(),
        None => format!("{}{}", effect(rule), condition(rule)),
    }
}

/// What an item's terms say, where a rule of them applies.
#[must_use]
pub fn of_part(part: &Part<'_>) -> Option<String> {
    let mut said = format!("item {}: {}", part.item.item, of_rule(part.rule?));
    if let Some(refund) = part.refund {
        said.push_str(", ");
        said.push_str(&of_refund(refund));
    }
    Some(said)
}

/// What a rule does: allows or not, and for how much.
#[must_use]
pub fn effect(rule: &Rule) -> String {
    match rule.allowed {
        true => cost(&rule.fee),
        false => "Cancelling is not allowed".to_owned(),
    }
}

fn cost(fee: &Fee) -> String {
    let share = |share| format!("{share} % of the price");
    let base = fee.amount.map(|amount| money(&amount));
    let base = base.or(fee.percentage.map(share));
    let floor = fee.floor.filter(|floor| floor.minor > 0);
    let is_zero = fee.amount.is_none_or(|amount| amount.minor <= 0)
        && fee.percentage.is_none_or(|share| share.is_zero());
    let mut said = match (base, is_zero) {
        (Some(base), false) => format!("Cancelling costs {base}"),
        _ if floor.is_some() => "Cancelling costs something".to_owned(),
        _ => return NO_RULE.to_owned(),
    };
    if let Some(floor) = floor {
        said.push_str(&format!(", at least {}", money(&floor)));
    }
    if let Some(cap) = fee.cap {
        said.push_str(&format!(", at most {}", money(&cap)));
    }
    said
}

fn money(amount: &super::money::Money) -> String {
    format!("{amount} {}", amount.currency)
}

/// When a rule applies; empty where always. Who cancels is left out.
#[must_use]
pub fn condition(rule: &Rule) -> String {
    let mut parts = Vec::new();
    if !rule.fulfillment_states.is_empty() {
        parts.push(format!("in state {}", rule.fulfillment_states.join(", ")));
    }
    if !rule.order_states.is_empty() {
        let words: Vec<_> = rule.order_states.iter().copied().map(State::word).collect();
        parts.push(format!("while the order is {}", words.join(" or ")));
    }
    if let Some(seconds) = rule.before_start_seconds {
        parts.push(format!("until {} before the start", duration(seconds)));
    }
    if let Some(seconds) = rule.since_booking_seconds {
        parts.push(format!("within {} of the booking", duration(seconds)));
    }
    if let Some(until) = rule.not_after {
        let until = until.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        parts.push(format!("until {until}"));
    }
    if !rule.doors.is_empty() {
        let words: Vec<_> = rule.doors.iter().map(|door| word(*door)).collect();
        parts.push(format!("through {}", words.join(" or ")));
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!(" {}", parts.join(", ")),
    }
}

/// Whom a rule speaks of.
#[must_use]
pub fn parties(by: &[Party]) -> String {
    let word = |party: &Party| match party {
        Party::Customer => "customer",
        Party::Partner => "partner",
        Party::Provider => "provider",
    };
    by.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// How much goes back.
#[must_use]
pub fn of_refund(term: &RefundTerm) -> String {
    let mut said = match (term.eligible, term.amount) {
        (false, _) => return "what is paid does not go back".to_owned(),
        (true, Some(most)) => format!("at most {} goes back", money(&most)),
        (true, None) => "the rest goes back".to_owned(),
    };
    if let Some(within) = &term.within {
        said.push_str(&format!(" within {within}"));
    }
    said
}

fn word(door: Door) -> &'static str {
    let known = Door::WORDS.iter().find(|(_, known)| *known == door);
    known.map_or("", |(word, _)| word)
}

/// `2 h`, `90 min`, `1 d 12 h`: the units that leave nothing over.
fn duration(seconds: i64) -> String {
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    match parts.is_empty() {
        true => "0 s".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::money::{Currency, Money, Percentage};
    use super::*;

    fn inr(minor: i128) -> Money {
        Money {
            minor,
            currency: Currency::parse("INR").expect("a code"),
        }
    }

    fn rule() -> Rule {
        Rule::of(vec![Party::Customer])
    }

    #[test]
    fn a_rule_says_what_it_costs_and_when() {
        let half = Rule {
            fulfillment_states: vec!["RIDE_ASSIGNED".into(), "RIDE_ENROUTE_PICKUP".into()],
            before_start_seconds: Some(9_000),
            since_booking_seconds: Some(300),
            fee: Fee {
                percentage: Percentage::parse("12.5").ok(),
                floor: Some(inr(2_000)),
                cap: Some(inr(10_000)),
                amount: None,
            },
            ..rule()
        };
        assert_eq!(
            of_rule(&half),
            "Cancelling costs 12.5 % of the price, at least 20.00 INR, at most 100.00 INR in state \
             RIDE_ASSIGNED, RIDE_ENROUTE_PICKUP, until 2 h 30 min before the start, within 5 min \
             of the booking"
        );
        assert_eq!(of_rule(&rule()), "Cancelling is free");
        let never = Rule {
            allowed: false,
            order_states: vec![State::Pending],
            doors: vec![Door::Bookings],
            ..rule()
        };
        assert_eq!(
            of_rule(&never),
            "Cancelling is not allowed while the order is Pending, through bookings"
        );
    }

    #[test]
    fn a_rules_own_words_go_before_made_ones() {
        let own = Rule {
            text: Some("Not on the day itself".into()),
            ..rule()
        };
        assert_eq!(of_rule(&own), "Not on the day itself");
    }

    #[test]
    fn a_share_of_nothing_is_free_unless_there_is_a_floor() {
        let zero = |floor| {
            cost(&Fee {
                percentage: Percentage::parse("0").ok(),
                floor,
                ..Fee::default()
            })
        };
        assert_eq!(zero(None), "Cancelling is free");
        assert_eq!(
            zero(Some(inr(500))),
            "Cancelling costs something, at least 5.00 INR"
        );
    }
}
