//! `mock-network`: a registry, a BAP, an EUA, a gateway, a partner's app and this server on loopback,
//! one command, no set-up.
//!
//! The mock parties are foreign: they reach the server over HTTP, as a network would. The
//! server runs from a configuration file that stays readable in the data directory.

mod files;
mod health;
mod market;
mod partner;
mod spa;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::Utc;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use self::health::Health;
use self::spa::Spa;
use super::cancel::{CLI_BAP, CLI_BAP_KEY, KEY_ID};
use super::exchange::{Exchange, Shown};
use super::registry::{subscribe, view};
use super::{output, serve};
use crate::app::server::Server;
use crate::app::telemetry;
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::{Scheme, Signer};
use crate::http::consultations::PATH;
use crate::mock::bap::{self, BapHandle};
use crate::mock::cancel_message::CancelMessage;
use crate::mock::orders::{O1, O2, O3, Sample, TRIP_1, TRIP_2};
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
    let acts = match network.hand_over_orders().await {
        Ok(cancelled) => {
            if !cancelled.is_empty() && !arguments.json {
                let orders = cancelled.join(" and ");
                println!("\nKept from an earlier run: {orders} cancelled. A cancelled order is");
                println!("answered as it was first cancelled: same fee, reason and time.");
            }
            network.play(arguments.json).await
        }
        Err(error) => Err(error),
    };
    let result = match (acts, arguments.once) {
        (Ok(acts), true) => {
            match arguments.json {
                true => {
                    let listed = network.listed.as_ref().map(view);
                    output::json(&json!({"listed": listed, "acts": acts}));
                }
                false => println!("\nEvery on_cancel arrived and verified."),
            }
            Ok(())
        }
        (Ok(_), false) => {
            let stopped = serve::stop_signal()?;
            network.print_what_next();
            stopped.await;
            Ok(())
        }
        (Err(error), _) => Err(error),
    };
    network.stop().await;
    result
}

impl Network {
    async fn start(arguments: &Arguments) -> anyhow::Result<Self> {
        let directory = match &arguments.data {
            Some(path) => Directory::Given(path.clone()),
            None => Directory::Temporary(tempfile::tempdir()?),
        };
        std::fs::create_dir_all(directory.path())
            .with_context(|| format!("cannot make {}", directory.path().display()))?;
        let base = match (arguments.port, arguments.once) {
            (Some(port), _) => port,
            (None, true) => 0,
            (None, false) => 8080,
        };
        let [public, admin, registry_at, bap_at, eua, gateway, partner] = listeners(base)?;
        let (public_url, admin_address) = (url_of(&public)?, admin.local_addr()?);
        let bap_url = url_of(&bap_at)?;
        let cli_url = Url::parse(&format!("http://127.0.0.1:{}", after(base, 4)))?;
        let [bap_signer, cli_signer] = signers()?;
        let rows = vec![
            registry::row(&bap_signer, "BAP", &bap_url),
            registry::row(&cli_signer, "BAP", &cli_url),
        ];
        let registry = registry::start(registry_at, rows)?;
        let bap = bap::start(bap_at, bap_signer, &registry.url, "")?;
        let health = Health::start([eua, gateway, partner], &registry.url)?;
        registry.add_rows(health.rows(&public_url)?);
        registry.add_rows([market::row(&public_url)?]);
        let sections = [
            files::configuration(&public_url, admin_address, &registry.url)?,
            health.sections(&public_url, &registry.url)?,
            market::section(&public_url, &registry.url)?,
            spa::SECTION.to_owned(),
        ];
        let file = files::write(directory.path(), &sections.concat(), &health.secrets())?;
        let spa = Spa::start(directory.path())?;
        // The server binds the addresses itself; they were only held to find free ones.
        drop((public, admin));
        let config = serve::load(Some(&file))?;
        let tokens = config.admin_tokens.clone();
        telemetry::log_to_stderr(&config.log)?;
        let metrics = telemetry::metrics_on_demand()?;
        let joined = config.networks.clone();
        let server = Server::start(config, metrics).await?;
        let token = tokens.text()?.to_string();
        let mut listed = None;
        for network in joined.iter().filter(|one| one.kind == Kind::Beckn) {
            let bodies = subscribe::bodies::of_configuration(network, Utc::now());
            listed = subscribe::ask(network, &bodies, WAIT, |_| {}).await?.listed;
        }
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

    /// Hands over the sample orders as the provider's system would. Returns those that an
    /// earlier run in the same directory has cancelled; they stay so.
    async fn hand_over_orders(&self) -> anyhow::Result<Vec<&'static str>> {
        let bap = (BAP, self.bap.url.as_str());
        let cli_url = format!(
            "http://127.0.0.1:{}",
            after(self.server.public_address.port(), 4)
        );
        let cli = (CLI_BAP, cli_url.as_str());
        let bpp_uri = format!("http://{}", self.server.public_address);
        let bpp = (BPP, bpp_uri.as_str());
        let placed = [
            (TRIP_1, bap),
            (O1, bap),
            (TRIP_2, cli),
            (O2, cli),
            (O3, cli),
        ];
        let mut orders = Vec::new();
        for (sample, bap) in &placed {
            orders.push((*sample, sample.placed_by(*bap, bpp)?));
        }
        orders.extend(self.health.orders(self.server.public_address)?);
        orders.extend(market::orders(&self.bap, self.server.public_address)?);
        let (placed, mut lines): (Vec<Sample>, Vec<String>) = orders.into_iter().unzip();
        let mut ids: Vec<&str> = placed.iter().map(|sample| sample.id).collect();
        lines.push(self.spa.booking());
        ids.push(self.spa.id());
        let answers = self.admin("POST", "/orders", lines.join("\n")).await?;
        let cancelled = self.admin("GET", "/orders?state=Cancelled", String::new());
        let cancelled: Value = serde_json::from_str(&cancelled.await?)?;
        let orders = cancelled["orders"].as_array().into_iter().flatten();
        let over: Vec<&str> = orders.filter_map(|order| order["id"].as_str()).collect();
        for (line, id) in answers.lines().zip(&ids) {
            if line.contains("\"refused\"") && !over.contains(id) {
                bail!("a sample order was not taken in: {line}");
            }
        }
        ids.retain(|id| over.contains(id));
        Ok(ids)
    }

