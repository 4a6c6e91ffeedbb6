//! `store check`: what is in a store's directory, and what is wrong with it.
//!
//! Works on a store that no server has open, and on a copy of it, because sled writes when it
//! opens. Exit code 0 when it is clean, 3 when it is not.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::output;
use super::serve::load;
use crate::crypto::digest::blake2b_512_base64;
use crate::store::sled::{Report, check};
use crate::store::{self, Settings};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read every record of a stopped server's store, and say everything that does not fit
    ///
    /// Nothing is written to the store: a copy of it is opened, and removed afterwards. Exit code
    /// 0 when the store is clean, 3 when something is wrong with it, 1 when it cannot be looked at
    /// (there is none, or a server has it open).
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    which: Which,
    /// Where the copy goes for the time of the check; by default the system's temporary directory
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The store's directory
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The store that this configuration names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Which {
    fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.path {
            return Ok(path.clone());
        }
        let Settings::Sled { path, .. } = load(self.config.as_deref())?.store;
        Ok(path)
    }
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check(arguments) => run_check(arguments),
    }
}

fn run_check(arguments: &Check) -> anyhow::Result<()> {
    let path = arguments.which.path()?;
    let scratch = arguments.scratch.clone();
    let scratch = scratch.unwrap_or_else(std::env::temp_dir);
    let report = quietly(|| check(&path, &scratch, blake2b_512_base64))?;
    match arguments.json {
        true => output::json(&json!({
            "path": path,
            "clean": report.is_clean(),
            "counts": report.counts,
            "findings": report.findings,
            "more_findings": report.more_findings,
        })),
        false => print(&path, &report),
    }
    match report.findings.len() as u64 + report.more_findings {
        0 => Ok(()),
        1 => Err(corrupt(&path, "1 finding")),
        count => Err(corrupt(&path, &format!("{count} findings"))),
    }
}

/// sled panics over some damage; the check takes that for an answer and tells it in its own words.
fn quietly<T>(check: impl FnOnce() -> T) -> T {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = check();
    std::panic::set_hook(report);
    result
}

fn print(path: &Path, report: &Report) {
    println!("{}", path.display());
    for (kind, count) in &report.counts {
        println!("  {count:>10}  {kind}");
    }
    for finding in &report.findings {
        println!("  {finding}");
    }
    if report.more_findings > 0 {
        println!("  and {} findings more", report.more_findings);
    }
    if report.is_clean() {
        println!("  clean");
    }
}

fn corrupt(path: &Path, findings: &str) -> anyhow::Error {
    let what = format!(
        "{findings} in {}. Keep the directory as it is; put back a copy of it from before",
        path.display()
    );
    store::Error::Corrupt { what, source: None }.into()
}
