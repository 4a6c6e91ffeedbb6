//! Asks a registry to list us: one signed `POST /subscribe`, bounded in time and size.
//!
//! The body is made by the caller and sent as it is; the answer is read, never believed: only a
//! later lookup shows whether we are listed. Nothing is tried twice.

use chrono::{DateTime, Utc};
use reqwest::header;

use super::ask::{below, bounded, transport};
use super::{Outage, Settings};
use crate::crypto::signature::Signer;
use crate::protocol::subscription::{Said, said};

/// How much of a refusal is repeated, in characters.
const REPEATED: usize = 500;

/// Posts this body as `signer`.
///
/// # Errors
/// When no complete answer comes.
pub async fn subscribe(
    settings: &Settings,
    client: &reqwest::Client,
    signer: &Signer,
    body: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<Said, Outage> {
    let authorization = signer.authorization(&body, now.timestamp());
    let response = client
        .post(below(&settings.url, "subscribe"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, authorization)
        .timeout(settings.timeout)
        .body(body)
        .send()
        .await
        .map_err(transport)?;
    let status = response.status();
    let answer = bounded(response).await?;
    Ok(match status.is_success() {
        true => said(&answer),
        false => {
            let text = String::from_utf8_lossy(&answer);
            let text: String = text.chars().take(REPEATED).collect();
            Said::Refused(format!(
                "status {}: {}",
                status.as_u16(),
                text.escape_debug()
            ))
        }
    })
}
