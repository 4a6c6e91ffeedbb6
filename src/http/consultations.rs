//! Door 2: a partner's app cancels a consultation for its patient, and asks how that stands.
//!
//! The contract is that of an existing facade, so every failure has its one shape, and what is
//! asked comes in its order of checks: token, body, ids, patient, facility, booking. A 200 means
//! that the booking is cancelled, durably; the buyer app that placed it hears of it.

use std::collections::BTreeMap;

use actix_web::error::{InternalError, QueryPayloadError};
use actix_web::http::header::{AUTHORIZATION, HeaderName};
use actix_web::web::{Bytes, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::door::{self, Failure};
use super::{Doors, X_REQUEST_ID, body};
use crate::crypto::bearer::Bearer;
use crate::crypto::digest::blake2b_512_base64;
use crate::domain::ids::{MessageId, NetworkName, SubscriberId};
use crate::domain::order::Reason;
use crate::domain::refusal::Refusal;
use crate::engine::Begun;
use crate::engine::partner::{Error, Partner, PartnerCancel};
use crate::networks::{Network, webhook};
use crate::protocol::consultations::{self as wire, BookingIds};

/// The contract's word for what cannot be read.
const INVALID: &str = "INVALID_REQUEST";

/// Where the contract has it.
pub const PATH: &str = "/abdm/uhi/v1/physical-consultation/booking/cancel";

static PATIENT: HeaderName = HeaderName::from_static("x-pt-id");
static PARTNER_PATIENT: HeaderName = HeaderName::from_static("x-partner-pt-id");
static HIP: HeaderName = HeaderName::from_static("x-hip-id");

/// The `[consultations]` section.
#[derive(Clone)]
pub struct Settings {
    /// The network whose bookings are cancelled here.
    pub network: NetworkName,
    /// What proves a partner.
    pub bearer: Bearer,
    /// The reason of a cancellation whose request has none.
    pub default_reason: String,
    /// The partners by client id.
    pub partners: BTreeMap<String, PartnerSettings>,
}

/// One `[consultations.partner.NAME]` section.
#[derive(Debug, Clone)]
pub struct PartnerSettings {
    /// The facilities whose bookings it may see.
    pub hip_ids: Vec<String>,
}

/// What the limits and the body's reader refuse, in this contract's words.
fn refused(refusal: Refusal) -> Failure {
    Failure::of(refusal, INVALID)
}

fn unreadable(error: wire::Error) -> Failure {
    Failure::new(400, INVALID, error.to_string())
}

fn failed(error: Error) -> Failure {
    let (status, code) = match &error {
        Error::NotFound => (404, "ORDER_NOT_FOUND"),
        Error::PatientMismatch => (400, "PATIENT_MISMATCH"),
        Error::OtherBooking => (409, "ORDER_MISMATCH"),
        Error::NotCancellable(_) => (409, "ORDER_NOT_CANCELLABLE"),
        Error::InProgress => (409, "CANCELLATION_IN_PROGRESS"),
        Error::KeyReused => (409, "IDEMPOTENCY_KEY_REUSED"),
        Error::Reason(_) => (400, INVALID),
        Error::Unreadable => (500, "INTERNAL"),
        Error::Full(full) => return Failure::full(*full),
        Error::Changing => return Failure::for_now(error.to_string(), None),
        Error::Store(cause) => return Failure::for_now(error.to_string(), Some(cause)),
    };
    Failure::new(status, code, error.to_string())
}

/// `POST`: cancels.
pub async fn cancel(doors: Data<Doors>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answer = async {
        let place = doors.limits.admit(&request).map_err(refused)?;
        let door = Door::of(&doors)?;
        let client = door.prove(&request)?;
        let body = body::read(&request, payload, doors.body_limits);
        let body = body.await.map_err(refused)?;
        let at_work = doors.limits.begin(&request).await.map_err(refused)?;
        let asked = wire::read(&body).map_err(unreadable)?;
        let who = Who::of(&request)?;
        let hips = door.hips(&client, &who)?;
        let subscriber = subscriber(&client)?;
        doors.limits.count(&subscriber).map_err(refused)?;
        let reason = asked.reason.as_ref();
        let id = reason.unwrap_or(&door.settings.default_reason).clone();
        let cancel = PartnerCancel {
            network: door.network,
            partner: who.partner(&client, &hips),
            booking: &asked.booking,
            reason: Reason {
                id: Some(id),
                text: None,
            },
            key: key(&request, &body)?,
            body: (&body, blake2b_512_base64(&body)),
        };
        let begun = doors.engine.cancel_for_partner(&cancel, Utc::now()).await;
        if let Begun::Waits(waiting) = counted(&doors, &subscriber, begun)? {
            // Whoever waits does no work: others have these places meanwhile.
            drop((place, at_work));
            let outcome = doors.engine.partner_decided(*waiting).await;
            outcome.map_err(failed)?;
        }
        Ok(asked.booking.to_json())
    };
    doors.parting(finish(answer.await))
}

/// The query of `GET`.
#[derive(Debug, Deserialize)]
pub struct Ids {
    order_id: Option<String>,
    provider_id: Option<String>,
    txn_id: Option<String>,
}

/// `GET`: how a cancellation stands.
pub async fn status(doors: Data<Doors>, request: HttpRequest, ids: Query<Ids>) -> HttpResponse {
    let answer = async {
        let _place = doors.limits.admit(&request).map_err(refused)?;
        let door = Door::of(&doors)?;
        let client = door.prove(&request)?;
        let txn_id = ("txn_id", ids.txn_id.as_deref());
        let booking = BookingIds::of(ids.order_id.as_deref(), ids.provider_id.as_deref(), txn_id);
        let booking = booking.map_err(unreadable)?;
        let who = Who::of(&request)?;
        let hips = door.hips(&client, &who)?;
        let subscriber = subscriber(&client)?;
        doors.limits.count(&subscriber).map_err(refused)?;
        let partner = who.partner(&client, &hips);
        let engine = &doors.engine;
        let status = engine.status_for_partner(door.network, &partner, &booking);
        Ok(counted(&doors, &subscriber, status.await)?.to_json())
    };
    doors.parting(finish(answer.await))
}

/// Any other method.
pub async fn no_such_method() -> HttpResponse {
    let failure = Failure::new(405, INVALID, "expected POST or GET");
    let mut response = finish(Err(failure));
    let allowed = actix_web::http::header::HeaderValue::from_static("GET, POST");
    response
        .headers_mut()
        .insert(actix_web::http::header::ALLOW, allowed);
    response
}

/// A query that cannot be read is told as every other failure.
pub(super) fn bad_query(error: &QueryPayloadError) -> actix_web::Error {
    let failure = Failure::new(400, INVALID, error.to_string());
    let response = finish(Err(failure));
    InternalError::from_response("a query that cannot be read", response).into()
}

/// Counts what is not there for this client, so that nobody finds bookings by trying.
fn counted<T>(
    doors: &Doors,
    subscriber: &SubscriberId,
    outcome: Result<T, Error>,
) -> Result<T, Failure> {
    if let Err(Error::NotFound | Error::PatientMismatch | Error::OtherBooking) = &outcome {
        doors.limits.count_not_found(subscriber).map_err(refused)?;
    }
    outcome.map_err(failed)
}

/// The section and its network.
struct Door<'a> {
    settings: &'a Settings,
    network: &'a Network,
}

