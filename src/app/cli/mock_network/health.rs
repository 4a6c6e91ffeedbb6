//! The health network of `mock-network`: an EUA and a gateway beside the mobility network, on the
//! same server, and a partner's app.
//!
//! A patient cancels through the EUA, the clinic on its own, another patient through the app; each
//! time the EUA hears of it and the gateway gets a copy, whose signature and bytes are checked.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use url::Url;

use super::super::cancel::KEY_ID;
use super::super::exchange::{Exchange, Shown};
use super::partner::Partner;
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::mock::bap::{self, BapHandle, Received};
use crate::mock::cancel_message::CancelMessage;
use crate::mock::gateway::{self, GatewayHandle};
use crate::mock::orders::{Sample, VISIT_1, VISIT_2, VISIT_3};
use crate::mock::registry;

/// This server's subscriber id on the health network.
const HSPA: &str = "hspa.example.org";

/// What this server calls the network.
const NETWORK: &str = "health";

/// The mock EUA's.
const EUA: &str = "eua.example.org";

/// The mock gateway's.
const GATEWAY: &str = "gateway.example.org";

/// Below which path the server serves this network.
const PATH: &str = "/uhi";

/// The foreign parties, running.
pub(super) struct Health {
    eua: BapHandle,
    gateway: GatewayHandle,
    partner: Partner,
}

fn signer(subscriber_id: &str, key: &str) -> anyhow::Result<Signer> {
    Ok(Signer {
        scheme: Scheme::Uhi,
        subscriber_id: subscriber_id.to_owned(),
        key_id: KEY_ID.to_owned(),
        key: SigningKey::parse(key)?,
        lifetime_seconds: 10,
    })
}

impl Health {
    /// Starts all three, to be told of keys by this registry.
    pub(super) fn start(
        [eua, gateway, partner]: [TcpListener; 3],
        registry: &Url,
    ) -> anyhow::Result<Self> {
        let eua_signer = signer(EUA, include_str!("../../../../keys/bap.signing"))?;
        let gateway_signer = signer(GATEWAY, include_str!("../../../../keys/gateway.signing"))?;
        Ok(Self {
            eua: bap::start(eua, eua_signer, registry, "")?,
            gateway: gateway::start(gateway, gateway_signer, registry)?,
            partner: Partner::start(partner, HSPA)?,
        })
    }

    /// What the registry lists of this network; nobody has to answer a challenge here.
    pub(super) fn rows(&self, public: &Url) -> anyhow::Result<[Value; 2]> {
        let hspa = signer(HSPA, include_str!("../../../../keys/bpp.signing"))?;
        Ok([
            registry::row(self.eua.signer(), "EUA", &self.eua.url),
            registry::row(&hspa, "HSPA", &public.join(PATH)?),
        ])
    }

    /// The server's sections for this network and its door.
    pub(super) fn sections(&self, public: &Url, registry: &Url) -> anyhow::Result<String> {
        Ok(format!(
            r#"[network.{NETWORK}]
kind = "uhi"
domains = ["nic2004:85111"]
subscriber_id = "{HSPA}"
subscriber_url = "{}"
key_id = "{KEY_ID}"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
gateway_url = "{}"
{}"#,
            public.join(PATH)?,
            self.gateway.url,
            self.partner.section(NETWORK),
        ))
    }

