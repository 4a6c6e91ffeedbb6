//! Wrong tokens, counted per address: guessing gets slow, and the log stays readable.
//!
//! A minute begins with an address's first failure. Bounded: addresses whose minute is over are
//! forgotten, and while too many fail at once each further one is told to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many in a minute are answered 401, all others 429.
pub const A_MINUTE: u32 = 10;

const MINUTE: Duration = Duration::from_secs(60);

/// The most addresses counted at once.
const ADDRESSES: usize = 10_000;

/// See the module's text.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<IpAddr, Minute>>);

struct Minute {
    began: Instant,
    failures: u32,
}

impl Minute {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= MINUTE
    }
}

impl Failures {
    /// Counts a failure.
    ///
    /// # Errors
    /// When it is one too many: the seconds to wait.
    pub fn count(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.len() >= ADDRESSES && !minutes.contains_key(&address) {
            minutes.retain(|_, minute| !minute.is_over(now));
            if minutes.len() >= ADDRESSES {
                return Err(MINUTE.as_secs());
            }
        }
        let fresh = || Minute {
            began: now,
            failures: 0,
        };
        let minute = minutes.entry(address).or_insert_with(fresh);
        if minute.is_over(now) {
            *minute = fresh();
        }
        minute.failures = minute.failures.saturating_add(1);
        let gone = now.saturating_duration_since(minute.began);
        match minute.failures <= A_MINUTE {
            true => Ok(()),
            false => Err(MINUTE.saturating_sub(gone).as_secs().max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_eleventh_failure_of_an_address_waits_for_the_end_of_its_minute() {
        let failures = Failures::default();
        let [one, other] = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        for second in 0..u64::from(A_MINUTE) {
            assert_eq!(failures.count(one, after(second)), Ok(()));
        }
        assert_eq!(failures.count(one, after(15)), Err(45));
        assert_eq!(failures.count(other, after(15)), Ok(()));
        assert_eq!(failures.count(one, after(59)), Err(1));
        assert_eq!(failures.count(one, after(60)), Ok(()));
    }

    #[test]
    fn many_addresses_fill_no_memory_and_are_forgotten_after_their_minute() {
        let failures = Failures::default();
        let begin = Instant::now();
        let address = |n: usize| IpAddr::from(Ipv4Addr::from_bits(n as u32));
        for number in 0..ADDRESSES {
            assert_eq!(failures.count(address(number), begin), Ok(()));
        }
        assert_eq!(failures.count(address(ADDRESSES), begin), Err(60));
        assert_eq!(failures.count(address(0), begin), Ok(()));
        let later = begin + MINUTE;
        assert_eq!(failures.count(address(ADDRESSES), later), Ok(()));
        let counted = failures.0.lock().expect("whole").len();
        assert_eq!(counted, 1);
    }
}
