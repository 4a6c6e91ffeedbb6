//! `mock-network`: a registry, a BAP, an EUA, a gateway, a partner's app and this server on loopback,
//! one command, no set-up.
//!
//! The mock parties are foreign: they reach the server over HTTP, as a network would. The
//! server runs from a configuration file that stays readable in the data directory.

mod acts;
mod files;
mod health;
mod listeners;
mod market;
mod partner;
mod rides;
mod spa;
mod what_next;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use chrono::Utc;
use serde_json::{Value, json};
use url::Url;

use self::health::Health;
use self::listeners::{Listeners, of_cancel_command, url_of};
use self::spa::Spa;
use super::registry::{subscribe, view};
use super::{output, serve};
use crate::app::server::Server;
use crate::app::telemetry;
use crate::mock::bap::{self, BapHandle};
use crate::mock::registry::{self, RegistryHandle};
use crate::networks::Kind;
use crate::registry::Subscriber;

/// This server's subscriber id on the mock network.
pub(super) const BPP: &str = "bpp.example.org";

/// The mock BAP's.
const BAP: &str = "bap.example.org";

/// How long a callback may take.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// End after the first cancellations; exit code 0 if every on_cancel came and verified
    #[arg(long)]
    once: bool,
    /// Keep orders and callbacks in this directory [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's port; admin, registry, BAP, the cancel command, EUA, gateway and the partner's app
    /// have the seven that follow [default: 8080, or free ports with --once]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=65_528))]
    port: Option<u16>,
    /// Print one JSON document (with --once)
    #[arg(long, requires = "once")]
    json: bool,
}

impl Arguments {
    /// The first of the ports; 0 for any that are free.
    fn first_port(&self) -> u16 {
        let unless_given = if self.once { 0 } else { 8080 };
        self.port.unwrap_or(unless_given)
    }
}

/// The parties of the network, running.
struct Network {
    server: Server,
    bap: BapHandle,
    health: Health,
    spa: Spa,
    registry: RegistryHandle,
    /// What the registry lists of this server, after its challenge.
    listed: Option<Subscriber>,
    token: String,
    directory: Directory,
}

/// Where everything is kept; a temporary directory goes when this does.
enum Directory {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Directory {
    fn made(given: Option<&Path>) -> anyhow::Result<Self> {
        let directory = match given {
            Some(path) => Directory::Given(path.to_owned()),
            None => Directory::Temporary(tempfile::tempdir()?),
        };
        std::fs::create_dir_all(directory.path())
            .with_context(|| format!("cannot make {}", directory.path().display()))?;
        Ok(directory)
    }

    fn path(&self) -> &Path {
        match self {
            Directory::Given(path) => path,
            Directory::Temporary(directory) => directory.path(),
        }
    }
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    super::install_tls();
    let network = Network::start(arguments).await?;
    if let (Some(listed), false) = (&network.listed, arguments.json) {
        let key = listed.verifying_key.fingerprint();
        println!("{BPP} answered the registry's challenge and is listed with key {key}");
    }
    let result = match network.first_acts(arguments.json).await {
        Ok(acts) if arguments.once => {
            match arguments.json {
                true => {
                    let listed = network.listed.as_ref().map(view);
                    output::json(&json!({"listed": listed, "acts": acts}));
                }
                false => println!("\nEvery on_cancel arrived and verified."),
            }
            Ok(())
        }
        Ok(_) => network.go_on().await,
        Err(error) => Err(error),
    };
    network.stop().await.and(result)
}

impl Network {
    async fn start(arguments: &Arguments) -> anyhow::Result<Self> {
        let directory = Directory::made(arguments.data.as_deref())?;
        let listeners = Listeners::from_port(arguments.first_port())?;
        let public_url = url_of(&listeners.public)?;
        let command = of_cancel_command(listeners.public.local_addr()?);
        let command = Url::parse(&format!("http://{command}"))?;
        let rows = rides::rows(&url_of(&listeners.bap)?, &command)?;
        let registry = registry::start(listeners.registry, rows)?;
        let bap = bap::start(listeners.bap, rides::signer()?, &registry.url, "")?;
        let of_health = [listeners.eua, listeners.gateway, listeners.partner];
        let health = Health::start(of_health, &registry.url)?;
        registry.add_rows(health.rows(&public_url)?);
        registry.add_rows([market::row(&public_url)?]);
        let sections = [
            files::configuration(&public_url, listeners.admin.local_addr()?, &registry.url)?,
            health.sections(&public_url, &registry.url)?,
            market::section(&public_url, &registry.url)?,
            spa::SECTION.to_owned(),
        ];
        let file = files::write(directory.path(), &sections.concat(), &health.secrets())?;
        let spa = Spa::start(directory.path())?;
        // The server binds the addresses itself; they were only held to find free ones.
        drop((listeners.public, listeners.admin));
        let Listed {
            server,
            token,
            listed,
        } = Listed::start(&file).await?;
        Ok(Self {
            server,
            listed,
            bap,
            health,
            spa,
            registry,
            token,
            directory,
        })
    }

    async fn first_acts(&self, quiet: bool) -> anyhow::Result<Vec<Value>> {
        let cancelled = self.hand_over_orders().await?;
        if !cancelled.is_empty() && !quiet {
            let orders = cancelled.join(" and ");
            println!("\nKept from an earlier run: {orders} cancelled. A cancelled order is");
            println!("answered as it was first cancelled: same fee, reason and time.");
        }
        self.play(quiet).await
    }

    /// Runs until it is told to stop.
    async fn go_on(&self) -> anyhow::Result<()> {
        let stopped = serve::stop_signal()?;
        self.print_what_next();
        stopped.await;
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        let stopped = self.server.stop(Duration::ZERO).await;
        self.bap.stop().await;
        self.health.stop().await;
        self.registry.stop().await;
        stopped
    }
}

/// The server, started and put on its network.
struct Listed {
    server: Server,
    token: String,
    listed: Option<Subscriber>,
}

impl Listed {
    async fn start(file: &Path) -> anyhow::Result<Self> {
        let config = serve::load(Some(file))?;
        let tokens = config.admin_tokens.clone();
        telemetry::log_to_stderr(&config.log)?;
        let metrics = telemetry::metrics_on_demand()?;
        let networks = config.networks.clone();
        let server = Server::start(config, metrics).await?;
        let token = tokens.text()?.to_string();
        let mut listed = None;
        for network in networks.iter().filter(|one| one.kind == Kind::Beckn) {
            let bodies = subscribe::bodies::of_configuration(network, Utc::now());
            listed = subscribe::ask(network, &bodies, WAIT, |_| {}).await?.listed;
        }
        Ok(Self {
            server,
            token,
            listed,
        })
    }
}
