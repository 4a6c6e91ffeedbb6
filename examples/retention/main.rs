//! How much disk a store takes while days go by and what is old is removed, what is left then,
//! and how long others wait meanwhile.
//!
//! Each simulated day so many orders are cancelled, and their callbacks delivered; then everything
//! older than the days of evidence and orders is pruned, by the walks that the server takes in
//! the background, while the orders of the next day are handed over. For each day is printed what
//! is live (keys and values as stored: the size of one order and of one evidence is measured
//! first), what sled's directory takes, and how that compares with the largest live size so far.
//! The days pass in seconds, so sled has far less time to clean up than it has in earnest.
//!
//! After the last day each record is asked for: what is young must be there, what is old must be
//! gone. Long afterwards all the rest is pruned at once, while orders go on being handed over, each
//! timed. At the end the files are read. The directory is removed.
//!
//! `cargo run --release --example retention -- [DAYS] [CANCELS_PER_DAY]`; exit code 1 when a
//! promise is broken.

#[path = "../common/spread.rs"]
mod spread;
#[path = "../common/verdict.rs"]
mod verdict;

mod beside;
mod left;
mod records;
mod sizes;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use beckn_bpp::app::retention::round;
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{CallbackId, Store as _, Walk};
use chrono::{DateTime, TimeDelta, Utc};

use records::{TOGETHER, cancel, day, hand_over};
use sizes::{Sizes, disk, measure, megabytes, open};
use verdict::{Bound, Verdict};

/// How long evidence is kept here, in days.
const EVIDENCE_DAYS: u64 = 6;
/// How long orders are.
const ORDER_DAYS: u64 = 12;
/// The most that the directory may take, in times of the peak of what is live.
const MOST: f64 = 3.0;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut number = |usual| arguments.next().transpose().map(|n| n.unwrap_or(usual));
    match number(40).and_then(|days| Ok((days, number(500)?))) {
        Ok((days, per_day)) => verdict::conclude(run(days, per_day), false, ""),
        Err(error) => {
            eprintln!("{error}; give numbers: [DAYS] [CANCELS_PER_DAY]");
            ExitCode::FAILURE
        }
    }
}

async fn run(days: u64, per_day: u64) -> anyhow::Result<Verdict> {
    anyhow::ensure!(days > ORDER_DAYS, "in {days} days no order becomes too old");
    let sizes = measure().await?;
    println!(
        "{days} days with {per_day} cancels each; evidence {EVIDENCE_DAYS} d, orders {ORDER_DAYS} d; \
         one order is {} bytes, its evidence {}",
        sizes.order, sizes.evidence
    );
    let directory = tempfile::tempdir()?;
    let store = open(directory.path())?;
    let mut verdict = Verdict::default();
    let worst = simulate(&store, directory.path(), days, per_day, &sizes).await?;
    verdict.promise("disk, times the peak of live", worst, Bound::AtMost(MOST));

    let young = |kept: u64| (days - kept) * per_day..days * per_day;
    let expected = left::Expected {
        all: 0..days * per_day,
        evidence: young(EVIDENCE_DAYS),
        orders: young(ORDER_DAYS),
        events: ORDER_DAYS * per_day,
    };
    left::compare(&store, &expected, "after the last day", &mut verdict).await?;

    let all = days * per_day;
    let later = day(days * 10);
    let taken_in = beside::all_at_once(&store, all, later, &mut verdict).await?;
    let expected = left::Expected {
        all: 0..taken_in,
        evidence: 0..0,
        orders: all..taken_in,
        // The newest stays, so that its number is never given again.
        events: 1,
    };
    left::compare(&store, &expected, "long afterwards", &mut verdict).await?;
    store.close().await;
    drop(store);
    left::read_files(directory.path(), &mut verdict)?;
    Ok(verdict)
}

async fn simulate(
    store: &Arc<SledStore>,
    path: &Path,
    days: u64,
    per_day: u64,
    sizes: &Sizes,
) -> anyhow::Result<f64> {
    let (mut peak_live, mut peak_disk, mut worst) = (0, 0, 0.0_f64);
    let of_day = |number: u64| number * per_day..(number + 1).min(days) * per_day;
    hand_over(store, of_day(0), day(0), TOGETHER).await?;
    println!("\n day  live MB  disk MB  peak of disk / peak of live");
    for today in 0..days {
        let now = day(today);
        cancel(store, of_day(today), now).await?;
        peak_disk = peak_disk.max(disk(path)?);
        let live = (today + 1).min(EVIDENCE_DAYS + 1) * per_day * sizes.evidence
            + (today + 1).min(ORDER_DAYS + 1) * per_day * sizes.order;
        peak_live = peak_live.max(live);
        let tomorrow = hand_over(store, of_day(today + 1), day(today + 1), TOGETHER);
        let (pruned, handed_over) = tokio::join!(prune(store, now), tomorrow);
        pruned.and(handed_over.map(drop))?;
        peak_disk = peak_disk.max(disk(path)?);
        let ratio = megabytes(peak_disk) / megabytes(peak_live);
        worst = worst.max(if today < 2 { 0.0 } else { ratio });
        println!(
            "{today:4} {:8.1} {:8.1}  {ratio:.2}",
            megabytes(live),
            megabytes(disk(path)?)
        );
    }
    println!();
    Ok(worst)
}

/// What is older than its days goes at the end of the day.
async fn prune(store: &SledStore, now: DateTime<Utc>) -> anyhow::Result<()> {
    let before = |kept: u64| {
        let kept = TimeDelta::days(i64::try_from(kept).unwrap_or(0));
        now - kept + TimeDelta::seconds(1)
    };
    round(store, Walk::Evidence(CallbackId(0)), before(EVIDENCE_DAYS)).await?;
    round(store, Walk::Orders(None), before(ORDER_DAYS)).await?;
    round(store, Walk::Events, before(ORDER_DAYS)).await?;
    Ok(())
}
