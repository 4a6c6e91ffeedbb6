//! Door 2: a partner's app cancels a booking for its patient, outside the network.
//!
//! The same decision and the same order as everywhere; the buyer app that placed it hears of it
//! by an unsolicited `on_cancel`. A request is known again by its client and key: the same bytes
//! get the first answer, others are refused. Whatever is refused has written nothing.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tracing::{error, info};

use super::door::{AtDoor, Begun, Call, Waiting};
use super::waiting::Full;
use super::{Engine, MAX_RACES, reasons};
use crate::domain::decide::{CancelRequest, Decision, Intent, decide};
use crate::domain::ids::{MessageId, OrderKey};
use crate::domain::order::{Order, Party, Reason, State};
use crate::domain::policy::Door;
use crate::domain::refusal::Refusal;
use crate::networks::Network;
use crate::protocol::consultations::{BookingIds, Status};
use crate::store::{self, StoredOrder, StoredRequest};

/// The session that all requests of this door are kept under: a client's keys are its own over
/// all bookings.
const SESSION: &str = "consultations";

/// What the door calls it.
const ACTION: &str = "booking.cancel";

/// Who asks, and for whom.
#[derive(Debug, Clone)]
pub struct Partner<'a> {
    /// The client that the token was made for.
    pub client: &'a str,
    /// The facilities whose bookings it may see: all of its own, or the one it names.
    pub hips: &'a [String],
    /// The patient by the door's id.
    pub patient: Option<&'a str>,
    /// The patient by the partner's id.
    pub partner_patient: Option<&'a str>,
}

/// A partner's wish to cancel.
pub struct PartnerCancel<'a> {
    /// The network that the door's bookings are on.
    pub network: &'a Network,
    /// Who asks.
    pub partner: Partner<'a>,
    /// Which booking.
    pub booking: &'a BookingIds,
    /// Why.
    pub reason: Reason,
    /// What makes it the same request when it comes again.
    pub key: MessageId,
    /// Its bytes, and their BLAKE2b-512 in base64.
    pub body: (&'a Bytes, String),
}

/// Why a partner gets no cancellation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such booking of this patient in these facilities: one answer for all of it.
    #[error("no booking with this order_id is known for this patient")]
    NotFound,
    /// The two ids of the patient are those of two people.
    #[error("the two patient ids do not name the same person")]
    PatientMismatch,
    /// The booking is another provider's, or of another session.
    #[error("provider_id and transaction_id are not those of the booking")]
    OtherBooking,
    /// It is cancelled, over, has begun, or its terms forbid it.
    #[error("{0}")]
    NotCancellable(String),
    /// The provider is asked about another request to cancel it.
    #[error("a cancellation of the booking is under way")]
    InProgress,
    /// The key came before with other bytes.
    #[error("the same Idempotency-Key came before with another body")]
    KeyReused,
    /// The reason is none of the patient's.
    #[error("reason: {}", .0.detail)]
    Reason(Refusal),
    /// Too many requests wait for the provider; nothing was asked.
    #[error("{0}")]
    Full(Full),
    /// Try again.
    #[error("the booking keeps changing")]
    Changing,
    /// The order cannot be answered with.
    #[error("the booking cannot be read")]
    Unreadable,
    /// The store did not do it.
    #[error("nothing can be stored at present")]
    Store(#[from] store::Error),
}

impl Engine {
    /// Cancels a booking; done means that it is cancelled, durably, by this request or by the
    /// same one before.
    ///
    /// # Errors
    /// The first check that fails; nothing has been written then.
    pub async fn cancel_for_partner(
        &self,
        asked: &PartnerCancel<'_>,
        now: DateTime<Utc>,
    ) -> Result<Begun<()>, Error> {
        let call = call(asked);
        if let Some(known) = self.store.request(&call.request_key()).await? {
            return self.partner_again(asked, &call, &known, now).await;
        }
        let request = CancelRequest {
            by: Party::Customer,
            door: Door::Consultations,
            reason: asked.reason.clone(),
            intent: Intent::Commit,
        };
        for _ in 0..MAX_RACES {
            let stored = self
                .visit(asked.network, &asked.partner, asked.booking)
                .await?;
            reasons::check(asked.network, None, &request).map_err(Error::Reason)?;
            let cancellation = match decide(&stored.order, &request, now) {
                Decision::Cancelled(cancellation) => cancellation,
                other => return Err(not_cancellable(&other)),
            };
            self.store.writable()?;
            let kept = Some(call.kept(&stored.order.key, now));
            let network = Some(asked.network);
            let client = (kept, Some(call.caller.as_str()));
            let at_door = self.cancel_at_door(network, &stored, cancellation, client);
            match at_door
                .await
                .map_err(|error| unable(&stored.order.key, error))?
            {
                AtDoor::Cancelled(order, _) => {
                    info!(order.id = %order.key.id, client.id = asked.partner.client,
                        "a booking is cancelled for a partner");
                    return Ok(Begun::Done(()));
                }
                AtDoor::Waits(waiting) => return Ok(Begun::Waits(waiting)),
                AtDoor::Refused(refused) => {
                    return Err(Error::NotCancellable(refused.denial.sentence()));
                }
                AtDoor::Known(known) => return self.partner_again(asked, &call, &known, now).await,
                AtDoor::Again => {}
            }
        }
        Err(Error::Changing)
    }

