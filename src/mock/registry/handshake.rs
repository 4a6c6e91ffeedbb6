//! `POST /subscribe` as registries have it: the applicant proves its signing key with the
//! request, its host with a page (ONDC's form), and its encryption key with a challenge; only
//! then is it listed, and told so.
//!
//! The answer comes at once and the challenge after it, as it does from a registry. The keys of
//! this registry are those in `keys/`, which everybody has.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::Utc;
use reqwest::header;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::client;
use super::{State, lock};
use crate::crypto::challenge::ChallengeKey;
use crate::crypto::encryption::{EncryptionKey, EncryptionPublicKey};
use crate::crypto::keys::{SigningKey, VerifyingKey};
use crate::crypto::signature::{Header, Scheme, Signer};

/// The longest life of a signature this registry accepts.
const MAX_LIFETIME_SECONDS: i64 = 3_600;

/// The registry's public key for what it signs.
pub const SIGNING_PUBLIC_KEY: &str = include_str!("../../../keys/registry.public");

/// The registry's public key for its challenges.
pub const ENCRYPTION_PUBLIC_KEY: &str = include_str!("../../../keys/registry.encryption-public");

/// Somebody who wants to be listed, and what would be.
struct Applicant {
    subscriber_id: String,
    signing_key: String,
    encryption_key: String,
    /// Where its `/on_subscribe` is.
    url: String,
    rows: Vec<Map<String, Value>>,
}

pub(super) async fn subscribe(
    state: web::Data<State>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let body_read: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_ondc = body_read.pointer("/context/operation").is_some();
    let applicant = match is_ondc {
        true => from_ondc(&state, &body_read),
        false => from_core(&body_read),
    };
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let proven = applicant.and_then(|applicant| {
        prove(authorization, &body, &applicant)?;
        Ok(applicant)
    });
    let applicant = match (proven, is_ondc) {
        (Ok(applicant), _) => applicant,
        (Err(why), false) => return HttpResponse::BadRequest().json(json!({"error": why})),
        (Err(why), true) => return nack("132", &why),
    };
    if is_ondc && let Err(why) = state.check_site(&applicant, &body_read).await {
        return nack("129", &why);
    }
    // The applicant hears of its challenge by the challenge itself.
    actix_web::rt::spawn(async move { state.shake_hands(applicant).await });
    match is_ondc {
        true => HttpResponse::Ok().json(json!({"message": {"ack": {"status": "ACK"}},
            "error": {"type": null, "code": null, "path": null, "message": null}})),
        false => HttpResponse::Ok().json(json!({"status": "UNDER_SUBSCRIPTION"})),
    }
}

fn nack(code: &str, why: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({"message": {"ack": {"status": "NACK"}},
        "error": {"type": "POLICY-ERROR", "code": code, "message": why}}))
}

fn text(body: &Value, path: &str) -> Result<String, String> {
    let found = body.pointer(path).and_then(Value::as_str);
    let found = found.filter(|text| !text.is_empty());
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("expected a text at {path}"))
}

fn from_core(body: &Value) -> Result<Applicant, String> {
    text(body, "/nonce")?;
    text(body, "/key_id")?;
    let mut row = body.as_object().cloned().unwrap_or_default();
    row.remove("nonce");
    Ok(Applicant {
        subscriber_id: text(body, "/subscriber_id")?,
        signing_key: text(body, "/signing_public_key")?,
        encryption_key: text(body, "/encr_public_key")?,
        url: text(body, "/url")?,
        rows: vec![row],
    })
}

/// One row per participant, as the lookup of that network spells it.
fn from_ondc(state: &State, body: &Value) -> Result<Applicant, String> {
    let entity = |name: &str| text(body, &format!("/message/entity/{name}"));
    let subscriber_id = entity("subscriber_id")?;
    let signing_key = entity("key_pair/signing_public_key")?;
    let encryption_key = entity("key_pair/encryption_public_key")?;
    let participants = body.pointer("/message/network_participant");
    let participants = participants.and_then(Value::as_array);
    let row = |participant: &Value| -> Result<Map<String, Value>, String> {
        let row = json!({
            "subscriber_id": subscriber_id,
            "ukId": entity("unique_key_id")?,
            "type": "BPP",
            "domain": text(participant, "/domain")?,
            "subscriber_url": text(participant, "/subscriber_url")?,
            "signing_public_key": signing_key,
            "encr_public_key": encryption_key,
            "valid_from": entity("key_pair/valid_from")?,
            "valid_until": entity("key_pair/valid_until")?,
        });
        Ok(row.as_object().cloned().unwrap_or_default())
    };
    let host = state.host(&subscriber_id)?;
    let path = entity("callback_url")?;
    Ok(Applicant {
        url: format!("{host}{path}"),
        rows: participants
            .into_iter()
            .flatten()
            .map(row)
            .collect::<Result<_, _>>()?,
        subscriber_id,
        signing_key,
        encryption_key,
    })
}

