//! The rides of `mock-network`, on its mobility network: the BAP cancels a ride of Beckn 0.9.1, and
//! asks what cancelling one of 1.1.0 would cost before it does.
//!
//! Other rides are placed by the BAP that the cancel command is, for whoever wants to go on.

use anyhow::Context as _;
use serde_json::Value;
use url::Url;

use super::super::cancel::{CLI_BAP, CLI_BAP_KEY, KEY_ID};
use super::super::exchange::{Exchange, Shown};
use super::listeners::of_cancel_command;
use super::{BAP, BPP, Network, WAIT};
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::mock::cancel_message::CancelMessage;
use crate::mock::orders::{O1, O2, O3, Sample, TRIP_1, TRIP_2};
use crate::mock::registry;

/// The first of the acts: title, ride, what the cancel is meant as, how much of its answer is shown.
const ACTS: [(&str, Sample, Option<&str>, Shown); 3] = [
    (
        "trip_1 is cancelled: Beckn 0.9.1, free of charge",
        TRIP_1,
        None,
        Shown::Whole,
    ),
    (
        "what would O1 cost? Beckn 1.1.0, soft cancel",
        O1,
        Some("SOFT_CANCEL"),
        Shown::Changes,
    ),
    (
        "O1 is cancelled: 30 rupees by its own terms",
        O1,
        Some("CONFIRM_CANCEL"),
        Shown::Changes,
    ),
];

/// What the BAP signs with.
pub(super) fn signer() -> anyhow::Result<Signer> {
    signer_of(BAP, include_str!("../../../../keys/bap.signing"))
}

fn signer_of(subscriber_id: &str, key: &str) -> anyhow::Result<Signer> {
    Ok(Signer {
        scheme: Scheme::Beckn,
        subscriber_id: subscriber_id.to_owned(),
        key_id: KEY_ID.to_owned(),
        key: SigningKey::parse(key)?,
        lifetime_seconds: 300,
    })
}

/// What the registry lists of this network before the server comes: the BAP, and the cancel command.
pub(super) fn rows(bap: &Url, cancel_command: &Url) -> anyhow::Result<Vec<Value>> {
    let command = signer_of(CLI_BAP, CLI_BAP_KEY)?;
    Ok(vec![
        registry::row(&signer()?, "BAP", bap),
        registry::row(&command, "BAP", cancel_command),
    ])
}

/// The rides, as the provider's system would hand them over.
pub(super) fn orders(network: &Network) -> anyhow::Result<Vec<(Sample, String)>> {
    let public = network.server.public_address;
    let command_uri = format!("http://{}", of_cancel_command(public));
    let (bap, command) = ((BAP, network.bap.url.as_str()), (CLI_BAP, &*command_uri));
    let bpp_uri = format!("http://{public}");
    let placed = |(sample, bap): (Sample, (&str, &str))| {
        Ok((sample, sample.placed_by(bap, (BPP, &bpp_uri))?))
    };
    [
        (TRIP_1, bap),
        (O1, bap),
        (TRIP_2, command),
        (O2, command),
        (O3, command),
    ]
    .into_iter()
    .map(placed)
    .collect()
}

/// One of 0.9.1, then a preview and its outcome of 1.1.0.
pub(super) async fn play(network: &Network, quiet: bool) -> anyhow::Result<Vec<Value>> {
    let mut documents = Vec::new();
    for (number, (title, ride, intent, shown)) in ACTS.into_iter().enumerate() {
        if !quiet {
            println!("\n=== {}. {title}\n", number + 1);
        }
        let message = message(network, ride, intent)?;
        let to = Url::parse(&message.bpp_uri)?;
        let exchange = Exchange::run(&network.bap, &to, &message, WAIT).await?;
        match quiet {
            true => documents.push(exchange.to_json()),
            false => exchange.print(shown),
        }
        exchange.check().with_context(|| title.to_owned())?;
    }
    Ok(documents)
}

fn message(network: &Network, ride: Sample, intent: Option<&str>) -> anyhow::Result<CancelMessage> {
    let bpp_uri = format!("http://{}", network.server.public_address);
    let (bap, bpp) = ((BAP, network.bap.url.as_str()), (BPP, &*bpp_uri));
    Ok(CancelMessage {
        reason: Some("001".to_owned()),
        intent: intent.map(str::to_owned),
        note: intent.map(|_| "Driver is not moving".to_owned()),
        ..CancelMessage::of(ride, bap, bpp)?
    })
}
