//! ISO 8601 durations: read exactly where a regular expression reads one, as long as plain
//! arithmetic says, never backwards and never past a hundred years.

use std::sync::LazyLock;

use beckn_bpp::protocol::iso8601::Duration8601;
use chrono::{DateTime, Months, TimeDelta, Utc};
use regex::{Captures, Regex};

use super::lines;

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"([0-9]+)(?:[.,]([0-9]+))?";
    let text = format!(
        "^P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:{number}W)?(?:{number}D)?\
         (T(?:{number}H)?(?:{number}M)?(?:{number}S)?)?$"
    );
    Regex::new(&text).expect("a regular expression")
});

/// The groups of whole numbers and fractions in [`DURATION`], with the seconds of their unit.
const UNITS: [(usize, u128); 5] = [(3, 604_800), (5, 86_400), (8, 3_600), (10, 60), (12, 1)];

/// Holds for every text, from every instant: the second line, in seconds.
pub fn holds(data: &[u8]) {
    let Some([text, start]) = lines::<2>(data) else {
        return;
    };
    let start = start.trim().parse().ok();
    let start = start.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let start: DateTime<Utc> = start.unwrap_or(DateTime::UNIX_EPOCH);
    let expected = DURATION.captures(text).filter(is_complete);
    let read = Duration8601::parse(text);
    assert_eq!(read.is_some(), expected.is_some(), "{text:?}");
    let (Some(duration), Some(written)) = (read, expected) else {
        return;
    };
    let end = duration.after(start);
    assert!(end >= start);
    let century = start.checked_add_months(Months::new(1_200));
    assert!(century.is_none_or(|century| end <= century));
    if let Some(nanos) = exact_nanos(&written) {
        let exact = start.checked_add_signed(TimeDelta::nanoseconds(nanos));
        assert_eq!(
            Some(end),
            exact.filter(|_| century.is_some()).or(Some(end)),
            "{text:?}"
        );
    }
}

/// At least one number, at least one after a `T`, and a fraction in the last alone.
fn is_complete(written: &Captures<'_>) -> bool {
    let wholes = [1, 2, 3, 5, 8, 10, 12];
    let given: Vec<usize> = wholes
        .into_iter()
        .filter(|at| written.get(*at).is_some())
        .collect();
    let Some(last) = given.last() else {
        return false;
    };
    let time_is_empty = written.get(7).is_some_and(|time| time.as_str() == "T");
    let fraction_before_last = [4, 6, 9, 11, 13]
        .iter()
        .any(|at| at - 1 != *last && written.get(*at).is_some());
    !time_is_empty && !fraction_before_last
}

/// The length where it has no calendar units and is below a hundred years.
fn exact_nanos(written: &Captures<'_>) -> Option<i64> {
    if written.get(1).is_some() || written.get(2).is_some() {
        return None;
    }
    let mut nanos: u128 = 0;
    for (group, seconds) in UNITS {
        let Some(whole) = written.get(group) else {
            continue;
        };
        let whole: u64 = whole.as_str().parse().ok()?;
        let fraction = written.get(group + 1).map_or("", |part| part.as_str());
        let billionths: String = fraction
            .chars()
            .chain("000000000".chars())
            .take(9)
            .collect();
        let billionths: u128 = billionths.parse().expect("nine digits");
        nanos += (u128::from(whole) * 1_000_000_000 + billionths) * seconds;
    }
    let years_99 = 99 * 365 * 86_400 * 1_000_000_000;
    (nanos < years_99).then(|| i64::try_from(nanos).expect("below a century"))
}
