//! Fills the disk of a server, and proves that nothing it acknowledged is lost.
//!
//! `cargo run --release --example disk_full`
//!
//! As root: mounts a tmpfs of 96 MB, starts the real binary on it and sends it signed cancels.
//! With a watermark it must refuse in time with 503, deliver what it owes all the same, and be
//! ready by itself within 10 s once there is room. Without one it must end with a sentence, open
//! again in the room of its ballast, and deliver. Started on a full disk it must open, or say
//! what it needs. Takes less than a minute; the disk is unmounted however it ends. Without root
//! nothing is proved: it says so and ends with 77, or with 0 where `--allow-skip` is given.

#[path = "../kill_loop/bap.rs"]
mod bap;
#[path = "../common/binary.rs"]
mod binary;
#[path = "../../tests/common/outside.rs"]
mod outside;
#[path = "../common/random.rs"]
mod random;

mod acts;
mod disk;
mod town;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;

/// The size of the disk.
const DISK_MEGABYTES: u32 = 96;

/// No run takes this long.
const AT_MOST: Duration = Duration::from_secs(120);

/// Fills the disk of a server, and proves that nothing it acknowledged is lost.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// The server's binary; by default the one built beside this program
    #[arg(long)]
    server: Option<PathBuf>,
    /// Print the figures as one JSON document
    #[arg(long)]
    json: bool,
    /// Where no disk can be mounted, end well all the same
    #[arg(long)]
    allow_skip: bool,
}

/// Nothing was proved: neither well nor failed, as test drivers know it.
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(&arguments)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(Some(())) => ExitCode::SUCCESS,
        Ok(None) if arguments.allow_skip => ExitCode::SUCCESS,
        Ok(None) => ExitCode::from(SKIPPED),
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Nothing where there can be no disk to fill.
async fn run(arguments: &Arguments) -> anyhow::Result<Option<()>> {
    let binary = binary::server(arguments.server.as_ref())?;
    if let Err(reason) = disk::can_be_mounted() {
        eprintln!("*** SKIPPED: {reason:#}");
        return Ok(None);
    }
    let town = town::Town::new(binary, DISK_MEGABYTES)?;
    let figures = tokio::select! {
        figures = tokio::time::timeout(AT_MOST, acts::run(&town)) => {
            figures.context("it takes too long")??
        }
        signal = tokio::signal::ctrl_c() => {
            signal?;
            anyhow::bail!("stopped by Ctrl-C");
        }
    };
    print(arguments, &figures).map(Some)
}

fn print(arguments: &Arguments, figures: &acts::Figures) -> anyhow::Result<()> {
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(figures)?);
        return Ok(());
    }
    let mb = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    println!("a disk of {DISK_MEGABYTES} MiB, {:.1} s", figures.seconds);
    println!(
        "  with a watermark: {} cancels refused with 503, {} still free; {} callbacks delivered \
         while not ready",
        figures.refused_at_the_watermark,
        mb(figures.free_bytes_at_first_refusals),
        figures.delivered_while_not_ready
    );
    println!(
        "  without: {} cancels acknowledged until the disk was full; {} callbacks delivered from \
         the ballast's room",
        figures.acknowledged_until_the_disk_was_full,
        figures.delivered_from_the_room_of_the_ballast
    );
    println!("  ready again after {:?} ms", figures.ready_again_ms);
    println!(
        "  {} cancels acknowledged in all, {} callbacks received, 0 lost, 0 altered",
        figures.acknowledged, figures.callbacks_received
    );
    Ok(())
}
