//! The callback that answers a request: now, or later from what is kept of the request.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::cancel::text;
use super::{Addressee, Error, ON_CANCEL, Saying, callback};
use crate::domain::decide::Decision;
use crate::domain::ids::SubscriberId;
use crate::domain::order::Order;
use crate::networks::{Network, callback_url};
use crate::protocol::context::{self, Context};
use crate::protocol::on_cancel::{self, Content};
use crate::protocol::raw::RawObject;
use crate::store::NewCallback;

/// Who gets the answer to a request, and what the request said of itself.
pub(super) struct Replying<'a> {
    /// The network it came in on.
    pub network: &'a Network,
    /// Who asked.
    pub subscriber: &'a SubscriberId,
    /// Its context.
    pub context: &'a Context,
    /// Where the answer goes.
    pub base_url: &'a Url,
    /// Its bytes.
    pub body: &'a Bytes,
}

/// The same, read again from the bytes of a request that was accepted before.
pub(super) struct ReadAgain {
    subscriber: SubscriberId,
    context: Context,
    base_url: Url,
}

impl ReadAgain {
    /// All of it was checked when the request came in.
    pub(super) fn of(network: &Network, body: &Bytes) -> Result<Self, Error> {
        let unreadable = |what: String| Error::Invalid(format!("an accepted request: {what}"));
        let message: Value =
            serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
        let context = context::read(network.settings.kind, &message);
        let context = context.map_err(|refusal| unreadable(refusal.to_string()))?;
        let base_url = callback_url::callable(&context.bap_uri);
        let subscriber = context.bap_id.clone();
        Ok(Self {
            subscriber: subscriber.ok_or_else(|| unreadable("it names no sender".to_owned()))?,
            base_url: base_url.map_err(|error| unreadable(error.to_string()))?,
            context,
        })
    }

    /// Who gets the answer.
    pub(super) fn replying<'a>(&'a self, network: &'a Network, body: &'a Bytes) -> Replying<'a> {
        Replying {
            network,
            subscriber: &self.subscriber,
            context: &self.context,
            base_url: &self.base_url,
            body,
        }
    }
}

/// The callback that answers a request.
pub(super) fn reply(
    to: &Replying<'_>,
    (order, document): (&Order, &str),
    decision: &Decision,
    now: DateTime<Utc>,
) -> Result<NewCallback, on_cancel::Error> {
    let content = match decision {
        Decision::Cancelled(c) | Decision::AlreadyCancelled(c) => Content::Cancelled(c),
        Decision::Quoted(c) => Content::Quoted(c),
        Decision::Asked | Decision::Waiting => {
            let pending = order.pending.as_ref();
            Content::Initiated(pending.ok_or(on_cancel::Error::Missing("open question"))?)
        }
        Decision::Refused(denial) => Content::Denied(denial),
        // Nothing is said before it is decided.
        Decision::Undecided(_) => return Err(on_cancel::Error::Missing("decision")),
    };
    let body = RawObject::parse(text(to.body))?;
    let context = body
        .get("context")
        .ok_or(on_cancel::Error::Missing("context"))?;
    let saying = Saying {
        action: ON_CANCEL,
        dialect: to.context.dialect,
        context: on_cancel::context(context, to.network.us(), None, now)?,
        document,
        content,
    };
    let addressee = Addressee {
        subscriber: to.subscriber,
        transaction: &to.context.transaction,
        message: &to.context.message,
        base_url: to.base_url,
        vouched: true,
    };
    callback(to.network, &addressee, &saying)
}
