//! Door 3: a partner's app cancels a booking, and looks at one.
//!
//! The contract is that of an existing booking API. What is asked comes in this order: key,
//! scope, body, booking, state. A 200 means that the booking is cancelled, durably; a BAP that
//! placed it on a network hears of it.

pub mod keys;

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{ALLOW, AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::web::{self, Data, Path, PathConfig, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use self::keys::{Key, Keys, Scope};
use super::admin::failures::Failures;
use super::door::{self, Failure};
use super::{Doors, X_REQUEST_ID, body};
use crate::crypto::digest::blake2b_512_base64;
use crate::domain::order::{Order, State};
use crate::engine::Begun;
use crate::engine::booking::{BookingCancel, Client, Error};
use crate::protocol::bookings::{self as wire, Amounts, Errors, Reference};

/// Where the contract has it.
const PATH: &str = "/v1/bookings";

/// Where its contract is shown to everybody.
const DOCUMENT_PATH: &str = "/v1/openapi.json";

/// The contract.
const DOCUMENT: &str = include_str!("../../schemas/bookings.openapi.json");

/// What the door is called in logs.
const NAME: &str = "bookings";

/// The contract's word for what cannot be read.
const INVALID: &str = "VALIDATION_ERROR";

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The `[bookings]` section.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How amounts are written.
    pub amounts: Amounts,
    /// How failures are written.
    pub errors: Errors,
}

/// The open door.
pub struct Door {
    /// Its settings.
    pub settings: Settings,
    /// Who may come in.
    pub keys: Arc<Keys>,
    /// Who showed wrong keys.
    pub failures: Failures,
}

/// Its routes; whatever else lies below its path is told in its own shape.
pub fn routes(config: &mut ServiceConfig) {
    let one = web::resource("/{booking_id}")
        .route(web::get().to(show))
        .route(web::head().to(show))
        .default_service(web::to(|doors| no_such_method(doors, "GET, HEAD")));
    let cancel = web::resource("/{booking_id}/cancel")
        .route(web::post().to(cancel))
        .default_service(web::to(|doors| no_such_method(doors, "POST")));
    config.route(DOCUMENT_PATH, web::get().to(document));
    let door = web::scope(PATH)
        .app_data(PathConfig::default().error_handler(|_, _| unreadable_path()))
        .service(cancel)
        .service(one)
        .default_service(web::to(nowhere));
    config.service(door);
}

/// `POST /v1/bookings/{booking_id}/cancel`.
async fn cancel(
    doors: Data<Doors>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    let answer = async {
        let refused = |refusal| Failure::of(refusal, INVALID);
        let place = doors.limits.admit(&request).map_err(refused)?;
        let key = prove(&doors, &request, Scope::Write)?;
        let body = body::read(&request, payload, doors.body_limits);
        let body = body.await.map_err(refused)?;
        let at_work = doors.limits.begin(&request).await.map_err(refused)?;
        let asked = wire::read(&body);
        let asked = asked.map_err(|error| Failure::new(400, INVALID, error.to_string()))?;
        let again = door::idempotency_key(&request);
        let cancel = BookingCancel {
            networks: &doors.networks,
            client: client(&key),
            booking: &reference(&id)?,
            asked: &asked,
            key: again.map_err(|what| Failure::new(400, INVALID, what))?,
            body: (&body, blake2b_512_base64(&body)),
        };
        let begun = doors.engine.cancel_booking(&cancel, Utc::now()).await;
        let order = match begun.map_err(|error| failed(&doors, &key, error))? {
            Begun::Done(order) => Ok(order),
            Begun::Waits(waiting) => {
                // Whoever waits does no work: others have these places meanwhile.
                drop((place, at_work));
                doors.engine.booking_decided(*waiting).await
            }
        };
        order.map_err(|error| failed(&doors, &key, error))
    };
    finish(&doors, "bookings.cancel", answer.await)
}

/// `GET /v1/bookings/{booking_id}`.
async fn show(doors: Data<Doors>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    let answer = async {
        let refused = |refusal| Failure::of(refusal, INVALID);
        let _place = doors.limits.admit(&request).map_err(refused)?;
        let key = prove(&doors, &request, Scope::Read)?;
        let reference = reference(&id)?;
        let client = client(&key);
        let booking = doors.engine.booking(&doors.networks, &client, &reference);
        let booking = booking.await.map_err(|error| failed(&doors, &key, error))?;
        Ok(booking.order)
    };
    finish(&doors, "bookings.show", answer.await)
}

fn client(key: &Key) -> Client<'_> {
    Client {
        key_id: &key.id,
        venues: &key.venues,
    }
}

fn reference(id: &str) -> Result<Reference, Failure> {
    Reference::parse(id).ok_or_else(not_found)
}

fn not_found() -> Failure {
    Failure::new(404, "BOOKING_NOT_FOUND", "No such booking")
}

