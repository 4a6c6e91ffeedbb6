//! A provider that is only a list of events and a PATCH stays in step with the server, whatever is
//! killed; so does one that has the events pushed.
//!
//! `cargo run --release --example provider -- --orders 1000 --seed 1`
//!
//! Rides are handed over; a BAP cancels some, the back end completes some, and both want some of
//! them. Meanwhile the server and the back end, each a process of its own, are killed with a
//! signal that they cannot catch, again and again. At the end the two must say the same of every
//! order, and the BAP must have heard it. Beside them somebody who lives through all of it is asked
//! before each cancellation and takes every event as a push: each must be signed, none may be
//! missing, and those of an order must have come in their order. The back end itself is
//! `back_end.rs`, to be copied.

#[path = "../common/binary.rs"]
mod binary;
#[path = "../../tests/common/outside.rs"]
mod outside;
#[path = "../../tests/common/pushed.rs"]
mod pushed;
#[path = "../common/random.rs"]
mod random;

mod back_end;
mod proof;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

/// What to do.
#[derive(Debug, clap::Parser)]
pub struct Arguments {
    /// How many orders there are
    #[arg(long, default_value_t = 1_000)]
    orders: u64,
    /// What happens when, as far as it can be repeated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server; without it, the one built beside this example
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Be the back end, with its book and the rest in this directory
    #[arg(long, hide = true)]
    back_end: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Nobody has installed another one before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = match &arguments.back_end {
        Some(directory) => proof::back_end(directory).await.map(|()| Vec::new()),
        None => proof::run(&arguments).await,
    };
    match ended {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            broken.iter().take(20).for_each(|line| eprintln!("{line}"));
            eprintln!(
                "FAILED with --seed {}: {} findings",
                arguments.seed,
                broken.len()
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("FAILED with --seed {}: {error:#}", arguments.seed);
            ExitCode::FAILURE
        }
    }
}
