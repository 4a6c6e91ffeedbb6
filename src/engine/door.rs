//! What those who wait for an outcome have in common, the REST doors and the provider's side: an
//! order is cancelled at once, or once the provider has been asked; and a request of a door is
//! known again by its client and key, and kept in the transaction that does what it asks.
//!
//! A client's keys are its own over all orders of a door. What proved the client is not kept: it
//! would be a key to everything else of it.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::aim;
use super::provider::transaction;
use super::undecided::{Hears, Listening, join, put};
use super::{Engine, Error, MAX_RACES};
use crate::domain::decide::Denial;
use crate::domain::ids::{MessageId, NetworkName, OrderKey, RequestKey, TransactionId};
use crate::domain::order::{Cancellation, Order};
use crate::domain::undecided::{Refused, Undecided};
use crate::networks::Network;
use crate::store::{Committed, StoredOrder, StoredRequest};

/// What came of it, durable when it is said.
pub(super) enum AtDoor {
    /// The order is cancelled, in this way.
    Cancelled(Box<Order>, Box<Cancellation>),
    /// The provider was asked and did not want it, or the order went on meanwhile.
    Refused(Refused),
    /// The request is known: it came before.
    Known(Box<StoredRequest>),
    /// The order changed meanwhile: decide again.
    Again,
}

impl Engine {
    /// Does what was decided: at once, or once the provider has been asked.
    pub(super) async fn cancel_at_door(
        &self,
        network: Option<&Network>,
        stored: &StoredOrder,
        cancellation: Cancellation,
        kept: Option<StoredRequest>,
    ) -> Result<AtDoor, Error> {
        let now = cancellation.at;
        if let Some(until) = self.asks(&stored.order, cancellation.by, None, now) {
            let part = cancellation.fulfillment().map(str::to_owned);
            let listening = self.listen();
            let waits = (kept, Hears::AtDoor);
            let (commit, question) = put(stored, cancellation, until, waits);
            let committed = self.store.commit(commit).await?;
            if let Committed::Done { .. } = committed {
                self.questions_put();
                let asked = (&stored.order.key, part.as_deref(), &question);
                return self.heard(listening, asked, (until, now)).await;
            }
            return Ok(undone(committed));
        }
        let (order, document) = aim::cancelled(network, stored, &cancellation)?;
        let changed = (&order, document);
        let commit = transaction(network, stored, changed, (&cancellation, kept), now)?;
        Ok(match self.store.commit(commit).await? {
            Committed::Done { .. } => AtDoor::Cancelled(Box::new(order), Box::new(cancellation)),
            committed => undone(committed),
        })
    }

    /// Waits for the outcome of a question that somebody else's request has put. The request is
    /// kept where it can come again, so that it gets this outcome then too.
    pub(super) async fn wait_out(
        &self,
        stored: &StoredOrder,
        undecided: &Undecided,
        kept: Option<StoredRequest>,
        now: DateTime<Utc>,
    ) -> Result<AtDoor, Error> {
        let listening = self.listen();
        let key = &stored.order.key;
        if let Some(request) = kept {
            let commit = join(stored, undecided, (request, Hears::AtDoor), now);
            let committed = self.store.commit(commit).await?;
            if !matches!(committed, Committed::Done { .. }) {
                return Ok(undone(committed));
            }
        }
        // Decided since it was read, it is told of no more.
        let present = self.store.order(key).await?;
        let present = present.and_then(|stored| stored.order.undecided);
        match present.is_some_and(|present| present.question == undecided.question) {
            true => {
                let part = undecided.proposed.fulfillment();
                let asked = (key, part, &undecided.question);
                self.heard(listening, asked, (undecided.until, now)).await
            }
            false => Ok(AtDoor::Again),
        }
    }

    /// What came of a request that was taken before: what it was refused with, else what its order
    /// tells.
    pub(super) async fn outcome_again(
        &self,
        known: &StoredRequest,
        now: DateTime<Utc>,
    ) -> Result<AtDoor, Error> {
        let key = &known.order_key();
        let mut again = false;
        for _ in 0..MAX_RACES {
            let known = self.store.request(&known.key).await?;
            if let Some(refused) = known.and_then(|known| known.refused) {
                return Ok(AtDoor::Refused(refused));
            }
            let stored = self.store.order(key).await?;
            let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
            let order = &stored.order;
            match (&order.undecided, &order.cancellation) {
                (Some(undecided), _) => match self.wait_out(&stored, undecided, None, now).await? {
                    AtDoor::Again => {}
                    told => return Ok(told),
                },
                (None, Some(cancellation)) => {
                    let cancellation = Box::new(cancellation.clone());
                    return Ok(AtDoor::Cancelled(Box::new(stored.order), cancellation));
                }
                // It was taken, and the order is not cancelled: nothing else could stop it. Only a
                // release before this one did not keep why.
                (None, None) if again => {
                    return Ok(AtDoor::Refused(Refused {
                        state: order.state,
                        denial: Denial::Provider(None),
                    }));
                }
                // It may have been decided since the request was read.
                (None, None) => again = true,
            }
        }
        Ok(AtDoor::Again)
    }

    async fn heard(
        &self,
        listening: Listening,
        (key, part, question): (&OrderKey, Option<&str>, &MessageId),
        (until, now): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<AtDoor, Error> {
        let refused = listening.outcome(question, until, now).await;
        let stored = self.store.order(key).await?;
        let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
        match (stored.order.cancellation_of(part).cloned(), refused) {
            (Some(cancellation), _) => Ok(AtDoor::Cancelled(
                Box::new(stored.order),
                Box::new(cancellation),
            )),
            (None, Some(refused)) => Ok(AtDoor::Refused(refused)),
            (None, None) => Err(Error::Conflict {
                what: "it is not decided yet; ask again".to_owned(),
                cancellation: None,
            }),
        }
    }
}

fn undone(committed: Committed) -> AtDoor {
    match committed {
        Committed::RequestKnown(known) => AtDoor::Known(known),
        Committed::OrderChanged | Committed::Done { .. } => AtDoor::Again,
    }
}

/// A request at a door.
pub(super) struct Call<'a> {
    /// The session that all requests of the door are kept under.
    pub session: &'static str,
    /// What the door calls what is asked.
    pub action: &'static str,
    /// The network they are kept under.
    pub network: &'a NetworkName,
    /// Who asks.
    pub caller: String,
    /// What makes it the same request when it comes again.
    pub key: MessageId,
    /// Its bytes.
    pub body: &'a Bytes,
    /// Their BLAKE2b-512 in base64.
    pub digest: &'a str,
}

impl Call<'_> {
    /// What it is known by.
    pub fn request_key(&self) -> RequestKey {
        RequestKey {
            network: self.network.clone(),
            caller: self.caller.clone(),
            transaction: TransactionId::parse(self.session).expect("a constant word is an id"),
            message: self.key.clone(),
            action: self.action.to_owned(),
        }
    }

    /// Whether what came before under its key were the same bytes.
    pub fn is(&self, known: &StoredRequest) -> bool {
        known.body_digest == self.digest
    }

    /// What is kept of it.
    pub fn kept(&self, order: &OrderKey, now: DateTime<Utc>) -> StoredRequest {
        StoredRequest {
            key: self.request_key(),
            order: order.id.clone(),
            order_network: Some(&order.network)
                .filter(|network| *network != self.network)
                .cloned(),
            body_digest: self.digest.to_owned(),
            authorization: String::new(),
            verifying_key: String::new(),
            received_at: now,
            stale_key_of: None,
            callback: None,
            refused: None,
            body: self.body.clone(),
        }
    }
}
