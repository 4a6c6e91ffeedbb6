//! The command line.

use std::path::PathBuf;

use anyhow::ensure;

/// The first argument of the process that is sled alone: see [`super::bare`].
pub const BARE: &str = "sled-alone";

/// Shows that neither a cancel nor a start grows with the number of stored orders
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "growth")]
pub struct Plan {
    /// So many orders are stored at each step, each more than the one before
    #[arg(long, value_delimiter = ',', default_values_t = usual_sizes())]
    pub orders: Vec<u64>,
    /// Orders cancelled at each step
    #[arg(long, default_value_t = if cfg!(debug_assertions) { 300 } else { 3_000 })]
    pub cancels: u64,
    /// Clients that send them
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// How many times what it took at the first step a cancel may take at the last
    #[arg(long, default_value_t = 2.0)]
    pub most_ratio: f64,
    /// How long a start may take, in seconds
    #[arg(long, default_value_t = 5.0)]
    pub most_start_seconds: f64,
    /// The server's store.cache_size, in millions of bytes
    #[arg(long, default_value_t = 128)]
    pub cache_mb: u64,
    /// How many times the memory of sled alone the server may take at the last step
    #[arg(long, default_value_t = 1.3)]
    pub most_memory: f64,
    /// The server's binary; by default the one built beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub server: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

fn usual_sizes() -> Vec<u64> {
    match cfg!(debug_assertions) {
        true => vec![1_000, 5_000],
        false => vec![10_000, 100_000],
    }
}

impl Plan {
    /// The bytes of the cache.
    pub fn cache_bytes(&self) -> u64 {
        self.cache_mb * 1_000_000
    }

    /// Checks what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        let grows = self.orders.is_sorted_by(|one, next| one < next);
        ensure!(
            grows && !self.orders.is_empty(),
            "--orders: each more than the one before"
        );
        let enough = self.orders[0] >= self.cancels * self.orders.len() as u64;
        ensure!(
            enough,
            "--orders: the first is at least {} times --cancels",
            self.orders.len()
        );
        ensure!(self.cancels > 0, "--cancels: at least 1");
        Ok(())
    }
}
