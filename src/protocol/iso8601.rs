//! ISO 8601 durations: `PT30S`, `P1DT2H`, `P12M`.
//!
//! They bound a message (`ttl`, counted from its timestamp), a quote and a cancellation term.
//! Months and years are calendar ones, because `P1M` from 31 January is no fixed number of
//! seconds. What is no duration is `None`: an unreadable `ttl` counts as absent. No clock here.

use chrono::{DateTime, Months, TimeDelta, Utc};

/// The longest step that [`Duration8601::after`] takes: 100 years.
const MAX_MONTHS: u32 = 1_200;
const MAX_NANOS: u64 = 36_525 * DAY_SECONDS * SECOND_NANOS;
const SECOND_NANOS: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

/// A duration: calendar months, and an exact time beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration8601 {
    months: u32,
    nanos: u64,
}

/// Units in the order in which they may come; the time units follow `T`.
const DATE_UNITS: &[(char, Unit)] = &[
    ('Y', Unit::Months(12)),
    ('M', Unit::Months(1)),
    ('W', Unit::Seconds(7 * DAY_SECONDS)),
    ('D', Unit::Seconds(DAY_SECONDS)),
];
const TIME_UNITS: &[(char, Unit)] = &[
    ('H', Unit::Seconds(3_600)),
    ('M', Unit::Seconds(60)),
    ('S', Unit::Seconds(1)),
];

#[derive(Clone, Copy)]
enum Unit {
    Months(u32),
    Seconds(u64),
}

impl Duration8601 {
    /// Reads a duration; anything else, a negative one included, is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None if rest.is_empty() => return None,
            None => (rest, ""),
        };
        let mut total = Self {
            months: 0,
            nanos: 0,
        };
        let fraction = total.add_all(date, DATE_UNITS)?;
        // Only the last number of all may have a fraction.
        if fraction && !time.is_empty() {
            return None;
        }
        total.add_all(time, TIME_UNITS)?;
        Some(total)
    }

    /// The instant this long after `start`: at most 100 years on, and never out of range.
    #[must_use]
    pub fn after(self, start: DateTime<Utc>) -> DateTime<Utc> {
        let cap = later(start, MAX_MONTHS, 0);
        later(start, self.months, self.nanos).min(cap)
    }

    /// Adds the numbers of one half; says whether the last had a fraction.
    fn add_all(&mut self, mut text: &str, mut units: &[(char, Unit)]) -> Option<bool> {
        let mut fraction = false;
        while !text.is_empty() {
            let end = text.find(|c: char| c.is_ascii_alphabetic())?;
            let letter = text[end..].chars().next()?;
            // Each unit once, larger ones first.
            let at = units.iter().position(|(name, _)| *name == letter)?;
            if fraction {
                return None;
            }
            fraction = self.add(&text[..end], units[at].1)?;
            units = &units[at + 1..];
            text = &text[end + 1..];
        }
        Some(fraction)
    }

    /// Adds one number; says whether it had a fraction.
    fn add(&mut self, number: &str, unit: Unit) -> Option<bool> {
        let (whole, part) = match number.split_once(['.', ',']) {
            Some((whole, part)) => (digits(whole)?, Some(nano_part(part)?)),
            None => (digits(number)?, None),
        };
        match unit {
            // Half a month has no length.
            Unit::Months(_) if part.is_some() => return None,
            Unit::Months(months) => {
                let whole = u32::try_from(whole).unwrap_or(u32::MAX);
                self.months = self.months.saturating_add(whole.saturating_mul(months));
            }
            Unit::Seconds(seconds) => {
                let exact = whole.saturating_mul(seconds).saturating_mul(SECOND_NANOS);
                let small = part.unwrap_or(0).saturating_mul(seconds);
                self.nanos = self.nanos.saturating_add(exact).saturating_add(small);
            }
        }
        Some(part.is_some())
    }
}

