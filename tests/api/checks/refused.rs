//! What every refusal looks like, whichever check it comes from.
//!
//! The numbers of this table are written down a second time on purpose: they are what partners
//! program against, so a change in the server must be noticed here.

use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, TestApp};

const CHALLENGE: &str = r#"Signature realm="bpp.example.org",headers="(created) (expires) digest""#;

/// What a test expects to hear.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub word: &'a str,
    /// The shape of the body.
    pub dialect: Dialect,
    /// The member at fault.
    pub path: Option<&'a str>,
    /// Whether the gateway's signature is at fault.
    pub gateway: bool,
    /// The network it is noted under.
    pub network: &'a str,
}

impl<'a> Wanted<'a> {
    /// A refusal in the network's default dialect.
    pub fn word(word: &'a str) -> Self {
        Self {
            word,
            dialect: Dialect::V1,
            path: None,
            gateway: false,
            network: "mobility",
        }
    }

    pub fn in_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    pub fn at(self, path: &'a str) -> Self {
        Self {
            path: Some(path),
            ..self
        }
    }

    pub fn of_gateway(self) -> Self {
        Self {
            gateway: true,
            ..self
        }
    }
}

/// HTTP status, BECKN-005 number and 0.9.x error type.
pub fn row(word: &str) -> (u16, &'static str, &'static str) {
    match word {
        "overloaded" | "registry_unavailable" | "store_unavailable" => (503, "40000", "CORE-ERROR"),
        "rate_limited" => (429, "40000", "CORE-ERROR"),
        "unknown_action" => (404, "40001", "CONTEXT-ERROR"),
        "method_not_allowed" => (405, "30000", "CORE-ERROR"),
        "unsupported_media_type" | "unsupported_encoding" => (415, "30000", "CORE-ERROR"),
        "body_too_large" => (413, "30000", "CORE-ERROR"),
        "head_timeout" | "body_timeout" => (408, "30000", "CORE-ERROR"),
        "request_malformed" | "body_incomplete" => (400, "30000", "CORE-ERROR"),
        "head_too_large" => (431, "30000", "CORE-ERROR"),
        "header_missing"
        | "header_malformed"
        | "algorithm_not_supported"
        | "algorithm_mismatch"
        | "digest_not_covered"
        | "created_in_future"
        | "expired"
        | "lifetime_too_long"
        | "digest_mismatch"
        | "signature_mismatch"
        | "signer_is_not_caller"
        | "unknown_key"
        | "key_not_usable"
        | "key_ambiguous"
        | "wrong_role" => (401, "30000", "CONTEXT-ERROR"),
        "challenge_refused" => (400, "30000", "CORE-ERROR"),
        "invalid_json" | "duplicate_key" | "too_deep" | "too_many_nodes" => {
            (400, "30000", "JSON-SCHEMA-ERROR")
        }
        "context_invalid"
        | "wrong_action"
        | "unknown_version"
        | "domain_not_served"
        | "wrong_recipient"
        | "callback_url_mismatch"
        | "request_reused"
        | "stale" => (200, "30000", "CONTEXT-ERROR"),
        "schema_mismatch" => (200, "30000", "JSON-SCHEMA-ERROR"),
        "order_not_found" => (200, "30010", "CORE-ERROR"),
        "invalid_reason" | "reason_required" => (200, "30011", "DOMAIN-ERROR"),
        other => panic!("no row for {other}"),
    }
}

/// Checks the whole answer, and that the operator can find it by its id.
pub async fn check(app: &TestApp, answer: &Answer, wanted: &Wanted<'_>) {
    check_answer(answer, wanted);
    check_noted(app, answer, wanted).await;
}

/// Checks what the caller sees.
pub fn check_answer(answer: &Answer, wanted: &Wanted<'_>) {
    let (status, number, kind) = row(wanted.word);
    assert_eq!(answer.status, status, "{wanted:?}: {}", answer.text);
    let message = answer.body["error"]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(&format!("{}: ", wanted.word)),
        "{wanted:?}: {}",
        answer.text
    );
    let nack = body(wanted, number, kind, message);
    assert_eq!(answer.body, nack, "{wanted:?}");
    assert_eq!(header(answer, "content-type"), Some("application/json"));
    check_headers(answer, wanted, status);
}

/// `type` and `path` are members of 0.9.x, `paths` of 1.x; `error` stands beside `message`.
fn body(wanted: &Wanted<'_>, number: &str, kind: &str, message: &str) -> Value {
    let mut error = json!({"code": number, "message": message});
    if wanted.dialect == Dialect::V0_9 {
        error["type"] = json!(kind);
    }
    if let Some(path) = wanted.path {
        let member = match wanted.dialect {
            dialect if dialect.has_typed_errors() => "path",
            _ => "paths",
        };
        error[member] = json!(path);
    }
    json!({"message": {"ack": {"status": "NACK"}}, "error": error})
}

fn check_headers(answer: &Answer, wanted: &Wanted<'_>, status: u16) {
    let challenge = (status == 401).then_some(CHALLENGE);
    let (from_us, from_proxy) = match wanted.gateway {
        false => (challenge, None),
        true => (None, challenge),
    };
    assert_eq!(header(answer, "www-authenticate"), from_us, "{wanted:?}");
    assert_eq!(
        header(answer, "proxy-authenticate"),
        from_proxy,
        "{wanted:?}"
    );
    let retry_after = header(answer, "retry-after").map(str::parse::<u64>);
    match status {
        429 | 503 => assert!(matches!(retry_after, Some(Ok(1..))), "{retry_after:?}"),
        _ => assert_eq!(retry_after, None, "{wanted:?}"),
    }
    let id = header(answer, "x-request-id").expect("every answer has an id");
    assert!(Uuid::parse_str(id).is_ok(), "{id}");
    let allow = (status == 405).then_some("POST");
    assert_eq!(header(answer, "allow"), allow, "{wanted:?}");
}

async fn check_noted(app: &TestApp, answer: &Answer, wanted: &Wanted<'_>) {
    let id = header(answer, "x-request-id").expect("checked before");
    let refusals = app.get("/refusals").await.body;
    let noted = &refusals["refusals"][0];
    assert_eq!(noted["request_id"], id, "the newest refusal is this one");
    assert_eq!(noted["reason"], wanted.word);
    assert_eq!(noted["status"], answer.status);
    assert_eq!(noted["network"], wanted.network);
    let detail = noted["detail"].as_str().unwrap_or_default();
    let message = format!("{}: {detail}", wanted.word);
    assert_eq!(answer.body["error"]["message"], message);
    assert!(noted.get("body").is_none(), "bodies are not kept");
}

/// A header that is there once at most.
pub fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    assert!(answer.headers.get_all(name).iter().count() <= 1, "{name}");
    let value = answer.headers.get(name)?;
    Some(value.to_str().expect("ASCII"))
}
