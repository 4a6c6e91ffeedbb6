//! Who may ask for what: named tokens with scopes.
//!
//! Each endpoint needs one scope, which the route table (`http/mod.rs`) names; a resource carries
//! it, and [`prove`] holds the token against it. Tokens are kept and compared as SHA-256, all of
//! them each time and in constant time, so that how long an answer takes tells nothing. A right
//! token is let in whatever else comes from its address: a neighbour's mistakes lock nobody out.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::warn;

use super::Problem;
use crate::http::held::Held;
use crate::http::{Doors, body};
use crate::protocol::on_cancel::rfc3339;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Hand over, change and cancel orders.
    Orders,
    /// See orders, events, callbacks, sessions, refusals and the audit entries.
    Read,
    /// Redrive, hold and release callbacks; erase orders.
    Operate,
    /// See the metrics.
    Metrics,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Scope; 4] = [Scope::Orders, Scope::Read, Scope::Operate, Scope::Metrics];

    /// The word in the configuration and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::Orders => "orders",
            Scope::Read => "read",
            Scope::Operate => "operate",
            Scope::Metrics => "metrics",
        }
    }
}

/// The name of the one token that is configured as `admin_token_file`, with all scopes.
pub const MAIN: &str = "admin";

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is called where something is recorded.
    pub name: Arc<str>,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it ends; never, if absent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The tokens that hold at present.
pub type Tokens = Held<Token>;

/// The one with this text.
fn find(tokens: &Tokens, text: &str) -> Option<Token> {
    let sha256: [u8; 32] = Sha256::digest(text).into();
    let mut found = None;
    for token in tokens.all().iter() {
        if bool::from(sha256.ct_eq(&token.sha256)) {
            found = Some(token.clone());
        }
    }
    found
}

/// Stands before every endpoint: without a token that may, no body is read and no query looked
/// at, so a stranger learns nothing from how they are answered.
///
/// # Errors
/// 401, 403 or 429.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let doors = request.app_data::<Data<Doors>>();
    let unbuilt = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "no tokens are known");
    prove(doors.ok_or_else(unbuilt)?, request.request())?;
    next.call(request).await
}

/// Proves a token with the scope of the endpoint; returns the token's name.
///
/// # Errors
/// 401, 429 after many of them, or 403 where the token has not the scope.
pub fn prove(doors: &Doors, request: &HttpRequest) -> Result<Arc<str>, Problem> {
    let token = authenticate(doors, request)?;
    // No endpoint is without one; if one were, nobody would get in.
    let needed = request.app_data::<Scope>().copied();
    match needed {
        Some(scope) if token.scopes.contains(&scope) => Ok(token.name),
        needed => Err(lacks(&token, needed)),
    }
}

fn lacks(token: &Token, needed: Option<Scope>) -> Problem {
    let needed = needed.map_or("none that exists", Scope::word);
    let has: Vec<_> = token.scopes.iter().map(|scope| scope.word()).collect();
    warn!(token = %token.name, scope = needed, "an admin token lacks a scope");
    let detail = format!(
        "token {:?} has the scopes {}; this needs {needed}",
        token.name,
        has.join(", ")
    );
    Problem {
        more: Box::new(json!({"scope": needed, "token": &*token.name, "scopes": has})),
        challenge: Some(format!(
            r#"Bearer error="insufficient_scope", scope="{needed}""#
        )),
        ..Problem::new(StatusCode::FORBIDDEN, detail)
    }
}

/// The token that the request shows, whatever it may do.
///
/// # Errors
/// 401, or 429 after many of them from one address.
pub fn authenticate(doors: &Doors, request: &HttpRequest) -> Result<Token, Problem> {
    let found = shown(request).and_then(|text| find(&doors.tokens, text));
    let why = match found {
        Some(token) => match token.expires_at.filter(|end| *end <= Utc::now()) {
            None => return Ok(token),
            Some(end) => format!("token {:?} expired at {}", token.name, rfc3339(end)),
        },
        None => "expected Authorization: Bearer <admin token>".to_owned(),
    };
    let address = doors.limits.counted_address(request);
    if let Some(address) = address {
        doors
            .failures
            .count(address, Instant::now())
            .map_err(|seconds| Problem {
                retry_after_seconds: Some(seconds),
                ..Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many wrong tokens from this address; a right one is still taken",
                )
            })?;
    }
    let address = address.map(|address| address.to_string());
    warn!(address, "an admin request shows no token that holds");
    Err(Problem::new(StatusCode::UNAUTHORIZED, why))
}

fn shown(request: &HttpRequest) -> Option<&str> {
    let header = body::header(request, &AUTHORIZATION)?;
    let (scheme, text) = header.split_once(' ')?;
    let text = text.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !text.is_empty()).then_some(text)
}
