//! Kills the server again and again under load, and proves that nothing was lost or altered.
//!
//! `cargo run --release --example kill_loop -- --rounds 20 --seed 7`
//!
//! Each round starts the real binary, lets 32 clients send it signed cancels (new ones, replays,
//! reused ids, second cancels, strangers'), and kills it after 50 to 2,000 ms; in a third of the
//! rounds it is killed again while it recovers. The BAPs fail, hang and hang up by the seed.
//! What was sent and what was answered stands in a ledger of its own. At the end the faults
//! stop, the ledger, the callbacks and the server are compared, and `store check` reads its files.
//! Exit code 1 and the seed tell of anything that does not fit. It shows what a killed process keeps, not what a loss
//! of power leaves: see `tests/fsync.rs` for that.

#[path = "../common/binary.rs"]
mod binary;
#[path = "../../tests/common/outside.rs"]
mod outside;
#[path = "../common/random.rs"]
mod random;

mod arguments;
mod bap;
mod client;
mod fate;
mod ledger;
mod lives;
mod operator;
mod rounds;
mod town;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(rounds::run(&arguments)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(summary) if summary.violations.is_empty() => {
            arguments.print(&summary);
            ExitCode::SUCCESS
        }
        Ok(summary) => {
            arguments.print(&summary);
            eprintln!("FAILED with --seed {}", arguments.seed);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("FAILED with --seed {}: {error:#}", arguments.seed);
            ExitCode::FAILURE
        }
    }
}
