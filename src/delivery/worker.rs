//! The delivery loop: claim what is due, send it, wait for more, stop cleanly.
//!
//! The store hands out leases and knows what is due; [`attempt`] does the work, one
//! task each. This file bounds how many are under way, asks the breaker what to leave alone, and
//! decides how long to wait. A store that no longer settles ends the loop with an error, for
//! nothing sent after that could be remembered. The schedule's time comes from a [`Steady`]
//! clock; tests call [`Worker::deliver_due`] with the time they want.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::{JoinError, JoinSet};

use super::attempt::{self, Shared};
use super::breaker::{Breaker, Gate};
use super::send::{self, Sender};
use super::steady::Steady;
use super::{Settings, guard};
use crate::networks::Networks;
use crate::store::{self, ClaimLimits, Claimed, Store};

/// The longest the loop waits before it looks again: bounds what a clock jump, a breaker's end
/// or a missed wake-up can cost.
const TICK: Duration = Duration::from_secs(1);

/// How much longer than an attempt's deadline a clean stop waits for settlements.
const SETTLE_GRACE: Duration = Duration::from_secs(5);

/// Why delivery cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store no longer hands out or settles callbacks.
    #[error("callbacks cannot be delivered because the store failed")]
    Store(#[from] store::Error),
    /// The HTTP client cannot be built.
    #[error("callbacks cannot be sent")]
    Send(#[from] send::Error),
    /// An attempt ended without settling its lease, which its own guard should prevent.
    #[error("an attempt ended unsettled")]
    Attempt(#[from] JoinError),
}

type Flights = JoinSet<Result<(), store::Error>>;

/// Delivers the callbacks of a store.
pub struct Worker {
    shared: Arc<Shared>,
    clock: fn() -> DateTime<Utc>,
}

impl Worker {
    /// A worker with the machine's resolver; `clock` is the time that signatures are made at.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(
        store: Arc<dyn Store>,
        networks: Arc<Networks>,
        settings: Settings,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<Self, Error> {
        let sender = Sender::new(&settings, clock, Arc::new(guard::System))?;
        let shared = Arc::new(Shared::new(store, networks, settings, sender));
        Ok(Self { shared, clock })
    }

    /// Delivers what is due at `now`, and what becomes due by that, until nothing is; returns
    /// the number of attempts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliver_due(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        let mut attempts = 0;
        let mut flights = Flights::new();
        loop {
            let launched = self.launch(&mut flights, now).await?;
            attempts += launched;
            if launched == 0 {
                return Ok(attempts);
            }
            while let Some(done) = flights.join_next().await {
                done??;
            }
        }
    }

    /// Delivers until `shutdown` completes, then lets what is in flight finish and settle.
    ///
    /// # Errors
    /// When the store fails; what was in flight is due again once the store has been reopened.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let mut shutdown = pin!(shutdown);
        let mut flights = Flights::new();
        let mut clock = Steady::new(self.clock);
        let result = loop {
            let wait = match self.advance(&mut flights, clock.now()).await {
                Ok(wait) => wait,
                Err(error) => break Err(error),
            };
            let full = self.free(&flights) == 0;
            tokio::select! {
                biased;
                () = &mut shutdown => break Ok(()),
                Some(done) = flights.join_next() => if let Err(error) = ended(done) {
                    break Err(error);
                },
                () = self.shared.store.work(), if !full => {}
                () = tokio::time::sleep(wait) => {}
            }
        };
        let landed = self.land(flights).await;
        result.and(landed)
    }

    /// Takes in what has ended, launches what is due, and says how long there is nothing to do.
    async fn advance(&self, flights: &mut Flights, now: DateTime<Utc>) -> Result<Duration, Error> {
        while let Some(done) = flights.try_join_next() {
            ended(done)?;
        }
        self.launch(flights, now).await?;
        let due = self.shared.store.next_due().await?;
        // What was due and not handed out waits for something other than time: a lane, a
        // breaker, a hold. Without this the loop would spin on it.
        let ahead = due
            .and_then(|due| (due - now).to_std().ok())
            .filter(|wait| !wait.is_zero());
        Ok(ahead.unwrap_or(TICK).min(TICK))
    }

    async fn launch(&self, flights: &mut Flights, now: DateTime<Utc>) -> Result<usize, Error> {
        let claimed = self.claim(self.free(flights), now).await?;
        let launched = claimed.len();
        for claimed in claimed {
            flights.spawn(attempt::run(Arc::clone(&self.shared), claimed, now));
        }
        Ok(launched)
    }

    /// Claims what the breaker lets through; of a lane that has rested, one goes as a probe.
    async fn claim(&self, free: usize, now: DateTime<Utc>) -> Result<Vec<Claimed>, Error> {
        let gate = self.shared.breaker().gate(now);
        let claimed = self.claim_in_shares(free, &gate, now).await?;
        let mut breaker = self.shared.breaker();
        for claimed in &claimed {
            breaker.claimed(&claimed.callback.lane);
        }
        report(&breaker, now);
        Ok(claimed)
    }

    /// Claims for lanes in turn, half of the free places at a time, and from time to time less
    /// for each lane: many slow hosts together would else take them all, and hold up everybody.
    async fn claim_in_shares(
        &self,
        mut free: usize,
        gate: &Gate,
        now: DateTime<Utc>,
    ) -> Result<Vec<Claimed>, Error> {
        let mut claimed = Vec::new();
        loop {
            let total = free.div_ceil(2);
            let some = self.claim_some(total, self.share(free), gate, now).await?;
            free -= some.len();
            let more = some.len() == total && free > 0;
            claimed.extend(some);
            if !more {
                return Ok(claimed);
            }
        }
    }

    async fn claim_some(
        &self,
        total: usize,
        per_lane: usize,
        gate: &Gate,
        now: DateTime<Utc>,
    ) -> Result<Vec<Claimed>, Error> {
        if total == 0 {
            return Ok(Vec::new());
        }
        let limits = ClaimLimits {
            total,
            per_lane,
            closed_lanes: gate.closed.clone(),
            lanes_to_probe: gate.to_probe.clone(),
        };
        match self.shared.store.claim(now, &limits).await {
            Err(store::Error::Busy) => Ok(Vec::new()),
            result => Ok(result?),
        }
    }

    /// How many a lane may have in flight: all that it ever may while half of the places are
    /// free, then fewer and fewer down to one.
    fn share(&self, free: usize) -> usize {
        let settings = &self.shared.settings;
        let half = settings.in_flight.div_ceil(2).max(1);
        let most = settings.in_flight_per_host.max(1);
        (most.saturating_mul(free) / half).clamp(1, most)
    }

    fn free(&self, flights: &Flights) -> usize {
        self.shared.settings.in_flight.saturating_sub(flights.len())
    }

    /// Lets what is in flight end by itself: every attempt has a deadline, so this has one too.
    async fn land(&self, mut flights: Flights) -> Result<(), Error> {
        let all = async {
            let mut result = Ok(());
            while let Some(done) = flights.join_next().await {
                result = result.and(ended(done));
            }
            result
        };
        let grace = self.shared.settings.timeout + SETTLE_GRACE;
        tokio::time::timeout(grace, all).await.unwrap_or_else(|_| {
            tracing::warn!(
                "some callbacks were still in flight; they are due again after a restart"
            );
            Ok(())
        })
    }
}

/// An attempt answers for itself; what is left is a store that settles nothing any more.
fn ended(attempt: Result<Result<(), store::Error>, JoinError>) -> Result<(), Error> {
    Ok(attempt??)
}

/// Shows the breakers by their number: a label per host would have no bound.
fn report(breaker: &Breaker, now: DateTime<Utc>) {
    let (resting, probing) = breaker.counts(now);
    let lanes = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    metrics::gauge!("bpp_breaker_state", "state" => "open").set(lanes(resting));
    metrics::gauge!("bpp_breaker_state", "state" => "half_open").set(lanes(probing));
}
