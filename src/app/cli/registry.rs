//! `registry subscribe|lookup`: getting listed, and what a registry vouches for, read as the
//! server reads it.
//!
//! The question and the reading of the answer are the server's own, so that a key that is shown
//! here is one that the server would verify with. Nothing is kept here.

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use url::Url;

pub(super) mod subscribe;

use super::output;
use crate::domain::ids::{KeyId, SubscriberId};
use crate::registry::{Address, Registry, Settings, Subscriber};

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
    Lookup {
        /// The subscriber's id
        subscriber: String,
        /// The id of its key (`ukId` in older registries)
        key: String,
        /// The registry; /lookup is added
        #[arg(
            long,
            value_name = "URL",
            default_value = super::cancel::MOCK_REGISTRY
        )]
        registry: Url,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    let (subscriber, key, registry, json) = match command {
        Command::Subscribe(arguments) => return subscribe::run(arguments).await,
        Command::Lookup {
            subscriber,
            key,
            registry,
            json,
        } => (subscriber, key, registry, json),
    };
    let (id, key) = (SubscriberId::parse(subscriber)?, KeyId::parse(key)?);
    let asker = Registry::new(Settings::at(registry.clone()), super::http_client()?);
    let found = match asker.subscriber(&id, &key, Utc::now()).await {
        Ok(found) => found,
        Err(error) => bail!(super::said_at(registry, &error)),
    };
    match json {
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
