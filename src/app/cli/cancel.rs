//! `cancel`: act as a BAP against any BPP, and wait for what it calls back.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;
use url::Url;
use uuid::Uuid;

use super::exchange::{Exchange, Shown};
use super::{keys, output};
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::mock::bap::{self, BapHandle};
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
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// A sentence for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Only ask what it would cost
    #[arg(long)]
    soft: bool,
    /// The BPP's URL; /cancel is added
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    to: Url,
    /// The BPP's subscriber id
    #[arg(long, value_name = "ID", default_value = super::mock_network::BPP)]
    bpp_id: String,
    /// The registry where the callback's signer is looked up
    #[arg(long, value_name = "URL", default_value = MOCK_REGISTRY)]
    registry: Url,
    /// Who we are on the network
    #[arg(long = "as", value_name = "ID", default_value = CLI_BAP)]
    bap_id: String,
    /// The id of our key
    #[arg(long, value_name = "ID", default_value = KEY_ID)]
    key_id: String,
    /// Our private key; the mock network's by default
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where to listen for the on_cancel
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8084")]
    listen: SocketAddr,
    /// The address the BPP calls back; where we listen by default
    #[arg(long, value_name = "URL")]
    bap_uri: Option<Url>,
    /// The version of the message
    #[arg(long, value_name = "VERSION", default_value = "1.1.0")]
    core_version: String,
    /// The domain of the order
    #[arg(long, default_value = "mobility:ondemandride")]
    domain: String,
    /// The session; a new one by default
    #[arg(long, value_name = "ID")]
    transaction: Option<String>,
    /// Seconds to wait for the on_cancel
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
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
        false => exchange.print(Shown::Whole),
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
        scheme: Scheme::Beckn,
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
