//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// Shows what the server does with three times the load that it can take
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "overload")]
pub struct Plan {
    /// A few seconds instead of half a minute, as in the test suite
    #[arg(long)]
    pub short: bool,
    /// How many times its capacity is offered
    #[arg(long, default_value_t = 3.0)]
    pub times: f64,
    /// How long, in seconds [default: 10, short 3]
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Clients that find the capacity
    #[arg(long, default_value_t = 64)]
    pub clients: usize,
    /// Connections of the generator; more are in use only when the server is slow to answer
    #[arg(long, default_value_t = 2_000)]
    pub connections: usize,
    /// Hosts that take the callbacks
    #[arg(long, default_value_t = 16)]
    pub hosts: usize,
    /// Orders that there are to cancel [default: 80000, short 4000]
    #[arg(long)]
    pub orders: Option<u64>,
    /// Let the system decide which processor does what
    #[arg(long)]
    pub not_pinned: bool,
    /// Another value for the server's limits.at_work
    #[arg(long)]
    pub at_work: Option<u32>,
    /// The server's binary; by default the one built beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Plan {
    /// How long too much is offered.
    pub fn overload_time(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.short { 3 } else { 10 }))
    }

    /// How long the capacity is looked for.
    pub fn peak_time(&self) -> Duration {
        Duration::from_secs(if self.short { 2 } else { 4 })
    }

    /// Orders handed over.
    pub fn orders(&self) -> u64 {
        self.orders
            .unwrap_or(if self.short { 4_000 } else { 80_000 })
    }
}
