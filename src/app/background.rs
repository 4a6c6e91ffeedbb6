//! What runs beside the doors until it is told to stop: delivery, questions to the provider and
//! what it is late with, pruning, and files that are read again when they change.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tracing::{error, warn};

use super::config::{self, Watched};
use super::retention;
use crate::delivery::provider::Endpoint;
use crate::delivery::send::Sender;
use crate::delivery::worker::{self, Worker};
use crate::delivery::{self, guard};
use crate::domain::told::told;
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
    /// The rest of what must go on until it is told to stop, each by its name.
    others: JoinSet<&'static str>,
    /// Ends all of them.
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
        let mut others = JoinSet::new();
        // What is being asked when it ends is asked again at the next start.
        let asking = hook.run(stopped.clone());
        others.spawn(named("asking the provider", asking));
        // So with this: what is overdue is read from the store.
        let deciding = overdue::run(engine, networks, clock, stopped.clone());
        others.spawn(named("deciding what is overdue", deciding));
        let pruning = prune(store, retention, stopped.clone());
        others.spawn(named("pruning", pruning));
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
            others,
            stop,
        })
    }

    /// Returns when something of it has ended by itself, and says what and why: nobody would hear
    /// of it otherwise, and what it does is owed.
    pub async fn failed(&mut self) -> String {
        tokio::select! {
            ended = &mut self.delivery => match ended {
                Ok(Ok(())) => "delivery ended".to_owned(),
                Ok(Err(error)) => told(&error),
                Err(error) => error.to_string(),
            },
            Some(ended) = self.others.join_next() => match ended {
                Ok(what) => format!("{what} ended"),
                Err(error) => fault(error),
            },
        }
    }

    /// Lets the attempts in flight and what is going on at the `doors` come to their end, for at
    /// most this long, and then everything else.
    pub async fn stop(self, within: Duration, doors: impl Future) {
        // The receiver is gone when delivery has already ended.
        let _ = self.stop.send(true);
        let mut delivery = self.delivery;
        let all = async { tokio::join!(doors, settled(&mut delivery)) };
        if tokio::time::timeout(within, all).await.is_err() {
            warn!("not all that was in hand could be finished");
            delivery.abort();
        }
        let mut others = self.others;
        while let Some(ended) = others.join_next().await {
            if let Err(error) = ended {
                error!(error = fault(error), "something did not end well");
            }
        }
    }
}

async fn named(what: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.await;
    what
}

/// Goes on until told to stop, also where everything is kept for ever.
async fn prune(
    store: Arc<dyn Store>,
    settings: retention::Settings,
    mut stopped: watch::Receiver<bool>,
) {
    retention::run(store, settings, stopped.clone()).await;
    // A sender that is gone means the same as one that says stop.
    drop(stopped.wait_for(|stop| *stop).await);
}

/// What went wrong in a task, with the words of its panic.
fn fault(error: JoinError) -> String {
    let sentence = error.to_string();
    match error.try_into_panic().as_deref() {
        Ok(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("our own code failed: {}", text.unwrap_or(&sentence))
        }
        Err(_) => sentence,
    }
}

/// Waits for the attempts in flight.
async fn settled(delivery: &mut JoinHandle<Result<(), worker::Error>>) {
    if delivery.is_finished() {
        return;
    }
    match delivery.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => error!(error = told(&error), "delivery ended with an error"),
        Err(error) => error!(%error, "delivery did not end well"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(other: impl Future<Output = ()> + Send + 'static) -> Background {
        let (stop, mut stopped) = watch::channel(false);
        let mut others = JoinSet::new();
        others.spawn(named("asking", other));
        let delivery = tokio::spawn(async move {
            drop(stopped.wait_for(|stop| *stop).await);
            Ok(())
        });
        Background {
            delivery,
            others,
            stop,
        }
    }

    #[tokio::test]
    async fn a_part_that_panics_or_ends_by_itself_is_told_of_while_the_others_go_on() {
        let mut background = running(async { panic!("an invariant does not hold") });
        let why = background.failed().await;
        assert!(why.contains("an invariant does not hold"), "{why}");
        background.stop(Duration::from_secs(5), async {}).await;
        let mut background = running(async {});
        assert_eq!(background.failed().await, "asking ended");
        background.stop(Duration::from_secs(5), async {}).await;
    }
}
