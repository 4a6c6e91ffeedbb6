//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// Shows what slow peers do to the others
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "slow_peers")]
pub struct Plan {
    /// Connections that take their time
    #[arg(long, default_value_t = 1_000)]
    pub peers: usize,
    /// Clients that do not
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// How long each of the two measurements takes, in seconds
    #[arg(long, default_value_t = 15)]
    pub seconds: u64,
    /// Orders that there are to cancel
    #[arg(long, default_value_t = 80_000)]
    pub orders: u64,
    /// The server's binary; by default the one built beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Plan {
    /// How long each measurement takes.
    pub fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
