//! The partner's app of `mock-network`: a patient cancels over REST, through the consultations door.
//!
//! The app looks how the booking stands, cancels it, looks again, and checks the webhook that
//! follows. That the EUA hears of it too is looked at beside, in [`health`](super::health).

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::http::consultations::PATH;
use crate::mock::bap::Reply;
use crate::mock::orders::{Sample, VISIT_3};
use crate::mock::partner::{self, Account, Booking, PartnerHandle};
use crate::protocol::raw::RawObject;

/// The app's client id.
const CLIENT: &str = "partner-app";

/// Who makes its tokens.
const ISSUER: &str = "https://login.partner.example.org";

/// The clinic whose bookings the app may see.
const CLINIC: &str = "IN0000000000";

/// The patient of [`VISIT_3`], in the app's own numbering.
const PATIENT: &str = "ours-3";

/// The files of what the app and the server both know.
const FILES: [&str; 2] = ["partner.tokens", "partner.webhook"];

/// The app, running.
pub(super) struct Partner {
    app: PartnerHandle,
    account: Account,
    provider: &'static str,
}

impl Partner {
    /// Starts the app of a patient of this provider; its secrets are new each time.
    pub(super) fn start(listener: TcpListener, provider: &'static str) -> anyhow::Result<Self> {
        let secret = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let account = Account {
            client_id: CLIENT.to_owned(),
            issuer: ISSUER.to_owned(),
            audience: provider.to_owned(),
            token_secret: secret(),
            webhook_secret: secret(),
        };
        Ok(Self {
            app: partner::start(listener, account.clone())?,
            account,
            provider,
        })
    }

    /// The server's section for its door, for bookings on this network.
    pub(super) fn section(&self, network: &str) -> String {
        let Account {
            issuer, audience, ..
        } = &self.account;
        let [tokens, webhook] = FILES;
        format!(
            r#"
[consultations]
network = "{network}"
algorithm = "HS256"
issuer = "{issuer}"
audience = "{audience}"
token_key_file = "{tokens}"

[consultations.partner.app]
client_id = "{CLIENT}"
hip_ids = ["{CLINIC}"]
webhook_url = "{}"
webhook_key_file = "{webhook}"
"#,
            self.app.url
        )
    }

    /// The secrets that the section names, by file.
    pub(super) fn secrets(&self) -> [(&'static str, &str); 2] {
        let [tokens, webhook] = FILES;
        [
            (tokens, &self.account.token_secret),
            (webhook, &self.account.webhook_secret),
        ]
    }

    /// A sample as placed, with the patient that the door knows.
    pub(super) fn with_patient(placed: &str) -> anyhow::Result<String> {
        let mut whole = RawObject::parse(placed)?;
        let patient = json!({"patient": {"partner_id": PATIENT, "hip_id": CLINIC}});
        whole.set("booking", patient.to_string());
        Ok(whole.to_string())
    }

    /// Cancels the visit; the app's part of what is shown, or nothing when an earlier run did.
    pub(super) async fn cancel(
        &self,
        public: SocketAddr,
        wait: Duration,
        quiet: bool,
    ) -> anyhow::Result<Option<Value>> {
        let door = Url::parse(&format!("http://{public}{PATH}"))?;
        let booking = self.booking(VISIT_3)?;
        let say = |line: String| {
            if !quiet {
                println!("{line}");
            }
        };
        let before = good(&self.app.status(&door, &booking).await?)?;
        say(format!("GET  {PATH}: {before}"));
        if before["status"] == "SUCCESS" {
            say("    it was cancelled by an earlier run, and is told to nobody again".to_owned());
            return Ok(None);
        }
        let answer = good(&self.app.cancel(&door, &booking).await?)?;
        say(format!("POST {PATH}: {answer}"));
        let news = self.app.news_of(&booking.transaction_id, wait).await;
        let news = news.context("the partner's app got no webhook in time")?;
        if let Err(why) = &news.verdict {
            bail!("the webhook's signature does not hold: {why}");
        }
        let body = news.json();
        say(format!("webhook      its signature is verified: {body}"));
        let after = good(&self.app.status(&door, &booking).await?)?;
        if after["status"] != "SUCCESS" || body["data"] != after {
            bail!("the door says {after}, the webhook {body}: expected SUCCESS twice");
        }
        say(format!("GET  {PATH}: {after}"));
        Ok(Some(json!({
            "answer": {"status": 200, "body": answer},
            "webhook": {"verified": true, "body": body},
            "status": after,
        })))
    }

    fn booking(&self, visit: Sample) -> anyhow::Result<Booking> {
        Ok(Booking {
            order_id: visit.id.to_owned(),
            provider_id: self.provider.to_owned(),
            transaction_id: visit.transaction()?,
            patient: PATIENT.to_owned(),
        })
    }

    /// Stops the app.
    pub(super) async fn stop(self) {
        self.app.stop().await;
    }
}

/// The body of a 200.
fn good(reply: &Reply) -> anyhow::Result<Value> {
    match reply.status {
        200 => Ok(reply.json()),
        status => bail!("the door answered {status}: {}", reply.json()),
    }
}
