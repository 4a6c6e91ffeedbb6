//! A partner's app: cancels bookings of its patients through the consultations door, and hears of
//! cancellations by webhook.
//!
//! It knows the door's contract as a stranger would: a bearer token (HS256), headers for the
//! patient and the facility, and the webhook's signature. Every post is kept with the verdict on
//! that signature, and taken.

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::Utc;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

use super::bap::Reply;
use super::{Error, Running, awaited, client, url_of};
use crate::crypto::webhook::{HEADER, Key};

/// How far a webhook's time may be from ours, in seconds.
const TOLERANCE_SECONDS: u64 = 180;

/// How long a token holds, in seconds.
const TOKEN_SECONDS: i64 = 300;

/// Who the app is to the door, and what both know.
#[derive(Clone)]
pub struct Account {
    /// Its client id: the `sub` of its tokens.
    pub client_id: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud`.
    pub audience: String,
    /// What its tokens are signed with.
    pub token_secret: String,
    /// What webhooks to it are signed with.
    pub webhook_secret: String,
}

/// A booking, as the app knows it.
#[derive(Debug, Clone)]
pub struct Booking {
    /// The order's id.
    pub order_id: String,
    /// The provider's subscriber id.
    pub provider_id: String,
    /// The session it was placed in.
    pub transaction_id: String,
    /// The patient, in the app's own numbering.
    pub patient: String,
}

/// News that came in.
#[derive(Debug, Clone)]
pub struct News {
    /// The bytes as they came.
    pub body: Bytes,
    /// Whether the signature holds; else why not.
    pub verdict: Result<(), String>,
}

impl News {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running app.
pub struct PartnerHandle {
    /// Where it takes webhooks.
    pub url: Url,
    account: Account,
    client: reqwest::Client,
    state: web::Data<State>,
    running: Running,
}

struct State {
    key: Key,
    news: Mutex<Vec<News>>,
    arrived: Notify,
}

/// Starts an app on the listener.
///
/// # Errors
/// When the listener cannot be served or the HTTP client cannot be built.
pub fn start(listener: TcpListener, account: Account) -> Result<PartnerHandle, Error> {
    let url = url_of(&listener, "/webhook")?;
    let state = web::Data::new(State {
        key: Key::new(&account.webhook_secret),
        news: Mutex::default(),
        arrived: Notify::new(),
    });
    let served = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .route("/webhook", web::post().to(take))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    Ok(PartnerHandle {
        url,
        account,
        client: client()?,
        state,
        running: Running::spawn(server),
    })
}

async fn take(state: web::Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get(HEADER);
    let header = header.and_then(|value| value.to_str().ok());
    let verdict = match header {
        None => Err(format!("no {HEADER} header")),
        Some(header) => state
            .key
            .verify(header, &body, Utc::now().timestamp(), TOLERANCE_SECONDS)
            .map_err(|error| error.to_string()),
    };
    state.news().push(News { body, verdict });
    state.arrived.notify_waiters();
    HttpResponse::NoContent().finish()
}

impl State {
    fn news(&self) -> MutexGuard<'_, Vec<News>> {
        // What a test that panicked left behind is still a list of news.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartnerHandle {
    /// Asks the door to cancel a booking for its patient.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub async fn cancel(&self, door: &Url, booking: &Booking) -> Result<Reply, Error> {
        let body = json!({
            "order_id": booking.order_id,
            "provider_id": booking.provider_id,
            "transaction_id": booking.transaction_id,
        });
        let request = self.client.post(door.clone());
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = request.body(body.to_string());
        self.ask(request, booking).await
    }

    /// Asks the door how the cancellation of a booking stands.
    ///
    /// # Errors
    /// When there is no complete answer.
    pub async fn status(&self, door: &Url, booking: &Booking) -> Result<Reply, Error> {
        let mut url = door.clone();
        url.query_pairs_mut()
            .append_pair("order_id", &booking.order_id)
            .append_pair("provider_id", &booking.provider_id)
            .append_pair("txn_id", &booking.transaction_id);
        self.ask(self.client.get(url), booking).await
    }

    async fn ask(&self, request: RequestBuilder, booking: &Booking) -> Result<Reply, Error> {
        let request = request
            .bearer_auth(self.account.token())
            .header("X-Partner-Pt-Id", &booking.patient);
        let response = request.send().await?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }

    /// All news so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<News> {
        self.state.news().clone()
    }

    /// The first news of a session, waiting for it at most `timeout`.
    pub async fn news_of(&self, transaction_id: &str, timeout: Duration) -> Option<News> {
        let is_its = |news: &News| news.json()["transaction_id"] == transaction_id;
        let look = || self.all().into_iter().find(is_its);
        awaited(&self.state.arrived, timeout, look).await
    }

    /// Stops taking webhooks and gives up the port.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl Account {
    /// A token of this client that holds for some minutes.
    #[must_use]
    pub fn token(&self) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": self.client_id,
            "exp": Utc::now().timestamp() + TOKEN_SECONDS,
        });
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let signed = format!("{}.{}", part(header), part(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.token_secret.as_bytes());
        let signature = hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