    /// The secrets that the sections name, by file.
    pub(super) fn secrets(&self) -> [(&'static str, &str); 2] {
        self.partner.secrets()
    }

    /// The visits, as the clinic's system would hand them over.
    pub(super) fn orders(&self, public: SocketAddr) -> anyhow::Result<Vec<(Sample, String)>> {
        let hspa_uri = format!("http://{public}{PATH}");
        let placed = |sample: Sample| {
            let text = sample.placed_by((EUA, self.eua.url.as_str()), (HSPA, &hspa_uri))?;
            match sample.id == VISIT_3.id {
                true => Ok((sample, Partner::with_patient(&text)?)),
                false => Ok((sample, text)),
            }
        };
        [VISIT_1, VISIT_2, VISIT_3]
            .into_iter()
            .map(placed)
            .collect()
    }

    /// A patient's cancel, from the EUA to the copy at the gateway.
    pub(super) async fn patient(
        &self,
        public: SocketAddr,
        wait: Duration,
        quiet: bool,
    ) -> anyhow::Result<Value> {
        let hspa_uri = format!("http://{public}{PATH}");
        let (eua, hspa) = ((EUA, self.eua.url.as_str()), (HSPA, &*hspa_uri));
        let message = CancelMessage {
            reason: Some("PATIENT_UNABLE_TO_VISIT_PHYSICALLY".to_owned()),
            ..CancelMessage::of(VISIT_1, eua, hspa)?
        };
        let to = Url::parse(&message.bpp_uri)?;
        let exchange = Exchange::run(&self.eua, &to, &message, wait).await?;
        if !quiet {
            exchange.print(Shown::Changes);
        }
        exchange.check()?;
        let on_cancel = self.eua.received(&message.message, wait).await;
        let on_cancel = on_cancel.context("no on_cancel came")?;
        let mut shown = exchange.to_json();
        shown["audit"] = self.copy_of(&on_cancel, wait, quiet).await?;
        Ok(shown)
    }

    /// What follows a cancel by the clinic: its message id is not known before it comes.
    pub(super) async fn doctor(
        &self,
        answer: &Value,
        wait: Duration,
        quiet: bool,
    ) -> anyhow::Result<Value> {
        if answer["already_cancelled"] == true {
            if !quiet {
                println!("    it was cancelled by an earlier run, and is told to nobody again");
            }
            return Ok(json!({"answer": answer}));
        }
        let mut shown = self.unasked(VISIT_2, wait, quiet).await?;
        shown["answer"] = answer.clone();
        Ok(shown)
    }

    /// A cancel by the partner's app, and what the network hears of it.
    pub(super) async fn partner(
        &self,
        public: SocketAddr,
        wait: Duration,
        quiet: bool,
    ) -> anyhow::Result<Value> {
        let Some(seen) = self.partner.cancel(public, wait, quiet).await? else {
            return Ok(json!({"status": {"status": "SUCCESS"}}));
        };
        let mut shown = self.unasked(VISIT_3, wait, quiet).await?;
        for (name, value) in seen.as_object().into_iter().flatten() {
            shown[name] = value.clone();
        }
        Ok(shown)
    }

    /// The `on_cancel` that nobody asked for, and its copy.
    async fn unasked(&self, visit: Sample, wait: Duration, quiet: bool) -> anyhow::Result<Value> {
        let on_cancel = self.eua.about(visit.id, wait).await;
        let on_cancel = on_cancel.context("no on_cancel came in time")?;
        if let Err(why) = &on_cancel.verdict {
            bail!("the on_cancel's signature does not hold: {why}");
        }
        let body = on_cancel.json();
        if !quiet {
            let tags = &body["message"]["order"]["fulfillment"]["tags"];
            println!("    on_cancel received unasked; its signature is verified: {tags}");
        }
        let audit = self.copy_of(&on_cancel, wait, quiet).await?;
        Ok(json!({"on_cancel": {"verified": true, "body": body}, "audit": audit}))
    }

    /// The gateway's copy, once it is checked against what the EUA got.
    async fn copy_of(
        &self,
        on_cancel: &Received,
        wait: Duration,
        quiet: bool,
    ) -> anyhow::Result<Value> {
        let id = on_cancel.message_id.as_deref().unwrap_or_default();
        let copy = self.gateway.inbox.received(id, wait).await;
        let copy = copy.context("the gateway got no copy in time")?;
        if let Err(why) = &copy.verdict {
            bail!("the signature of the gateway's copy does not hold: {why}");
        }
        if copy.body != on_cancel.body {
            bail!("the gateway's copy has other bytes than the on_cancel");
        }
        if !quiet {
            println!("audit        the gateway has the same bytes under a signature of their own");
        }
        Ok(json!({"verified": true, "same_bytes": true}))
    }

    /// Stops all three.
    pub(super) async fn stop(self) {
        self.eua.stop().await;
        self.gateway.inbox.stop().await;
        self.partner.stop().await;
    }
}

/// What the clinic asks for, and of which order.
pub(super) fn doctors_cancel() -> (String, Value) {
    let path = format!("/orders/{}/cancel", VISIT_2.id);
    (
        path,
        json!({"by": "provider", "reason": "DOCTOR_UNAVAILABLE"}),
    )
}
