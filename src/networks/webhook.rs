//! The `booking.cancel` webhook: a partner's app hears that a booking of its patients is cancelled,
//! whoever did it.
//!
//! Who wants to hear is configuration of the network. The news is owed by the commit that cancels
//! the order, and has a line, attempts and an end of its own beside the network's callbacks. The
//! body is fixed then; the signature is made afresh for every attempt.

use url::Url;

use super::{Network, callback_url};
use crate::crypto::webhook::Key;
use crate::domain::ids::{Error, MessageId, SubscriberId};
use crate::domain::order::Order;
use crate::protocol::consultations::News;
use crate::store::{CallbackKind, NewCallback};

/// One partner's webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where it is posted.
    pub url: Url,
    /// What the partner is called in lists and holds.
    pub client: SubscriberId,
    /// The partner's client id, as the body has it.
    pub client_id: String,
    /// The partner's own id of its business.
    pub business_id: String,
    /// The facilities whose bookings are its own.
    pub hip_ids: Vec<String>,
    /// What its posts are signed with; without one they are not.
    pub key: Option<Key>,
}

/// What a partner's client is called where subscribers are counted, listed and held.
///
/// # Errors
/// When the client id makes no such id.
pub fn client(client_id: &str) -> Result<SubscriberId, Error> {
    SubscriberId::parse(&format!("client:{client_id}"))
}

impl Network {
    /// The news that is owed for an order that has just been cancelled; none for an order of
    /// nobody's patient. `message` is that of the `on_cancel` that is owed beside it.
    #[must_use]
    pub fn news(&self, order: &Order, message: &MessageId) -> Option<NewCallback> {
        let cancelled_at = order.cancellation.as_ref()?.at;
        let hip = order.booking.patient.as_ref()?.hip_id.as_ref()?;
        let transaction = &order.placement.as_ref()?.transaction;
        let mut webhooks = self.settings.webhooks.iter();
        let webhook = webhooks.find(|one| one.hip_ids.contains(hip))?;
        let news = News {
            cancelled_at,
            transaction,
            business_id: &webhook.business_id,
            client_id: &webhook.client_id,
        };
        Some(NewCallback {
            kind: CallbackKind::Webhook,
            subscriber: webhook.client.clone(),
            transaction: transaction.clone(),
            message: message.clone(),
            url: webhook.url.to_string(),
            lane: callback_url::lane(&webhook.url),
            vouched: true,
            body: news.to_json().to_string().into(),
        })
    }

    /// The webhook of this partner; none where it has none any more.
    #[must_use]
    pub fn webhook_of(&self, client: &SubscriberId) -> Option<&Webhook> {
        let mut webhooks = self.settings.webhooks.iter();
        webhooks.find(|one| one.client == *client)
    }
}
