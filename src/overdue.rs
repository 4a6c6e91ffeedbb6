//! Sees to it that what the provider looks into ends in time.
//!
//! Which orders are overdue is read from the store, so an end of the process forgets none. What
//! cannot be decided at present, because its network is not joined, say, is tried again for as long
//! as the server runs. What the outcome is, is decided in `engine::overdue`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tracing::error;

use crate::domain::ids::OrderKey;
use crate::engine::Engine;
use crate::engine::contained::contained;
use crate::networks::Networks;

/// How often the store is looked at: nobody waits at the other end for a second.
const TICK: Duration = Duration::from_secs(1);

/// Decides what is overdue until told to stop.
pub async fn run(
    engine: Arc<Engine>,
    networks: Arc<Networks>,
    clock: fn() -> DateTime<Utc>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut failed = HashSet::new();
    let rounds = async {
        loop {
            round(&engine, &networks, clock(), &mut failed).await;
            tokio::time::sleep(TICK).await;
        }
    };
    // What is being written then is written or not, as at any other end of the process.
    tokio::select! {
        // A sender that is gone means the same as one that says stop.
        _ = stopped.wait_for(|stop| *stop) => {}
        () = rounds => {}
    }
}

async fn round(
    engine: &Engine,
    networks: &Networks,
    now: DateTime<Utc>,
    failed: &mut HashSet<OrderKey>,
) {
    match engine.overdue(now).await {
        Ok(orders) => {
            failed.retain(|key| orders.contains(key));
            for key in orders {
                decide(engine, networks, (key, now), failed).await;
            }
        }
        Err(error) => error!(%error, "what the provider has not decided cannot be read"),
    }
}

/// A failure is told of once, not at every try.
async fn decide(
    engine: &Engine,
    networks: &Networks,
    (key, now): (OrderKey, DateTime<Utc>),
    failed: &mut HashSet<OrderKey>,
) {
    let network = networks.get(&key.network);
    match contained(engine.decide_overdue(network, &key, now)).await {
        Ok(()) => drop(failed.remove(&key)),
        Err(error) if !failed.contains(&key) => {
            error!(order.id = %key.id, error,
                "a cancellation that the provider has not decided on cannot be decided");
            failed.insert(key);
        }
        Err(_) => {}
    }
}
