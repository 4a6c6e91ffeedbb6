//! The provider's back end, as far as this server meets it: it takes events at `/events`, and is
//! asked at `/decide` before a cancellation is final.
//!
//! It keeps what it hears with the verdict on its signature (Standard Webhooks), and answers as
//! told: events with 204, questions with what it was given last, at first "allow".

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

use super::bap::inbox::Inbox;
use super::bap::receive::respond;
use super::bap::{Answer, Received};
use super::{Error, Running, awaited, url_of};
use crate::crypto::signature::Scheme;
use crate::crypto::standard_webhook::Secrets;

/// The secret that a mock back end and its server share.
pub const SECRET: &str = "whsec_bW9jay1uZXR3b3JrLW9mLWJlY2tuLWJwcC1kZXZlbG9wZXJz";

/// How far the time of a post may be from ours.
const TOLERANCE_SECONDS: i64 = 300;

/// A running back end.
pub struct ProviderHandle {
    /// Where events go.
    pub events_url: Url,
    /// Where it is asked.
    pub hook_url: Url,
    state: web::Data<State>,
    running: Running,
}

struct State {
    secrets: Secrets,
    events: Mutex<Inbox>,
    questions: Mutex<Inbox>,
    arrived: Notify,
}

/// Starts a back end on the listener.
///
/// # Errors
/// When the listener cannot be served.
pub fn start(listener: TcpListener) -> Result<ProviderHandle, Error> {
    let (events_url, hook_url) = (url_of(&listener, "/events")?, url_of(&listener, "/decide")?);
    let secrets = Secrets::parse(SECRET).map_err(std::io::Error::other)?;
    let state = web::Data::new(State {
        secrets,
        events: Mutex::default(),
        questions: Mutex::default(),
        arrived: Notify::new(),
    });
    let usual = |status, body: &Value| Answer::Raw {
        status,
        body: body.to_string().into(),
    };
    locked(&state.events).usual = usual(204, &Value::Null);
    locked(&state.questions).usual = usual(200, &json!({"decision": "allow"}));
    let served = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .route("/events", web::post().to(event))
            .route("/decide", web::post().to(question))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    Ok(ProviderHandle {
        events_url,
        hook_url,
        state,
        running: Running::spawn(server),
    })
}

impl ProviderHandle {
    /// Every event so far, in the order in which they came.
    #[must_use]
    pub fn events(&self) -> Vec<Received> {
        locked(&self.state.events).received.clone()
    }

    /// Every question so far, each as often as it was asked.
    #[must_use]
    pub fn questions(&self) -> Vec<Received> {
        locked(&self.state.questions).received.clone()
    }

    /// Returns once `wanted` holds; `false` when it does not within `timeout`.
    pub async fn until(&self, timeout: Duration, wanted: impl Fn(&Self) -> bool) -> bool {
        let look = || wanted(self).then_some(());
        awaited(&self.state.arrived, timeout, look).await.is_some()
    }

    /// Knows these secrets from now on, and no others.
    ///
    /// # Errors
    /// When they are none.
    pub fn know(&self, secrets: &str) -> Result<(), Error> {
        let secrets = Secrets::parse(secrets).map_err(std::io::Error::other)?;
        self.state.secrets.take(&secrets);
        Ok(())
    }

    /// Answers events this way from now on.
    pub fn answer_events(&self, usual: Answer) {
        locked(&self.state.events).usual = usual;
    }

    /// Answers the next events with these, one each; then as usual again.
    pub fn answer_next_events(&self, answers: impl IntoIterator<Item = Answer>) {
        locked(&self.state.events).next.extend(answers);
    }

    /// Answers questions this way from now on.
    pub fn answer_questions(&self, usual: Answer) {
        locked(&self.state.questions).usual = usual;
    }

    /// Decides so from now on.
    pub fn decide(&self, decision: &Value) {
        self.answer_questions(Answer::Raw {
            status: 200,
            body: decision.to_string().into(),
        });
    }

    /// Answers the next questions with these, one each; then as usual again.
    pub fn answer_next_questions(&self, answers: impl IntoIterator<Item = Answer>) {
        locked(&self.state.questions).next.extend(answers);
    }

    /// Stops receiving and gives up the port.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

async fn event(state: web::Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let received = state.received(&request, body);
    let answer = locked(&state.events).keep(received);
    state.arrived.notify_waiters();
    respond(answer, Scheme::Beckn).await
}

async fn question(state: web::Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let received = state.received(&request, body);
    let answer = locked(&state.questions).keep(received);
    state.arrived.notify_waiters();
    respond(answer, Scheme::Beckn).await
}

impl State {
    fn received(&self, request: &HttpRequest, body: Bytes) -> Received {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        Received {
            at: Utc::now(),
            verdict: self.verify(headers.map(header), &body),
            headers: headers
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), header(name)?.to_owned())))
                .collect(),
            message_id: header(headers[0]).map(str::to_owned),
            body,
        }
    }

    fn verify(&self, headers: [Option<&str>; 3], body: &[u8]) -> Result<(), String> {
        let [Some(id), Some(at), Some(signature)] = headers else {
            return Err("a header is missing".to_owned());
        };
        let at: i64 = at.parse().map_err(|_| "the time is no number".to_owned())?;
        if (Utc::now().timestamp() - at).abs() > TOLERANCE_SECONDS {
            return Err("it is not of now".to_owned());
        }
        match self.secrets.verify(signature, id, at, body) {
            true => Ok(()),
            false => Err("the signature does not hold".to_owned()),
        }
    }
}

fn locked(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}
