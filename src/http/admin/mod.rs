//! The provider's side: orders, events, callbacks and what an operator looks at.
//!
//! Every handler begins by proving the token. Failures are problem details (RFC 9457).

pub mod access;
pub mod audit;
pub mod callbacks;
pub mod events;
pub mod evidence;
pub mod failures;
pub mod import;
pub mod networks;
pub mod operate;
pub mod orders;
pub mod preview;
pub mod transactions;

use actix_web::error::{PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Deserialize;
use serde_json::{Value, json};

pub use access::prove;

use super::Doors;
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::engine;
use crate::protocol::on_cancel::rfc3339;
use crate::store;

/// A failure as the admin API tells it: `application/problem+json`.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    more: Box<Value>,
    challenge: Option<String>,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem with a status and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let is_unknown = status == StatusCode::UNAUTHORIZED;
        let passes = status == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            status,
            detail: detail.into(),
            more: Box::default(),
            challenge: is_unknown.then(|| "Bearer".to_owned()),
            retry_after_seconds: passes.then_some(1),
        }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = json!({
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Value::Object(more), Value::Object(body)) = (&*self.more, &mut body) {
            body.extend(more.clone());
        }
        let mut response = HttpResponse::build(self.status);
        if let Some(challenge) = &self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_str()));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response
            .content_type("application/problem+json")
            .body(body.to_string())
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        let detail = error.to_string();
        match error {
            engine::Error::NotFound(_) => Self::not_found(detail),
            engine::Error::Denied(_) => Self::new(StatusCode::CONFLICT, detail),
            engine::Error::Conflict { cancellation, .. } => Self {
                more: Box::new(cancellation.map_or(Value::Null, |c| json!({"cancellation": c}))),
                ..Self::new(StatusCode::CONFLICT, detail)
            },
            engine::Error::Invalid(_) | engine::Error::Intake(_) | engine::Error::Reason(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
            }
            engine::Error::Encode(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
            engine::Error::Full(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail),
            engine::Error::Store(error) => error.into(),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            // The store tells of these itself, and once.
            store::Error::Busy | store::Error::NoSpace { .. } => {}
            _ => tracing::error!(%error, "the store did not answer the admin API"),
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

/// A query that cannot be read is told as every other failure.
pub(super) fn bad_query(error: &QueryPayloadError) -> actix_web::Error {
    Problem::bad_request(error.to_string()).into()
}

/// A path whose number is none leads nowhere.
pub(super) fn bad_path(error: &PathError) -> actix_web::Error {
    Problem::not_found(error.to_string()).into()
}

/// `?network=`, needed where an id is on two networks.
#[derive(Debug, Deserialize)]
pub struct OnNetwork {
    /// The network's name.
    pub network: Option<String>,
}

/// The key of the one order with this id, on the network asked for or on any.
///
/// # Errors
/// 404, or 409 where the id is on several networks.
pub async fn find(doors: &Doors, id: &str, on: &OnNetwork) -> Result<OrderKey, Problem> {
    let id = OrderId::parse(id).map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut found = Vec::new();
    for network in candidates(doors, on)? {
        let key = OrderKey {
            network,
            id: id.clone(),
        };
        if doors.engine.store().order(&key).await?.is_some() {
            found.push(key);
        }
    }
    match found.len() {
        0 => Err(Problem::not_found(format!(
            "no order {:?} is known here",
            id.as_str()
        ))),
        1 => Ok(found.remove(0)),
        _ => Err(on_several(found.iter().map(|key| &key.network))),
    }
}

/// 409: the client has to say which of these networks it means.
fn on_several<'a>(networks: impl Iterator<Item = &'a NetworkName>) -> Problem {
    let names: Vec<_> = networks.map(NetworkName::as_str).collect();
    let names = names.join(", ");
    let detail = format!("the id is on several networks: add ?network= ({names})");
    Problem::new(StatusCode::CONFLICT, detail)
}

/// The networks an id may be on: the one asked for, else all, and those on none.
fn candidates(doors: &Doors, on: &OnNetwork) -> Result<Vec<NetworkName>, Problem> {
    let parse = |name: &str| {
        NetworkName::parse(name).map_err(|error| Problem::bad_request(format!("network: {error}")))
    };
    if let Some(name) = &on.network {
        return Ok(vec![parse(name)?]);
    }
    let mut names: Vec<_> = doors
        .networks
        .iter()
        .map(|network| network.name().clone())
        .collect();
    names.push(parse(engine::intake::NO_NETWORK)?);
    Ok(names)
}

/// The JSON of a request's body.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("body: {error}")))
}

/// A time as answers write it.
fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    rfc3339(at)
}

/// Answers a path that is not served, and to strangers not even that.
pub async fn nowhere(doors: Data<Doors>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    access::authenticate(&doors, &request)?;
    let path: String = request.path().chars().take(80).collect();
    Err(Problem::not_found(format!(
        "{} {path:?} is not served here",
        request.method()
    )))
}
