//! Asks the provider before a cancellation is final, and makes its answer the outcome.
//!
//! The questions are read from the store, so an end of the process loses none: each is asked
//! again and again, under the same id and signed afresh, until there is an answer or its time is
//! over, and then the terms decide. Where no hook is configured any more, they decide at once.
//! An answer that came in time stands: while its outcome cannot be written it is kept and tried
//! again, and nothing else decides. One that dies with the process before it is written is asked
//! for again at the next start, once more even where the time is over by then.
//! Whatever the provider's answer, nothing is decided here: see `engine::undecided`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::delivery::provider::Endpoint;
use crate::delivery::send::Sender;
use crate::domain::ids::{MessageId, OrderKey};
use crate::domain::order::Order;
use crate::domain::undecided::{Answer, Undecided};
use crate::engine::contained::contained;
use crate::engine::{self, Engine};
use crate::networks::Networks;
use crate::protocol::decision;

/// How long to wait after each attempt; the last goes on.
const STEPS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long to wait after each failure to write an outcome; the last goes on.
const WRITES: [Duration; 8] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// How long the provider has at least to repeat an answer to a question that was put before this
/// process began.
const ONCE_MORE: Duration = Duration::from_secs(5);

/// Questions asked at the same moment; the others wait, no longer than they may.
const AT_ONCE: usize = 256;

/// How often the store is looked at: for what an earlier process was asked, and whatever of this
/// one was missed.
const TICK: Duration = Duration::from_secs(1);

/// Asks, for as long as the server runs.
pub struct Hook {
    engine: Arc<Engine>,
    networks: Arc<Networks>,
    sender: Sender,
    /// Where the provider is asked.
    endpoint: Option<Endpoint>,
    clock: fn() -> DateTime<Utc>,
    began: DateTime<Utc>,
    room: Semaphore,
}

/// The orders that are being asked about, each by a task of its own.
#[derive(Default)]
struct Desk {
    asking: JoinSet<OrderKey>,
    /// Each with whether another question was put meanwhile.
    in_hand: HashMap<OrderKey, bool>,
}

impl Desk {
    fn take(&mut self, hook: &Arc<Hook>, key: OrderKey, is_new: bool) {
        match self.in_hand.entry(key) {
            Entry::Occupied(mut again) => *again.get_mut() |= is_new,
            Entry::Vacant(free) => {
                self.asking.spawn(Arc::clone(hook).ask(free.key().clone()));
                free.insert(false);
            }
        }
    }

    fn put_away(&mut self, hook: &Arc<Hook>, done: Result<OrderKey, JoinError>) {
        match done {
            Ok(key) => {
                if self.in_hand.remove(&key) == Some(true) {
                    self.take(hook, key, false);
                }
            }
            Err(error) => {
                // Whose it was is not known any more: all are asked again.
                error!(%error, "asking the provider failed");
                *self = Self::default();
            }
        }
    }
}

/// What there is to decide about an order, kept until that is done.
#[derive(Default)]
struct InHand {
    /// The question, with what the provider said to it in time.
    answered: Option<(MessageId, Answer)>,
    /// What stood against it when it was last told of.
    told: Option<String>,
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
            began: clock(),
            room: Semaphore::new(AT_ONCE),
        }
    }

    /// Asks until told to stop. What is being asked then is asked again at the next start.
    pub async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let mut desk = Desk::default();
        // The first is at once: what an earlier process has left.
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_time = tokio::select! {
                // A sender that is gone means the same as one that says stop.
                _ = stopped.wait_for(|stop| *stop) => return,
                Some(done) = desk.asking.join_next() => {
                    desk.put_away(&self, done);
                    false
                }
                put = self.engine.questions_put() => {
                    put.into_iter().for_each(|key| desk.take(&self, key, true));
                    false
                }
                _ = tick.tick() => true,
            };
            if !is_time {
                continue;
            }
            match self.engine.undecided().await {
                Ok(all) => all.into_iter().for_each(|key| desk.take(&self, key, false)),
                Err(error) => error!(%error, "what the provider is to be asked cannot be read"),
            }
        }
    }

    /// Asks about one order until it is decided; says which it was.
    async fn ask(self: Arc<Self>, key: OrderKey) -> OrderKey {
        let mut in_hand = InHand::default();
        let mut steps = WRITES.into_iter();
        while let Err(why) = contained(self.decide(&key, &mut in_hand)).await {
            in_hand.cannot(&key, why);
            let pause = steps.next().unwrap_or(WRITES[WRITES.len() - 1]);
            tokio::time::sleep(pause).await;
        }
        if in_hand.told.is_some() {
            info!(order.id = %key.id, "a cancellation that could not be decided is decided");
        }
        key
    }

    /// Asks, unless there is an answer in hand, and makes it the outcome.
    async fn decide(&self, key: &OrderKey, in_hand: &mut InHand) -> Result<(), engine::Error> {
        let stored = self.engine.store().order(key).await?;
        let order = stored.map(|stored| stored.order);
        let Some((order, undecided)) = order.and_then(|o| o.undecided.clone().map(|u| (o, u)))
        else {
            return Ok(());
        };
        let known = in_hand.answered.take();
        let known = known.filter(|(question, _)| *question == undecided.question);
        let (question, answer) = match known {
            Some(known) => known,
            None => {
                let question = undecided.question.clone();
                let answer = tokio::select! {
                    answer = self.answer(&order, &undecided) => answer,
                    // Whoever decided it, the next question about the order must not wait.
                    () = self.engine.decided(&question) => return Ok(()),
                };
                (question, answer)
            }
        };
        let now = (self.clock)();
        let network = self.networks.get(&key.network);
        // Kept before it is written: an answer stands, whatever goes wrong with writing it.
        let (question, answer) = in_hand.answered.insert((question, answer));
        let resolving = self.engine.resolve(network, (key, question), answer, now);
        resolving.await.map(drop)
    }

    /// What the provider says, counted once for each question.
    async fn answer(&self, order: &Order, undecided: &Undecided) -> Answer {
        let answer = match &self.endpoint {
            Some(endpoint) => self.answer_in_time(endpoint, order, undecided).await,
            None => Answer::Silence,
        };
        let word = match &answer {
            Answer::Allow(_) | Answer::Instead(_) => "allow",
            Answer::Refuse(_) => "refuse",
            Answer::Silence => "silence",
        };
        metrics::counter!("bpp_questions_total", "answer" => word).increment(1);
        answer
    }

    /// What the provider says in the time that it has.
    async fn answer_in_time(
        &self,
        endpoint: &Endpoint,
        order: &Order,
        undecided: &Undecided,
    ) -> Answer {
        let left = (undecided.until - (self.clock)()).to_std();
        let mut time = left.unwrap_or_default();
        // It may have been answered in time, and the answer lost with the process before.
        if undecided.proposed.at < self.began {
            time = time.max(ONCE_MORE);
        }
        if time.is_zero() {
            return Answer::Silence;
        }
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

impl InHand {
    /// Says what stands against it, once.
    fn cannot(&mut self, key: &OrderKey, why: String) {
        if self.told.as_ref() != Some(&why) {
            error!(order.id = %key.id, error = why,
                "a cancellation cannot be decided at present; it is tried again");
            self.told = Some(why);
        }
    }
}
