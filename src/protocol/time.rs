//! Times in a message: an instant, or the reading of a clock on a wall in the network's zone.
//!
//! UHI writes the times of an appointment without a zone. Which zone is meant is the network's
//! setting, which the reader of a message does not know yet, so both forms are kept until then.

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// With a zone.
    Instant(DateTime<Utc>),
    /// Without one.
    Local(NaiveDateTime),
}

impl Time {
    /// Reads RFC 3339, or the same without a zone; a year has four digits in either.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Instant(instant.to_utc()));
        }
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        (0..=9_999)
            .contains(&local.year())
            .then_some(Self::Local(local))
    }

    /// The instant. An hour that a clock shows twice is the later one, which leaves a customer
    /// more time; one that it leaves out is read as if the clock had not been set forward.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Option<DateTime<Utc>> {
        let local = match self {
            Self::Instant(instant) => return Some(instant),
            Self::Local(local) => local,
        };
        let read = |local| zone.from_local_datetime(&local).latest();
        let left_out = || Some(read(local - TimeDelta::hours(1))? + TimeDelta::hours(1));
        Some(read(local).or_else(left_out)?.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: Tz) -> Option<String> {
        let instant = Time::parse(text)?.in_zone(zone)?;
        Some(instant.format("%FT%TZ").to_string())
    }

    #[test]
    fn a_time_without_a_zone_is_in_that_of_the_network() {
        let kolkata = chrono_tz::Asia::Kolkata;
        assert_eq!(
            read("2026-11-24T10:00:00", kolkata).as_deref(),
            Some("2026-11-24T04:30:00Z")
        );
        assert_eq!(
            read("2026-11-24T10:00:00.250", kolkata).as_deref(),
            Some("2026-11-24T04:30:00Z")
        );
        assert_eq!(
            read("2026-11-24T10:00:00Z", kolkata).as_deref(),
            Some("2026-11-24T10:00:00Z")
        );
        assert_eq!(
            read("2026-11-24T10:00:00+05:30", Tz::UTC).as_deref(),
            Some("2026-11-24T04:30:00Z")
        );
        assert_eq!(
            read("2026-11-24T10:00:00", Tz::UTC).as_deref(),
            Some("2026-11-24T10:00:00Z")
        );
        let ages = ["-262143-01-01T00:00:00", "+262142-12-31T23:59:59"];
        let others = ["", "tomorrow", "2026-11-24", "2026-13-01T00:00:00"];
        for bad in ages.into_iter().chain(others) {
            assert_eq!(read(bad, kolkata), None, "{bad}");
        }
    }

    #[test]
    fn where_clocks_are_set_an_hour_twice_is_the_later_and_one_left_out_moves_on() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(
            read("2026-10-25T02:30:00", berlin).as_deref(),
            Some("2026-10-25T01:30:00Z")
        );
        assert_eq!(
            read("2026-03-29T02:30:00", berlin).as_deref(),
            Some("2026-03-29T01:30:00Z")
        );
    }
}
