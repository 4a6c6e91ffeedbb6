//! `cancel`: act as a BAP against any BPP, and wait for what it calls back.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::Utc;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{keys, output};
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::Signer;
use crate::mock::bap::{self, BapHandle, Received, Reply};
use crate::mock::cancel_message::CancelMessage;

/// The subscriber that the mock network's registry has for this command.
pub(super) const CLI_BAP: &str = "cli-bap.example.org";

/// The key of that subscriber.
pub(super) const CLI_BAP_KEY: &str = include_str!("../../../keys/cli-bap.signing");

/// Where the mock network's registry is.
pub(super) const MOCK_REGISTRY: &str = "http://127.0.0.1:8082";

/// The key id of every mock party.
pub(super) const KEY_ID: &str = "k1";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The order to cancel
    order: String,
    /// The reason code
    #[arg(long)]
    reason: Option<String>,
    /// A sentence for people
    #[arg(long)]
    note: Option<String>,
    /// Only ask what it would cost
    #[arg(long)]
    soft: bool,
    /// The BPP's URL; /cancel is added
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    to: Url,
    /// The BPP's subscriber id
    #[arg(long, default_value = super::mock_network::BPP)]
    bpp_id: String,
    /// The registry where the callback's signer is looked up
    #[arg(long, default_value = MOCK_REGISTRY)]
    registry: Url,
    /// Who we are on the network
    #[arg(long = "as", default_value = CLI_BAP)]
    bap_id: String,
    /// The id of our key
    #[arg(long, default_value = KEY_ID)]
    key_id: String,
    /// Our private key; the mock network's by default
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// Where to listen for the on_cancel
    #[arg(long, default_value = "127.0.0.1:8084")]
    listen: SocketAddr,
    /// The address the BPP calls back; where we listen by default
    #[arg(long)]
    bap_uri: Option<Url>,
    /// The version of the message
    #[arg(long, value_name = "VERSION", default_value = "1.1.0")]
    core_version: String,
    /// The domain of the order
    #[arg(long, default_value = "mobility:ondemandride")]
    domain: String,
    /// The session; a new one by default
    #[arg(long)]
    transaction: Option<String>,
    /// Seconds to wait for the on_cancel
    #[arg(long, default_value_t = 10)]
    wait: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    super::install_tls();
    let bap = start_bap(arguments)?;
    let message = message(arguments, &bap);
    let wait = Duration::from_secs(arguments.wait);
    let exchange = Exchange::run(&bap, &arguments.to, &message, wait).await?;
    match arguments.json {
        true => output::json(&exchange.to_json()),
        false => exchange.print(),
    }
    bap.stop().await;
    exchange.check()
}

fn start_bap(arguments: &Arguments) -> anyhow::Result<BapHandle> {
    let key = match &arguments.key_file {
        Some(file) => keys::read(file)?,
        None => SigningKey::parse(CLI_BAP_KEY)?,
    };
    let signer = Signer {
        subscriber_id: arguments.bap_id.clone(),
        key_id: arguments.key_id.clone(),
        key,
        lifetime_seconds: 300,
    };
    let listener = TcpListener::bind(arguments.listen).with_context(|| {
        format!(
            "cannot listen on {} for the on_cancel; choose another --listen",
            arguments.listen
        )
    })?;
    Ok(bap::start(listener, signer, &arguments.registry, "")?)
}

fn message(arguments: &Arguments, bap: &BapHandle) -> CancelMessage {
    let new_id = || Uuid::new_v4().to_string();
    let bap_uri = arguments.bap_uri.as_ref().unwrap_or(&bap.url);
    let intent = match (arguments.soft, arguments.core_version.starts_with("0.9.")) {
        (true, _) => Some("SOFT_CANCEL".to_owned()),
        (false, false) => Some("CONFIRM_CANCEL".to_owned()),
        (false, true) => None,
    };
    CancelMessage {
        version: arguments.core_version.clone(),
        domain: arguments.domain.clone(),
        bap_id: arguments.bap_id.clone(),
        bap_uri: bap_uri.to_string(),
        bpp_id: arguments.bpp_id.clone(),
        bpp_uri: arguments.to.to_string(),
        transaction: arguments.transaction.clone().unwrap_or_else(new_id),
        message: new_id(),
        at: Utc::now(),
        order: arguments.order.clone(),
        reason: arguments.reason.clone(),
        intent,
        note: arguments.note.clone(),
    }
}

/// A cancel, its answer and its callback, with the times between them.
pub(super) struct Exchange {
    /// What was sent.
    pub request: Value,
    /// What was answered.
    pub reply: Reply,
    /// How long that took.
    pub reply_after: Duration,
    /// What was called back.
    pub callback: Option<Received>,
    /// How long after the request it came.
    pub callback_after: Duration,
}

impl Exchange {
    /// Signs and sends the message, and waits for its callback if it was acknowledged.
    pub(super) async fn run(
        bap: &BapHandle,
        to: &Url,
        message: &CancelMessage,
        wait: Duration,
    ) -> anyhow::Result<Self> {
        let request = message.to_json();
        let url = Url::parse(&format!("{}/cancel", to.as_str().trim_end_matches('/')))?;
        let sent = Instant::now();
        let reply = bap
            .sign_and_post(&url, request.to_string())
            .await
            .with_context(|| format!("no answer from {url} (is the server running?)"))?;
        let reply_after = sent.elapsed();
        let callback = match acknowledged(&reply) {
            true => bap.received(&message.message, wait).await,
            false => None,
        };
        let callback_after = sent.elapsed();
        Ok(Self {
            request,
            reply,
            reply_after,
            callback,
            callback_after,
        })
    }

    /// Succeeds when the request was acknowledged and its callback verified.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !acknowledged(&self.reply) {
            let text = self.reply.json()["error"]["message"]
                .as_str()
                .map(str::to_owned);
            bail!(
                "refused with {}: {}",
                self.reply.status,
                text.unwrap_or_default()
            );
        }
        match &self.callback {
            None => bail!("acknowledged, but no on_cancel came in time"),
            Some(Received {
                verdict: Err(why), ..
            }) => {
                bail!("the on_cancel's signature does not hold: {why}")
            }
            Some(_) => Ok(()),
        }
    }

    /// All of it as one document.
    pub(super) fn to_json(&self) -> Value {
        let callback = self.callback.as_ref().map(|callback| {
            json!({
                "after_ms": millis(self.callback_after),
                "verified": callback.verdict.is_ok(),
                "verdict": callback.verdict.as_ref().err(),
                "body": callback.json(),
            })
        });
        json!({
            "request": self.request,
            "answer": {"status": self.reply.status, "after_ms": millis(self.reply_after),
                "body": self.reply.json()},
            "on_cancel": callback,
        })
    }

    /// All of it for people.
    pub(super) fn print(&self) {
        println!("--> POST /cancel\n{:#}", self.request);
        println!(
            "<-- {} after {} ms\n{}",
            self.reply.status,
            millis(self.reply_after),
            self.reply.json()
        );
        if let Some(callback) = &self.callback {
            let verdict = match &callback.verdict {
                Ok(()) => "signature verified".to_owned(),
                Err(why) => format!("SIGNATURE DOES NOT HOLD: {why}"),
            };
            println!(
                "<== POST /on_cancel after {} ms, {verdict}",
                millis(self.callback_after)
            );
            println!("{:#}", callback.json());
        }
    }
}

fn acknowledged(reply: &Reply) -> bool {
    reply.status == 200 && reply.json()["message"]["ack"]["status"] == "ACK"
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