    async fn admin(&self, method: &str, path: &str, body: String) -> anyhow::Result<String> {
        let url = format!("http://{}{path}", self.server.admin_address);
        let answer = super::http_client()?
            .request(method.parse()?, url)
            .bearer_auth(&self.token)
            .body(body)
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// The first cancellations: of rides, of visits to a doctor, on ONDC, of a booking at a spa.
    async fn play(&self, quiet: bool) -> anyhow::Result<Vec<Value>> {
        let mut acts = self.play_rides(quiet).await?;
        acts.extend(self.play_visits(quiet).await?);
        acts.extend(market::play(self, quiet).await?);
        if !quiet {
            println!("\n=== 10. a booking app cancels at a spa, on no network\n");
        }
        acts.push(self.spa.cancel(self.server.public_address, quiet).await?);
        Ok(acts)
    }

    /// A patient's cancel, a doctor's, and one by a partner's app.
    async fn play_visits(&self, quiet: bool) -> anyhow::Result<[Value; 3]> {
        let say = |title: &str| {
            if !quiet {
                println!("\n=== {title}\n");
            }
        };
        say("4. a patient cancels visit_1: UHI 0.7.1, with a copy for the gateway");
        let public = self.server.public_address;
        let patient = self.health.patient(public, WAIT, quiet).await?;
        say("5. the doctor cancels visit_2: the EUA hears of it unasked");
        let (path, body) = health::doctors_cancel();
        let answer = self.admin("POST", &path, body.to_string()).await?;
        let answer = serde_json::from_str(&answer)?;
        let doctor = self.health.doctor(&answer, WAIT, quiet).await?;
        say(
            "6. a partner's app cancels visit_3 over REST, and hears of it by webhook; so does the EUA",
        );
        let partner = self.health.partner(public, WAIT, quiet).await?;
        Ok([patient, doctor, partner])
    }

    /// One of 0.9.1, then a preview and its outcome of 1.1.0.
    async fn play_rides(&self, quiet: bool) -> anyhow::Result<Vec<Value>> {
        use Shown::{Changes, Whole};
        let acts = [
            (
                "trip_1 is cancelled: Beckn 0.9.1, free of charge",
                TRIP_1,
                None,
                Whole,
            ),
            (
                "what would O1 cost? Beckn 1.1.0, soft cancel",
                O1,
                Some("SOFT_CANCEL"),
                Changes,
            ),
            (
                "O1 is cancelled: 30 rupees by its own terms",
                O1,
                Some("CONFIRM_CANCEL"),
                Changes,
            ),
        ];
        let mut documents = Vec::new();
        for (number, (title, order, intent, shown)) in acts.into_iter().enumerate() {
            if !quiet {
                println!("\n=== {}. {title}\n", number + 1);
            }
            let message = self.message(order, intent)?;
            let to = Url::parse(&message.bpp_uri)?;
            let exchange = Exchange::run(&self.bap, &to, &message, WAIT).await?;
            match quiet {
                true => documents.push(exchange.to_json()),
                false => exchange.print(shown),
            }
            exchange.check().with_context(|| title.to_owned())?;
        }
        Ok(documents)
    }

    fn message(&self, order: Sample, intent: Option<&str>) -> anyhow::Result<CancelMessage> {
        Ok(CancelMessage {
            version: order.version.to_owned(),
            domain: order.domain.to_owned(),
            bap_id: BAP.to_owned(),
            bap_uri: self.bap.url.to_string(),
            bpp_id: BPP.to_owned(),
            bpp_uri: format!("http://{}", self.server.public_address),
            transaction: order.transaction()?,
            message: Uuid::new_v4().to_string(),
            at: Utc::now(),
            order: order.id.to_owned(),
            reason: Some("001".to_owned()),
            intent: intent.map(str::to_owned),
            note: intent.map(|_| "Driver is not moving".to_owned()),
        })
    }

    fn print_what_next(&self) {
        let Server {
            public_address,
            admin_address,
            ..
        } = &self.server;
        let token = self.directory.path().join("admin.token");
        let registry = self.registry.url.as_str().trim_end_matches('/');
        let listen = after(public_address.port(), 4);
        println!("\n=== running; Ctrl-C ends it\n");
        println!("networks    http://{public_address}");
        println!("admin       http://{admin_address}");
        println!("registry    {registry}");
        println!("BAP         {}", self.bap.url);
        println!("health      http://{public_address}/uhi");
        println!("partners    http://{public_address}{PATH}");
        println!("bookings    http://{public_address}/v1/bookings");
        println!("API key     in {}", self.spa.key_file.display());
        println!("ONDC        http://{public_address}/ondc");
        println!("files       {}", self.directory.path().display());
        println!("\nTry next, in another terminal:\n");
        println!("  beckn-bpp cancel O3 --reason 001 --to http://{public_address} \\");
        println!("      --registry {registry} --listen 127.0.0.1:{listen}");
        println!(
            "  beckn-bpp order show O1 --admin http://{admin_address} --token-file {}",
            token.display()
        );
        println!(
            "  curl -H \"Authorization: Bearer $(cat {})\" \\",
            token.display()
        );
        println!("      'http://{admin_address}/events?after=0'");
        println!("\nOrders to cancel: O3 (50 rupees), O2 (started: refused), and trip_2 with");
        println!("  --core-version 0.9.1 --domain mobility");
    }

    async fn stop(self) {
        self.server.stop(Duration::ZERO).await;
        self.bap.stop().await;
        self.health.stop().await;
        self.registry.stop().await;
    }
}

/// Port `base + offset`; no port stays none.
fn after(base: u16, offset: u16) -> u16 {
    if base == 0 {
        0
    } else {
        base.saturating_add(offset)
    }
}

fn listeners(base: u16) -> anyhow::Result<[TcpListener; 7]> {
    let listen = |offset| {
        let port = after(base, offset);
        TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken; choose others with --port"))
    };
    // The fifth port is for the cancel command.
    Ok([
        listen(0)?,
        listen(1)?,
        listen(2)?,
        listen(3)?,
        listen(5)?,
        listen(6)?,
        listen(7)?,
    ])
}

fn url_of(listener: &TcpListener) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://{}", listener.local_addr()?))?)
}

fn signers() -> anyhow::Result<[Signer; 2]> {
    let signer = |subscriber_id: &str, key: &str| -> anyhow::Result<Signer> {
        Ok(Signer {
            scheme: Scheme::Beckn,
            subscriber_id: subscriber_id.to_owned(),
            key_id: KEY_ID.to_owned(),
            key: SigningKey::parse(key)?,
            lifetime_seconds: 300,
        })
    };
    Ok([
        signer(BAP, include_str!("../../../keys/bap.signing"))?,
        signer(CLI_BAP, CLI_BAP_KEY)?,
    ])
}
