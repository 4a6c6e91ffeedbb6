//! What a shop's buyer says of time: that the goods are late, and that it waits no longer.
//!
//! "Later than promised" is true only once the promised time is past, and exactly then counts for
//! the customer. A buyer that got no answer to a request in the time it gave may insist: while
//! the provider is being asked, the terms then decide without it. To insist does no more than that.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::aim::Aim;
use super::cancel::{ProvenCancel, text};
use super::{Engine, Error, reasons, refusal_of};
use crate::domain::decide::CancelRequest;
use crate::domain::refusal::{Refusal, Word};
use crate::domain::undecided::{Answer, Undecided};
use crate::protocol::Dialect;
use crate::protocol::on_cancel::rfc3339;
use crate::protocol::ondc::cancel::{Urgency, urgency};
use crate::protocol::ondc::retail;
use crate::protocol::raw::RawObject;
use crate::store::{StoredOrder, StoredRequest};

impl Engine {
    /// Ends the provider's time where a buyer rightly insists; whether it did.
    pub(super) async fn insisted(
        &self,
        asked: &ProvenCancel<'_>,
        (stored, aim): (&StoredOrder, &Aim<'_>),
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        let undecided = stored.order.undecided.as_ref();
        let undecided = undecided.filter(|undecided| aim.is_asked_about(undecided));
        let undecided = undecided.filter(|_| of(asked.message, asked).force);
        let Some(undecided) = undecided else {
            return Ok(false);
        };
        if !self.is_overdue(asked, undecided, now).await? {
            return Ok(false);
        }
        let question = (&stored.order.key, &undecided.question);
        let settled = self.resolve(Some(asked.network), question, &Answer::Silence, now);
        match settled.await {
            Ok(_) => Ok(true),
            Err(Error::Store(error)) => Err(refusal_of(&error)),
            Err(error) => {
                tracing::error!(order.id = %stored.order.key.id, %error,
                    "a cancellation cannot be settled");
                Err(Refusal::new(Word::Internal, "the order cannot be read"))
            }
        }
    }

    /// Whether a request that waits has got no answer in the time that it gave.
    async fn is_overdue(
        &self,
        asked: &ProvenCancel<'_>,
        undecided: &Undecided,
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        for key in &undecided.waiting {
            let known = self.store().request(key).await;
            let known = known.map_err(|error| refusal_of(&error))?;
            let until = known.and_then(|known| answer_due(asked, &known));
            if until.is_some_and(|until| until <= now) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn answer_due(asked: &ProvenCancel<'_>, known: &StoredRequest) -> Option<DateTime<Utc>> {
    let message: Value = serde_json::from_slice(&known.body).ok()?;
    let within = of(&message, asked).within?;
    Some(within.after(known.received_at))
}

/// Only shops have a place for it.
fn of(message: &Value, asked: &ProvenCancel<'_>) -> Urgency {
    match asked.context.dialect {
        Dialect::OndcRetail | Dialect::OndcB2b => urgency(message),
        Dialect::V0_9 | Dialect::V1 | Dialect::Uhi | Dialect::OndcMobility => Urgency::default(),
    }
}

/// What is said to be late must be late.
///
/// # Errors
/// `not_late`.
pub(super) fn check_late(
    asked: &ProvenCancel<'_>,
    request: &CancelRequest,
    (stored, aim): (&StoredOrder, &Aim<'_>),
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let table = asked.network.reasons(Some(asked.context.dialect));
    let id = request.reason.id.as_deref();
    let reason = id.and_then(|id| reasons::known(&table, id));
    if !aim.is_open() || !reason.is_some_and(|reason| reason.when_late) {
        return Ok(());
    }
    let document = RawObject::parse(text(&stored.document)).unwrap_or_default();
    let order = document.object("order").unwrap_or_default();
    match retail::promised(&order, aim.fulfillment()) {
        Some(promised) if now < promised => Err(Refusal::new(
            Word::NotLate,
            format!(
                "it is promised until {}, our time is {}",
                rfc3339(promised),
                rfc3339(now)
            ),
        )
        .at(asked.context.dialect.members().reason)),
        _ => Ok(()),
    }
}
