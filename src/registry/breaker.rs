//! Gives a failing registry rest: after several failures in a row it is asked once per second.
//!
//! Stands before every question in `ask`. It reads no clock and remembers nothing across
//! restarts; one answer of any kind closes it again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

const FAILURES: u32 = 5;
const REST: TimeDelta = TimeDelta::seconds(1);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Run>);

#[derive(Debug, Default)]
struct Run {
    failures: u32,
    last_asked: Option<DateTime<Utc>>,
}

/// What may be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Anything: the registry answers.
    Ask,
    /// This one question, to see whether it answers again.
    Probe,
    /// Nothing.
    Rest,
}

impl Breaker {
    /// Whether a question may be asked now; when open, this takes the one turn of the second.
    pub(super) fn turn(&self, now: DateTime<Utc>) -> Turn {
        let mut run = self.lock();
        // `abs`: a clock set back must not close the way for longer than the rest.
        let rested = |last: DateTime<Utc>| (now - last).abs() >= REST;
        let turn = match run.failures >= FAILURES {
            false => Turn::Ask,
            true if run.last_asked.is_none_or(rested) => Turn::Probe,
            true => return Turn::Rest,
        };
        run.last_asked = Some(now);
        turn
    }

    /// Records how a question ended.
    pub(super) fn ended(&self, answered: bool) {
        let mut run = self.lock();
        run.failures = if answered {
            0
        } else {
            run.failures.saturating_add(1)
        };
    }

    /// Whether the registry is being given rest.
    pub(super) fn is_open(&self) -> bool {
        self.lock().failures >= FAILURES
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        // Two plain numbers are never left half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_225_600_000 + ms).expect("in range")
    }

    #[test]
    fn five_failures_in_a_row_leave_one_question_per_second() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(!breaker.is_open());
            assert_eq!(breaker.turn(at(0)), Turn::Ask);
            breaker.ended(false);
        }
        assert!(breaker.is_open());
        for (ms, turn) in [
            (999, Turn::Rest),
            (1_000, Turn::Probe),
            (1_500, Turn::Rest),
            (2_000, Turn::Probe),
        ] {
            assert_eq!(breaker.turn(at(ms)), turn, "{ms}");
        }
    }

    #[test]
    fn an_answer_closes_it_and_starts_the_count_again() {
        let breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.ended(false));
        breaker.ended(true);
        (1..FAILURES).for_each(|_| breaker.ended(false));
        assert_eq!([breaker.turn(at(0)), breaker.turn(at(0))], [Turn::Ask; 2]);
    }

    #[test]
    fn a_clock_set_back_does_not_keep_it_shut() {
        let breaker = Breaker::default();
        assert_eq!(breaker.turn(at(86_400_000)), Turn::Ask);
        (0..FAILURES).for_each(|_| breaker.ended(false));
        assert_eq!(breaker.turn(at(0)), Turn::Probe);
    }
}
