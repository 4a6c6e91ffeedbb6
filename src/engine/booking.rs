//! Door 3: a partner's app cancels a booking of a venue, on a network or on none.
//!
//! The same decision and the same order as everywhere. With a key of its own a request that
//! comes again gets the first answer; without one a second cancel is told that the booking is
//! cancelled. Whatever is refused has written nothing. Which booking is meant, `find` knows.

mod find;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tracing::{error, info};
use uuid::Uuid;

use super::aim;
use super::door::{AtDoor, Begun, Call, Waiting};
use super::intake::NO_NETWORK;
use super::waiting::Full;
use super::{Engine, MAX_RACES, reasons};
use crate::domain::decide::{CancelRequest, Decision, Denial, Intent, decide};
use crate::domain::ids::{MessageId, NetworkName, OrderKey};
use crate::domain::order::{Cancellation, Order, Reason, State};
use crate::domain::policy::Door;
use crate::domain::refusal::Refusal;
use crate::domain::undecided::{Refused, Undecided};
use crate::networks::{Network, Networks};
use crate::protocol::Dialect;
use crate::protocol::bookings::{Asked, Reference};
use crate::store::{self, StoredOrder, StoredRequest};

/// The session that all requests of this door are kept under.
const SESSION: &str = "bookings";

/// What the door calls it.
const ACTION: &str = "booking.cancel";

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The id of its API key.
    pub key_id: &'a str,
    /// The venues whose bookings are its own; with none, those of all.
    pub venues: &'a [String],
}

impl Client<'_> {
    /// What its requests, and what they caused, are recorded under.
    #[must_use]
    pub fn caller(&self) -> String {
        format!("api-key:{}", self.key_id)
    }
}

/// A partner's wish to cancel.
pub struct BookingCancel<'a> {
    /// The joined networks: a booking may be on one of them.
    pub networks: &'a Networks,
    /// Who asks.
    pub client: Client<'a>,
    /// Which booking.
    pub booking: &'a Reference,
    /// Why, and on whose account.
    pub asked: &'a Asked,
    /// The client's own key for the request.
    pub key: Option<MessageId>,
    /// Its bytes, and their BLAKE2b-512 in base64.
    pub body: (&'a Bytes, String),
}

/// Why a partner gets no booking, or no cancellation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such booking.
    #[error("No such booking")]
    NotFound,
    /// The booking is one of a venue that the key is not bound to.
    #[error("This booking is not yours")]
    OtherVenue,
    /// More than one booking has this id or reference.
    #[error("More than one of your bookings has this id or reference")]
    Ambiguous,
    /// Its state allows no cancellation any more.
    #[error("{}", sentence(*.0))]
    Over(State),
    /// Its terms or the provider allow none.
    #[error("{}", .1.sentence())]
    NotAllowed(State, Denial),
    /// The key came before with another booking or other bytes.
    #[error("The same Idempotency-Key came before with another request")]
    KeyReused,
    /// The network of the booking takes no reason in words.
    #[error("reason: {}", .0.detail)]
    Reason(Refusal),
    /// Too many requests wait for the provider; nothing was asked.
    #[error("{0}")]
    Full(Full),
    /// Try again.
    #[error("The booking keeps changing")]
    Changing,
    /// The order cannot be answered with.
    #[error("The booking cannot be read")]
    Unreadable,
    /// The store did not do it.
    #[error("Nothing can be stored at present")]
    Store(#[from] store::Error),
}

fn sentence(state: State) -> &'static str {
    match state {
        State::Cancelled | State::Completed | State::NoShow => {
            "This booking is already cancelled, completed or a no-show."
        }
        State::InProgress => "This booking has begun.",
        _ => "This booking cannot be cancelled in its present state.",
    }
}

impl Engine {
    /// Cancels a booking; returns it as it stands, cancelled durably by this request or by the
    /// same one before, or what is to be waited for first.
    ///
    /// # Errors
    /// The first check that fails; nothing has been written then.
    pub async fn cancel_booking(
        &self,
        asked: &BookingCancel<'_>,
        now: DateTime<Utc>,
    ) -> Result<Begun<Order>, Error> {
        let none = NetworkName::parse(NO_NETWORK).expect("a constant word is a name");
        let call = call(asked, &none);
        for _ in 0..MAX_RACES {
            let found = self.booking(asked.networks, &asked.client, asked.booking);
            let stored = found.await?;
            let network = asked.networks.get(&stored.order.key.network);
            if let Some(known) = self.store.request(&call.request_key()).await? {
                return self.booking_again(&call, &known, stored, now).await;
            }
            let at_door = match decided(&stored, network, asked, now)? {
                Decided::Waits(undecided) => {
                    let again = asked.key.as_ref();
                    let kept = again.map(|_| call.kept(&stored.order.key, now));
                    let client = (kept, Some(call.caller.as_str()));
                    self.wait_out(&stored, &undecided, client, now).await
                }
                Decided::Cancelled(cancellation) => {
                    self.store.writable()?;
                    let kept = Some(call.kept(&stored.order.key, now));
                    let client = (kept, Some(call.caller.as_str()));
                    self.cancel_at_door(network, &stored, cancellation, client)
                        .await
                }
            };
            match at_door.map_err(|error| unable(&stored.order.key, error))? {
                AtDoor::Cancelled(order, _) => {
                    info!(order.id = %order.key.id, client.id = asked.client.key_id,
                        "a booking is cancelled for a partner");
                    return Ok(Begun::Done(*order));
                }
                AtDoor::Waits(waiting) => return Ok(Begun::Waits(waiting)),
                AtDoor::Refused(refused) => return Err(not_allowed(refused)),
                AtDoor::Known(_) | AtDoor::Again => {}
            }
        }
        Err(Error::Changing)
    }

