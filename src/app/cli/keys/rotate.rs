//! `keys rotate`: a new signing key for a network, in two steps, while the server runs.
//!
//! The files are the state: the waiting key lies beside the one in use, with its id, and takes
//! its place by a rename. The server looks at both files and follows. In between, the registry
//! is told of the waiting key (`registry subscribe --next`); the second step asks it first,
//! because a key that it does not list is one that nobody accepts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::Utc;
use serde_json::json;
use uuid::Uuid;

use super::{Encoding, Key, write_private};
use crate::app::cli::registry::subscribe::pick;
use crate::app::cli::{Misconfigured, http_client, output, said_at, serve};
use crate::app::config::{KeyFiles, beside};
use crate::crypto::keys::SigningKey;
use crate::crypto::signature::Signer;
use crate::domain::ids::KeyId;
use crate::networks::Settings;
use crate::protocol::registry::Role;
use crate::registry::{self, Asked, Registry};

#[derive(Debug, clap::Args)]
pub(in crate::app::cli) struct Arguments {
    /// The configuration file; without it, the environment alone
    #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
    config: Option<PathBuf>,
    /// The NAME of its [network.NAME]; may be left out where there is one only
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// The id of the new key; without it, the present one counted on, or a new UUID for a UUID
    #[arg(long, value_name = "ID", value_parser = KeyId::parse, conflicts_with = "activate")]
    key_id: Option<KeyId>,
    /// Sign with the waiting key from now on; the one in use is kept beside it as `.previous`
    #[arg(long)]
    activate: bool,
    /// Also when the registry does not list the waiting key
    #[arg(long, requires = "activate")]
    unlisted: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = serve::load(arguments.config.as_deref())?;
    let network = pick(&config.networks, arguments.network.as_deref())?;
    let name = network.name.as_str();
    let files = config.key_files.get(name).ok_or_else(|| {
        let variable = "its signing key is in a variable: put it in a signing_key_file";
        Misconfigured(format!("[network.{name}] cannot be rotated: {variable}"))
    })?;
    match arguments.activate {
        false => prepare(network, files, arguments),
        true => activate(network, files, arguments).await,
    }
}

fn prepare(network: &Settings, files: &KeyFiles, arguments: &Arguments) -> anyhow::Result<()> {
    let waiting = files.next.display();
    if let Some(next) = network.signer.next() {
        let key_id = &next.key_id;
        bail!("{key_id} waits already, in {waiting}: register it, then `keys rotate --activate`");
    }
    let active = network.signer.active();
    let key_id = match &arguments.key_id {
        Some(given) => given.to_string(),
        None => after(&active.key_id),
    };
    if key_id == active.key_id {
        bail!("the key in use has the id {key_id}: a new key needs another");
    }
    let key = SigningKey::generate()?;
    let text = Key::Signing(key.clone()).written(Encoding::Raw)?;
    write_private(&files.next, &format!("{key_id} {}", text.as_str()))?;
    if arguments.json {
        output::json(&view(network, "prepared", (&key_id, &key), &files.next));
        return Ok(());
    }
    println!(
        "key id               {key_id}, to come after {}",
        active.key_id
    );
    Key::Signing(key).show(&files.next, false);
    let named = format!("--network {}", network.name);
    println!("next                 beckn-bpp registry subscribe --next {named}");
    println!("then                 beckn-bpp keys rotate --activate {named}");
    Ok(())
}

async fn activate(
    network: &Settings,
    files: &KeyFiles,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let Some(next) = network.signer.next() else {
        let missing = files.next.display();
        bail!("no key waits in {missing}: make one with `keys rotate`");
    };
    if !arguments.unlisted {
        check_listed(network, &next).await?;
    }
    let previous = beside(&files.active, "previous");
    swap(files, &previous).with_context(|| {
        let (next, active) = (files.next.display(), files.active.display());
        format!("cannot put {next} in the place of {active}")
    })?;
    let key_id = &next.key_id;
    if arguments.json {
        let mut view = view(network, "activated", (key_id, &next.key), &files.active);
        view["previous_file"] = json!(previous);
        output::json(&view);
        return Ok(());
    }
    println!("in use               {key_id}: a running server signs with it within a second");
    println!(
        "fingerprint          {}",
        next.key.verifying_key().fingerprint()
    );
    println!("previous             {}", previous.display());
    Ok(())
}

/// The registry must vouch for the waiting key before anything is signed with it.
async fn check_listed(network: &Settings, next: &Signer) -> anyhow::Result<()> {
    let fresh = registry::Settings::clone(&network.registry);
    let url = fresh.url.clone();
    let asked = Asked {
        subscriber: network.subscriber_id.clone(),
        key_id: KeyId::parse(&next.key_id)?,
        role: Role::Provider,
    };
    let registry = Registry::new(fresh, http_client()?);
    let lacking = match registry.subscriber(&asked, Utc::now()).await {
        Ok(listed) if listed.verifying_key == next.key.verifying_key() => return Ok(()),
        Ok(listed) => {
            let fingerprint = listed.verifying_key.fingerprint();
            format!("the registry lists {fingerprint} under that id (asked at {url})")
        }
        Err(error) => said_at(&url, &error),
    };
    bail!(
        "{} is not in use yet, for nobody would accept it: {lacking}. Register it with \
         `registry subscribe --next`, or add --unlisted",
        next.key_id
    )
}

/// There is a key under the name in use at any moment; the rename is the moment of change.
fn swap(files: &KeyFiles, previous: &Path) -> std::io::Result<()> {
    if previous.exists() {
        fs::remove_file(previous)?;
    }
    fs::hard_link(&files.active, previous)?;
    fs::rename(&files.next, &files.active)?;
    let directory = files
        .active
        .parent()
        .filter(|at| !at.as_os_str().is_empty());
    fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// The id that follows: `k2` after `k1`, a new UUID after a UUID, `main-2` after `main`.
fn after(key_id: &str) -> String {
    if Uuid::parse_str(key_id).is_ok() {
        return Uuid::new_v4().to_string();
    }
    let stem = key_id.trim_end_matches(|c: char| c.is_ascii_digit());
    match key_id[stem.len()..].parse::<u64>() {
        Ok(number) => format!("{stem}{}", number.saturating_add(1)),
        Err(_) => format!("{key_id}-2"),
    }
}

fn view(
    network: &Settings,
    step: &str,
    (key_id, key): (&str, &SigningKey),
    file: &Path,
) -> serde_json::Value {
    let public = key.verifying_key();
    json!({
        "network": network.name,
        "step": step,
        "key_id": key_id,
        "file": file,
        "fingerprint": public.fingerprint(),
        "public_base64": public.to_base64(),
        "public_spki_base64": public.to_spki_base64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_that_follows_is_another_of_the_same_kind() {
        for (present, following) in [("k1", "k2"), ("k09", "k10"), ("7", "8"), ("main", "main-2")] {
            assert_eq!(after(present), following);
        }
        let uuid = "27baa06d-f90a-486c-85e5-cc621b787f04";
        let following = after(uuid);
        assert!(following != uuid && Uuid::parse_str(&following).is_ok());
    }
}
