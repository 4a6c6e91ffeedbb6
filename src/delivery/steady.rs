//! A clock for the schedule that never runs backwards.
//!
//! Due times are wall clock times, because they outlive the process. When an operator or a time
//! server sets the wall clock back by a day, retries must not stop for a day: this clock then
//! goes on by the monotonic one until the wall clock has caught up. A jump forwards is
//! followed (a machine that slept is the usual cause) and costs each callback one early attempt
//! at most. Signatures do not use this clock: they need the time that others have.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// A wall clock that is never earlier than it was.
#[derive(Debug)]
pub struct Steady {
    wall: fn() -> DateTime<Utc>,
    last: DateTime<Utc>,
    read_at: Instant,
}

impl Steady {
    /// Starts at what the wall clock says.
    #[must_use]
    pub fn new(wall: fn() -> DateTime<Utc>) -> Self {
        Self {
            wall,
            last: wall(),
            read_at: Instant::now(),
        }
    }

    /// The time to go by.
    pub fn now(&mut self) -> DateTime<Utc> {
        let read_at = Instant::now();
        let elapsed = read_at.duration_since(self.read_at);
        self.last = (self.wall)().max(later(self.last, elapsed));
        self.read_at = read_at;
        self.last
    }
}

/// The time `wait` after `now`.
#[must_use]
pub fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(delta)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const DAY: i64 = 86_400;
    static WALL: AtomicI64 = AtomicI64::new(10 * DAY);

    fn wall() -> DateTime<Utc> {
        DateTime::from_timestamp(WALL.load(Ordering::SeqCst), 0).expect("in range")
    }

    #[test]
    fn a_wall_clock_set_back_does_not_stop_time_and_one_set_forward_is_followed() {
        let mut clock = Steady::new(wall);
        let start = clock.now();
        WALL.store(9 * DAY, Ordering::SeqCst);
        let first = clock.now();
        let second = clock.now();
        assert!(start <= first && first <= second);
        assert!(second - start < TimeDelta::days(1));
        WALL.store(12 * DAY, Ordering::SeqCst);
        assert!(clock.now() >= start + TimeDelta::days(1));
    }

    #[test]
    fn a_wait_beyond_the_calendar_ends_with_it() {
        assert_eq!(later(wall(), Duration::MAX), DateTime::<Utc>::MAX_UTC);
        let second = later(wall(), Duration::from_secs(1)) - wall();
        assert_eq!(second, TimeDelta::seconds(1));
    }
}
