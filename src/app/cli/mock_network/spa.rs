//! The spa of the mock network: a booking that is on no network, and the app of a partner that
//! cancels it through the bookings door.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::app::api_keys::{self, ApiKeys};
use crate::app::cli::{http_client, keys};
use crate::app::config::Environment;
use crate::http::bookings::keys::Scope;

/// The booking.
const BOOKING: &str = "bkg_7f1a9c3b8d4e4f21";

/// The section of the door, and the terms of the spa.
pub(super) const SECTION: &str = r#"
[bookings]
[policy.spa]
[[policy.spa.rule]]
before_start = "24h"
percent = "0"
text = "Free cancellation up to 24h before the appointment, 50% after that."
[[policy.spa.rule]]
percent = "50"
text = "Free cancellation up to 24h before the appointment, 50% after that."
"#;

/// The partner's app.
pub(super) struct Spa {
    key: zeroize::Zeroizing<String>,
    /// The file that its key is in.
    pub(super) key_file: PathBuf,
}

impl Spa {
    /// Makes the app's key, unless an earlier run has made it.
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        let key_file = directory.join("api.key");
        if !key_file.exists() {
            let (key, text) = api_keys::new("mock-app", &Scope::ALL, Vec::new(), Utc::now())?;
            let file = directory.join("api-keys.toml");
            let read = ApiKeys::read(&file, Environment::Development);
            let mut all = read.map_err(|problem| anyhow::anyhow!("{problem}"))?;
            all.keys.push(key);
            all.write(&file)?;
            keys::write_private(&key_file, &text)?;
        }
        let text = std::fs::read_to_string(&key_file);
        let text = zeroize::Zeroizing::new(text.context("cannot read the API key")?);
        Ok(Self {
            key: text.trim().to_owned().into(),
            key_file,
        })
    }

    /// The booking, as the spa's system hands it over: of 120 euros, and in ten hours.
    pub(super) fn booking(&self) -> String {
        let starts_at = Utc::now() + TimeDelta::hours(10);
        json!({"id": BOOKING, "booking": {
            "status": "Confirmed", "tenant": "venue-1", "policy": "spa",
            "starts_at": starts_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "external_reference": "staycation.ABC123", "external_id": "ABC123",
            "price": {"value": "120.00", "currency": "EUR"},
        }})
        .to_string()
    }

    /// The app cancels it; shows what was asked and answered.
    pub(super) async fn cancel(&self, server: SocketAddr, quiet: bool) -> anyhow::Result<Value> {
        let path = "/v1/bookings/ext:staycation.ABC123/cancel";
        let body = json!({"reason": "Guest is ill", "cancelled_by": "customer"});
        let asked = http_client()?.post(format!("http://{server}{path}"));
        let asked = asked
            .bearer_auth(&*self.key)
            .header("content-type", "application/json")
            .header("idempotency-key", "mock-network")
            .body(body.to_string());
        let answer = asked.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{status}: {text}");
        let answer: Value = serde_json::from_str(&text)?;
        if !quiet {
            println!("POST {path}\n{body:#}\n\n{status}\n{answer:#}");
        }
        Ok(json!({"request": body, "answer": answer}))
    }

    /// The id of the booking.
    pub(super) fn id(&self) -> &'static str {
        BOOKING
    }
}
