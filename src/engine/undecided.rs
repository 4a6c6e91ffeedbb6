//! The provider is asked before a cancellation is final, where the configuration says so.
//!
//! What is asked about is on the order, durably, with the request that caused it: whoever asks
//! (the `hook`) reads it from there, and finds it again after any end of the process. The
//! first answer, or the end of the time for one, makes the outcome, in one transaction with the
//! callbacks for all who wait (`outcome`). Nothing here does any asking.

mod outcome;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use super::waiting::{self, Full, Places};
use super::{Engine, event};
use crate::domain::ids::{MessageId, OrderKey, RequestKey};
use crate::domain::order::{Cancellation, Order, Party};
use crate::domain::undecided::{Refused, Undecided};
use crate::store::{self, Commit, OrderWrite, StoredOrder, StoredRequest};

/// The provider is never asked longer than until so long before the request is void.
const BEFORE_TTL: TimeDelta = TimeDelta::seconds(5);

/// How much longer than the provider may take somebody at a door waits for the outcome.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How many requests may wait for one outcome, of networks and of doors each: all of them are kept
/// with the order.
pub(super) const MOST_WAITING: usize = 256;

/// Outcomes told of at once to those who wait in this process. Who misses one reads the order.
const OUTCOMES: usize = 256;

/// When the provider is asked.
#[derive(Debug, Clone)]
pub struct Asking {
    /// How long it may take.
    pub wait: Duration,
    /// The fulfilment states in which it is asked; with none, in all.
    pub fulfillment_states: Vec<String>,
    /// How many may wait for it at doors.
    pub places: Places,
}

/// What is known in this process of questions and outcomes; nothing of it is needed to go on
/// after a restart.
pub(super) struct Questions {
    asking: Option<Asking>,
    put: Notify,
    fresh: Mutex<Vec<OrderKey>>,
    /// Those who wait at doors; with nobody to ask, there is nothing to wait for but what was
    /// asked before, and that for a moment only.
    room: waiting::Room,
    outcomes: broadcast::Sender<Outcome>,
}

/// A question, and what was refused if it was.
type Outcome = (MessageId, Option<Refused>);

impl Questions {
    pub(super) fn new(asking: Option<Asking>) -> Self {
        let places = asking.as_ref().map(|asking| asking.places);
        Self {
            asking,
            put: Notify::new(),
            fresh: Mutex::default(),
            room: waiting::Room::with(places.unwrap_or_default()),
            outcomes: broadcast::Sender::new(OUTCOMES),
        }
    }
}

/// One who waits for an outcome.
pub(super) struct Listening(broadcast::Receiver<Outcome>);

/// What one who listens hears.
pub(super) enum News {
    /// The outcome: what was refused, if it was.
    Told(Option<Refused>),
    /// Some news were missed: the order tells.
    Missed,
}

/// How one who waits for an outcome hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// By a callback that answers the request.
    ByCallback,
    /// By the answer of a door.
    AtDoor,
    /// By an update of the order, as it was told already that it is looked into.
    ByUpdate,
}

impl Engine {
    /// Until when the provider is asked about this cancellation; `None` when it is not asked.
    /// What the provider does itself it is not asked about.
    pub(super) fn asks(
        &self,
        order: &Order,
        by: Party,
        valid_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let asking = self.questions.asking.as_ref()?;
        let states = &asking.fulfillment_states;
        let state = order.fulfillment_state();
        let is_meant =
            states.is_empty() || state.is_some_and(|state| states.iter().any(|s| s == state));
        let wait = TimeDelta::from_std(asking.wait).ok()?;
        let last = valid_until.map(|until| until - BEFORE_TTL);
        let until = last.map_or(now + wait, |last| last.min(now + wait));
        (is_meant && by != Party::Provider && until > now).then_some(until)
    }

    /// A place for a request of a client that is going to wait.
    pub(super) fn place(&self, client: &str) -> Result<waiting::Place, Full> {
        self.questions.room.enter(client)
    }

    /// Hears of outcomes from now on; begin before the question is put.
    pub(super) fn listen(&self) -> Listening {
        Listening(self.questions.outcomes.subscribe())
    }

    /// Says that a question about an order was put.
    pub(super) fn is_put(&self, order: &OrderKey) {
        self.fresh().push(order.clone());
        self.questions.put.notify_one();
    }

    /// The orders that questions were put about in this process since the last call; waits until
    /// there may be one.
    pub async fn questions_put(&self) -> Vec<OrderKey> {
        self.questions.put.notified().await;
        std::mem::take(&mut *self.fresh())
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<OrderKey>> {
        let fresh = self.questions.fresh.lock();
        fresh.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when a question has its outcome, whoever said it.
    pub async fn decided(&self, question: &MessageId) {
        let Listening(mut news) = self.listen();
        loop {
            match news.recv().await {
                Ok((about, _)) if about == *question => return,
                // What was missed is found out when the answer is used.
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// The orders with a cancellation that waits for the provider.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn undecided(&self) -> Result<Vec<OrderKey>, store::Error> {
        self.store.undecided().await
    }
}

impl Listening {
    /// Waits for the outcome of a question.
    pub(super) async fn outcome(&mut self, question: &MessageId) -> News {
        loop {
            match self.0.recv().await {
                Ok((about, refused)) if about == *question => return News::Told(refused),
                Ok(_) => {}
                Err(_) => return News::Missed,
            }
        }
    }
}

/// The commit that puts a question: the order says what is asked, and the request is kept.
pub(super) fn put(
    stored: &StoredOrder,
    proposed: Cancellation,
    until: DateTime<Utc>,
    (request, hears): (Option<StoredRequest>, Hears),
) -> (Commit, MessageId) {
    let now = proposed.at;
    let question = MessageId::parse(&Uuid::new_v4().to_string()).expect("a UUID is an id");
    let mut undecided = Undecided {
        question: question.clone(),
        proposed: proposed.clone(),
        until,
        waiting: Vec::new(),
        at_doors: Vec::new(),
    };
    if let Some(request) = &request {
        wait(&mut undecided, &request.key, hears);
    }
    let order = stored.order.asked_about(undecided);
    let event = event::pending(&order, &proposed);
    (changed(stored, order, request, Some(event), now), question)
}

/// The commit that lets one more request wait for the same outcome.
pub(super) fn join(
    stored: &StoredOrder,
    undecided: &Undecided,
    (request, hears): (StoredRequest, Hears),
    now: DateTime<Utc>,
) -> Commit {
    let mut undecided = undecided.clone();
    wait(&mut undecided, &request.key, hears);
    let order = stored.order.asked_about(undecided);
    changed(stored, order, Some(request), None, now)
}

fn wait(undecided: &mut Undecided, request: &RequestKey, hears: Hears) {
    match hears {
        Hears::ByCallback => undecided.waiting.push(request.clone()),
        Hears::AtDoor => undecided.at_doors.push(request.clone()),
        Hears::ByUpdate => {}
    }
}

fn changed(
    stored: &StoredOrder,
    order: Order,
    request: Option<StoredRequest>,
    event: Option<store::Event>,
    now: DateTime<Utc>,
) -> Commit {
    Commit {
        request,
        event,
        ..Commit::of(OrderWrite::changed(stored, order), now)
    }
}
