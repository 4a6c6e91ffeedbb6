//! Removes what is too old, in the background: small steps, with pauses as long as they took.
//!
//! The walks take turns: callbacks with their requests, orders that are over, events, audit
//! entries. A walk
//! begins at the oldest that there is, so nothing need be remembered of the last one, and one
//! that finds nothing costs a look. What may go at all the store decides; how long things are
//! kept is configuration. This reads the clock, and hands the time down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::store::{CallbackId, Error, Pruned, Store, Walk};

/// The pause after a step that removed something, in times of what it took: half of the time at
/// most goes into removing, and less when the store is busy.
const PAUSE_AFTER_WORK: u32 = 1;

/// The same after a step that only looked.
const PAUSE_AFTER_LOOK: u32 = 4;

/// The shortest pause.
const BREATH: Duration = Duration::from_millis(2);

/// How long a full queue is left alone.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// What is too old is gone at most this part of its time later.
const LATER_BY: u32 = 20;

/// Between two rounds at least and at most.
const SHORTEST_ROUND: Duration = Duration::from_secs(60);
/// See [`SHORTEST_ROUND`].
const LONGEST_ROUND: Duration = Duration::from_secs(3_600);
/// All orders are looked at, so seldom.
const LONGEST_ROUND_OF_ORDERS: Duration = Duration::from_secs(86_400);

/// The `[retention]` section. `None` is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long requests and callbacks are kept.
    pub evidence: Option<Duration>,
    /// How long orders are kept once they are final, events, and audit entries.
    pub final_orders: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        Self {
            evidence: days(90),
            final_orders: days(180),
        }
    }
}

/// Prunes until told to stop, or the store has stopped.
pub async fn run(store: Arc<dyn Store>, settings: Settings, mut stopped: watch::Receiver<bool>) {
    let Settings {
        evidence,
        final_orders,
    } = settings;
    let store = &*store;
    let walks = async {
        tokio::join!(
            repeat(store, START_OF_EVIDENCE, evidence, LONGEST_ROUND),
            repeat(store, Walk::Events, final_orders, LONGEST_ROUND),
            repeat(store, Walk::Audit, final_orders, LONGEST_ROUND),
            repeat(
                store,
                Walk::Orders(None),
                final_orders,
                LONGEST_ROUND_OF_ORDERS
            ),
        )
    };
    tokio::select! {
        // A sender that is gone means the same as one that says stop.
        _ = stopped.wait_for(|stop| *stop) => {}
        _ = walks => {}
    }
}

const START_OF_EVIDENCE: Walk = Walk::Evidence(CallbackId(0));

/// Takes one walk again and again, if what it removes is not kept for ever.
async fn repeat(store: &dyn Store, start: Walk, kept: Option<Duration>, longest: Duration) {
    let Some(kept) = kept else { return };
    let pause = (kept / LATER_BY).clamp(SHORTEST_ROUND, longest);
    loop {
        match round(store, start.clone(), before(Utc::now(), kept)).await {
            Ok(pruned) => report(&pruned),
            // It is told why by whoever writes, and the process ends.
            Err(Error::Stopped(_)) => return,
            Err(error) => warn!(%error, "What is too old cannot be removed."),
        }
        sleep(pause).await;
    }
}

/// What is older than this has been kept long enough.
fn before(now: DateTime<Utc>, kept: Duration) -> DateTime<Utc> {
    let kept = TimeDelta::from_std(kept).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(kept).unwrap_or(DateTime::UNIX_EPOCH)
}

/// One walk from its start to its end, as the server takes it.
///
/// # Errors
/// When the store fails.
pub async fn round(store: &dyn Store, start: Walk, before: DateTime<Utc>) -> Result<Pruned, Error> {
    let mut all = Pruned::default();
    let mut next = Some(start);
    while let Some(walk) = next.take() {
        let began = Instant::now();
        let step = match store.prune(walk.clone(), before).await {
            Err(Error::Busy) => {
                sleep(BUSY_PAUSE).await;
                next = Some(walk);
                continue;
            }
            step => step?,
        };
        next.clone_from(&step.next);
        let pause = if all.add(&step) {
            PAUSE_AFTER_WORK
        } else {
            PAUSE_AFTER_LOOK
        };
        if next.is_some() {
            sleep((began.elapsed() * pause).max(BREATH)).await;
        }
    }
    Ok(all)
}

fn report(pruned: &Pruned) {
    let parts = [
        ("requests", pruned.requests),
        ("callbacks", pruned.callbacks),
        ("orders", pruned.orders),
        ("events", pruned.events),
        ("audit", pruned.audit),
    ];
    for (what, count) in parts {
        metrics::counter!("bpp_pruned_total", "what" => what).increment(count);
    }
    if parts.iter().any(|(_, count)| *count > 0) {
        info!(
            requests = pruned.requests,
            callbacks = pruned.callbacks,
            orders = pruned.orders,
            events = pruned.events,
            audit = pruned.audit,
            "what was kept long enough is removed"
        );
    }
}
