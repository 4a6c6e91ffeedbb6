//! The ONDC network of `mock-network`: a ride, a basket and a metro ticket beside the other
//! networks, on the same server and with the same BAP.
//!
//! The ride and the basket are cancelled at once. The ticket was refused by a gate, which the
//! provider looks into: the BAP hears first that it does, and then what came of it.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use url::Url;

use super::super::cancel::KEY_ID;
use super::super::exchange::{Exchange, Shown};
use super::{BAP, Network, WAIT};
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::mock::bap::BapHandle;
use crate::mock::cancel_message::CancelMessage;
use crate::mock::orders::{BASKET_1, RIDE_1, Sample, TICKET_1};
use crate::mock::registry;

/// This server's subscriber id on this network.
const SELLER: &str = "seller.example.org";

/// Below which path the server serves it.
const PATH: &str = "/ondc";

/// What the registry lists of this network beside the BAP.
pub(super) fn row(public: &Url) -> anyhow::Result<Value> {
    let seller = Signer {
        scheme: Scheme::Beckn,
        subscriber_id: SELLER.to_owned(),
        key_id: KEY_ID.to_owned(),
        key: SigningKey::parse(include_str!("../../../../keys/bpp.signing"))?,
        lifetime_seconds: 300,
    };
    Ok(registry::row(&seller, "BPP", &public.join(PATH)?))
}

/// The server's section for this network.
pub(super) fn section(public: &Url, registry: &Url) -> anyhow::Result<String> {
    Ok(format!(
        r#"
[network.market]
kind = "ondc"
domains = ["ONDC:TRV10", "ONDC:TRV11", "ONDC:RET10"]
subscriber_id = "{SELLER}"
subscriber_url = "{}"
key_id = "{KEY_ID}"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
"#,
        public.join(PATH)?,
    ))
}

/// The orders, as the seller's system would hand them over.
pub(super) fn orders(bap: &BapHandle, public: SocketAddr) -> anyhow::Result<Vec<(Sample, String)>> {
    let uri = format!("http://{public}{PATH}");
    let placed = |sample: Sample| {
        let text = sample.placed_by((BAP, bap.url.as_str()), (SELLER, &uri))?;
        Ok((sample, text))
    };
    [RIDE_1, BASKET_1, TICKET_1]
        .into_iter()
        .map(placed)
        .collect()
}

/// A ride and a basket at once, and a ticket that the seller looks into first.
pub(super) async fn play(network: &Network, quiet: bool) -> anyhow::Result<[Value; 3]> {
    let say = |title: &str| {
        if !quiet {
            println!("\n=== {title}\n");
        }
    };
    say("7. ride_1 is cancelled: ONDC mobility 2.0.1, 50 rupees by its own terms");
    let (_, ride) = cancel(network, RIDE_1, "005", quiet).await?;
    say("8. basket_1 is cancelled: ONDC retail 1.2.0, with tags on what was to come");
    let (_, basket) = cancel(network, BASKET_1, "010", quiet).await?;
    say("9. a gate refused ticket_1: the seller looks into it, and then cancels");
    let (id, mut ticket) = cancel(network, TICKET_1, "000", quiet).await?;
    ticket["on_update"] = settle(network, &id, quiet).await?;
    Ok([ride, basket, ticket])
}

/// A cancel for a reason, from the BAP to the callback: the message's id, and all of it.
async fn cancel(
    network: &Network,
    sample: Sample,
    reason: &str,
    quiet: bool,
) -> anyhow::Result<(String, Value)> {
    let seller_uri = format!("http://{}{PATH}", network.server.public_address);
    let (bap, seller) = ((BAP, network.bap.url.as_str()), (SELLER, &*seller_uri));
    let message = CancelMessage {
        reason: Some(reason.to_owned()),
        ..CancelMessage::of(sample, bap, seller)?
    };
    let to = Url::parse(&message.bpp_uri)?;
    let exchange = Exchange::run(&network.bap, &to, &message, WAIT).await?;
    if !quiet {
        exchange.print(Shown::Changes);
    }
    exchange.check().with_context(|| sample.id.to_owned())?;
    Ok((message.message, exchange.to_json()))
}

/// The seller cancels the ticket, and the BAP hears of it a second time under the same id;
/// null when an earlier run had settled it.
async fn settle(network: &Network, id: &str, quiet: bool) -> anyhow::Result<Value> {
    let path = format!("/orders/{}/cancel", TICKET_1.id);
    let asked = json!({"by": "provider", "note": "The gate was out of order"});
    let answer = network.admin("POST", &path, asked.to_string()).await?;
    let answer: Value = serde_json::from_str(&answer)?;
    if answer["already_cancelled"] == true {
        return Ok(Value::Null);
    }
    let both = network.bap.received_times(id, 2, WAIT).await;
    let update = both.context("no on_update came in time")?.swap_remove(1);
    if let Err(why) = &update.verdict {
        bail!("the on_update's signature does not hold: {why}");
    }
    let body = update.json();
    if !quiet {
        let status = &body["message"]["order"]["status"];
        println!("    on_update received later under the same message id, verified: {status}");
    }
    Ok(json!({"verified": true, "body": body}))
}