/// Whoever asks must hold the signing key that it asks to be listed with.
fn prove(authorization: Option<&str>, body: &[u8], applicant: &Applicant) -> Result<(), String> {
    let header = Header::parse(authorization.ok_or("no Authorization header")?);
    let header = header.map_err(|error| error.to_string())?;
    header
        .check_window(Utc::now().timestamp(), MAX_LIFETIME_SECONDS)
        .map_err(|error| error.to_string())?;
    if header.subscriber_id != applicant.subscriber_id {
        return Err("signed by somebody else".to_owned());
    }
    let key = VerifyingKey::parse(&applicant.signing_key).map_err(|error| error.to_string())?;
    header.verify(body, &key).map_err(|error| error.to_string())
}

impl State {
    /// Where a subscriber id is, in place of DNS.
    fn host(&self, subscriber_id: &str) -> Result<String, String> {
        let hosts = lock(&self.hosts);
        let host = hosts
            .get(subscriber_id)
            .ok_or("the subscriber id is no host")?;
        Ok(host.as_str().trim_end_matches('/').to_owned())
    }

    /// The page at the applicant's host must show its signature over the request id.
    async fn check_site(&self, applicant: &Applicant, body: &Value) -> Result<(), String> {
        let request_id = text(body, "/message/request_id")?;
        let host = self.host(&applicant.subscriber_id)?;
        let client = client().map_err(|error| error.to_string())?;
        let page = client.get(format!("{host}/ondc-site-verification.html"));
        let page = page
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let page = page.map_err(|error| format!("site verification: {error}"))?;
        let page = page.text().await.map_err(|error| error.to_string())?;
        let (_, rest) = page
            .split_once("<meta name='ondc-site-verification' content='")
            .ok_or("site verification: the page has no such tag")?;
        let signature = rest
            .split('\'')
            .next()
            .and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let key = VerifyingKey::parse(&applicant.signing_key).map_err(|error| error.to_string())?;
        match signature.is_some_and(|signature| key.verify(request_id.as_bytes(), &signature)) {
            true => Ok(()),
            false => Err("site verification: the signature does not verify".to_owned()),
        }
    }

    /// Challenges the applicant; lists it, and tells it so, when it answers right.
    async fn shake_hands(&self, applicant: Applicant) {
        let Some(key) = challenge_key(&applicant.encryption_key) else {
            return;
        };
        let wanted = Uuid::new_v4().to_string();
        let challenge = json!({
            "subscriber_id": applicant.subscriber_id,
            "status": "UNDER_SUBSCRIPTION",
            "challenge": key.seal(&wanted),
        });
        let answer = self.post(&applicant.url, &challenge).await;
        if answer.is_none_or(|answer| answer["answer"] != wanted.as_str()) {
            return;
        }
        self.list(&applicant.rows);
        let status = json!({"subscriber_id": applicant.subscriber_id, "status": "SUBSCRIBED"});
        self.post(&applicant.url, &status).await;
    }

    fn list(&self, new: &[Map<String, Value>]) {
        let mut rows = lock(&self.rows);
        for row in new {
            let same = |old: &Value| {
                let equal = |name: &&str| old.get(*name) == row.get(*name);
                ["subscriber_id", "key_id", "ukId", "domain"]
                    .iter()
                    .all(equal)
            };
            rows.retain(|old| !same(old));
            let mut row = row.clone();
            row.insert("status".to_owned(), json!("SUBSCRIBED"));
            rows.push(Value::Object(row));
        }
    }

    /// Posts to the applicant as the registry that it is; the answer, when it is a good one.
    async fn post(&self, url: &str, message: &Value) -> Option<Value> {
        let body = message.to_string();
        let authorization = signer()?.authorization(body.as_bytes(), Utc::now().timestamp());
        let response = client()
            .ok()?
            .post(format!("{}/on_subscribe", url.trim_end_matches('/')))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, authorization)
            .body(body)
            .send()
            .await;
        let answer = response.ok()?.error_for_status().ok()?.bytes().await.ok()?;
        serde_json::from_slice(&answer).ok()
    }
}

fn challenge_key(theirs: &str) -> Option<ChallengeKey> {
    let ours = EncryptionKey::parse(include_str!("../../../keys/registry.encryption")).ok()?;
    ChallengeKey::agree(&ours, &EncryptionPublicKey::parse(theirs).ok()?).ok()
}

/// Whom this registry signs as.
#[must_use]
pub fn signer() -> Option<Signer> {
    Some(Signer {
        scheme: Scheme::Beckn,
        subscriber_id: "registry.example.org".to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(include_str!("../../../keys/registry.signing")).ok()?,
        lifetime_seconds: 300,
    })
}
