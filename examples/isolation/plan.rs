//! The command line: how many hosts of each kind, how much load, and for how long.

use std::path::PathBuf;
use std::time::Duration;

/// Shows that bad hosts, and hosts with long queues, delay nobody else
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "isolation")]
pub struct Plan {
    /// A few seconds instead of a minute, as in the test suite
    #[arg(long)]
    pub short: bool,
    /// Hosts that are well all the time
    #[arg(long, default_value_t = 35)]
    pub healthy: usize,
    /// Hosts that accept and never answer
    #[arg(long, default_value_t = 5)]
    pub silent: usize,
    /// Hosts that answer just before the deadline
    #[arg(long, default_value_t = 5)]
    pub late: usize,
    /// Hosts that reset each connection
    #[arg(long, default_value_t = 5)]
    pub reset: usize,
    /// Cancels a second, over all hosts [default: 500, short 100]
    #[arg(long)]
    pub rate: Option<f64>,
    /// How long the hosts are bad, in seconds [default: 25, short 6]
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Callbacks that one BAP has waiting, beside the others and beside a BAP at the same host;
    /// 0 leaves it out
    /// [default: 100000, short 1000]
    #[arg(long)]
    pub backlog: Option<u64>,
    /// A difference in milliseconds that is noise: on few processors much else has its turn first
    #[arg(long, default_value_t = 50.0)]
    pub noise_ms: f64,
    /// The server's binary; by default the one built beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Plan {
    /// With every default filled in.
    pub fn settled(mut self) -> Self {
        let usual = |long, short| if self.short { short } else { long };
        let (rate, seconds, backlog) = (usual(500, 100), usual(25, 6), usual(100_000, 1_000));
        self.rate.get_or_insert(rate as f64);
        self.seconds.get_or_insert(seconds);
        self.backlog.get_or_insert(backlog);
        self
    }

    /// Cancels a second.
    pub fn rate(&self) -> f64 {
        self.rate.unwrap_or_default().max(1.0)
    }

    /// How long the hosts are bad.
    pub fn bad_time(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or_default())
    }

    /// How long the runs before and after that are.
    pub fn good_time(&self) -> Duration {
        self.bad_time().mul_f64(0.4)
    }

    /// Callbacks that may be in flight in all when places are few: bad hosts could have more.
    pub fn few_places(&self) -> usize {
        ((self.silent + self.late) * super::proof::PER_HOST * 3 / 4).max(1)
    }

    /// How long they are few.
    pub fn scarce_time(&self) -> Duration {
        self.bad_time().mul_f64(0.8)
    }

    /// Callbacks that wait in the second part.
    pub fn backlog(&self) -> u64 {
        self.backlog.unwrap_or_default()
    }

    /// All hosts; the healthy ones come first.
    pub fn hosts(&self) -> usize {
        self.healthy + self.silent + self.late + self.reset
    }

    /// How many cancels are sent in this time.
    pub fn cancels_in(&self, time: Duration) -> u64 {
        (self.rate() * time.as_secs_f64()).ceil() as u64
    }

    /// The deadline of an attempt.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(if self.short { 2 } else { 10 })
    }

    /// When a late host answers.
    pub fn lateness(&self) -> Duration {
        self.deadline() - Duration::from_millis(if self.short { 300 } else { 100 })
    }

    /// The server's settings: a breaker and steps that fit into the run, and a small cache, so
    /// that it is full before memory is looked at.
    pub fn sections(&self) -> String {
        let open = if self.short { 1 } else { 5 };
        let steps = ["\"0s\"", "\"500ms\"", "\"1s\""];
        let steps = steps.into_iter().chain(std::iter::repeat_n("\"2s\"", 100));
        let steps = steps.collect::<Vec<_>>().join(", ");
        format!(
            "schedule = [{steps}]\ntimeout = \"{}s\"\nconnect_timeout = \"1s\"\n\
             breaker_open = \"{open}s\"\n",
            self.deadline().as_secs()
        )
    }
}
