//! Numbers with units: durations (`"250ms"`, `"10m"`, `"1h30m"`) and sizes (`"128MB"`, `"64KiB"`).
//!
//! A number without a unit is refused, so that nobody has to guess whether 30 meant seconds.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a duration such as `30s` or `1h30m`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let mut total_ms = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit());
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        total_ms = total_ms.checked_add(scaled(number, unit, &DURATIONS)?)?;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

/// Reads a size such as `128MB` or `64KiB`, in bytes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text)?;
    scaled(number, unit.trim_start(), &SIZES)
}

/// Writes a duration with the largest unit that leaves nothing over.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match ms {
        0 => "0s".to_owned(),
        _ => shortest(ms, &DURATIONS),
    }
}

/// Writes a size with the unit that makes it shortest.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    shortest(bytes, &SIZES)
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

fn scaled(number: u64, unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

fn shortest(amount: u64, units: &[(&str, u64)]) -> String {
    let whole = units
        .iter()
        .filter(|(_, factor)| amount.is_multiple_of(*factor));
    let written = whole.map(|(name, factor)| format!("{}{name}", amount / factor));
    // The last of equally short ones has the larger unit.
    written.rev().min_by_key(String::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_read_back_as_written() {
        for text in ["0s", "250ms", "30s", "90s", "10m", "1h", "12h", "2d"] {
            let read = duration(text).expect("a duration");
            assert_eq!(show_duration(read), text);
        }
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(duration("60s").map(show_duration), Some("1m".to_owned()));
        for bad in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "1S",
            "1w",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn sizes_tell_thousands_from_1024s() {
        for text in ["0B", "1B", "256KiB", "64KiB", "128MB", "1GiB"] {
            assert_eq!(size(text).map(show_size).as_deref(), Some(text));
        }
        assert_eq!(size("1KB"), Some(1_000));
        for bad in ["", "128", "MB", "1kb", "1.5MB", "-1B", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }
}
