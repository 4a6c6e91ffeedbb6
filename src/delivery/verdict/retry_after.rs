//! How long a subscriber asks us to wait.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// `Retry-After` as a span from `now`: whole seconds or an HTTP date (RFC 9110, 10.2.3).
#[must_use]
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_anything_else_is_ignored() {
        let now = DateTime::from_timestamp(1_445_412_420, 0).expect("in range");
        let read = |text| retry_after(text, now).map(|d| d.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(60));
        assert_eq!(read("Wed, 21 Oct 2015 07:26:00 GMT"), Some(0));
        for bad in ["", "-1", "+1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
