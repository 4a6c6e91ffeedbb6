//! When a callback is tried again, and when it is given up on.
//!
//! Pure: the outcome of the present attempt and what came before it in this run go in, what
//! follows comes out. A run begins when a callback is committed or redriven.
//!
//! NACKs are counted over the whole run, not in a row: the first may be followed by
//! `nack_retries` more, whatever other failures lie between, and the one after that ends the
//! run. They wait by the same steps as everything else. A callback that made our own code fail
//! [`MAX_PANICS`] times in a run is parked, so that it cannot harm for ever.

use std::time::Duration;

use super::Settings;
use super::verdict::Verdict;
use crate::store::Callback;

/// How many panics in a run a callback may cause before it is parked as poison.
pub const MAX_PANICS: usize = 3;

/// The part of a step by which jitter moves it, up or down.
const JITTER: f64 = 0.2;

/// What the present run of a callback has seen before this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// Attempts that were made.
    pub attempts: usize,
    /// Those that were NACKed.
    pub nacks: usize,
    /// Those in which our own code failed.
    pub panics: usize,
}

impl Run {
    /// Counts what the callback remembers of its present run.
    #[must_use]
    pub fn of(callback: &Callback) -> Self {
        let attempts = callback.attempts_in_run as usize;
        let count = |outcome: &str| {
            let run = callback.attempts.iter().rev().take(attempts);
            run.filter(|attempt| attempt.outcome == outcome).count()
        };
        Self {
            attempts,
            nacks: count(Verdict::Nack.outcome()),
            panics: count(Verdict::Panic.outcome()),
        }
    }
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing; it arrived.
    Delivered,
    /// Another attempt after this long.
    After(Duration),
    /// Nothing; it is given up on.
    Dead,
}

/// Decides what follows an attempt with this verdict; `jitter` is between -1 and 1.
#[must_use]
pub fn next(settings: &Settings, run: &Run, verdict: Verdict, jitter: f64) -> Next {
    match verdict {
        Verdict::Delivered => Next::Delivered,
        Verdict::BlockedUrl | Verdict::NackForGood => Next::Dead,
        Verdict::Nack if run.nacks >= settings.nack_retries as usize => Next::Dead,
        Verdict::Panic if run.panics + 1 >= MAX_PANICS => Next::Dead,
        Verdict::Status { retry_after, .. } => step(settings, run, retry_after, jitter),
        _ => step(settings, run, None, jitter),
    }
}

