//! Everything that is old goes at once: how long do those wait who write at the same time?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use beckn_bpp::store::sled::SledStore;
use chrono::{DateTime, Utc};

use super::records::hand_over;
use super::spread::Spread;
use super::verdict::{Bound, Verdict};

/// Who writes at the same time.
const WRITERS: usize = 4;
/// Orders handed over in peace, for comparison; and so many at a time beside the pruning.
const PIECE: u64 = 1_000;
/// How much longer a write may take in times of what it takes in peace, p99 as the slowest...
const TIMES: f64 = 5.0;
/// ...or up to so many milliseconds, whichever is more: p99...
const SOON_MS: f64 = 25.0;
/// ...and the slowest of all.
const LONGEST_MS: f64 = 100.0;

/// Prunes all that is older than `now`; gives the number after the last order handed over.
pub async fn all_at_once(
    store: &Arc<SledStore>,
    first: u64,
    now: DateTime<Utc>,
    verdict: &mut Verdict,
) -> anyhow::Result<u64> {
    let calm = hand_over(store, first..first + PIECE, now, WRITERS).await?;
    let calm = Spread::of(nanoseconds(&calm));
    let done = AtomicBool::new(false);
    let began = Instant::now();
    let pruning = async {
        let pruned = super::prune(store, now).await;
        done.store(true, Ordering::Relaxed);
        pruned.map(|()| began.elapsed())
    };
    let writing = async {
        let (mut next, mut took) = (first + PIECE, Vec::new());
        while !done.load(Ordering::Relaxed) {
            took.extend(hand_over(store, next..next + PIECE / 10, now, WRITERS).await?);
            next += PIECE / 10;
        }
        anyhow::Ok((next, took))
    };
    let (pruned, written) = tokio::join!(pruning, writing);
    let (next, took) = written?;
    let beside = Spread::of(nanoseconds(&took));
    let written = took.len();
    verdict.figure("s to prune all that was left", pruned?.as_secs_f32());
    verdict.figure("commits beside it", written);
    for (name, spread) in [("in peace", &calm), ("beside the pruning", &beside)] {
        let line = format!("{}  ms (p50, p99, p99.9, max)", spread.line().trim_start());
        verdict.figure(format!("a commit {name}"), line);
    }
    let limit = Bound::AtMost((TIMES * calm.p99).max(SOON_MS));
    verdict.promise("a commit beside the pruning, p99 ms", beside.p99, limit);
    let limit = Bound::AtMost((TIMES * calm.max).max(LONGEST_MS));
    verdict.promise("the slowest of them, ms", beside.max, limit);
    Ok(next)
}

fn nanoseconds(took: &[Duration]) -> Vec<u64> {
    let each = took.iter().map(Duration::as_nanos);
    each.map(|nanoseconds| u64::try_from(nanoseconds).unwrap_or(u64::MAX))
        .collect()
}
