//! A buyer app: posts signed requests and receives the `on_cancel` that answers them. With a
//! signer of UHI's scheme it is an EUA.
//!
//! Every callback is kept with the bytes as they came and the verdict on its signature, which
//! is reached as a stranger would: the signer's key is looked up over HTTP at the registry, at
//! every callback. It answers ACK whatever the verdict, unless told otherwise: what a callback
//! was worth is for the reader of [`Received`] to say.

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use bytes::Bytes;
use chrono::Utc;
use reqwest::header;
use serde_json::Value;
use tokio::sync::Notify;
use url::Url;

use super::{Error, Running, awaited, client, url_of};
use crate::crypto::signature::Signer;
use crate::protocol::reasons;

pub(super) mod inbox;
pub(super) mod receive;

use inbox::Inbox;
pub use inbox::{Answer, Received};

/// The largest callback taken.
const BODY_BYTES: usize = 1024 * 1024;

/// What the other side answered to a request of ours.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: header::HeaderMap,
    /// The bytes of the body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running BAP.
pub struct BapHandle {
    /// Its `bap_uri`: `/on_cancel` is below it.
    pub url: Url,
    state: web::Data<State>,
    running: Running,
}

struct State {
    signer: Signer,
    lookup_url: String,
    client: reqwest::Client,
    inbox: Mutex<Inbox>,
    arrived: Notify,
}

/// Starts a BAP on the listener, receiving at `{prefix}/on_cancel` and `on_update`; `prefix` is empty or begins
/// with a slash.
///
/// # Errors
/// When the listener cannot be served or the HTTP client cannot be built.
pub fn start(
    listener: TcpListener,
    signer: Signer,
    registry_url: &Url,
    prefix: &str,
) -> Result<BapHandle, Error> {
    receive_at(listener, signer, registry_url, (prefix, "on_cancel"))
}

/// The same, receiving at `{prefix}/{action}` in place of `on_cancel`.
pub(super) fn receive_at(
    listener: TcpListener,
    signer: Signer,
    registry_url: &Url,
    (prefix, action): (&str, &str),
) -> Result<BapHandle, Error> {
    let url = url_of(&listener, prefix)?;
    let state = web::Data::new(State {
        signer,
        lookup_url: format!("{}/lookup", registry_url.as_str().trim_end_matches('/')),
        client: client()?,
        inbox: Mutex::default(),
        arrived: Notify::new(),
    });
    let served = state.clone();
    let below = |action: &str| format!("{}/{action}", prefix.trim_end_matches('/'));
    let [path, reasons, update] = [action, reasons::CALLBACK, "on_update"].map(below);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES))
            .route(&path, web::post().to(receive::callback))
            .route(&reasons, web::post().to(receive::callback))
            .route(&update, web::post().to(receive::callback))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    Ok(BapHandle {
        url,
        state,
        running: Running::spawn(server),
    })
}

impl BapHandle {
    /// Whom it signs as.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.state.signer
    }

    /// Every callback so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Received> {
        self.state.inbox().received.clone()
    }

    /// The first callback with this message id, waiting for it at most `timeout`.
    pub async fn received(&self, message_id: &str, timeout: Duration) -> Option<Received> {
        let mut attempts = self.received_times(message_id, 1, timeout).await?;
        Some(attempts.swap_remove(0))
    }

    /// The first callback about this order, waiting for it at most `timeout`: of one that nobody
    /// asked for, the message id is not known before.
    pub async fn about(&self, order_id: &str, timeout: Duration) -> Option<Received> {
        let is_about = |one: &Received| one.json()["message"]["order"]["id"] == order_id;
        let look = || self.all().into_iter().find(is_about);
        awaited(&self.state.arrived, timeout, look).await
    }

    /// The callbacks with this message id once there are `count` of them, oldest first, waiting
    /// for them at most `timeout`.
    pub async fn received_times(
        &self,
        message_id: &str,
        count: usize,
        timeout: Duration,
    ) -> Option<Vec<Received>> {
        let look = || {
            let attempts = self.state.inbox().of(message_id);
            (attempts.len() >= count).then_some(attempts)
        };
        awaited(&self.state.arrived, timeout, look).await
    }

    /// Answers every callback this way from now on.
    pub fn answer(&self, usual: Answer) {
        self.state.inbox().usual = usual;
    }

    /// Answers the next callbacks with these, one each; then as usual again.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.inbox().next.extend(answers);
    }

    /// Signs these bytes with this BAP's key and posts them.
    ///
    /// # Errors
    /// When no complete answer comes.
    pub async fn sign_and_post(&self, url: &Url, body: impl Into<Bytes>) -> Result<Reply, Error> {
        let body = body.into();
        let now = Utc::now().timestamp();
        let authorization = self.state.signer.authorization(&body, now);
        self.post(url, body, &authorization).await
    }

    /// Posts these bytes with this `Authorization`, right or wrong.
    ///
    /// # Errors
    /// When no complete answer comes.
    pub async fn post(
        &self,
        url: &Url,
        body: impl Into<Bytes>,
        authorization: &str,
    ) -> Result<Reply, Error> {
        let response = self
            .state
            .client
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, authorization)
            .body(body.into())
            .send()
            .await?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }

    /// Stops receiving and gives up the port.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl State {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        // What a test that panicked left behind is still a list of callbacks.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
