//! `api-key new|list|revoke`: the keys of the bookings door.
//!
//! They are in the file that the configuration names, as hashes; a running server takes a change
//! within a second. Needs no server, and of the configuration the section of the door alone. A key
//! is shown or written once and kept nowhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use super::admin_token::{duration, end};
use super::{Misconfigured, keys, output};
use crate::app::api_keys::{self, ApiKey, ApiKeys};
use crate::app::config::{self, Environment};
use crate::http::bookings::keys::Scope;

#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The configuration file, whose [bookings] section is looked at; without it, the environment
    /// alone
    #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key and let it in: prints it once
    ///
    /// Scopes: `bookings:read` sees bookings, `bookings:write` cancels them.
    New {
        /// What people call it: the partner, say
        name: String,
        /// What it may do; may be given several times
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_enum)]
        scopes: Vec<Scope>,
        /// Bind it to a venue, the `tenant` of its bookings; may be given several times. Without
        /// this it may see and cancel the bookings of every venue
        #[arg(long = "venue", value_name = "VENUE")]
        venues: Vec<String>,
        /// When it ends, from now: 90d, 12h; without this, never
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        expires: Option<Duration>,
        /// Write the key to this file, which only you can read, and do not print it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        place: Where,
    },
    /// Show all keys, those revoked among them, but never their texts
    List {
        #[command(flatten)]
        place: Where,
    },
    /// End a key, by its id or by a name that one key alone has; for good
    Revoke {
        /// The id between `sk_live_` and the next `_`, or the name
        key: String,
        #[command(flatten)]
        place: Where,
    },
}

impl clap::ValueEnum for Scope {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.word().into())
    }
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::New {
            name,
            scopes,
            venues,
            expires,
            out,
            place,
        } => {
            if let Some(rule) = config::token_name_fault(name) {
                bail!("{name:?} cannot be the name of a key: expected {rule}");
            }
            if venues.iter().any(|venue| venue.trim().is_empty()) {
                bail!("a venue must not be empty: leave --venue out for a key of all venues");
            }
            let (mut key, text) = api_keys::new(name, scopes, venues.clone(), Utc::now())?;
            let ends = expires.map(end).transpose()?;
            key.expires_at = ends.map(|at| at.parse::<DateTime<Utc>>()).transpose()?;
            let opened = Opened::at(place)?;
            if let Some(path) = out {
                keys::write_private(path, &text)?;
            }
            opened.change(|all| {
                all.keys.push(key.clone());
                Ok(())
            })?;
            let shown = out.is_none().then_some(text.as_str());
            print_new(&key, shown, out.as_deref(), place.json);
            Ok(())
        }
        Command::List { place } => {
            let all = Opened::at(place)?.read()?;
            list(&all, place.json);
            Ok(())
        }
        Command::Revoke { key, place } => {
            let revoked = Opened::at(place)?.change(|all| revoke(all, key, Utc::now()))?;
            match place.json {
                true => output::json(&view(&revoked)),
                false => println!(
                    "revoked  {} ({}); a running server refuses it within a second",
                    revoked.id, revoked.name
                ),
            }
            Ok(())
        }
    }
}

/// The file of keys that a configuration names.
struct Opened {
    path: PathBuf,
    environment: Environment,
}

impl Opened {
    fn at(place: &Where) -> anyhow::Result<Self> {
        let path = place.config.as_deref();
        let found = config::load_bookings(path, config::process_environment());
        let (environment, bookings) = found.map_err(|faults| Misconfigured(faults.to_string()))?;
        let bookings = bookings.ok_or_else(|| {
            Misconfigured(match path {
                Some(path) => format!(
                    "{} has no [bookings] section: the door is not open, and has no keys",
                    path.display()
                ),
                None => "the configuration says where the keys are, and none is named: give \
                         --config FILE or set BECKN_BPP_CONFIG to the file whose [bookings] \
                         section opens the door"
                    .to_owned(),
            })
        })?;
        Ok(Self {
            path: bookings.keys_file,
            environment,
        })
    }

    fn read(&self) -> anyhow::Result<ApiKeys> {
        let read = ApiKeys::read(&self.path, self.environment);
        read.map_err(|problem| Misconfigured(problem.to_string()).into())
    }

    /// Reads, changes and replaces the file; of two who do so at once the second waits.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut ApiKeys) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let directory = self
            .path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let named = || format!("cannot write {}", self.path.display());
        // The file itself is replaced, so the lock is on its directory. It ends with `lock`.
        let lock = File::open(directory).with_context(named)?;
        flock(&lock, FlockOperation::LockExclusive).with_context(named)?;
        let mut all = self.read()?;
        let changed = change(&mut all)?;
        all.write(&self.path).with_context(named)?;
        Ok(changed)
    }
}

fn revoke(all: &mut ApiKeys, wanted: &str, now: DateTime<Utc>) -> anyhow::Result<ApiKey> {
    let by_id = all.keys.iter().position(|key| key.id == wanted);
    let mut named = all
        .keys
        .iter()
        .enumerate()
        .filter(|(_, key)| by_id.is_none() && key.name == wanted && key.revoked_at.is_none());
    let at = match (by_id, named.next(), named.next()) {
        (Some(at), ..) | (None, Some((at, _)), None) => at,
        (None, None, _) => bail!("no key that holds has the id or name {wanted:?}"),
        (None, Some(_), Some(_)) => {
            bail!("several keys are called {wanted:?}: give the id of one (`api-key list`)")
        }
    };
    let key = &mut all.keys[at];
    key.revoked_at.get_or_insert(now);
    Ok(key.clone())
}

fn print_new(key: &ApiKey, shown: Option<&str>, out: Option<&Path>, as_json: bool) {
    if as_json {
        let mut value = view(key);
        value["key"] = json!(shown);
        value["file"] = json!(out);
        output::json(&value);
        return;
    }
    match (shown, out) {
        (Some(text), _) => println!("key     {text}  (shown only now)"),
        (None, Some(path)) => println!("key     in {}", path.display()),
        (None, None) => {}
    }
    println!("id      {}", key.id);
    println!("scopes  {}", key.scopes.join(", "));
    println!("venues  {}", venues(key));
    println!(
        "ends    {}",
        key.expires_at.map_or("never".to_owned(), time)
    );
}

fn list(all: &ApiKeys, as_json: bool) {
    if as_json {
        let keys: Vec<Value> = all.keys.iter().map(view).collect();
        output::json(&json!({"keys": keys}));
        return;
    }
    let row = |key: &ApiKey| {
        let until = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(at)) => format!("until {}", time(at)),
            (None, None) => "holds".to_owned(),
        };
        vec![
            key.id.clone(),
            key.name.clone(),
            key.scopes.join(","),
            venues(key),
            time(key.created_at),
            until,
        ]
    };
    let rows: Vec<_> = all.keys.iter().map(row).collect();
    output::table(&["ID", "NAME", "SCOPES", "VENUES", "MADE", "STATE"], &rows);
}

fn view(key: &ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "sha256": key.sha256, "scopes": key.scopes,
        "venues": key.venues, "created_at": time(key.created_at),
        "expires_at": key.expires_at.map(time), "revoked_at": key.revoked_at.map(time),
    })
}

fn venues(key: &ApiKey) -> String {
    match key.venues.is_empty() {
        true => "all".to_owned(),
        false => key.venues.join(","),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
