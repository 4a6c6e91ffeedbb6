//! `store check|export`: what is in a store's directory, what is wrong with it, and what of it
//! can be saved.
//!
//! Both work on a store that no server has open, and on a copy of it, because sled writes when it
//! opens. Exit code 0 when it is whole, 3 when it is not.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::serve::load;
use super::{output, salvage};
use crate::crypto::digest::blake2b_512_base64;
use crate::store::sled::{PERHAPS_WAITING, Report, WAITING, check};
use crate::store::{self, Settings};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read every record of a stopped server's store, and say everything that does not fit
    ///
    /// Nothing is written to the store: a copy of it is opened, and removed afterwards. Exit code
    /// 0 when the store is clean, 3 when something is wrong with it, 1 when it cannot be looked at
    /// (there is none, or a server has it open).
    Check(Check),
    /// Take what can still be read out of a damaged store: its orders, and what is owed
    ///
    /// Orders are written as lines that `order import` takes, each with its present state; erased
    /// ones are counted and left out. Callbacks that are still owed go to a second file, named
    /// like the first with `.callbacks` added, and acknowledged requests that wait for the
    /// provider to decide, with their raw bodies and headers, to a third one, `.waiting`; so do
    /// those that may wait, because their orders cannot be read. A new store knows neither:
    /// whoever waits hears nothing until you see to it. The store itself stays as it is. Exit code
    /// 0 when all of it could be read, 3 when some of it could not.
    Export(Export),
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
pub(super) struct Export {
    /// The file for the orders; neither it nor the two beside it may exist yet
    #[arg(long, value_name = "FILE", required = true)]
    salvage: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Where a copy goes meanwhile; by default the system's temporary directory
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
        Command::Export(arguments) => run_export(arguments),
    }
}

fn run_export(arguments: &Export) -> anyhow::Result<()> {
    let path = arguments.which.path()?;
    let scratch = arguments.scratch.clone();
    let scratch = scratch.unwrap_or_else(std::env::temp_dir);
    let (report, files) = quietly(|| salvage::run(&path, &scratch, &arguments.salvage))?;
    tell(&path, &report, arguments.json);
    if !arguments.json {
        written(&report, &files);
    }
    verdict(&path, &report)
}

/// Where everything is, and what has to be done about those who wait.
fn written(report: &Report, files: &salvage::Files) {
    println!(
        "  written to {}, {} and {}",
        files.orders.display(),
        files.owed.display(),
        files.waiting.display()
    );
    if report.counts.contains_key(WAITING) {
        println!(
            "  a new store does not know who waits: hand the orders over, then for each line of {} \
             cancel the order with `order cancel`, which tells the BAP, or tell the sender \
             yourself that it is not cancelled",
            files.waiting.display()
        );
    }
    if report.counts.contains_key(PERHAPS_WAITING) {
        println!(
            "  of the lines of {} with `\"order_unreadable\":true` nobody can tell any more whether \
             somebody waits: find out what became of the order, and tell the sender",
            files.waiting.display()
        );
    }
}

fn run_check(arguments: &Check) -> anyhow::Result<()> {
    let path = arguments.which.path()?;
    let scratch = arguments.scratch.clone();
    let scratch = scratch.unwrap_or_else(std::env::temp_dir);
    let report = quietly(|| check(&path, &scratch, blake2b_512_base64))?;
    tell(&path, &report, arguments.json);
    verdict(&path, &report)
}

fn tell(path: &Path, report: &Report, json: bool) {
    match json {
        true => output::json(&json!({
            "path": path,
            "clean": report.is_clean(),
            "counts": report.counts,
            "findings": report.findings,
            "more_findings": report.more_findings,
        })),
        false => print(path, report),
    }
}

fn verdict(path: &Path, report: &Report) -> anyhow::Result<()> {
    match report.findings.len() as u64 + report.more_findings {
        0 => Ok(()),
        1 => Err(corrupt(path, "1 finding")),
        count => Err(corrupt(path, &format!("{count} findings"))),
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
