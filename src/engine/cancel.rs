//! Door 1: a proven network request becomes a decision, a callback and an event, at once.

mod checks;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tracing::{error, info};
use url::Url;

pub use self::checks::check_fresh;
pub(super) use self::checks::same_request;
use self::checks::{check_reason, check_schema, is_of_caller, unmeant};
use super::aim::{self, Aim};
use super::reply::{Replying, reply};
use super::undecided::{Hears, MOST_WAITING};
use super::urgent::check_late;
use super::{Engine, MAX_RACES, event, pending, reasons_list, refusal_of, undecided};
use crate::domain::decide::Decision;
use crate::domain::ids::{OrderId, OrderKey, RequestKey};
use crate::domain::order::Order;
use crate::domain::refusal::{Refusal, Word};
use crate::networks::Network;
use crate::networks::caller::Verified;
use crate::protocol::cancel::{self, Cancel};
use crate::protocol::context::Context;
use crate::protocol::ondc;
use crate::store::{Commit, Committed, OrderWrite, StoredOrder, StoredRequest};

/// A request whose sender is proven.
pub struct ProvenCancel<'a> {
    /// The network it came in on.
    pub network: &'a Network,
    /// Its context.
    pub context: &'a Context,
    /// The bytes that were signed.
    pub body: &'a Bytes,
    /// The same bytes, parsed.
    pub message: &'a Value,
    /// Who signed them.
    pub caller: &'a Verified,
    /// The header that was verified.
    pub authorization: &'a str,
    /// Where the answer goes: the checked `bap_uri`.
    pub callback_base: &'a Url,
}

impl Engine {
    /// Answers a proven request. `Ok` means ACK: request, order, callback and event are on
    /// stable storage, or were already when the same request came before.
    ///
    /// # Errors
    /// The first check that fails; nothing has been written then.
    pub async fn cancel_from_network(
        &self,
        asked: &ProvenCancel<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let key = request_key(asked);
        let known = self.store.request(&key).await.map_err(|e| refusal_of(&e))?;
        if let Some(known) = known {
            return same_request(&known, &asked.caller.body_digest);
        }
        check_fresh(asked.context, now)?;
        check_schema(asked)?;
        let text_tag = asked.network.settings.text_tag.as_deref();
        let cancel = cancel::decode(asked.context.dialect, asked.message, text_tag)?;
        for _ in 0..MAX_RACES {
            let stored = self.order_of_caller(asked, &cancel.order).await?;
            let aim = Aim::at(&stored, cancel.part.as_deref()).map_err(unmeant)?;
            let lacks_reason = match check_reason(asked, &cancel.request, &aim, now) {
                Err(refusal) if reasons_list::stands_in(asked, &refusal) => true,
                checked => checked.map(|()| false)?,
            };
            check_late(asked, &cancel.request, (&stored, &aim), now)?;
            self.store.writable().map_err(|e| refusal_of(&e))?;
            if self.insisted(asked, (&stored, &aim), now).await? {
                continue;
            }
            let (commit, outcome) = match lacks_reason {
                true => reasons_list::instead(asked, &stored, &key, now)?,
                false => self.transaction(asked, &cancel, (&stored, &aim), &key, now)?,
            };
            match self
                .store
                .commit(commit)
                .await
                .map_err(|e| refusal_of(&e))?
            {
                Committed::Done { .. } => {
                    info!(order.id = %cancel.order, message.id = %key.message,
                        subscriber.id = %key.caller, outcome, "a cancel is acknowledged");
                    if outcome == UNDECIDED {
                        self.is_put(&stored.order.key);
                    }
                    return Ok(());
                }
                Committed::RequestKnown(known) => {
                    return same_request(&known, &asked.caller.body_digest);
                }
                Committed::TooManyPreviews => return Err(too_many_previews()),
                Committed::OrderChanged => {}
            }
        }
        Err(Refusal::new(Word::Overloaded, "the order keeps changing").retry_after(1))
    }

    /// The order, if it exists on this network and this caller placed it: one answer for both.
    async fn order_of_caller(
        &self,
        asked: &ProvenCancel<'_>,
        id: &OrderId,
    ) -> Result<StoredOrder, Refusal> {
        let key = OrderKey {
            network: asked.network.name().clone(),
            id: id.clone(),
        };
        let stored = self.store.order(&key).await.map_err(|e| refusal_of(&e))?;
        // Nothing can be said any more about an order that was erased.
        let placed_by_caller = |stored: &StoredOrder| {
            let placement = stored.order.placement.as_ref();
            stored.order.erased_at.is_none()
                && placement.is_some_and(|placement| is_of_caller(asked, placement))
        };
        stored.filter(placed_by_caller).ok_or_else(|| {
            let path = asked.context.dialect.members().order_id;
            Refusal::new(Word::OrderNotFound, "you have no such order here").at(path)
        })
    }

