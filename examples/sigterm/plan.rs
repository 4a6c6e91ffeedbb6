//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// Stops the server under load with SIGTERM, and proves that nothing was lost or altered
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "sigterm")]
pub struct Plan {
    /// How often it is stopped
    #[arg(long, default_value_t = 4)]
    pub rounds: u64,
    /// What decides when
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Cancels a second
    #[arg(long, default_value_t = 200.0)]
    pub rate: f64,
    /// The server's http.stop_grace, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub grace_seconds: u64,
    /// The deadline of an attempt at a callback, in seconds: a silent host takes all of it
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub timeout_seconds: u64,
    /// The server's binary; by default the one built beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Plan {
    /// How long it goes on taking requests.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// The longest a round sends.
    pub fn longest_round(&self) -> Duration {
        super::proof::LATEST + self.grace() + Duration::from_secs(2)
    }

    /// Cancels prepared for a round.
    pub fn cancels(&self) -> u64 {
        (self.rate * self.longest_round().as_secs_f64()).ceil() as u64
    }

    /// The server's settings: a first repetition soon, so that what a stop cuts short is due when
    /// the next start comes.
    pub fn sections(&self) -> String {
        let steps = std::iter::repeat_n("\"1s\"", 100)
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "schedule = [\"0s\", {steps}]\ntimeout = \"{}s\"\nconnect_timeout = \"1s\"\n\
             breaker_failures = 1000000\n",
            self.timeout_seconds
        )
    }
}