impl<'a> Door<'a> {
    /// The configuration was checked at the start, so both are there where the route is.
    fn of(doors: &'a Doors) -> Result<Self, Failure> {
        let missing = || Failure::new(500, "INTERNAL", "the door is not configured");
        let settings = doors.consultations.as_ref().ok_or_else(missing)?;
        let network = doors.networks.get(&settings.network).ok_or_else(missing)?;
        Ok(Self { settings, network })
    }

    /// The client of a valid token that is a partner here.
    fn prove(&self, request: &HttpRequest) -> Result<String, Failure> {
        let refuse = |why: &str| Failure::new(401, "UNAUTHENTICATED", why);
        let header = body::header(request, &AUTHORIZATION)
            .ok_or_else(|| refuse("expected Authorization: Bearer <token>"))?;
        let (_, token) = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .ok_or_else(|| refuse("expected Authorization: Bearer <token>"))?;
        let claims = self.settings.bearer.claims(token.trim(), Utc::now());
        let claims = claims.map_err(|error| refuse(&error.to_string()))?;
        match self.settings.partners.contains_key(&claims.sub) {
            true => Ok(claims.sub),
            false => Err(refuse("the token is not that of a partner here")),
        }
    }

    /// The facilities that are looked at: the one that is named, if it is the partner's.
    fn hips(&self, client: &str, who: &Who<'_>) -> Result<Vec<String>, Failure> {
        let own = self.settings.partners.get(client);
        let own = own.map_or(&[][..], |partner| partner.hip_ids.as_slice());
        match who.hip {
            None => Ok(own.to_vec()),
            Some(hip) if own.iter().any(|known| known == hip) => Ok(vec![hip.to_owned()]),
            Some(_) => {
                let why = "X-Hip-Id is none of this client's facilities";
                Err(Failure::new(403, "HIP_FORBIDDEN", why))
            }
        }
    }
}

/// The headers that say for whom.
struct Who<'a> {
    patient: Option<&'a str>,
    partner_patient: Option<&'a str>,
    hip: Option<&'a str>,
}

impl<'a> Who<'a> {
    fn of(request: &'a HttpRequest) -> Result<Self, Failure> {
        let given = |name| body::header(request, name).filter(|text| !text.is_empty());
        let who = Self {
            patient: given(&PATIENT),
            partner_patient: given(&PARTNER_PATIENT),
            hip: given(&HIP),
        };
        match (who.patient, who.partner_patient) {
            (None, None) => {
                let why = "expected X-Pt-Id or X-Partner-Pt-Id";
                Err(Failure::new(400, "PATIENT_REQUIRED", why))
            }
            _ => Ok(who),
        }
    }

    fn partner<'b>(&self, client: &'b str, hips: &'b [String]) -> Partner<'b>
    where
        'a: 'b,
    {
        Partner {
            client,
            hips,
            patient: self.patient,
            partner_patient: self.partner_patient,
        }
    }
}

/// What makes it the same request: the client's own key, or else the same bytes.
fn key(request: &HttpRequest, body: &Bytes) -> Result<MessageId, Failure> {
    let unusable = |what: String| Failure::new(400, INVALID, what);
    match door::idempotency_key(request).map_err(unusable)? {
        Some(key) => Ok(key),
        None => MessageId::parse(&format!("body:{}", blake2b_512_base64(body)))
            .map_err(|error| unusable(error.to_string())),
    }
}

/// Clients are counted as subscribers are.
fn subscriber(client: &str) -> Result<SubscriberId, Failure> {
    webhook::client(client)
        .map_err(|error| Failure::new(401, "UNAUTHENTICATED", format!("sub: {error}")))
}

fn finish(answer: Result<Value, Failure>) -> HttpResponse {
    door::count("booking.cancel", &answer);
    match answer {
        Ok(body) => HttpResponse::Ok()
            .insert_header((X_REQUEST_ID.clone(), Uuid::now_v7().to_string()))
            .json(body),
        Err(failure) => {
            let body = wire::generic_error(failure.status, failure.code, &failure.message);
            failure.begin("consultations").json(body)
        }
    }
}
