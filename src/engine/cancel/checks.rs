//! What a proven request must be before it becomes a decision, each with the refusal for it.

use chrono::{DateTime, Utc};

use super::ProvenCancel;
use crate::domain::decide::{CancelRequest, needs_reason};
use crate::domain::order::Placement;
use crate::domain::refusal::{Refusal, Word};
use crate::engine::aim::{Aim, Fault};
use crate::engine::reasons;
use crate::protocol::context::Context;
use crate::protocol::{on_cancel, schema};
use crate::store::StoredRequest;

/// Whether the caller placed the order and, on networks that keep it for an order's life, in the
/// session of this request.
pub(super) fn is_of_caller(asked: &ProvenCancel<'_>, placement: &Placement) -> bool {
    let any_session = !asked.network.profile().same_transaction;
    placement.bap.is(&asked.caller.subscriber.id)
        && (any_session || placement.transaction == asked.context.transaction)
}

/// The same bytes again get the stored answer; other bytes under the same ids are refused.
pub(in crate::engine) fn same_request(known: &StoredRequest, digest: &str) -> Result<(), Refusal> {
    match known.body_digest == digest {
        true => Ok(()),
        false => Err(Refusal::new(
            Word::RequestReused,
            format!(
                "the same transaction and message id came before with another body, at {}: \
                 expected BLAKE-512={}, got BLAKE-512={digest}",
                on_cancel::rfc3339(known.received_at),
                known.body_digest
            ),
        )
        .at("context.message_id")),
    }
}

/// Whether a message is still valid by its own word.
///
/// # Errors
/// `stale`.
pub fn check_fresh(context: &Context, now: DateTime<Utc>) -> Result<(), Refusal> {
    match context.valid_until {
        Some(until) if until < now => Err(Refusal::new(
            Word::Stale,
            format!(
                "timestamp plus ttl was {}, our time is {}",
                on_cancel::rfc3339(until),
                on_cancel::rfc3339(now)
            ),
        )
        .at("context.ttl")),
        _ => Ok(()),
    }
}

pub(super) fn check_schema(asked: &ProvenCancel<'_>) -> Result<(), Refusal> {
    schema::check(schema::Kind::Cancel, asked.context.dialect, asked.message)
        .map_err(|error| Refusal::new(Word::SchemaMismatch, error.to_string()).at(error.path))
}

/// The reason must be in the network's table where it has one, and be there where the network or
/// the order's terms want it.
pub(super) fn check_reason(
    asked: &ProvenCancel<'_>,
    request: &CancelRequest,
    aim: &Aim<'_>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let path = asked.context.dialect.members().reason;
    let dialect = Some(asked.context.dialect);
    let checked = reasons::check(asked.network, dialect, request);
    checked.map_err(|refusal| refusal.at(path))?;
    match request.reason.id.is_none() && needs_reason(&aim.order, request, now) {
        true => Err(Refusal::new(Word::ReasonRequired, "the order's terms want a reason").at(path)),
        false => Ok(()),
    }
}

/// A fulfilment that is named must be there, and be one that can be cancelled alone.
pub(super) fn unmeant(fault: Fault) -> Refusal {
    let word = match fault {
        Fault::Unknown => Word::FulfillmentNotFound,
        Fault::NotAlone | Fault::NoPrice => Word::PartNotSupported,
    };
    Refusal::new(word, fault.to_string()).at("message.descriptor.short_desc")
}