/// The key that the request shows, if it may do this and not too often.
fn prove(doors: &Doors, request: &HttpRequest, scope: Scope) -> Result<Key, Failure> {
    let door = open(doors)?;
    let unauthenticated = |why: &str| Failure::new(401, "UNAUTHENTICATED", why);
    let Some(text) = shown(request) else {
        return Err(unauthenticated("Missing API key"));
    };
    let Some(key) = keys::find(&door.keys, text, Utc::now()) else {
        if let Some(address) = doors.limits.counted_address(request) {
            let counted = door.failures.count(address, Instant::now());
            counted.map_err(|seconds| Failure {
                retry_after_seconds: Some(seconds),
                ..Failure::new(429, "RATE_LIMITED", "Too many invalid API keys")
            })?;
        }
        return Err(unauthenticated("Invalid or revoked API key"));
    };
    let subscriber = door::counted(&client(&key).caller());
    let counted = subscriber.map_or(Ok(()), |subscriber| doors.limits.count(&subscriber));
    counted.map_err(|refusal| Failure::of(refusal, INVALID))?;
    match key.scopes.contains(&scope) {
        true => Ok(key),
        false => Err(Failure {
            details: Box::new(json!({"missing": [scope.word()]})),
            ..Failure::new(403, "INSUFFICIENT_SCOPE", "Insufficient scope")
        }),
    }
}

/// The bearer token goes before the other header.
fn shown(request: &HttpRequest) -> Option<&str> {
    let bearer = body::header(request, &AUTHORIZATION)
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, text)| text.trim());
    let key = bearer.or_else(|| body::header(request, &API_KEY).map(str::trim));
    key.filter(|key| !key.is_empty())
}

fn open(doors: &Doors) -> Result<&Door, Failure> {
    let unbuilt = || Failure::new(500, "INTERNAL", "The door is not configured");
    doors.bookings.as_ref().ok_or_else(unbuilt)
}

/// What the engine did not do, in the contract's words.
fn failed(doors: &Doors, key: &Key, error: Error) -> Failure {
    match &error {
        Error::NotFound => {
            let subscriber = door::counted(&client(key).caller());
            let counted = subscriber.map(|subscriber| doors.limits.count_not_found(&subscriber));
            match counted {
                Some(Err(refusal)) => Failure::of(refusal, INVALID),
                _ => not_found(),
            }
        }
        Error::OtherVenue => Failure::new(403, "FORBIDDEN", error.to_string()),
        Error::Ambiguous => Failure::new(409, "AMBIGUOUS_REFERENCE", error.to_string()),
        Error::KeyReused => Failure::new(409, "IDEMPOTENCY_KEY_REUSED", error.to_string()),
        Error::Over(state) => Failure {
            details: Box::new(json!({"status": wire::status(*state)})),
            ..Failure::new(422, over(*state), error.to_string())
        },
        Error::NotAllowed(state, _) => Failure {
            details: Box::new(json!({"status": wire::status(*state)})),
            ..Failure::new(422, "BOOKING_NOT_CANCELLABLE", error.to_string())
        },
        Error::Reason(_) => Failure::new(400, INVALID, error.to_string()),
        Error::Unreadable => Failure::new(500, "INTERNAL", error.to_string()),
        Error::Full(full) => Failure::full(*full),
        Error::Changing => Failure::for_now(error.to_string(), None),
        Error::Store(cause) => Failure::for_now(error.to_string(), Some(cause)),
    }
}

/// One documented code covers cancelled, completed and no-show.
fn over(state: State) -> &'static str {
    match state {
        State::Cancelled | State::Completed | State::NoShow => "BOOKING_ALREADY_CANCELLED",
        _ => "BOOKING_NOT_CANCELLABLE",
    }
}

async fn document() -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").body(DOCUMENT)
}

async fn no_such_method(doors: Data<Doors>, allowed: &'static str) -> HttpResponse {
    let failure = Failure::new(405, "METHOD_NOT_ALLOWED", format!("Expected {allowed}"));
    let mut response = finish(&doors, "bookings", Err(failure));
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}

async fn nowhere(doors: Data<Doors>) -> HttpResponse {
    let failure = Failure::new(404, "NOT_FOUND", "There is nothing here");
    finish(&doors, "bookings", Err(failure))
}

/// An id that is no text names no booking. Which form of failure is set is not at hand here.
fn unreadable_path() -> actix_web::Error {
    let failure = not_found();
    let body = wire::structured(failure.code, &failure.message, &failure.details);
    let response = failure.begin(NAME).json(body);
    actix_web::error::InternalError::from_response("an id that is no text", response).into()
}

fn finish(doors: &Doors, action: &'static str, answer: Result<Order, Failure>) -> HttpResponse {
    door::count(action, &answer);
    let settings = doors.bookings.as_ref().map(|door| door.settings);
    let written = answer.and_then(|order| {
        let amounts = settings.map_or(Amounts::Major, |settings| settings.amounts);
        wire::booking(&order, amounts)
            .map_err(|_| Failure::new(500, "INTERNAL", "The booking cannot be written"))
    });
    let response = match written {
        Ok(body) => HttpResponse::Ok()
            .insert_header((X_REQUEST_ID.clone(), Uuid::now_v7().to_string()))
            .content_type("application/json")
            .body(body),
        Err(failure) => {
            let errors = settings.map_or(Errors::Documented, |settings| settings.errors);
            let body = written_as(&failure, errors);
            failure.begin(NAME).json(body)
        }
    };
    doors.parting(response)
}

/// Documented is a plain text for what is wrong with a key, and a code for all else.
fn written_as(failure: &Failure, errors: Errors) -> Value {
    let is_about_keys = matches!(failure.code, "UNAUTHENTICATED" | "INSUFFICIENT_SCOPE");
    match errors {
        Errors::Documented if is_about_keys => wire::flat(&failure.message, &failure.details),
        Errors::Flat => wire::flat(&failure.message, &json!({})),
        Errors::Documented | Errors::Structured => {
            wire::structured(failure.code, &failure.message, &failure.details)
        }
    }
}
