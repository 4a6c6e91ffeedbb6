//! The provider is asked before a cancellation is final, where the configuration says so.
//!
//! What is asked about is on the order, durably, with the request that caused it: whoever asks
//! (the `hook`) reads it from there, and finds it again after any end of the process. The
//! first answer, or the end of the time for one, makes the outcome, in one transaction with the
//! callbacks for all who wait. Nothing here does any asking.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, broadcast};
use tracing::info;
use uuid::Uuid;

use super::aim::{self, Aim};
use super::cancel::text;
use super::pending::told_kept;
use super::provider::{not_joined, told};
use super::reply::{ReadAgain, reply};
use super::waiting::{self, Full, Places};
use super::{Engine, Error, MAX_RACES, event};
use crate::domain::decide::{Decision, Denial};
use crate::domain::ids::{MessageId, OrderKey, RequestKey};
use crate::domain::order::{Cancellation, Order, Party};
use crate::domain::undecided::{Answer, Refused, Undecided, settle};
use crate::networks::Network;
use crate::protocol::on_cancel::Content;
use crate::store::{self, Answered, Commit, Committed, OrderWrite, StoredOrder, StoredRequest};

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

    /// Makes the outcome of a question, if nobody has done so before; the order that it made.
    ///
    /// # Errors
    /// When it cannot be stored, or those who wait cannot be answered at present.
    pub async fn resolve(
        &self,
        network: Option<&Network>,
        (key, question): (&OrderKey, &MessageId),
        answer: &Answer,
        now: DateTime<Utc>,
    ) -> Result<Option<Order>, Error> {
        for _ in 0..MAX_RACES {
            let stored = self.store.order(key).await?;
            let asked = |stored: &StoredOrder| stored.order.undecided.clone();
            let Some((stored, undecided)) = stored.and_then(|s| asked(&s).map(|u| (s, u))) else {
                return Ok(None);
            };
            if undecided.question != *question {
                return Ok(None);
            }
            let decision = settled(&stored, &undecided, answer, now);
            let commit = self.outcome(network, &stored, &undecided, &decision, now);
            let commit = commit.await?;
            let made = commit.order.order.clone();
            if let Committed::Done { .. } = self.store.commit(commit).await? {
                let refused = refused(&stored.order, &decision);
                info!(order.id = %key.id, refused = refused.is_some(),
                    "a cancellation that the provider was asked about is decided");
                // Nobody may be waiting in this process.
                let _ = self.questions.outcomes.send((question.clone(), refused));
                return Ok(made);
            }
        }
        let what = "the order keeps changing; try again".to_owned();
        Err(Error::Conflict {
            what,
            cancellation: None,
        })
    }

    /// The order as the outcome leaves it, with the callbacks of all who wait. Where only a door
    /// waits, the BAP that placed the order hears of a cancellation unasked.
    async fn outcome(
        &self,
        network: Option<&Network>,
        stored: &StoredOrder,
        undecided: &Undecided,
        decision: &Decision,
        now: DateTime<Utc>,
    ) -> Result<Commit, Error> {
        let (order, document, event) = match decision {
            Decision::Cancelled(cancellation) => {
                let (cancelled, document) = aim::cancelled(network, stored, cancellation)?;
                let event = event::cancelled(&cancelled, cancellation);
                (cancelled, document, event)
            }
            _ => {
                let kept = stored.order.no_longer_asked_about();
                let event = event::refused(&kept, &undecided.proposed, now);
                (kept, None, event)
            }
        };
        let mut answers = Vec::new();
        for key in &undecided.waiting {
            // Pruned meanwhile, it is nobody's any more.
            if let Some(request) = self.store.request(key).await? {
                answers.push(answered(network, stored, &request, (decision, now))?);
            }
        }
        let callback = match (decision, answers.is_empty()) {
            (Decision::Cancelled(cancellation), true) => {
                told(network, stored, Content::Cancelled(cancellation), now)?
            }
            (Decision::Refused(denial), true) => match &stored.order.pending {
                Some(pending) => told_kept(network, (stored, pending), (&order, denial), now)?,
                None => None,
            },
            _ => None,
        };
        let told = answers.first().and_then(|one| one.callback.as_ref());
        let webhook = told.or(callback.as_ref()).and_then(|callback| {
            // Of a refusal nobody hears but those who asked.
            let cancelled = Some(&order).filter(|order| order.cancellation.is_some())?;
            network?.news(cancelled, &callback.message)
        });
        let refused = refused(&stored.order, decision);
        answers.extend(
            refused
                .iter()
                .flat_map(|refused| at_doors(undecided, refused)),
        );
        Ok(Commit {
            order: OrderWrite {
                key: order.key.clone(),
                expected_version: stored.order.version,
                order: Some(order),
                document,
            },
            request: None,
            callback,
            webhook,
            answers,
            event: Some(event),
            now,
        })
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

/// A part of an order is settled as the order that it is decided on as.
fn settled(
    stored: &StoredOrder,
    undecided: &Undecided,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Decision {
    match Aim::at(stored, undecided.proposed.fulfillment()) {
        Ok(aim) => settle(&aim.order, undecided, answer, now),
        // What the provider handed over meanwhile has it no more.
        Err(_) => Decision::Refused(Denial::Fulfillment),
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

/// What was refused, as everybody is told: of the order as it stood.
fn refused(order: &Order, decision: &Decision) -> Option<Refused> {
    match decision {
        Decision::Refused(denial) => Some(Refused {
            state: order.state,
            denial: denial.clone(),
        }),
        _ => None,
    }
}

/// What requests of doors are to be answered with when they come again.
fn at_doors(undecided: &Undecided, refused: &Refused) -> impl Iterator<Item = Answered> {
    undecided.at_doors.iter().map(|request| Answered {
        request: request.clone(),
        callback: None,
        refused: Some(refused.clone()),
    })
}

fn changed(
    stored: &StoredOrder,
    order: Order,
    request: Option<StoredRequest>,
    event: Option<store::Event>,
    now: DateTime<Utc>,
) -> Commit {
    Commit {
        order: OrderWrite {
            key: order.key.clone(),
            expected_version: stored.order.version,
            order: Some(order),
            document: None,
        },
        request,
        callback: None,
        webhook: None,
        answers: Vec::new(),
        event,
        now,
    }
}

fn answered(
    network: Option<&Network>,
    stored: &StoredOrder,
    request: &StoredRequest,
    (decision, now): (&Decision, DateTime<Utc>),
) -> Result<Answered, Error> {
    let network = network.ok_or_else(|| not_joined(&stored.order))?;
    let again = ReadAgain::of(network, &request.body)?;
    let replying = again.replying(network, &request.body);
    let order = (&stored.order, text(&stored.document));
    Ok(Answered {
        request: request.key.clone(),
        callback: Some(reply(&replying, order, decision, now)?),
        refused: None,
    })
}
