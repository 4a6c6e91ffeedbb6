//! Cancelling for the provider's side: at once, with an unsolicited `on_cancel` for the BAP.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tracing::info;
use uuid::Uuid;

use super::aim::{self, Aim};
use super::cancel::text;
use super::door::AtDoor;
use super::returns::{self, Wish};
use super::{
    Addressee, Engine, Error, MAX_RACES, ON_CANCEL, ON_UPDATE, Saying, callback, event, pending,
    reasons,
};
use crate::domain::decide::{CancelRequest, Decision, needs_reason};
use crate::domain::ids::{MessageId, OrderKey};
use crate::domain::order::{Cancellation, Order, Party, Placement};
use crate::domain::policy::OWN;
use crate::domain::refusal::{Refusal, Word};
use crate::domain::undecided::Answer;
use crate::networks::{Network, callback_url};
use crate::protocol::on_cancel::{self, Content};
use crate::protocol::raw::RawObject;
use crate::store::{Commit, Committed, NewCallback, OrderWrite, StoredOrder, StoredRequest};

/// What came of it, durable when it is said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The order as it stands.
    pub order: Order,
    /// How it was cancelled: by this request, or before it.
    pub cancellation: Cancellation,
    /// Whether it was cancelled before.
    pub already: bool,
}

/// What the provider's side asks for.
#[derive(Debug, Clone, Copy)]
pub struct ForProvider<'a> {
    /// The order.
    pub key: &'a OrderKey,
    /// Who cancels, and why.
    pub request: &'a CancelRequest,
    /// The only fulfilment that is meant, where one is.
    pub part: Option<&'a str>,
    /// What is said of goods that come back.
    pub rto: Option<&'a Wish>,
    /// The name of the admin token that asks; kept with the cancellation.
    pub token: &'a str,
}

impl Engine {
    /// Cancels an order without a network request. `network` is the one it was placed on;
    /// an order that is on none makes no callback. An order of a network that is not joined
    /// any more is left as it is: nobody could be told.
    ///
    /// # Errors
    /// When there is no such order, the decision forbids it, or it cannot be stored.
    pub async fn cancel_for_provider(
        &self,
        network: Option<&Network>,
        asked: ForProvider<'_>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, Error> {
        let ForProvider {
            key,
            request,
            token,
            part,
            rto,
        } = asked;
        for _ in 0..MAX_RACES {
            let stored = self.store.order(key).await?;
            let stored = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?;
            let request = &pending::settling(&stored.order, request);
            let aim = Aim::at(&stored, part).map_err(|fault| Error::Invalid(fault.to_string()))?;
            check_reason(network, (&stored, &aim), request, now)?;
            let at_door = match returns::decide(network, (&stored, &aim), (request, rto), now)? {
                Decision::Cancelled(cancellation) if is_update(&cancellation) => {
                    return Err(Error::Invalid(NOT_UPDATED.to_owned()));
                }
                Decision::Cancelled(cancellation) => {
                    let cancellation = Cancellation {
                        token: Some(token.to_owned()),
                        ..cancellation
                    };
                    self.cancel_at_door(network, &stored, cancellation, (None, None))
                        .await?
                }
                Decision::Undecided(undecided) if !aim.is_asked_about(&undecided) => {
                    return Err(other_part());
                }
                // Who would be asked cancels by itself: it is the provider's cancellation, and
                // whoever waits for an answer hears of that.
                Decision::Undecided(undecided) if request.by == Party::Provider => {
                    let own = instead(network, &stored, ForProvider { request, ..asked }, now)?;
                    let answer = Answer::Instead(Box::new(own.clone()));
                    let question = (key, &undecided.question);
                    let made = self.resolve(network, question, &answer, now).await?;
                    match made
                        .filter(|order| order.cancellation_of(own.fulfillment()) == Some(&own))
                    {
                        Some(order) => AtDoor::Cancelled(Box::new(order), Box::new(own)),
                        None => AtDoor::Again,
                    }
                }
                Decision::Undecided(undecided) => {
                    self.wait_out(&stored, &undecided, (None, None), now)
                        .await?
                }
                Decision::AlreadyCancelled(cancellation) | Decision::Quoted(cancellation) => {
                    match self.store.commit(unchanged(&stored, now)).await? {
                        Committed::Done { .. } => {
                            return Ok(Outcome {
                                order: stored.order,
                                cancellation,
                                already: true,
                            });
                        }
                        _ => continue,
                    }
                }
                Decision::Refused(denial) => return Err(Error::Denied(denial)),
                Decision::Asked(_) | Decision::Waiting => return Err(pending::waiting()),
            };
            let at_door = match at_door {
                AtDoor::Waits(waiting) => self.heard(*waiting).await?,
                told => told,
            };
            match at_door {
                AtDoor::Cancelled(order, cancellation) => {
                    info!(order.id = %key.id, token, "an order is cancelled for the provider");
                    return Ok(Outcome {
                        order: *order,
                        cancellation: *cancellation,
                        already: false,
                    });
                }
                AtDoor::Refused(refused) => return Err(Error::Denied(refused.denial)),
                AtDoor::Again | AtDoor::Known(_) | AtDoor::Waits(_) => {}
            }
        }
        Err(Error::changing())
    }
}

