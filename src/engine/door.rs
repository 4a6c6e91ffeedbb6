//! What those who wait for an outcome have in common, the REST doors and the provider's side: an
//! order is cancelled at once, or once the provider has been asked; and a request of a door is
//! known again by its client and key, and kept in the transaction that does what it asks.
//!
//! Whoever has to wait for the provider is told so first, so that it can give back what it holds
//! while it is at work; where too many of a door wait already, nothing is asked or kept.
//!
//! A client's keys are its own over all orders of a door. What proved the client is not kept: it
//! would be a key to everything else of it.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::aim::{self, Aim};
use super::provider::transaction;
use super::undecided::{GRACE, Hears, Listening, MOST_WAITING, News, join, put};
use super::waiting::{Full, Place};
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
    /// The provider is being asked: the outcome is to be waited for.
    Waits(Box<Waiting>),
    /// The request is known: it came before.
    Known(Box<StoredRequest>),
    /// The order changed meanwhile: decide again.
    Again,
}

/// What a request at a door has come to at first.
pub enum Begun<T> {
    /// All of it is done, durably.
    Done(T),
    /// The provider is being asked, and the outcome is to be waited for.
    Waits(Box<Waiting>),
}

/// A request that waits for the outcome of a question; it does no work meanwhile.
pub struct Waiting {
    listening: Listening,
    /// The order.
    pub(super) order: OrderKey,
    /// The fulfilment that it is about, where it is about one of several.
    part: Option<String>,
    question: MessageId,
    until: DateTime<Utc>,
    began: DateTime<Utc>,
    /// Given back with the rest. The provider's own people have none: they are few.
    _place: Option<Place>,
}

impl Engine {
    /// Does what was decided: at once, or once the provider has been asked. A client of a door
    /// needs a place to wait.
    pub(super) async fn cancel_at_door(
        &self,
        network: Option<&Network>,
        stored: &StoredOrder,
        cancellation: Cancellation,
        (kept, client): (Option<StoredRequest>, Option<&str>),
    ) -> Result<AtDoor, Error> {
        let now = cancellation.at;
        let part = cancellation.fulfillment().map(str::to_owned);
        let aim = Aim::at(stored, part.as_deref());
        let aim = aim.map_err(|fault| Error::Invalid(fault.to_string()))?;
        if let Some(until) = self.asks(&aim.order, cancellation.by, None, now) {
            let place = client.map(|client| self.place(client)).transpose()?;
            let listening = self.listen();
            let waits = (kept, Hears::AtDoor);
            let (commit, question) = put(stored, cancellation, until, waits);
            let committed = self.store.commit(commit).await?;
            if let Committed::Done { .. } = committed {
                self.is_put(&stored.order.key);
                return Ok(AtDoor::Waits(Box::new(Waiting {
                    listening,
                    order: stored.order.key.clone(),
                    part,
                    question,
                    until,
                    began: now,
                    _place: place,
                })));
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
        (kept, client): (Option<StoredRequest>, Option<&str>),
        now: DateTime<Utc>,
    ) -> Result<AtDoor, Error> {
        let place = client.map(|client| self.place(client)).transpose()?;
        let listening = self.listen();
        let key = &stored.order.key;
        if let Some(request) = kept {
            if undecided.at_doors.len() >= MOST_WAITING {
                return Err(Full::InAll.into());
            }
            let commit = join(stored, undecided, (request, Hears::AtDoor), now);
            let committed = self.store.commit(commit).await?;
            if !matches!(committed, Committed::Done { .. }) {
                return Ok(undone(committed));
            }
        }
        // Decided since it was read, it is told of no more.
        let is_open = self.is_asked(key, &undecided.question).await?;
        Ok(match is_open {
            true => AtDoor::Waits(Box::new(Waiting {
                listening,
                order: key.clone(),
                part: undecided.proposed.fulfillment().map(str::to_owned),
                question: undecided.question.clone(),
                until: undecided.until,
                began: now,
                _place: place,
            })),
            false => AtDoor::Again,
        })
    }

    /// Whether the provider is being asked this about an order.
    async fn is_asked(&self, key: &OrderKey, question: &MessageId) -> Result<bool, Error> {
        let stored = self.store.order(key).await?;
        let asked = stored.and_then(|stored| stored.order.undecided);
        Ok(asked.is_some_and(|asked| asked.question == *question))
    }

    /// What came of a request that was taken before: what it was refused with, else what its order
    /// tells.
    pub(super) async fn outcome_again(
        &self,
        known: &StoredRequest,
        now: DateTime<Utc>,
    ) -> Result<AtDoor, Error> {
        let (key, caller) = (&known.order_key(), known.key.caller.as_str());
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
                (Some(undecided), _) => {
                    let client = (None, Some(caller));
                    match self.wait_out(&stored, undecided, client, now).await? {
                        AtDoor::Again => {}
                        told => return Ok(told),
                    }
                }
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

    /// Waits for the outcome.
    pub(super) async fn heard(&self, waiting: Waiting) -> Result<AtDoor, Error> {
        let Waiting {
            mut listening,
            order: key,
            part,
            question,
            until,
            began,
            // Held to the end of the waiting.
            _place: _held,
        } = waiting;
        let wait = (until - began).to_std().unwrap_or_default() + GRACE;
        let heard = async {
            loop {
                match listening.outcome(&question).await {
                    News::Told(refused) => return Ok(refused),
                    // Among what was missed may have been what is waited for.
                    News::Missed if self.is_asked(&key, &question).await? => {}
                    News::Missed => return Ok(None),
                }
            }
        };
        let heard: Result<_, Error> = tokio::time::timeout(wait, heard).await.unwrap_or(Ok(None));
        let refused = heard?;
        let stored = self.store.order(&key).await?;
        let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
        match (
            stored.order.cancellation_of(part.as_deref()).cloned(),
            refused,
        ) {
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
        // No door owes a preview.
        Committed::OrderChanged | Committed::TooManyPreviews | Committed::Done { .. } => {
            AtDoor::Again
        }
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
