//! How often each of many may come. Counters that are full again are forgotten, so that a
//! stranger with many names cannot fill the memory.

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::refusal::{Refusal, Word};

/// How many requests are counted before idle counters are looked for.
const SWEEP_EVERY: usize = 4_096;

/// A rate per key.
pub struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    counted: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    /// So many for each key.
    pub fn new(quota: Quota) -> Self {
        Self {
            limiter: RateLimiter::keyed(quota),
            counted: AtomicUsize::new(0),
        }
    }

    /// Counts one of this key; `who` and `what` are for the sentence.
    ///
    /// # Errors
    /// 429, and when to come again.
    pub fn check(&self, key: &K, who: &str, what: &str) -> Result<(), Refusal> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let detail = format!("{who} {what}");
            Refusal::new(Word::RateLimited, detail).retry_after(wait.as_secs().max(1))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn idle_counters_are_forgotten() {
        let often = NonZeroU32::new(1_000_000).expect("not zero");
        let rates = Rates::new(Quota::per_second(often));
        for key in 0..2 * SWEEP_EVERY {
            let found = rates.check(&key, "this address", "is too fast");
            found.expect("within the rate");
        }
        assert!(rates.limiter.len() <= SWEEP_EVERY + 1);
    }
}
