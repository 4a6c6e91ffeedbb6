//! The least memory that the same data can be held in: sled alone, in a process of its own, with
//! the same files, cache and allocator, after it has read them through once.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};

use crate::plan::BARE;
use crate::stage::usage::Usage;

/// Starts that process on a store that nobody has open; its resident bytes.
///
/// # Errors
/// When it cannot open the store, or does not tell.
pub fn resident_bytes(store: &Path, cache_bytes: u64) -> anyhow::Result<u64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(BARE).arg(store).arg(cache_bytes.to_string());
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "sled alone: {complaint}");
    let told = String::from_utf8(output.stdout)?;
    told.trim().parse().context("sled alone tells no size")
}

/// That process: `store cache-bytes` follow the word that begins it.
pub fn main(arguments: &[String]) -> ExitCode {
    match hold(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn hold(arguments: &[String]) -> anyhow::Result<()> {
    let [store, cache_bytes] = arguments else {
        anyhow::bail!("expected a store and the bytes of its cache");
    };
    let db = sled::Config::new()
        .path(store)
        .cache_capacity(cache_bytes.parse()?)
        .open()?;
    let mut bytes = 0;
    for entry in &*db {
        let (key, value) = entry?;
        bytes += key.len() + value.len();
    }
    ensure!(bytes > 0, "the store is empty");
    let resident = Usage::of(std::process::id()).resident_bytes;
    let resident = resident.context("/proc tells no size")?;
    writeln!(std::io::stdout(), "{resident}")?;
    Ok(())
}