    /// What an accepted request writes, and a word for what came of it.
    fn transaction(
        &self,
        asked: &ProvenCancel<'_>,
        cancel: &Cancel,
        (stored, aim): (&StoredOrder, &Aim<'_>),
        key: &RequestKey,
        now: DateTime<Utc>,
    ) -> Result<(Commit, &'static str), Refusal> {
        let kept = stored_request(asked, key, &cancel.order, now);
        let replying = Replying {
            network: asked.network,
            subscriber: &asked.caller.subscriber.id,
            context: asked.context,
            base_url: asked.callback_base,
            body: asked.body,
        };
        let said = |order: &Order, decision: &Decision| {
            let said = reply(&replying, (order, text(&stored.document)), decision, now);
            said.map_err(|error| unreadable(order, &error.into()))
        };
        let domain = asked.context.domain.as_deref();
        let hears = match ondc::is_told_twice(asked.context.dialect, domain) {
            true => Hears::ByUpdate,
            false => Hears::ByCallback,
        };
        // Who hears by an update is told at once that it is looked into.
        let asking = |mut commit: Commit| {
            if let (Hears::ByUpdate, Some(order)) = (hears, &mut commit.order.order) {
                order.pending = Some(pending::meanwhile(asked, cancel, now));
                commit.callback = Some(said(order, &Decision::Waiting)?);
            }
            Ok((commit, UNDECIDED))
        };
        let decision = match aim.decide(&cancel.request, now) {
            Decision::Undecided(undecided) if !aim.is_asked_about(&undecided) => {
                let detail = "the provider decides on another part of the order; ask again then";
                return Err(Refusal::new(Word::InProgress, detail));
            }
            Decision::Undecided(undecided) if undecided.waiting.len() >= MOST_WAITING => {
                let what = "too many cancels of this order wait for the provider";
                return Err(Refusal::new(Word::RateLimited, what).retry_after(5));
            }
            Decision::Undecided(undecided) if stored.order.pending.is_none() => {
                return asking(undecided::join(stored, &undecided, (kept, hears), now));
            }
            // The outcome follows for the first that asked; the others are told what it was told.
            Decision::Undecided(_) => Decision::Waiting,
            decision => decision,
        };
        let awaiting = match &decision {
            Decision::Asked(proposed) => Some(pending::awaiting(
                asked,
                cancel,
                (&stored.order, proposed),
                now,
            )),
            _ => None,
        };
        // Also where the provider is asked first: what cannot be answered is not acknowledged.
        let callback = said(awaiting.as_ref().unwrap_or(&stored.order), &decision)?;
        let mut commit = Commit {
            request: Some(kept),
            callback: Some(callback),
            ..Commit::of(OrderWrite::same(stored), now)
        };
        if let Decision::Cancelled(cancellation) = &decision {
            // What is answered at once is void for nobody while the provider thinks.
            let valid_until = asked.context.valid_until;
            let valid_until = valid_until.filter(|_| hears == Hears::ByCallback);
            if let Some(until) = self.asks(&aim.order, cancellation.by, valid_until, now) {
                let waits = (commit.request, hears);
                let (put, _) = undecided::put(stored, cancellation.clone(), until, waits);
                return asking(put);
            }
            let (order, document) = aim::cancelled(Some(asked.network), stored, cancellation)
                .map_err(|error| unreadable(&stored.order, &error))?;
            commit.event = Some(event::cancelled(&order, cancellation));
            commit.webhook = asked.network.news(&order, &key.message);
            (commit.order.order, commit.order.document) = (Some(order), document);
        }
        if let Some(order) = awaiting {
            let asked = order.pending.as_ref();
            commit.event = asked.map(|asked| event::awaited(&order, asked));
            commit.order.order = Some(order);
        }
        Ok((commit, outcome(&decision)))
    }
}

/// The word for a request whose outcome is the provider's to say.
const UNDECIDED: &str = "undecided";

pub(super) fn request_key(asked: &ProvenCancel<'_>) -> RequestKey {
    RequestKey {
        network: asked.network.name().clone(),
        caller: asked.caller.subscriber.id.comparable().to_owned(),
        transaction: asked.context.transaction.clone(),
        message: asked.context.message.clone(),
        action: asked.context.action.clone(),
    }
}

/// An answer that changes nothing can be asked for without end; while the caller does not take
/// those it has, it gets no more.
fn too_many_previews() -> Refusal {
    let what = "too many answers about this order wait for you to take them";
    Refusal::new(Word::RateLimited, what).retry_after(5)
}

fn unreadable(order: &Order, error: &super::Error) -> Refusal {
    error!(order.id = %order.key.id, %error, "an order document cannot be answered with");
    Refusal::new(Word::Internal, "the order cannot be read")
}

fn outcome(decision: &Decision) -> &'static str {
    match decision {
        Decision::Cancelled(_) => "cancelled",
        Decision::AlreadyCancelled(_) => "already_cancelled",
        Decision::Quoted(_) => "quoted",
        Decision::Asked(_) => "asked",
        Decision::Waiting => "waiting",
        Decision::Refused(_) => "refused",
        Decision::Undecided(_) => UNDECIDED,
    }
}

pub(super) fn stored_request(
    asked: &ProvenCancel<'_>,
    key: &RequestKey,
    order: &OrderId,
    now: DateTime<Utc>,
) -> StoredRequest {
    let stale = asked.caller.subscriber.is_stale;
    StoredRequest {
        key: key.clone(),
        order: order.clone(),
        body_digest: asked.caller.body_digest.clone(),
        authorization: asked.authorization.to_owned(),
        verifying_key: asked.caller.subscriber.verifying_key.to_base64(),
        received_at: now,
        order_network: None,
        stale_key_of: stale.then_some(asked.caller.subscriber.vouched_at),
        callback: None,
        refused: None,
        body: asked.body.clone(),
    }
}

/// Both bodies passed the strict parser, which takes UTF-8 alone.
pub(super) fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap_or("{}")
}
