//! The list of reasons: as an answer of its own, and in the place of a cancellation that lacks
//! one.

use chrono::{DateTime, Utc};
use tracing::{error, info};

use super::cancel::{ProvenCancel, check_fresh, request_key, same_request, stored_request, text};
use super::{Engine, refusal_of};
use crate::domain::ids::{OrderId, OrderKey, RequestKey};
use crate::domain::refusal::{Refusal, Word};
use crate::networks::callback_url;
use crate::protocol::on_cancel;
use crate::protocol::{Dialect, reasons};
use crate::store::{CallbackKind, Commit, Committed, NewCallback, OrderWrite, StoredOrder};

impl Engine {
    /// Answers a proven question for the reasons by a callback. `Ok` means ACK: it is owed, on
    /// stable storage.
    ///
    /// # Errors
    /// The first check that fails; nothing has been written then.
    pub async fn list_reasons(
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
        self.store.writable().map_err(|e| refusal_of(&e))?;
        let commit = transaction(asked, &key, now)?;
        match self
            .store
            .commit(commit)
            .await
            .map_err(|e| refusal_of(&e))?
        {
            Committed::Done { .. } => {
                info!(message.id = %key.message, subscriber.id = %key.caller,
                    "a question for the reasons is acknowledged");
                Ok(())
            }
            Committed::RequestKnown(known) => same_request(&known, &asked.caller.body_digest),
            // Somebody calls an order as we call this answer.
            Committed::OrderChanged | Committed::TooManyPreviews => {
                Err(unreadable("the line of the answer is taken"))
            }
        }
    }
}

/// A question is about no order, but callbacks wait in the line of one: each answer has a line
/// of its own, under a name that is made of the request.
fn line(asked: &ProvenCancel<'_>, key: &RequestKey) -> Result<OrderKey, Refusal> {
    let digest: String = asked.caller.body_digest.chars().take(32).collect();
    let id = OrderId::parse(&format!("{}:{digest}", reasons::CALLBACK));
    Ok(OrderKey {
        network: key.network.clone(),
        id: id.map_err(|error| unreadable(&error.to_string()))?,
    })
}

fn transaction(
    asked: &ProvenCancel<'_>,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Commit, Refusal> {
    let line = line(asked, key)?;
    let context = context(asked, now)?;
    let list = asked.network.reasons_for_buyers(asked.context.dialect);
    let body = reasons::callback(&context, &list).map_err(|e| unreadable(&e.to_string()))?;
    let url = callback_url::of(asked.callback_base, reasons::CALLBACK);
    let callback = new_callback(asked, CallbackKind::Reasons, url, body);
    let request = stored_request(asked, key, &line.id, now);
    let write = OrderWrite {
        key: line,
        expected_version: 0,
        order: None,
        document: None,
    };
    Ok(Commit {
        request: Some(request),
        callback: Some(callback),
        ..Commit::of(write, now)
    })
}

/// Whether a cancel that is refused so is answered with the list in place of a refusal: in 0.9.x,
/// where there is something to choose from.
pub(super) fn stands_in(asked: &ProvenCancel<'_>, refusal: &Refusal) -> bool {
    let list = || asked.network.reasons_for_buyers(asked.context.dialect);
    refusal.word == Word::ReasonRequired
        && asked.context.dialect == Dialect::V0_9
        && asked.network.settings.reasons_in_on_cancel
        && list().as_array().is_some_and(|list| !list.is_empty())
}

/// The transaction that answers a cancel without a reason: the order stays as it is. Like a
/// preview the answer never holds back the outcome of a cancel that follows.
pub(super) fn instead(
    asked: &ProvenCancel<'_>,
    stored: &StoredOrder,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<(Commit, &'static str), Refusal> {
    let context = context(asked, now)?;
    let list = asked.network.reasons_for_buyers(asked.context.dialect);
    let body = reasons::on_cancel(&context, text(&stored.document), &list);
    let body = body.map_err(|e| unreadable(&e.to_string()))?;
    let url = callback_url::on_cancel(asked.callback_base);
    let callback = new_callback(asked, CallbackKind::Preview, url, body);
    let commit = Commit {
        request: Some(stored_request(asked, key, &stored.order.key.id, now)),
        callback: Some(callback),
        ..Commit::of(OrderWrite::same(stored), now)
    };
    Ok((commit, "reasons_listed"))
}

fn context(asked: &ProvenCancel<'_>, now: DateTime<Utc>) -> Result<String, Refusal> {
    let from = reasons::context_of(text(asked.body)).map_err(|e| unreadable(&e.to_string()))?;
    let context = on_cancel::context(&from, asked.network.us(), None, now);
    context.map_err(|error| unreadable(&error.to_string()))
}

fn new_callback(
    asked: &ProvenCancel<'_>,
    kind: CallbackKind,
    url: String,
    body: String,
) -> NewCallback {
    NewCallback {
        kind,
        subscriber: asked.caller.subscriber.id.clone(),
        transaction: asked.context.transaction.clone(),
        message: asked.context.message.clone(),
        url,
        lane: callback_url::lane_of_caller(
            asked.network.settings.callback_rule,
            asked.callback_base,
        ),
        vouched: true,
        body: body.into(),
    }
}

fn unreadable(why: &str) -> Refusal {
    error!(error = why, "the reasons cannot be answered with");
    Refusal::new(Word::Internal, "the reasons cannot be told")
}
