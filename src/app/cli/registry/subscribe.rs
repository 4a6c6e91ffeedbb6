//! `registry subscribe`: asks a registry to list us, and waits until it does.
//!
//! The bodies are made of one network's section of the configuration, so what is registered is
//! what the server runs with. The server itself answers the challenge: this command only sends,
//! and looks the result up as the server would look up anybody.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{print, view};
use crate::app::cli::{Misconfigured, http_client, output, said_at, serve};
use crate::domain::ids::KeyId;
use crate::networks::Settings;
use crate::protocol::subscription::{Applicant, ENTITY_FILLED_IN, ENTITY_NEEDS, OndcRequest, Said};
use crate::registry::subscribe::subscribe;
use crate::registry::{self, Registry, Subscriber};

/// The first and the longest pause between two lookups.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// For how long keys are registered, unless told otherwise.
const VALID_DAYS: u32 = 365;

/// How a registry wants to be asked.
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
    /// How the registry wants to be asked
    #[arg(long, value_enum, default_value_t = Form::Core, requires_ifs = [("ondc", "entity"), ("ondc", "cities")])]
    form: Form,
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
    let bodies = bodies(settings, arguments, Utc::now())?;
    if arguments.dry_run {
        output::json(&json!(bodies));
        return Ok(());
    }
    if settings.handshake.challenge.is_none() {
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
    for body in bodies {
        let bytes = serde_json::to_vec(body)?;
        let asked = subscribe(
            &settings.registry,
            &client,
            &settings.signer,
            bytes,
            Utc::now(),
        );
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
    let key_id = KeyId::parse(&settings.signer.key_id)?;
    let until = Instant::now() + wait;
    let (mut told, mut pause) = (String::new(), PAUSES[0]);
    loop {
        let asked = registry.subscriber(&settings.subscriber_id, &key_id, Utc::now());
        let found = asked
            .await
            .map_err(|error| said_at(&settings.registry.url, &error));
        let lacking = match found.and_then(|found| complete(settings, found)) {
            Ok(found) => return Ok(found),
            Err(lacking) => lacking,
        };
        if Instant::now() + pause > until {
            bail!(
                "not listed after {} s: {lacking}. Can the registry reach {}? What came to \
                 /on_subscribe is in the server's log and at GET /networks of its admin API",
                wait.as_secs(),
                settings.subscriber_url
            );
        }
        if lacking != told {
            progress(&lacking);
            told = lacking;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// The record, when it is all that we asked for; else what it lacks.
fn complete(settings: &Settings, found: std::sync::Arc<Subscriber>) -> Result<Subscriber, String> {
    let ours = settings.signer.key.verifying_key();
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

fn pick<'a>(networks: &'a [Settings], name: Option<&str>) -> anyhow::Result<&'a Settings> {
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

fn bodies(
    settings: &Settings,
    arguments: &Arguments,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Value>> {
    let mut applicant = applicant(settings, now, arguments.valid_days);
    applicant.cities = &arguments.cities;
    applicant.country = arguments.country.as_deref();
    match (arguments.form, &arguments.entity) {
        (Form::Ondc, Some(file)) => ondc(settings, applicant, &entity(file)?),
        _ => Ok(core(settings, &applicant)),
    }
}

fn applicant(settings: &Settings, now: DateTime<Utc>, valid_days: u32) -> Applicant<'_> {
    let challenge = settings.handshake.challenge.as_ref();
    Applicant {
        subscriber_id: settings.subscriber_id.as_str(),
        url: settings.subscriber_url.as_str().trim_end_matches('/'),
        key_id: &settings.signer.key_id,
        signing_public_key: settings.signer.key.verifying_key().to_base64(),
        encryption_public_key: challenge.map(|challenge| challenge.public_key.to_base64()),
        valid_from: now,
        valid_until: now + TimeDelta::days(valid_days.into()),
        cities: &[],
        country: None,
    }
}

fn core(settings: &Settings, applicant: &Applicant<'_>) -> Vec<Value> {
    let one = |domain: &String| applicant.core(domain, &Uuid::new_v4().to_string());
    settings.domains.iter().map(one).collect()
}

/// The core form with nothing but what the configuration has.
pub(in crate::app::cli) fn core_bodies(settings: &Settings, now: DateTime<Utc>) -> Vec<Value> {
    core(settings, &applicant(settings, now, VALID_DAYS))
}

fn ondc(
    settings: &Settings,
    mut applicant: Applicant<'_>,
    entity: &Map<String, Value>,
) -> anyhow::Result<Vec<Value>> {
    let needed = |what: &str| {
        let name = &settings.name;
        Misconfigured(format!("ONDC's form needs {what} in [network.{name}]"))
    };
    let request_id = settings.handshake.site_request_id.as_deref();
    let request_id = request_id.ok_or_else(|| needed("site_verification_request_id"))?;
    let challenge = settings.handshake.challenge.as_ref();
    let challenge = challenge.ok_or_else(|| needed("encryption_key_file"))?;
    // ONDC reads encryption keys as DER.
    applicant.encryption_public_key = Some(challenge.public_key.to_spki_base64());
    let on = OndcRequest {
        request_id,
        base_path: settings.subscriber_url.path().trim_end_matches('/'),
        domains: &settings.domains,
    };
    Ok(vec![applicant.ondc(entity, &on)])
}

/// Reads the company's part, and says at once everything that is wrong with it.
fn entity(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = file.display();
    let text = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let entity: Map<String, Value> =
        serde_json::from_slice(&text).with_context(|| format!("{shown} is no JSON object"))?;
    let missing = ENTITY_NEEDS
        .iter()
        .filter(|name| !entity.contains_key(**name));
    let missing: Vec<_> = missing.copied().collect();
    let extra = ENTITY_FILLED_IN
        .iter()
        .filter(|name| entity.contains_key(**name));
    let extra: Vec<_> = extra.copied().collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(format!("it lacks {}", missing.join(", ")));
    }
    if !extra.is_empty() {
        let extra = extra.join(", ");
        faults.push(format!(
            "{extra} come from the configuration: take them out"
        ));
    }
    match faults.is_empty() {
        true => Ok(entity),
        false => bail!("{shown}: {}", faults.join("; ")),
    }
}