fn step(settings: &Settings, run: &Run, retry_after: Option<Duration>, jitter: f64) -> Next {
    let Some(step) = settings.schedule.get(run.attempts + 1) else {
        return Next::Dead;
    };
    let jitter = if jitter.is_finite() {
        jitter.clamp(-1.0, 1.0)
    } else {
        0.0
    };
    let wait = step.mul_f64(1.0 + JITTER * jitter);
    let asked = retry_after.unwrap_or_default().min(*step * 2);
    Next::After(wait.max(asked))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
    use proptest::proptest;

    use super::*;

    const DOWN: Verdict = Verdict::Status {
        code: 503,
        retry_after: None,
    };

    fn run(attempts: usize, nacks: usize) -> Run {
        Run {
            attempts,
            nacks,
            panics: 0,
        }
    }

    #[test]
    fn the_steps_are_those_promised_and_then_it_is_dead() {
        let settings = Settings::default();
        let steps = [2, 10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
        for (done, seconds) in steps.into_iter().enumerate() {
            let expected = Next::After(Duration::from_secs(seconds));
            assert_eq!(
                next(&settings, &run(done, 0), Verdict::Timeout, 0.0),
                expected
            );
        }
        assert_eq!(
            next(&settings, &run(10, 0), Verdict::Timeout, 0.0),
            Next::Dead
        );
    }

    #[test]
    fn a_nack_is_tried_three_more_times() {
        let settings = Settings::default();
        for done in 0..3 {
            let after = next(&settings, &run(done, done), Verdict::Nack, 0.0);
            assert!(matches!(after, Next::After(_)), "{done}");
        }
        assert_eq!(next(&settings, &run(3, 3), Verdict::Nack, 0.0), Next::Dead);
        let between = next(&settings, &run(6, 2), Verdict::Nack, 0.0);
        assert!(matches!(between, Next::After(_)));
        assert_eq!(next(&settings, &run(8, 3), Verdict::Nack, 0.0), Next::Dead);
    }

    #[test]
    fn a_nack_for_now_follows_the_whole_schedule_and_one_for_good_ends_it() {
        let settings = Settings::default();
        for done in 0..10 {
            let after = next(&settings, &run(done, 0), Verdict::NackForNow, 0.0);
            assert!(matches!(after, Next::After(_)), "{done}");
        }
        let first = next(&settings, &run(0, 0), Verdict::NackForGood, 0.0);
        assert_eq!(first, Next::Dead);
    }

    #[test]
    fn retry_after_lengthens_a_step_to_twice_its_length_at_most() {
        let settings = Settings::default();
        let after = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            next(
                &settings,
                &run(1, 0),
                Verdict::Status {
                    code: 429,
                    retry_after,
                },
                0.0,
            )
        };
        assert_eq!(after(1), Next::After(Duration::from_secs(10)));
        assert_eq!(after(15), Next::After(Duration::from_secs(15)));
        assert_eq!(after(u64::MAX), Next::After(Duration::from_secs(20)));
    }

    #[test]
    fn a_forbidden_url_is_dead_at_once_but_a_forbidden_address_may_change() {
        let settings = Settings::default();
        assert_eq!(
            next(&settings, &run(0, 0), Verdict::BlockedUrl, 0.0),
            Next::Dead
        );
        let after = next(&settings, &run(0, 0), Verdict::BlockedAddress, 0.0);
        assert!(matches!(after, Next::After(_)));
    }

    #[test]
    fn a_third_panic_parks_the_callback() {
        let settings = Settings::default();
        let seen = |panics| Run {
            attempts: panics,
            nacks: 0,
            panics,
        };
        assert!(matches!(
            next(&settings, &seen(1), Verdict::Panic, 0.0),
            Next::After(_)
        ));
        assert_eq!(next(&settings, &seen(2), Verdict::Panic, 0.0), Next::Dead);
    }

    fn failures() -> impl Strategy<Value = Verdict> {
        let status = (300_u16..600, any::<Option<u32>>()).prop_map(|(code, seconds)| {
            let retry_after = seconds.map(|s| Duration::from_secs(s.into()));
            Verdict::Status { code, retry_after }
        });
        let plain = [
            Verdict::Nack,
            Verdict::Redirect,
            Verdict::NotJson,
            Verdict::AnswerTooLarge,
            Verdict::Timeout,
            Verdict::Transport,
            Verdict::BlockedAddress,
            Verdict::UnknownNetwork,
            Verdict::Panic,
        ];
        prop_oneof![status, proptest::sample::select(plain.to_vec()), Just(DOWN)]
    }

    proptest! {
        #[test]
        fn a_wait_stays_between_four_fifths_and_twice_its_step(
            done in 0_usize..20, verdict in failures(), jitter in any::<f64>(),
        ) {
            let settings = Settings::default();
            if let Next::After(wait) = next(&settings, &run(done, 0), verdict, jitter) {
                let step = settings.schedule[done + 1];
                prop_assert!(wait >= step.mul_f64(0.799) && wait <= step * 2);
            }
        }

        #[test]
        fn a_run_ends_by_the_last_step_and_never_before_it_without_nack_or_panic(
            verdicts in proptest::collection::vec(failures(), 11),
        ) {
            let settings = Settings::default();
            let mut seen = Run::default();
            let mut ended = false;
            for verdict in verdicts {
                let nacked = verdict == Verdict::Nack && seen.nacks == 3;
                let poison = verdict == Verdict::Panic && seen.panics == 2;
                let last = seen.attempts == 10;
                ended = next(&settings, &seen, verdict, 0.5) == Next::Dead;
                prop_assert_eq!(ended, nacked || poison || last);
                if ended {
                    break;
                }
                seen.attempts += 1;
                seen.nacks += usize::from(verdict == Verdict::Nack);
                seen.panics += usize::from(verdict == Verdict::Panic);
            }
            prop_assert!(ended);
        }

        #[test]
        fn what_arrived_is_never_sent_again(done in 0_usize..100, jitter in any::<f64>()) {
            let after = next(&Settings::default(), &run(done, done), Verdict::Delivered, jitter);
            prop_assert_eq!(after, Next::Delivered);
        }
    }
}
