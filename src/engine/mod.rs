//! The cancel use case: load the order, decide, encode the answer, commit all of it at once.
//!
//! Three doors lead here and one exit leads away, the outbox. A refusal is told to the caller
//! and writes nothing; every other outcome is one durable transaction before this returns.

mod aim;
pub mod booking;
pub mod cancel;
pub mod change;
pub mod contained;
mod door;
pub mod erase;
mod event;
pub mod intake;
pub mod overdue;
pub mod partner;
pub mod pending;
pub mod preview;
pub mod provider;
mod reasons;
pub mod reasons_list;
mod reply;
pub mod returns;
pub mod undecided;
mod urgent;
pub mod waiting;
mod way_back;

use std::sync::Arc;

pub use self::door::{Begun, Waiting};
use self::undecided::{Asking, Questions};
use self::waiting::Full;
use crate::domain::decide::Denial;
use crate::domain::ids::{MessageId, OrderId};
use crate::domain::order::Cancellation;
use crate::domain::refusal::{Refusal, Word};
use crate::networks::{Network, callback_url};
use crate::protocol::on_cancel::{self, Content};
use crate::protocol::{Dialect, intake as wire_intake};
use crate::store::{CallbackKind, NewCallback, Store};
use crate::{domain, store};

/// How often a decision is made again because the order changed meanwhile.
const MAX_RACES: usize = 100;

/// Why something asked by the provider's side was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such order.
    #[error("no order {0:?} is known here")]
    NotFound(OrderId),
    /// The decision forbids it.
    #[error("{}", .0.sentence())]
    Denied(Denial),
    /// The order is final, or was changed by something newer.
    #[error("{what}")]
    Conflict {
        /// What stands against it.
        what: String,
        /// How the order was cancelled, when that is the reason.
        cancellation: Option<Box<Cancellation>>,
    },
    /// The reason is not one that this side may give, or there is none where there must be.
    #[error("{0}")]
    Reason(Refusal),
    /// The order handed over cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// The document handed over cannot be read.
    #[error(transparent)]
    Intake(#[from] wire_intake::Error),
    /// The callback cannot be written.
    #[error(transparent)]
    Encode(#[from] on_cancel::Error),
    /// Too many wait for the provider already; nothing was asked.
    #[error(transparent)]
    Full(#[from] Full),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Every try met an order that somebody else had changed meanwhile.
    fn changing() -> Self {
        Self::Conflict {
            what: "the order keeps changing; try again".to_owned(),
            cancellation: None,
        }
    }
}

/// Cancels orders, for whoever was let in.
pub struct Engine {
    store: Arc<dyn Store>,
    questions: Questions,
}

impl Engine {
    /// An engine over a store, which asks the provider first where `asking` says so.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, asking: Option<Asking>) -> Self {
        let questions = Questions::new(asking);
        Self { store, questions }
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

/// What a store error means to a caller on a network.
pub(crate) fn refusal_of(error: &store::Error) -> Refusal {
    match error {
        store::Error::Busy => {
            Refusal::new(Word::Overloaded, "too many requests are being stored").retry_after(1)
        }
        _ => {
            Refusal::new(Word::StoreUnavailable, "nothing can be stored at present").retry_after(5)
        }
    }
}

/// Who a callback is for and what it answers.
struct Addressee<'a> {
    subscriber: &'a domain::ids::SubscriberId,
    transaction: &'a domain::ids::TransactionId,
    message: &'a MessageId,
    base_url: &'a url::Url,
    /// Whether the registry has vouched for the URL.
    vouched: bool,
}

/// The action of a callback that says what became of a cancel.
const ON_CANCEL: &str = "on_cancel";

/// That of one which says so later.
const ON_UPDATE: &str = "on_update";

/// What a callback says, by which action, in which dialect, about which document.
struct Saying<'a> {
    action: &'static str,
    dialect: Dialect,
    context: String,
    document: &'a str,
    content: Content<'a>,
}

fn callback(
    network: &Network,
    to: &Addressee<'_>,
    saying: &Saying<'_>,
) -> Result<NewCallback, on_cancel::Error> {
    let body = on_cancel::encode(
        saying.dialect,
        &saying.context,
        saying.document,
        saying.content,
        &network.style(),
    )?;
    let kind = match saying.content {
        Content::Quoted(_) => CallbackKind::Preview,
        Content::Cancelled(_) | Content::Denied(_) | Content::Initiated(_) | Content::Kept(_) => {
            CallbackKind::Final
        }
    };
    let body = match saying.action {
        ON_CANCEL => body,
        action => on_cancel::renamed(body.as_bytes(), action)?,
    };
    Ok(NewCallback {
        kind,
        subscriber: to.subscriber.clone(),
        transaction: to.transaction.clone(),
        message: to.message.clone(),
        url: callback_url::of(to.base_url, saying.action),
        lane: callback_url::lane_of_caller(network.settings.callback_rule, to.base_url),
        vouched: to.vouched,
        body: body.into(),
    })
}
