//! `registry subscribe|lookup|purge`: getting listed, what a registry vouches for, read as the
//! server reads it, and having a running server forget it.
//!
//! The question and the reading of the answer are the server's own, so that a key that is shown
//! here is one that the server would verify with. Nothing is kept here.

use std::path::PathBuf;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use url::Url;

pub(super) mod subscribe;

use super::admin::{Admin, encoded};
use super::{output, serve};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::protocol::registry::Role;
use crate::registry::{Address, Asked, Registry, Settings, Subscriber};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Ask a network's registry to list this server, and wait until it does
    ///
    /// Sends the keys and the address of one [network.NAME] of the configuration, signed. The
    /// registry then challenges the server at {subscriber_url}/on_subscribe, so the server must
    /// be running with the same configuration, where the registry can reach it. Exit code 0 when
    /// the registry lists this key as SUBSCRIBED, 1 when it refuses or does not do so in time,
    /// 4 when the configuration does not have what it takes.
    Subscribe(subscribe::Arguments),
    /// Show the key, type and URLs of a subscriber; exit code 1 when the key is not to be used
    ///
    /// With --config the registry of one [network.NAME] is asked as the server asks it: in its
    /// form, signed with the network's key. With --registry any registry of the core form is
    /// asked, unsigned.
    Lookup(Lookup),
    /// Have the running server forget what its registries said of a subscriber
    ///
    /// The registry is asked again before any key of the subscriber is used, so a key that was
    /// revoked there is refused at once, not only when registry_cache_ttl is over.
    Purge {
        #[command(flatten)]
        admin: Admin,
        /// The subscriber's id
        subscriber: String,
        /// Only this key of it
        #[arg(long, value_name = "ID")]
        key: Option<String>,
        /// Only on this network
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Lookup {
    /// The subscriber's id
    subscriber: String,
    /// The id of its key (`ukId` in older registries)
    key: String,
    /// A registry of the core form; /lookup is added
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "config",
        default_value = super::cancel::MOCK_REGISTRY
    )]
    registry: Url,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The NAME of its [network.NAME]; may be left out where there is one only
    #[arg(long, value_name = "NAME", requires = "config")]
    network: Option<String>,
    /// What the subscriber is, which UHI's registry wants to be told
    #[arg(long, value_name = "ROLE", default_value = "buyer", value_parser = role)]
    role: Role,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn role(word: &str) -> Result<Role, String> {
    match word {
        "buyer" => Ok(Role::Buyer),
        "gateway" => Ok(Role::Gateway),
        "provider" => Ok(Role::Provider),
        _ => Err("expected buyer, gateway or provider".to_owned()),
    }
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Subscribe(arguments) => subscribe::run(arguments).await,
        Command::Lookup(arguments) => lookup(arguments).await,
        Command::Purge {
            admin,
            subscriber,
            key,
            network,
            json,
        } => {
            let mut query = format!("subscriber={}", encoded(subscriber));
            for (name, value) in [("key_id", key), ("network", network)] {
                if let Some(value) = value {
                    query.push_str(&format!("&{name}={}", encoded(value)));
                }
            }
            purge(admin, &query, *json).await
        }
    }
}

async fn purge(admin: &Admin, query: &str, json: bool) -> anyhow::Result<()> {
    let path = format!("/networks/purge?{query}");
    let answer = admin.client()?.post(&path, &json!({})).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let purged = answer["purged"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for key in &purged {
        let [network, subscriber, key_id] =
            ["network", "subscriber", "key_id"].map(|name| text(&key[name]));
        println!("forgotten    {subscriber} {key_id} (on {network})");
    }
    if purged.is_empty() {
        println!("nothing was known of it; its registry is asked when it comes");
    }
    Ok(())
}

async fn lookup(arguments: &Lookup) -> anyhow::Result<()> {
    let asked = Asked {
        subscriber: SubscriberId::parse(&arguments.subscriber)?,
        key_id: KeyId::parse(&arguments.key)?,
        role: arguments.role,
    };
    let settings = match &arguments.config {
        None => Settings::at(arguments.registry.clone()),
        Some(file) => {
            let config = serve::load(Some(file))?;
            let network = subscribe::pick(&config.networks, arguments.network.as_deref())?;
            network.registry.clone()
        }
    };
    let at = settings
        .lookup_url
        .as_ref()
        .unwrap_or(&settings.url)
        .clone();
    let asker = Registry::new(settings, super::http_client()?);
    let found = match asker.subscriber(&asked, Utc::now()).await {
        Ok(found) => found,
        Err(error) => bail!(super::said_at(&at, &error)),
    };
    match arguments.json {
        true => output::json(&view(&found)),
        false => print(&found),
    }
    Ok(())
}

/// What the registry lists, for `--json`.
pub(super) fn view(found: &Subscriber) -> serde_json::Value {
    let urls = found.urls.iter();
    let urls = urls.map(|Address { domain, url }| json!({"domain": domain, "url": url.as_str()}));
    json!({
        "subscriber_id": found.id,
        "key_id": found.key_id,
        "types": found.roles,
        "urls": urls.collect::<Vec<_>>(),
        "signing_public_key": found.verifying_key.to_base64(),
        "fingerprint": found.verifying_key.fingerprint(),
        "valid_from": found.valid_from,
        "valid_until": found.valid_until,
    })
}

fn print(found: &Subscriber) {
    println!("subscriber   {}", found.id);
    println!("type         {}", found.roles.join(", "));
    println!("key id       {}", found.key_id);
    println!("public key   {}", found.verifying_key.to_base64());
    println!("fingerprint  {}", found.verifying_key.fingerprint());
    println!(
        "valid        {}",
        validity(found.valid_from, found.valid_until)
    );
    for Address { domain, url } in &found.urls {
        let domain = domain.as_deref().unwrap_or("every domain");
        println!("url          {url} (for {domain})");
    }
}

fn validity(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> String {
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    match (from.map(text), until.map(text)) {
        (None, None) => "without a limit".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    }
}
