//! Our side of the network: a registry that lists us and the BPP, and the BAP's ports.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use beckn_bpp::mock::registry::{self, RegistryHandle};
use serde_json::json;
use url::Url;

use crate::arguments::Plan;
use crate::ledger::Ledger;
use crate::message::{KEY_ID, signer};
use crate::sink;

/// The running parties.
pub struct Parties {
    /// Asked by the BPP for our key.
    pub registry: RegistryHandle,
    /// The BAP's URLs; all are registered.
    pub hosts: Vec<Url>,
    sink: ServerHandle,
}

impl Parties {
    /// Starts registry and BAP.
    pub fn start(plan: &Plan, ledger: &Arc<Ledger>) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        for number in 0..plan.bap_hosts {
            let port = match plan.bap_bind.port() {
                0 => 0,
                first => first.checked_add(number).context("ports end at 65535")?,
            };
            listeners.push(listen(SocketAddr::new(plan.bap_bind.ip(), port))?);
        }
        let hosts: Vec<Url> = listeners
            .iter()
            .map(url_of)
            .collect::<anyhow::Result<_>>()?;
        let sink = sink::start(listeners, plan, ledger)?;
        let signer = signer()?;
        let mut rows: Vec<_> = hosts
            .iter()
            .map(|url| registry::row(&signer, "BAP", url))
            .collect();
        rows.push(json!({
            "subscriber_id": plan.bpp_id,
            "key_id": KEY_ID,
            "type": "BPP",
            "signing_public_key": plan.bpp_public_key.trim_ascii(),
            "status": "SUBSCRIBED",
        }));
        let registry = registry::start(listen(plan.registry_bind)?, rows)?;
        Ok(Self {
            registry,
            hosts,
            sink,
        })
    }

    /// Stops both.
    pub async fn stop(self) {
        self.sink.stop(false).await;
        self.registry.stop().await;
    }
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn url_of(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}", listener.local_addr()?))?)
}
