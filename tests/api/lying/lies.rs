//! Every way in which a registry may lie about one key, as answers to one question.
//!
//! A lie takes the one answer that would be believed and spoils a single thing of it. The key in
//! it is an impostor's, so whoever believes any of them lets the impostor in.

mod members;
mod rows;
mod wire;

use beckn_bpp::crypto::keys::VerifyingKey;
use beckn_bpp::protocol::registry::{Form, Role};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

pub use self::members::of_members;
pub use self::rows::of_rows;
pub use self::wire::of_wire;
use super::liar::Manner;

/// The name of a lie, and how it leaves.
pub type Lie = (String, Manner);

/// The members that this form has under another name.
pub struct Names {
    pub key_id: &'static str,
    pub url: &'static str,
    pub key: &'static str,
}

pub fn names(form: Form) -> Names {
    let (key_id, url, key) = match form {
        Form::Core => ("key_id", "url", "signing_public_key"),
        Form::Ondc => ("ukId", "subscriber_url", "signing_public_key"),
        Form::Uhi => ("pub_key_id", "subscriber_url", "encr_public_key"),
    };
    Names { key_id, url, key }
}

/// The row that is believed.
pub fn honest(form: Form, key: &VerifyingKey) -> Value {
    let Names {
        key_id,
        url,
        key: member,
    } = names(form);
    let key = match form {
        Form::Uhi => key.to_spki_base64(),
        Form::Core | Form::Ondc => key.to_base64(),
    };
    json!({
        "subscriber_id": "bap.example.org", key_id: "k1", "type": form.words(Role::Buyer)[0],
        "domain": "mobility", url: "https://bap.example.org/beckn", member: key,
        "status": "SUBSCRIBED", "valid_from": time(-86_400), "valid_until": time(86_400),
    })
}

fn time(seconds: i64) -> String {
    (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339()
}

/// Status 200 with this body, as JSON.
pub fn ok(body: &[u8]) -> Manner {
    with_status("200 OK", body)
}

pub fn said(answer: &Value) -> Manner {
    ok(answer.to_string().as_bytes())
}

fn with_status(status: &str, body: &[u8]) -> Manner {
    let head = head(status, &format!("Content-Length: {}\r\n", body.len()));
    Manner::Bytes([head, body.to_vec()].concat())
}

fn head(status: &str, more: &str) -> Vec<u8> {
    let kind = "Content-Type: application/json\r\nConnection: close\r\n";
    format!("HTTP/1.1 {status}\r\n{kind}{more}\r\n").into_bytes()
}
