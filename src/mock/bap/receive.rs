//! A callback or a copy of one comes in: judge its signature, keep it, answer as told.
//!
//! The key is asked for at the registry, at every callback, and nothing of this server's own
//! registry client is used: the verdict is a stranger's. The time window is that of `Utc::now`.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use reqwest::header;
use serde_json::{Value, json};

use super::State;
use super::inbox::{Answer, Received};
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::{Header, Scheme};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::protocol::registry::{Form, Question, Role, Scope, rows_for};

/// The longest life of a signature this BAP accepts.
const MAX_LIFETIME_SECONDS: i64 = 3_600;

pub(super) async fn callback(
    state: web::Data<State>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let at = Utc::now();
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let verdict = state.verify(authorization, &body, at).await;
    let answer = state.inbox().keep(Received {
        at,
        headers: texts(request.headers()),
        message_id: message_id(&body),
        body,
        verdict,
    });
    state.arrived.notify_waiters();
    respond(answer, state.signer.scheme).await
}

impl State {
    async fn verify(
        &self,
        authorization: Option<&str>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let authorization = authorization.ok_or("no Authorization header")?;
        let header = Header::read(self.signer.scheme, authorization).map_err(text)?;
        header
            .check_window(now.timestamp(), MAX_LIFETIME_SECONDS)
            .map_err(text)?;
        let key = self.key_of(&header).await?;
        header.verify(body, &key).map_err(text)
    }

    async fn key_of(&self, header: &Header) -> Result<VerifyingKey, String> {
        let question = Question {
            subscriber: SubscriberId::parse(&header.subscriber_id).map_err(text)?,
            key_id: Some(KeyId::parse(&header.key_id).map_err(text)?),
            role: Role::Provider,
        };
        let answer = self.ask(&question).await.map_err(text)?;
        let rows = rows_for(&answer, Form::Core, &question).map_err(text)?;
        let mut keys = rows.into_iter().flat_map(|row| row.verifying_keys);
        let key = keys
            .next()
            .ok_or("the registry does not list the signer's key")?;
        VerifyingKey::parse(&key).map_err(text)
    }

    async fn ask(&self, question: &Question) -> Result<Bytes, reqwest::Error> {
        let bodies = Form::Core.bodies(question, &Scope::default());
        let body: String = bodies.iter().map(Value::to_string).collect();
        let request = self.client.post(&self.lookup_url).body(body);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let response = request.send().await?.error_for_status()?;
        response.bytes().await
    }
}

pub(in crate::mock) async fn respond(answer: Answer, scheme: Scheme) -> HttpResponse {
    let receipt = |status: &str| {
        let mut receipt = json!({"message": {"ack": {"status": status}}});
        if scheme == Scheme::Uhi {
            receipt["error"] = json!({});
        }
        receipt
    };
    match answer {
        Answer::Ack => HttpResponse::Ok().json(receipt("ACK")),
        Answer::Nack(error) => {
            let mut nack = receipt("NACK");
            nack["error"] = error;
            HttpResponse::Ok().json(nack)
        }
        Answer::Raw { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_IMPLEMENTED);
            HttpResponse::build(status).body(body)
        }
        Answer::Hang => std::future::pending().await,
        Answer::Close => {
            let cut = stream::iter([Err::<Bytes, _>(std::io::Error::other("closed on purpose"))]);
            HttpResponse::Ok().streaming(cut)
        }
    }
}

/// The verdict is for people to read.
fn text(error: impl std::error::Error) -> String {
    error.to_string()
}

fn message_id(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("context")?.get("message_id")?.as_str()?.to_owned())
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), lossy(value.as_bytes())))
        .collect()
}
