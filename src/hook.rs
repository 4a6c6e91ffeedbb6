//! Asks the provider before a cancellation is final, and makes its answer the outcome.
//!
//! The questions are read from the store, so an end of the process loses none: each is asked
//! again and again, under the same id and signed afresh, until there is an answer or its time is
//! over, and then the terms decide. Where no hook is configured any more, they decide at once.
//! Whatever the provider's answer, nothing is decided here: see `engine::undecided`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::delivery::provider::Endpoint;
use crate::delivery::send::Sender;
use crate::domain::ids::OrderKey;
use crate::domain::order::Order;
use crate::domain::undecided::{Answer, Undecided};
use crate::engine::Engine;
use crate::networks::Networks;
use crate::protocol::decision;

/// How long to wait after each attempt; the last goes on.
const STEPS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Questions asked at the same moment; the others wait, no longer than they may.
const AT_ONCE: usize = 256;

/// How often the store is looked at though nobody has put a question: for what could not be
/// decided before.
const TICK: Duration = Duration::from_secs(1);

/// Asks, for as long as the server runs.
pub struct Hook {
    engine: Arc<Engine>,
    networks: Arc<Networks>,
    sender: Sender,
    /// Where the provider is asked.
    endpoint: Option<Endpoint>,
    clock: fn() -> DateTime<Utc>,
    room: Semaphore,
}

impl Hook {
    /// Nothing is asked before [`Hook::run`].
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        networks: Arc<Networks>,
        (sender, endpoint): (Sender, Option<Endpoint>),
        clock: fn() -> DateTime<Utc>,
    ) -> Self {
        Self {
            engine,
            networks,
            sender,
            endpoint,
            clock,
            room: Semaphore::new(AT_ONCE),
        }
    }

    /// Asks until told to stop. What is being asked then is asked again at the next start.
    pub async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut in_hand = HashSet::new();
        let mut asking: JoinSet<OrderKey> = JoinSet::new();
        loop {
            match self.engine.undecided().await {
                Ok(orders) => {
                    for key in orders {
                        if in_hand.insert(key.clone()) {
                            asking.spawn(Arc::clone(&self).ask(key));
                        }
                    }
                }
                Err(error) => error!(%error, "what the provider is to be asked cannot be read"),
            }
            tokio::select! {
                // A sender that is gone means the same as one that says stop.
                _ = stopped.wait_for(|stop| *stop) => return,
                Some(done) = asking.join_next() => match done {
                    Ok(key) => drop(in_hand.remove(&key)),
                    Err(error) => {
                        // Whose it was is not known any more: all are asked again.
                        error!(%error, "asking the provider failed");
                        asking = JoinSet::new();
                        in_hand.clear();
                    }
                },
                () = self.engine.question_put() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Asks about one order until it is decided; says which it was.
    async fn ask(self: Arc<Self>, key: OrderKey) -> OrderKey {
        if let Err(error) = self.decide(&key).await {
            error!(order.id = %key.id, %error, "a cancellation cannot be decided at present");
            tokio::time::sleep(TICK).await;
        }
        key
    }

    async fn decide(&self, key: &OrderKey) -> Result<(), crate::engine::Error> {
        let stored = self.engine.store().order(key).await?;
        let order = stored.map(|stored| stored.order);
        let Some((order, undecided)) = order.and_then(|o| o.undecided.clone().map(|u| (o, u)))
        else {
            return Ok(());
        };
        let answer = match &self.endpoint {
            Some(endpoint) => self.answer(endpoint, &order, &undecided).await,
            None => Answer::Silence,
        };
        let word = match &answer {
            Answer::Allow(_) | Answer::Instead(_) => "allow",
            Answer::Refuse(_) => "refuse",
            Answer::Silence => "silence",
        };
        metrics::counter!("bpp_questions_total", "answer" => word).increment(1);
        let question = (key, &undecided.question);
        let now = (self.clock)();
        let network = self.networks.get(&key.network);
        let made = self.engine.resolve(network, question, &answer, now);
        made.await.map(drop)
    }

    /// What the provider says in the time that it has.
    async fn answer(&self, endpoint: &Endpoint, order: &Order, undecided: &Undecided) -> Answer {
        let time = undecided.until - (self.clock)();
        let Some(time) = time.to_std().ok().filter(|time| !time.is_zero()) else {
            return Answer::Silence;
        };
        let asking = self.ask_until_told(endpoint, order, undecided);
        tokio::time::timeout(time, asking)
            .await
            .unwrap_or_else(|_| {
                warn!(order.id = %order.key.id,
                "the provider said nothing in time: the terms decide about a cancellation");
                Answer::Silence
            })
    }

    async fn ask_until_told(
        &self,
        endpoint: &Endpoint,
        order: &Order,
        undecided: &Undecided,
    ) -> Answer {
        let body = decision::question(order, undecided).into();
        let currency = undecided.proposed.charge.map(|charge| charge.fee.currency);
        let last = STEPS[STEPS.len() - 1];
        let mut steps = STEPS.into_iter();
        loop {
            // Nobody closes it.
            let place = self.room.acquire().await;
            let asked = self
                .sender
                .ask(endpoint, undecided.question.as_str(), &body);
            let asked = asked.await;
            drop(place);
            let why = match asked {
                Ok(body) => match decision::read(&body, currency) {
                    Ok(answer) => {
                        info!(order.id = %order.key.id, "the provider has answered");
                        return answer;
                    }
                    Err(error) => error.to_string(),
                },
                Err(why) => why,
            };
            warn!(order.id = %order.key.id, %why, "the provider gave no answer; it is asked again");
            tokio::time::sleep(steps.next().unwrap_or(last)).await;
        }
    }
}
