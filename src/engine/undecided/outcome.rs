//! What an outcome does: the order that it leaves, the callbacks of all who wait, and what those
//! at doors are told, in one transaction.

use chrono::{DateTime, Utc};
use tracing::info;

use crate::domain::decide::{Decision, Denial};
use crate::domain::ids::{MessageId, OrderKey};
use crate::domain::order::Order;
use crate::domain::undecided::{Answer, Refused, Undecided, settle};
use crate::engine::aim::{self, Aim};
use crate::engine::cancel::text;
use crate::engine::pending::told_kept;
use crate::engine::provider::{not_joined, told};
use crate::engine::reply::{ReadAgain, reply};
use crate::engine::{Engine, Error, MAX_RACES, event};
use crate::networks::Network;
use crate::protocol::on_cancel::Content;
use crate::store::{Answered, Commit, Committed, OrderWrite, StoredOrder, StoredRequest};

impl Engine {
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
        Err(Error::changing())
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
        let write = OrderWrite {
            document,
            ..OrderWrite::changed(stored, order)
        };
        Ok(Commit {
            callback,
            webhook,
            answers,
            event: Some(event),
            ..Commit::of(write, now)
        })
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
