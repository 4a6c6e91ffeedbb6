//! What runs beside the doors until it is told to stop: delivery, questions to the provider and
//! what it is late with, pruning, and files that are read again when they change.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, warn};

use super::config::{self, Watched};
use super::retention;
use crate::delivery::provider::Endpoint;
use crate::delivery::send::Sender;
use crate::delivery::worker::{self, Worker};
use crate::delivery::{self, guard};
use crate::engine::Engine;
use crate::hook::Hook;
use crate::networks::Networks;
use crate::overdue;
use crate::store::Store;

/// What it works on.
pub struct Parts {
    /// Where callbacks, questions and what is too old are found.
    pub store: Arc<dyn Store>,
    /// Whose callbacks are sent.
    pub networks: Arc<Networks>,
    /// What hears the provider's answers, and decides without them when they are late.
    pub engine: Arc<Engine>,
    /// Where the provider is asked, if anywhere.
    pub asked_at: Option<Endpoint>,
    /// Files of keys and tokens.
    pub watched: Vec<Watched>,
}

/// All of it, running.
pub struct Background {
    delivery: JoinHandle<Result<(), worker::Error>>,
    retention: JoinHandle<()>,
    /// Ends delivery and pruning.
    stop: watch::Sender<bool>,
}

impl Background {
    /// Starts all of it.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn start(
        parts: Parts,
        delivery: &delivery::Settings,
        retention: retention::Settings,
    ) -> Result<Self, worker::Error> {
        let Parts {
            store,
            networks,
            engine,
            asked_at,
            watched,
        } = parts;
        let events = delivery.events.as_ref();
        store.push_events(events.map(Endpoint::event_target));
        let (clock, settings) = (Utc::now, delivery.clone());
        let worker = Worker::new(store.clone(), networks.clone(), settings, clock)?;
        let sender = Sender::new(delivery, clock, Arc::new(guard::System))?;
        let asking = (sender, asked_at);
        let hook = Arc::new(Hook::new(engine.clone(), networks.clone(), asking, clock));
        let (stop, stopped) = watch::channel(false);
        // Ends by itself once told to: what is being asked then is asked again at the next start.
        tokio::spawn(hook.run(stopped.clone()));
        // So does this: what is overdue is read from the store.
        tokio::spawn(overdue::run(engine, networks, clock, stopped.clone()));
        let retention = tokio::spawn(retention::run(store, retention, stopped.clone()));
        // Ends by itself once told to; nothing waits for it.
        tokio::spawn(config::watch(watched, stopped.clone()));
        let delivery = tokio::spawn(async move {
            let mut stopped = stopped;
            // A sender that is gone means the same as one that says stop.
            worker
                .run(async move { drop(stopped.wait_for(|stop| *stop).await) })
                .await
        });
        Ok(Self {
            delivery,
            retention,
            stop,
        })
    }

    /// Returns when delivery has ended by itself, and says why.
    pub async fn failed(&mut self) -> String {
        match (&mut self.delivery).await {
            Ok(Ok(())) => "delivery ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Lets the attempts in flight and what is going on at the `doors` come to their end, for at
    /// most this long, and then what is being pruned.
    pub async fn stop(self, within: Duration, doors: impl Future) {
        // The receiver is gone when delivery has already ended.
        let _ = self.stop.send(true);
        let mut delivery = self.delivery;
        let all = async { tokio::join!(doors, settled(&mut delivery)) };
        if tokio::time::timeout(within, all).await.is_err() {
            warn!("not all that was in hand could be finished");
            delivery.abort();
        }
        if let Err(error) = self.retention.await {
            error!(%error, "pruning did not end well");
        }
    }
}

/// Waits for the attempts in flight.
async fn settled(delivery: &mut JoinHandle<Result<(), worker::Error>>) {
    if delivery.is_finished() {
        return;
    }
    match delivery.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => error!(%error, "delivery ended with an error"),
        Err(error) => error!(%error, "delivery did not end well"),
    }
}