/// Months first, then the exact time, as the calendar part is anchored at the start.
fn later(start: DateTime<Utc>, months: u32, nanos: u64) -> DateTime<Utc> {
    let exact = i64::try_from(nanos.min(MAX_NANOS)).expect("100 years of nanoseconds fit i64");
    start
        .checked_add_months(Months::new(months.min(MAX_MONTHS)))
        .and_then(|moved| moved.checked_add_signed(TimeDelta::nanoseconds(exact)))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A whole number; one too large for the type is as good as endless.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// The digits after the point as billionths; finer ones are dropped.
fn nano_part(text: &str) -> Option<u64> {
    digits(text)?;
    let nine: String = text.chars().chain("000000000".chars()).take(9).collect();
    digits(&nine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
    }

    #[test]
    fn a_duration_moves_an_instant_by_the_calendar() {
        let start = "2026-01-31T10:00:00Z";
        for (text, end) in [
            ("PT30S", "2026-01-31T10:00:30Z"),
            ("PT0.5S", "2026-01-31T10:00:00.5Z"),
            ("PT0,25S", "2026-01-31T10:00:00.25Z"),
            ("PT1.5H", "2026-01-31T11:30:00Z"),
            ("PT0S", "2026-01-31T10:00:00Z"),
            ("PT200S", "2026-01-31T10:03:20Z"),
            ("PT90M", "2026-01-31T11:30:00Z"),
            ("PT1H", "2026-01-31T11:00:00Z"),
            ("P1D", "2026-02-01T10:00:00Z"),
            ("P1DT2H", "2026-02-01T12:00:00Z"),
            ("P2W", "2026-02-14T10:00:00Z"),
            ("P0.5D", "2026-01-31T22:00:00Z"),
            ("P1M", "2026-02-28T10:00:00Z"),
            ("P12M", "2027-01-31T10:00:00Z"),
            ("P1Y2M3DT4H5M6.789S", "2027-04-03T14:05:06.789Z"),
            ("P99Y", "2125-01-31T10:00:00Z"),
            ("P101Y", "2126-01-31T10:00:00Z"),
            ("P1200MT1S", "2126-01-31T10:00:00Z"),
            ("P99999999999999999999999Y", "2126-01-31T10:00:00Z"),
            ("PT99999999999999999999999S", "2126-01-31T10:00:00Z"),
            ("PT0.0000000001S", "2026-01-31T10:00:00Z"),
        ] {
            let duration = Duration8601::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(duration.after(at(start)), at(end), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "T1S",
            "30",
            "PT30",
            "30S",
            "P1S",
            "PT1D",
            "P1H",
            "-PT30S",
            "+PT30S",
            "PT-30S",
            "PT+30S",
            "pt30s",
            "PT30s",
            " PT30S",
            "PT30S ",
            "PT 30S",
            "P1.5M",
            "P0.5Y",
            "PT1.5H30M",
            "P0.5DT1H",
            "PT1S1H",
            "P1D1M",
            "P1M1M",
            "PT1.S",
            "PT.5S",
            "PT1.2.3S",
            "PT1e3S",
            "PS",
            "PTS",
            "P1DT1H T",
            "PT1HT1M",
            "P1Yé",
            "P\u{661}D",
            "é",
            "P-1Y",
            "PTM",
            "P1W1Y",
            "P2026-01-01",
            "PT\0",
            "PT1S\n",
        ] {
            assert_eq!(Duration8601::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let last = DateTime::<Utc>::MAX_UTC;
        let year = Duration8601::parse("P1Y").expect("a duration");
        assert_eq!(year.after(last), last);
        let second = Duration8601::parse("PT1S").expect("a duration");
        assert_eq!(second.after(last), last);
        assert!(year.after(DateTime::<Utc>::MIN_UTC) > DateTime::<Utc>::MIN_UTC);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", seconds in any::<i64>()) {
            let start = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
            if let Some(duration) = Duration8601::parse(&text) {
                prop_assert!(duration.after(start) >= start);
            }
        }

        #[test]
        fn every_well_formed_text_is_read(
            text in "P([0-9]{1,30}Y)?([0-9]{1,30}M)?([0-9]{1,30}W)?[0-9]{1,30}D(T([0-9]{1,30}H)?([0-9]{1,30}M)?[0-9]{1,30}([.,][0-9]{1,30})?S)?",
            seconds in any::<i64>(),
        ) {
            let start = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
            let duration = Duration8601::parse(&text);
            prop_assert!(duration.is_some_and(|d| d.after(start) >= start));
        }
    }
}
