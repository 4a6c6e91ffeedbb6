//! What a cancellation would come to from a time on, until when, and what then.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::order::Order;
use super::policy::Asked;
use super::terms::{Terms, terms};

/// A border counts for the customer, so what follows begins just after it.
const JUST_AFTER: TimeDelta = TimeDelta::milliseconds(1);

/// A stretch of time in which the same terms hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// Its last instant; none where nothing changes any more by time alone.
    pub until: Option<DateTime<Utc>>,
    /// What a cancellation comes to in it.
    pub terms: Terms,
}

/// The steps from `asked.at` on, as long as the order stays as it is; at least one.
#[must_use]
pub fn steps(order: &Order, asked: &Asked) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut from = asked.at;
    let borders = borders(order, asked.at).into_iter().map(Some);
    for until in borders.chain([None]) {
        if until.is_some_and(|until| until < from) {
            continue;
        }
        let terms = terms(order, &Asked { at: from, ..*asked });
        match steps.last_mut().filter(|last| last.terms == terms) {
            Some(last) => last.until = until,
            None => steps.push(Step { from, until, terms }),
        }
        from = until.map_or(from, |until| until + JUST_AFTER);
    }
    steps
}

/// The instants after which another rule may fit.
fn borders(order: &Order, at: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
    let all = order.policy.all_rules();
    let all = all.flat_map(|rule| rule.borders(order));
    // Beyond this nothing can be added to a date any more.
    let last = DateTime::<Utc>::MAX_UTC - TimeDelta::days(1);
    all.filter(|border| *border >= at && *border < last)
        .collect()
}