/// How a provider cancels by itself while it is asked about another's wish.
fn instead(
    network: Option<&Network>,
    stored: &StoredOrder,
    asked: ForProvider<'_>,
    now: DateTime<Utc>,
) -> Result<Cancellation, Error> {
    let mut stored = stored.clone();
    stored.order.undecided = None;
    let aim = Aim::at(&stored, asked.part).map_err(|fault| Error::Invalid(fault.to_string()))?;
    let wish = (asked.request, asked.rto);
    match returns::decide(network, (&stored, &aim), wish, now)? {
        Decision::Cancelled(cancellation) if is_update(&cancellation) => {
            Err(Error::Invalid(NOT_UPDATED.to_owned()))
        }
        Decision::Cancelled(cancellation) => Ok(Cancellation {
            token: Some(asked.token.to_owned()),
            ..cancellation
        }),
        Decision::Refused(denial) => Err(Error::Denied(denial)),
        _ => Err(pending::waiting()),
    }
}

/// What is cancelled is answered with how it was, whatever is said now.
fn check_reason(
    network: Option<&Network>,
    (stored, aim): (&StoredOrder, &Aim<'_>),
    request: &CancelRequest,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let is_wanted = needs_reason(&aim.order, request, now) && speaks_of(stored, request.by);
    if request.reason.id.is_none() && is_wanted {
        let detail = "the order's terms want a reason";
        return Err(Error::Reason(Refusal::new(Word::ReasonRequired, detail)));
    }
    match network.filter(|_| aim.order.cancellation.is_none()) {
        Some(network) => {
            reasons::check(network, aim::dialect(stored), request).map_err(Error::Reason)
        }
        None => Ok(()),
    }
}

/// Whether it is one that the network hears of by an `on_update` of the provider's own.
fn is_update(cancellation: &Cancellation) -> bool {
    let is_part = cancellation.fulfillment().is_some();
    is_part && cancellation.by == Party::Provider && cancellation.rto.is_none()
}

const NOT_UPDATED: &str = "fulfillment: a provider cancels one fulfilment of several that is not \
                           under way by its own on_update; hand that over with PUT /orders/{id}";

fn other_part() -> Error {
    Error::Conflict {
        what: "a cancellation of another part of the order is not decided yet; ask again"
            .to_owned(),
        cancellation: None,
    }
}

/// An order's own terms speak of the customer's reasons; those of a policy of whomever it names.
fn speaks_of(stored: &StoredOrder, by: Party) -> bool {
    by != Party::Provider || stored.order.policy.name != OWN
}

/// Changes nothing, and returns once what was read is on stable storage.
fn unchanged(stored: &StoredOrder, now: DateTime<Utc>) -> Commit {
    Commit::of(OrderWrite::same(stored), now)
}

/// The cancelled order, the callback, the event, and the request of a door if there was one.
pub(super) fn transaction(
    network: Option<&Network>,
    stored: &StoredOrder,
    (order, document): (&Order, Option<Bytes>),
    (cancellation, request): (&Cancellation, Option<StoredRequest>),
    now: DateTime<Utc>,
) -> Result<Commit, Error> {
    let callback = told(network, stored, Content::Cancelled(cancellation), now)?;
    let write = OrderWrite {
        document,
        ..OrderWrite::changed(stored, order.clone())
    };
    Ok(Commit {
        request,
        webhook: news(network, order, callback.as_ref()),
        callback,
        event: Some(event::cancelled(order, cancellation)),
        ..Commit::of(write, now)
    })
}

/// The partner's app hears of what the buyer app hears of.
fn news(
    network: Option<&Network>,
    cancelled: &Order,
    callback: Option<&NewCallback>,
) -> Option<NewCallback> {
    network?.news(cancelled, &callback?.message)
}

/// To the BAP that placed the order, in the order's own session: as an answer to the request that
/// the provider had to look into, or else unasked, under a new message id.
pub(super) fn told(
    network: Option<&Network>,
    stored: &StoredOrder,
    content: Content<'_>,
    now: DateTime<Utc>,
) -> Result<Option<NewCallback>, Error> {
    match (&stored.order.placement, network) {
        (Some(placement), Some(network)) => {
            tell(network, placement, stored, (content, now)).map(Some)
        }
        (Some(_), None) => Err(not_joined(&stored.order)),
        (None, _) => Ok(None),
    }
}

/// An order of a network that is not joined any more is left as it is.
pub(super) fn not_joined(order: &Order) -> Error {
    let name = &order.key.network;
    Error::Invalid(format!(
        "network {name} is not joined at present: its BAP could not be told"
    ))
}

fn tell(
    network: &Network,
    placement: &Placement,
    stored: &StoredOrder,
    (content, now): (Content<'_>, DateTime<Utc>),
) -> Result<NewCallback, Error> {
    let (action, message) = match &stored.order.pending {
        Some(pending) => (ON_UPDATE, Ok(pending.request.clone())),
        None => (ON_CANCEL, MessageId::parse(&Uuid::new_v4().to_string())),
    };
    let message = message.map_err(|error| Error::Invalid(error.to_string()))?;
    let base_url = callback_url::callable(&placement.bap_uri)
        .map_err(|error| Error::Invalid(format!("the order's callback address: {error}")))?;
    let document = RawObject::parse(text(&stored.document)).map_err(on_cancel::Error::from)?;
    let context = document
        .get("context")
        .ok_or(on_cancel::Error::Missing("context"))?;
    let saying = Saying {
        action,
        dialect: on_cancel::dialect_of(context).ok_or(on_cancel::Error::Missing("version"))?,
        context: on_cancel::context(context, network.us(), Some(&message), now)?,
        document: text(&stored.document),
        content,
    };
    let to = Addressee {
        subscriber: &placement.bap,
        transaction: &placement.transaction,
        message: &message,
        base_url: &base_url,
        // No signed request told the registry's address of the BAP: it is asked when we send.
        vouched: false,
    };
    Ok(callback(network, &to, &saying)?)
}
