//! Callbacks owed become callbacks delivered: claim, sign, post, settle.
//!
//! Read [`worker`] for the loop, [`attempt`] for one try, [`send`] for what goes over the wire,
//! [`verdict`] for how an answer is judged, [`schedule`] for what follows, [`audit`] and [`provider`]
//! for who else hears of an outcome. [`guard`] and
//! [`address`] say where a callback may go, [`breaker`] spares hosts that fail. Nothing in here
//! decides anything about an order, builds a body, or reads the system clock by itself.

pub mod address;
pub mod attempt;
pub mod audit;
pub mod breaker;
pub mod guard;
pub mod provider;
pub mod restamp;
pub mod schedule;
pub mod send;
pub mod steady;
pub mod verdict;
pub mod worker;

use std::time::Duration;

/// The `[delivery]` section.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Waiting time before each attempt of a run; the first is normally zero.
    pub schedule: Vec<Duration>,
    /// How many more times a NACKed callback is tried.
    pub nack_retries: u32,
    /// One deadline over connect, TLS, headers and body.
    pub timeout: Duration,
    /// The part of it that connecting may take.
    pub connect_timeout: Duration,
    /// How much of an answer is read, in bytes.
    pub answer_bytes: usize,
    /// Callbacks in flight, over all hosts.
    pub in_flight: usize,
    /// Callbacks in flight per host.
    pub in_flight_per_host: usize,
    /// Failures in a row that open a host's breaker.
    pub breaker_failures: u32,
    /// How long a breaker stays open.
    pub breaker_open: Duration,
    /// Where events are pushed: the `[provider]` section says it.
    pub events: Option<provider::Endpoint>,
}

impl Default for Settings {
    fn default() -> Self {
        let steps = [0, 2, 10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
        Self {
            schedule: steps.map(Duration::from_secs).to_vec(),
            nack_retries: 3,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            answer_bytes: 64 * 1024,
            in_flight: 256,
            in_flight_per_host: 8,
            breaker_failures: 5,
            breaker_open: Duration::from_secs(60),
            events: None,
        }
    }
}
