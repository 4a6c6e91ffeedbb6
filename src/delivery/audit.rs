//! The copy of a callback that a network's gateway wants (UHI: `on_cancel_audit`).
//!
//! It is owed from the first attempt at the callback on, whatever came of that, by the same
//! transaction that records the attempt: so it never leaves before the buyer app was tried, and
//! is never forgotten. From then on it has a line, attempts and an end of its own.

use bytes::Bytes;

use crate::networks::{AuditAction, Network, callback_url};
use crate::protocol::on_cancel;
use crate::store::{CallbackKind, Claimed, NewCallback};

/// The copy of a callback that was attempted for the first time; none where the network has no
/// gateway for it.
#[must_use]
pub fn copy(network: &Network, claimed: &Claimed) -> Option<NewCallback> {
    let audit = network.settings.audit.as_ref()?;
    let callback = &claimed.callback;
    Some(NewCallback {
        kind: CallbackKind::Audit,
        subscriber: audit.gateway.clone(),
        transaction: callback.transaction.clone(),
        message: callback.message.clone(),
        url: audit.url.to_string(),
        lane: callback_url::lane(&audit.url),
        vouched: true,
        body: body(audit.action, &claimed.body),
    })
}

/// What cannot be spliced is sent as it is: the gateway is not to go without.
fn body(action: AuditAction, body: &Bytes) -> Bytes {
    let renamed = || on_cancel::renamed(body, "on_cancel_audit").ok();
    match action {
        AuditAction::Unchanged => body.clone(),
        AuditAction::Renamed => renamed().map_or_else(|| body.clone(), Bytes::from),
    }
}
