//! `registry subscribe`: asks a registry to list us, and waits until it does.
//!
//! The bodies are made of one network's section of the configuration, so what is registered is
//! what the server runs with. The server itself answers the challenge: this command only sends,
//! and looks the result up as the server would look up anybody.

pub(in crate::app::cli) mod bodies;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::Utc;
use serde_json::{Value, json};

use super::{print, view};
use crate::app::cli::{Misconfigured, http_client, output, said_at, serve};
use crate::crypto::signature::{Keyring, Signer};
use crate::domain::ids::KeyId;
use crate::networks::Settings;
use crate::protocol::registry::Role;
use crate::protocol::subscription::Said;
use crate::registry::subscribe::subscribe;
use crate::registry::{self, Asked, Registry, Subscriber};

/// The first and the longest pause between two lookups.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// For how long keys are registered, unless told otherwise.
const VALID_DAYS: u32 = 365;

/// How a registry wants to be asked to list somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The core specification's, one request per domain
    Core,
    /// ONDC's, one request for all domains; takes --entity and --city
    Ondc,
}

#[derive(Debug, clap::Args)]
pub(in crate::app::cli) struct Arguments {
    /// The configuration file; without it, the environment alone
    #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
    config: Option<PathBuf>,
    /// The NAME of its [network.NAME]; may be left out where there is one only
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// How the registry wants to be asked; without it, in the network's registry_form
    #[arg(long, value_enum, requires_ifs = [("ondc", "entity"), ("ondc", "cities")])]
    form: Option<Form>,
    /// Register the key that comes next, which `keys rotate` made
    #[arg(long)]
    next: bool,
    /// What ONDC wants to know of the company, as JSON: the members of `entity` without those
    /// that the configuration has (gst, pan, name_of_authorised_signatory, email_id, mobile_no,
    /// country, ...)
    #[arg(long, value_name = "FILE")]
    entity: Option<PathBuf>,
    /// A city served, such as std:080; may be repeated
    #[arg(long = "city", value_name = "CODE")]
    cities: Vec<String>,
    /// The country, such as IND (core form; ONDC has it in --entity)
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// For how many days the keys are registered
    #[arg(long, value_name = "DAYS", default_value_t = VALID_DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    valid_days: u32,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until the registry lists us; 0: do not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
pub(in crate::app::cli) struct Outcome {
    /// The status word of each answer, where it had one.
    statuses: Vec<Option<String>>,
    /// What the registry lists, when that was waited for.
    pub(in crate::app::cli) listed: Option<Subscriber>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = serve::load(arguments.config.as_deref())?;
    let settings = pick(&config.networks, arguments.network.as_deref())?;
    let settings = &of_key(settings, arguments.next)?;
    let bodies = bodies::of(settings, arguments, Utc::now())?;
    if arguments.dry_run {
        output::json(&json!(bodies));
        return Ok(());
    }
    if settings.handshake.challenge.get().is_none() {
        eprintln!(
            "warning: no encryption_key_file is configured, so no challenge will be answered"
        );
    }
    let wait = Duration::from_secs(arguments.wait);
    let outcome = ask(settings, &bodies, wait, |now| eprintln!("waiting: {now}")).await?;
    match arguments.json {
        true => output::json(&json!({
            "network": settings.name,
            "requests": bodies,
            "statuses": outcome.statuses,
            "listed": outcome.listed.as_ref().map(view),
        })),
        false => tell(settings, &outcome),
    }
    Ok(())
}

/// The same network with the key that is to be registered: whoever asks proves that it holds it.
fn of_key(settings: &Settings, next: bool) -> anyhow::Result<Settings> {
    let signer = match (next, settings.signer.next()) {
        (false, _) => return Ok(settings.clone()),
        (true, Some(next)) => Keyring::new(Signer::clone(&next)),
        (true, None) => {
            let name = &settings.name;
            bail!(Misconfigured(format!(
                "no next key waits in [network.{name}]: make one with `keys rotate`"
            )))
        }
    };
    let settings = settings.clone();
    Ok(Settings { signer, ..settings })
}

fn tell(settings: &Settings, outcome: &Outcome) {
    for status in &outcome.statuses {
        let status = status.as_deref().unwrap_or("accepted");
        println!("registry     {} says {status}", settings.registry.url);
    }
    match &outcome.listed {
        Some(listed) => {
            println!("status       SUBSCRIBED");
            print(listed);
        }
        None => println!("status       not waited for"),
    }
}

/// Sends every body, then waits until the registry lists us; no time means not to wait.
pub(in crate::app::cli) async fn ask(
    settings: &Settings,
    bodies: &[Value],
    wait: Duration,
    progress: impl FnMut(&str),
) -> anyhow::Result<Outcome> {
    let client = http_client()?;
    let url = &settings.registry.url;
    let mut statuses = Vec::new();
    let signer = settings.signer.active();
    for body in bodies {
        let bytes = serde_json::to_vec(body)?;
        let asked = subscribe(&settings.registry, &client, &signer, bytes, Utc::now());
        let said = asked.await.map_err(registry::Error::Unavailable);
        match said {
            Ok(Said::Taken(status)) => statuses.push(status),
            Ok(Said::Refused(words)) => bail!("the registry refused: {words} (asked at {url})"),
            Err(error) => bail!(said_at(url, &error)),
        }
    }
    let listed = match wait.is_zero() {
        true => None,
        false => Some(listed(settings, client, wait, progress).await?),
    };
    Ok(Outcome { statuses, listed })
}

/// Looks ourselves up until the registry lists our key for all our domains.
async fn listed(
    settings: &Settings,
    client: reqwest::Client,
    wait: Duration,
    mut progress: impl FnMut(&str),
) -> anyhow::Result<Subscriber> {
    let fresh = registry::Settings {
        cache_ttl: Duration::ZERO,
        negative_ttl: Duration::ZERO,
        ..settings.registry.clone()
    };
    let registry = Registry::new(fresh, client);
    let asked = Asked {
        subscriber: settings.subscriber_id.clone(),
        key_id: KeyId::parse(&settings.signer.active().key_id)?,
        role: Role::Provider,
    };
    let until = Instant::now() + wait;
    let (mut told, mut pause) = (String::new(), PAUSES[0]);
    loop {
        let found = registry
            .subscriber(&asked, Utc::now())
            .await
            .map_err(|error| said_at(&settings.registry.url, &error));
        let lacking = match found.and_then(|found| complete(settings, found)) {
            Ok(found) => return Ok(found),
            Err(lacking) => lacking,
        };
        if lacking != told {
            progress(&lacking);
            told.clone_from(&lacking);
        }
        if Instant::now() + pause > until {
            bail!(
                "not listed after {} s: {lacking}. Can the registry reach {}? What came to \
                 /on_subscribe is in the server's log and at GET /networks of its admin API",
                wait.as_secs(),
                settings.subscriber_url
            );
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// The record, when it is all that we asked for; else what it lacks.
fn complete(settings: &Settings, found: std::sync::Arc<Subscriber>) -> Result<Subscriber, String> {
    let ours = settings.signer.active().key.verifying_key();
    if found.verifying_key != ours {
        let (listed, ours) = (found.verifying_key.fingerprint(), ours.fingerprint());
        return Err(format!(
            "the registry lists another key, {listed}, not our {ours}"
        ));
    }
    let is_missing = |domain: &&String| found.urls_for(domain).next().is_none();
    // Registries that list no URLs say nothing about domains either.
    match settings.domains.iter().find(is_missing) {
        Some(domain) if !found.urls.is_empty() => {
            Err(format!("the registry does not list us for {domain:?} yet"))
        }
        _ => Ok(Subscriber::clone(&found)),
    }
}

pub(in crate::app::cli) fn pick<'a>(
    networks: &'a [Settings],
    name: Option<&str>,
) -> anyhow::Result<&'a Settings> {
    let names: Vec<&str> = networks
        .iter()
        .map(|network| network.name.as_str())
        .collect();
    let names = names.join(", ");
    match (networks, name) {
        ([one], None) => Ok(one),
        (_, None) => bail!("name one of the networks with --network: {names}"),
        (all, Some(name)) => all
            .iter()
            .find(|network| network.name.as_str() == name)
            .with_context(|| format!("no network {name:?} is configured; there is: {names}")),
    }
}
