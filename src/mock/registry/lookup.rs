//! The three forms of asking: the core `/lookup`, ONDC's `/v2.0/lookup` and UHI's
//! `networkregistry/lookup`, over one list of rows.
//!
//! The question is a filter over the rows as that form spells them. The core form answers
//! everybody; the other two only a subscriber that signs, as those networks do, and UHI's only a
//! question that is complete.

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::{Behaviour, State, lock};
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::Header;
use crate::protocol::registry::{Form, Role};

/// The longest life of a signature this registry accepts.
const MAX_LIFETIME_SECONDS: i64 = 3_600;

/// What a question in UHI's form must have.
const UHI_NEEDS: [&str; 5] = ["subscriber_id", "type", "domain", "country", "city"];

/// The words of the core form's roles in UHI's.
const UHI_TYPES: [(&str, &str, Role); 3] = [
    ("BAP", "consumer", Role::Buyer),
    ("BPP", "provider", Role::Provider),
    ("BG", "gateway", Role::Gateway),
];

/// Serves the form whose path was asked.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    for form in [Form::Core, Form::Ondc, Form::Uhi] {
        let answer = move |state, request, body| lookup(state, request, body, form);
        config.route(&format!("/{}", form.path()), web::post().to(answer));
    }
}

async fn lookup(
    state: web::Data<State>,
    request: HttpRequest,
    body: Bytes,
    form: Form,
) -> HttpResponse {
    state.count_question();
    let behaviour = lock(&state.behaviour).clone();
    match &behaviour {
        Behaviour::Slow(delay) => tokio::time::sleep(*delay).await,
        Behaviour::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::NOT_IMPLEMENTED);
            return HttpResponse::build(status).json(json!({}));
        }
        Behaviour::Body(body) => {
            return HttpResponse::Ok()
                .content_type("application/json")
                .body(body.clone());
        }
        _ => {}
    }
    let question: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(question) => question,
        Err(error) => return refusal(400, &error.to_string()),
    };
    if form != Form::Core
        && let Err((status, why)) = prove(&state, &request, &body, form)
    {
        return refusal(status, &why);
    }
    let missing = UHI_NEEDS.iter().find(|name| !question.contains_key(**name));
    if let (Form::Uhi, Some(missing)) = (form, missing) {
        return refusal(400, &format!("{missing} is missing"));
    }
    let rows = lock(&state.rows);
    let mut found: Vec<Value> = rows.iter().map(|row| spelled(row, form)).collect();
    if !matches!(behaviour, Behaviour::Unfiltered) {
        found.retain(|row| agrees(row, &question));
    }
    match (behaviour, found.is_empty(), form) {
        (_, true, Form::Uhi) | (Behaviour::Single, true, _) => refusal(404, "no such participant"),
        (Behaviour::Single, ..) => HttpResponse::Ok().json(&found[0]),
        (Behaviour::Wrapped, ..) => HttpResponse::Ok().json(json!({"message": found})),
        _ => HttpResponse::Ok().json(found),
    }
}

fn refusal(status: u16, why: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(json!({"error": {"code": status.as_u16(), "message": why}}))
}

/// Whoever asks must be listed with the key that the question is signed with.
fn prove(
    state: &State,
    request: &HttpRequest,
    body: &[u8],
    form: Form,
) -> Result<(), (u16, String)> {
    let given = request.headers().get(AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let unauthorized = |why: String| (401, why);
    let header = given.ok_or_else(|| unauthorized("no Authorization header".to_owned()))?;
    let header = Header::read(form.scheme(), header);
    let header = header.map_err(|error| unauthorized(error.to_string()))?;
    let now = Utc::now().timestamp();
    let window = header.check_window(now, MAX_LIFETIME_SECONDS);
    window.map_err(|error| unauthorized(error.to_string()))?;
    let rows = lock(&state.rows);
    let is_asker = |row: &&Value| {
        let is = |name: &str, value: &str| row[name].as_str() == Some(value);
        is("subscriber_id", &header.subscriber_id)
            && ["key_id", "ukId", "pub_key_id"]
                .iter()
                .any(|n| is(n, &header.key_id))
    };
    let asker = rows.iter().find(is_asker);
    let asker = asker.ok_or_else(|| (403, "whoever asks is not registered".to_owned()))?;
    let key = asker["signing_public_key"].as_str().unwrap_or_default();
    let key = VerifyingKey::parse(key).map_err(|error| unauthorized(error.to_string()))?;
    let verified = header.verify(body, &key);
    verified.map_err(|error| unauthorized(error.to_string()))
}

/// A row as this form has it. One that is written in UHI's spelling already stays as it is.
fn spelled(row: &Value, form: Form) -> Value {
    let is_uhis = row.get("pub_key_id").is_some();
    match form {
        Form::Core => row.clone(),
        Form::Ondc => ondc(row),
        Form::Uhi if is_uhis => row.clone(),
        Form::Uhi => uhi(row),
    }
}

fn ondc(row: &Value) -> Value {
    let mut spelled = row.clone();
    for (theirs, ours) in [("ukId", "key_id"), ("subscriber_url", "url")] {
        if let (None, Some(value)) = (row.get(theirs), row.get(ours)) {
            spelled[theirs] = value.clone();
        }
    }
    spelled
}

/// The verifying key is in the member that is named for encryption.
fn uhi(row: &Value) -> Value {
    let first = |names: [&str; 2]| names.iter().find_map(|name| row.get(*name)).cloned();
    let key = row["signing_public_key"].as_str().unwrap_or_default();
    let key = VerifyingKey::parse(key).map_or_else(|_| key.to_owned(), |k| k.to_spki_base64());
    let kind = row["type"].as_str().unwrap_or_default();
    let known = UHI_TYPES.iter().find(|(core, ..)| *core == kind);
    let mut spelled = json!({
        "subscriber_id": row["subscriber_id"],
        "participant_id": row["subscriber_id"],
        "pub_key_id": first(["key_id", "ukId"]),
        "encr_public_key": key,
        "subscriber_url": first(["url", "subscriber_url"]),
        "type": known.map_or(kind, |(_, uhi, _)| uhi),
    });
    for name in [
        "domain",
        "country",
        "city",
        "status",
        "valid_from",
        "valid_until",
    ] {
        if let Some(value) = row.get(name) {
            spelled[name] = value.clone();
        }
    }
    spelled
}

/// Members that the row does not have are filters this registry does not know.
fn agrees(row: &Value, question: &Map<String, Value>) -> bool {
    question.iter().all(|(name, wanted)| {
        let has = row.get(name);
        has.is_none_or(|has| has == wanted || (name == "type" && same_role(has, wanted)))
    })
}

fn same_role(row: &Value, wanted: &Value) -> bool {
    let listed_as = |role: Role, word: &Value| {
        let words = [Form::Core, Form::Uhi].map(|form| form.words(role));
        words.concat().iter().any(|known| word == known)
    };
    let roles = UHI_TYPES.iter().map(|(_, _, role)| *role);
    roles
        .into_iter()
        .any(|role| listed_as(role, row) && listed_as(role, wanted))
}
