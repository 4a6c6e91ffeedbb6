//! Spares a host that fails, and its callbacks the attempts that would be wasted on it.
//!
//! One breaker over all lanes (`host:port`, or the host where any port of it may be called), in
//! memory: after a restart every lane is tried
//! again. After enough failures in a row a lane is closed for a while, then one callback goes as
//! a probe; its success opens the lane, its failure closes it again. A lane is never given up
//! for good. Pure: `now` is an argument, and the worker asks before each claim.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::steady::later;
use super::verdict::Health;

/// From this many lanes on, those that have long been quiet are forgotten.
const MANY_LANES: usize = 4_096;

/// Which lanes have failed lately.
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    rest: Duration,
    lanes: HashMap<String, Lane>,
}

#[derive(Debug)]
struct Lane {
    failures: u32,
    /// The failure that closed the lane, or the latest one before that.
    since: DateTime<Utc>,
    probing: bool,
}

/// What a claim may take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate {
    /// Lanes that get nothing.
    pub closed: Vec<String>,
    /// Lanes that have rested and get one callback, if one is due.
    pub to_probe: Vec<String>,
}

impl Breaker {
    /// A breaker that closes a lane after `failures` in a row, for `rest`.
    #[must_use]
    pub fn new(failures: u32, rest: Duration) -> Self {
        Self {
            failures: failures.max(1),
            rest,
            lanes: HashMap::new(),
        }
    }

    /// What may be claimed at `now`, in no particular order.
    #[must_use]
    pub fn gate(&self, now: DateTime<Utc>) -> Gate {
        let mut gate = Gate::default();
        for (name, lane) in &self.lanes {
            if lane.failures < self.failures {
                continue;
            }
            let rested = !lane.probing && !self.rests(lane, now);
            let list = if rested {
                &mut gate.to_probe
            } else {
                &mut gate.closed
            };
            list.push(name.clone());
        }
        gate
    }

    /// How many lanes rest at `now`, and how many are being probed. One that has rested and for
    /// which nothing is due is neither: nothing is known to be wrong with it any more.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> (usize, usize) {
        let failed = self.lanes.values();
        let failed = failed.filter(|lane| lane.failures >= self.failures);
        let (probing, others): (Vec<_>, Vec<_>) = failed.partition(|lane| lane.probing);
        let resting = others.iter().filter(|lane| self.rests(lane, now));
        (resting.count(), probing.len())
    }

    /// A callback of this lane was claimed: if the lane had rested, it is the probe.
    pub fn claimed(&mut self, lane: &str) {
        if let Some(lane) = self.lanes.get_mut(lane)
            && lane.failures >= self.failures
        {
            lane.probing = true;
        }
    }

    /// Learns from an attempt that ended at `now`.
    pub fn record(&mut self, lane: &str, health: Health, now: DateTime<Utc>) {
        match health {
            Health::Well => {
                self.lanes.remove(lane);
            }
            Health::Ill => self.fail(lane, now),
            Health::Unknown => {
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.probing = false;
                }
            }
        }
    }

    fn fail(&mut self, name: &str, now: DateTime<Utc>) {
        self.forget_quiet_lanes(now);
        let lane = self.lanes.entry(name.to_owned()).or_insert(Lane {
            failures: 0,
            since: now,
            probing: false,
        });
        // Stragglers that fail while the lane rests do not make it rest longer.
        if lane.failures < self.failures || lane.probing {
            lane.since = now;
        }
        lane.failures = lane.failures.saturating_add(1);
        lane.probing = false;
    }

    /// A clock set back by more than a rest ends it rather than lengthening it.
    fn rests(&self, lane: &Lane, now: DateTime<Utc>) -> bool {
        now < later(lane.since, self.rest) && lane.since < later(now, self.rest)
    }

    fn forget_quiet_lanes(&mut self, now: DateTime<Utc>) {
        if self.lanes.len() >= MANY_LANES {
            let quiet = self.rest * 10;
            self.lanes
                .retain(|_, lane| lane.probing || later(lane.since, quiet) > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("in range")
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::new(5, REST);
        for second in 0..5 {
            breaker.record("bad:443", Health::Ill, at(second));
        }
        breaker
    }

    fn closed(breaker: &Breaker, now: i64) -> bool {
        breaker.gate(at(now)).closed == ["bad:443"]
    }

    fn to_probe(breaker: &Breaker, now: i64) -> bool {
        breaker.gate(at(now)).to_probe == ["bad:443"]
    }

    #[test]
    fn five_failures_in_a_row_close_a_lane_for_a_minute_and_no_other() {
        let mut breaker = Breaker::new(5, REST);
        for second in 0..4 {
            breaker.record("bad:443", Health::Ill, at(second));
            assert_eq!(breaker.gate(at(second)), Gate::default());
        }
        breaker.record("good:443", Health::Ill, at(4));
        breaker.record("bad:443", Health::Ill, at(4));
        assert!(closed(&breaker, 4) && closed(&breaker, 63));
        assert!(to_probe(&breaker, 64));
    }

    #[test]
    fn an_answer_between_starts_the_count_again() {
        let mut breaker = Breaker::new(5, REST);
        for second in 0..20 {
            let health = if second % 5 == 4 {
                Health::Well
            } else {
                Health::Ill
            };
            breaker.record("bad:443", health, at(second));
            assert_eq!(breaker.gate(at(second)), Gate::default());
        }
    }

    #[test]
    fn one_probe_decides() {
        let mut breaker = tripped();
        breaker.claimed("bad:443");
        assert!(closed(&breaker, 70), "while the probe is under way");
        breaker.record("bad:443", Health::Ill, at(75));
        assert!(closed(&breaker, 134) && to_probe(&breaker, 135));
        breaker.claimed("bad:443");
        breaker.record("bad:443", Health::Well, at(136));
        assert_eq!(breaker.gate(at(136)), Gate::default());
    }

    #[test]
    fn a_lane_that_has_rested_and_has_nothing_to_send_is_not_shown() {
        let mut breaker = tripped();
        assert_eq!(breaker.counts(at(30)), (1, 0));
        assert_eq!(breaker.counts(at(64)), (0, 0), "nothing was due since");
        breaker.claimed("bad:443");
        assert_eq!(breaker.counts(at(65)), (0, 1));
        breaker.record("bad:443", Health::Ill, at(75));
        assert_eq!(breaker.counts(at(80)), (1, 0));
    }

    #[test]
    fn a_probe_that_tells_nothing_leaves_room_for_another() {
        let mut breaker = tripped();
        breaker.claimed("bad:443");
        breaker.record("bad:443", Health::Unknown, at(70));
        assert!(to_probe(&breaker, 70));
    }

    #[test]
    fn stragglers_do_not_lengthen_the_rest() {
        let mut breaker = tripped();
        breaker.record("bad:443", Health::Ill, at(50));
        assert!(to_probe(&breaker, 64));
    }

    #[test]
    fn a_clock_set_back_ends_the_rest() {
        assert!(to_probe(&tripped(), -86_400));
    }

    #[test]
    fn many_hosts_do_not_fill_the_memory() {
        let mut breaker = Breaker::new(5, REST);
        for n in 0..20_000_i64 {
            breaker.record(&format!("h{n}:443"), Health::Ill, at(n));
        }
        assert!(breaker.lanes.len() <= MANY_LANES);
    }
}