    /// What the provider said to a request that had to wait for it.
    ///
    /// # Errors
    /// When the booking is not cancelled.
    pub async fn booking_decided(&self, waiting: Waiting) -> Result<Order, Error> {
        let key = waiting.order.clone();
        let at_door = self.heard(waiting).await;
        match at_door.map_err(|error| unable(&key, error))? {
            AtDoor::Cancelled(order, _) => {
                info!(order.id = %key.id, "a booking is cancelled for a partner");
                Ok(*order)
            }
            AtDoor::Refused(refused) => Err(not_allowed(refused)),
            AtDoor::Waits(_) | AtDoor::Known(_) | AtDoor::Again => Err(Error::Changing),
        }
    }

    /// The answer to a request that came before: the same as then.
    async fn booking_again(
        &self,
        call: &Call<'_>,
        known: &StoredRequest,
        stored: StoredOrder,
        now: DateTime<Utc>,
    ) -> Result<Begun<Order>, Error> {
        let order = stored.order;
        if !call.is(known) || known.order_key() != order.key {
            return Err(Error::KeyReused);
        }
        let at_door = self.outcome_again(known, now).await;
        match at_door.map_err(|error| unable(&order.key, error))? {
            AtDoor::Cancelled(order, _) => Ok(Begun::Done(*order)),
            AtDoor::Waits(waiting) => Ok(Begun::Waits(waiting)),
            AtDoor::Refused(refused) => Err(not_allowed(refused)),
            AtDoor::Known(_) | AtDoor::Again => Err(Error::Changing),
        }
    }
}

fn not_allowed(refused: Refused) -> Error {
    Error::NotAllowed(refused.state, refused.denial)
}

/// What is not the client's fault.
fn unable(order: &OrderKey, error: super::Error) -> Error {
    match error {
        super::Error::Store(error) => Error::Store(error),
        super::Error::Full(full) => Error::Full(full),
        super::Error::NotFound(_) => Error::NotFound,
        super::Error::Conflict { .. } => Error::Changing,
        error => {
            error!(order.id = %order.id, %error, "a booking cannot be cancelled");
            Error::Unreadable
        }
    }
}

/// A request without a key of its own is like no other.
fn call<'a>(asked: &'a BookingCancel<'_>, none: &'a NetworkName) -> Call<'a> {
    let key = asked.key.clone().or_else(|| {
        let own = format!("call:{}", Uuid::new_v4());
        MessageId::parse(&own).ok()
    });
    Call {
        session: SESSION,
        action: ACTION,
        network: none,
        caller: asked.client.caller(),
        key: key.expect("a UUID is an id"),
        body: asked.body.0,
        digest: &asked.body.1,
    }
}

/// What becomes of a wish that is not refused.
enum Decided {
    /// It is done, if the provider has nothing against it.
    Cancelled(Cancellation),
    /// The provider is being asked about another one.
    Waits(Undecided),
}

fn decided(
    stored: &StoredOrder,
    network: Option<&Network>,
    asked: &BookingCancel<'_>,
    now: DateTime<Utc>,
) -> Result<Decided, Error> {
    let order = &stored.order;
    let dialect = network.and_then(|_| aim::dialect(stored));
    let request = request(network, dialect, asked);
    let cancellation = match decide(order, &request, now) {
        Decision::Cancelled(cancellation) => cancellation,
        Decision::Undecided(undecided) => return Ok(Decided::Waits(undecided)),
        Decision::Refused(denial @ Denial::Terms(_)) => {
            return Err(Error::NotAllowed(order.state, denial));
        }
        _ => return Err(Error::Over(order.state)),
    };
    if let Some(network) = network {
        reasons::check(network, dialect, &request).map_err(Error::Reason)?;
    }
    Ok(Decided::Cancelled(Cancellation {
        token: Some(asked.client.caller()),
        ..cancellation
    }))
}

/// Where the network wants a code, the one that stands for words of one's own.
fn request(
    network: Option<&Network>,
    dialect: Option<Dialect>,
    asked: &BookingCancel<'_>,
) -> CancelRequest {
    let by = asked.asked.by;
    let id = network.and_then(|network| reasons::in_words(network, dialect, by));
    CancelRequest {
        by,
        door: Door::Bookings,
        reason: Reason {
            id: id.map(str::to_owned),
            text: Some(asked.asked.reason.clone()),
        },
        intent: Intent::Commit,
    }
}