    /// What the provider said to a request that had to wait for it; `Ok` means that the booking is
    /// cancelled.
    ///
    /// # Errors
    /// When it is not.
    pub async fn partner_decided(&self, waiting: Waiting) -> Result<(), Error> {
        let key = waiting.order.clone();
        let at_door = self.heard(waiting).await;
        match at_door.map_err(|error| unable(&key, error))? {
            AtDoor::Cancelled(..) => {
                info!(order.id = %key.id, "a booking is cancelled for a partner");
                Ok(())
            }
            AtDoor::Refused(refused) => Err(Error::NotCancellable(refused.denial.sentence())),
            AtDoor::Waits(_) | AtDoor::Known(_) | AtDoor::Again => Err(Error::Changing),
        }
    }

    /// The answer to a request that came before: the same as then.
    async fn partner_again(
        &self,
        asked: &PartnerCancel<'_>,
        call: &Call<'_>,
        known: &StoredRequest,
        now: DateTime<Utc>,
    ) -> Result<Begun<()>, Error> {
        if !call.is(known) {
            return Err(Error::KeyReused);
        }
        self.same_patient(asked).await?;
        let key = known.order_key();
        let at_door = self.outcome_again(known, now).await;
        match at_door.map_err(|error| unable(&key, error))? {
            AtDoor::Cancelled(..) => Ok(Begun::Done(())),
            AtDoor::Waits(waiting) => Ok(Begun::Waits(waiting)),
            AtDoor::Refused(refused) => Err(Error::NotCancellable(refused.denial.sentence())),
            AtDoor::Known(_) | AtDoor::Again => Err(Error::Changing),
        }
    }

    /// How the cancellation of a booking stands.
    ///
    /// # Errors
    /// When the partner has no such booking.
    pub async fn status_for_partner(
        &self,
        network: &Network,
        partner: &Partner<'_>,
        ids: &BookingIds,
    ) -> Result<Status, Error> {
        let order = self.visit(network, partner, ids).await?.order;
        Ok(match order.state {
            State::Cancelled => Status::Success,
            state if state.is_cancellable() => Status::Pending,
            _ => Status::Failed,
        })
    }

    /// The first answer is for the patient and the facility that it was for, as far as they are
    /// still known: the key is of the body alone, and they are in headers.
    async fn same_patient(&self, asked: &PartnerCancel<'_>) -> Result<(), Error> {
        let key = order_key(asked.network, asked.booking);
        let stored = self.store.order(&key).await?;
        let known = stored.filter(|stored| stored.order.erased_at.is_none());
        known.map_or(Ok(()), |stored| {
            check_patient(&stored.order, &asked.partner)
        })
    }

    /// The booking, if it is this patient's in these facilities and the ids are its own.
    async fn visit(
        &self,
        network: &Network,
        partner: &Partner<'_>,
        ids: &BookingIds,
    ) -> Result<StoredOrder, Error> {
        let key = order_key(network, ids);
        let stored = self.store.order(&key).await?.ok_or(Error::NotFound)?;
        check_patient(&stored.order, partner)?;
        let placed = stored.order.placement.as_ref();
        let is_its_session = placed.is_some_and(|placed| placed.transaction == ids.transaction);
        match is_its_session && ids.provider.is(&network.settings.subscriber_id) {
            true => Ok(stored),
            false => Err(Error::OtherBooking),
        }
    }
}

fn order_key(network: &Network, ids: &BookingIds) -> OrderKey {
    OrderKey {
        network: network.name().clone(),
        id: ids.order.clone(),
    }
}

fn call<'a>(asked: &'a PartnerCancel<'_>) -> Call<'a> {
    Call {
        session: SESSION,
        action: ACTION,
        network: asked.network.name(),
        caller: format!("client:{}", asked.partner.client),
        key: asked.key.clone(),
        body: asked.body.0,
        digest: &asked.body.1,
    }
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

/// Nothing can be said of an order that was erased, or that names no patient or facility.
fn check_patient(order: &Order, partner: &Partner<'_>) -> Result<(), Error> {
    let patient = order.booking.patient.as_ref();
    let patient = patient.filter(|_| order.erased_at.is_none());
    let patient = patient.ok_or(Error::NotFound)?;
    let hip = patient.hip_id.as_ref();
    if !hip.is_some_and(|hip| partner.hips.contains(hip)) {
        return Err(Error::NotFound);
    }
    let same = |given: Option<&str>, known: &Option<String>| {
        given.map(|given| known.as_deref() == Some(given))
    };
    let by_id = same(partner.patient, &patient.id);
    match (by_id, same(partner.partner_patient, &patient.partner_id)) {
        (Some(true), None | Some(true)) | (None, Some(true)) => Ok(()),
        (Some(true), Some(false)) | (Some(false), Some(true)) => Err(Error::PatientMismatch),
        _ => Err(Error::NotFound),
    }
}

fn not_cancellable(decision: &Decision) -> Error {
    match decision {
        Decision::Undecided(_) => Error::InProgress,
        Decision::Refused(denial) => Error::NotCancellable(denial.sentence()),
        _ => Error::NotCancellable("The booking is cancelled already".to_owned()),
    }
}
