//! `admin-token new`: a token for the admin API, and the section that lets it in.
//!
//! Needs no server. The token is shown or written once and kept nowhere; the configuration gets
//! its SHA-256, which nobody can make the token of.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use super::{keys, output};
use crate::app::config;
use crate::http::admin::access::Scope;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token: prints it once, and the section to put into the configuration
    ///
    /// Scopes: `orders` hands over, changes and cancels orders; `read` sees orders, events,
    /// callbacks, sessions, refusals and the audit, personal data among them; `operate` redrives,
    /// holds and releases callbacks and erases orders; `metrics` sees the metrics. The server
    /// takes the token once the section is in its configuration and it was started again; a
    /// section with sha256_file in place of sha256 names a file with the hash, which may be
    /// replaced while the server runs.
    New {
        /// What the token is called where something is recorded
        name: String,
        /// What it may do; may be given several times
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_enum)]
        scopes: Vec<Scope>,
        /// When it ends, from now: 90d, 12h; without this, never
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        expires: Option<Duration>,
        /// Write the token to this file, which only you can read, and do not print it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
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

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let found = config::duration(text).filter(|duration| !duration.is_zero());
    found.ok_or_else(|| "expected a duration with its unit such as 90d or 12h".to_owned())
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    let Command::New {
        name,
        scopes,
        expires,
        out,
        json,
    } = command;
    if let Some(rule) = config::token_name_fault(name) {
        bail!("{name:?} cannot be the name of a token: expected {rule}");
    }
    let token = config::random()?;
    let sha256 = config::hex(&config::sha256(&token));
    let expires = expires.map(end).transpose()?;
    let mut words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    words.sort_unstable();
    words.dedup();
    if let Some(path) = out {
        keys::write_private(path, &token)?;
    }
    let shown = out.is_none().then_some(token.as_str());
    if *json {
        output::json(&json!({
            "name": name, "token": shown, "file": out, "sha256": sha256, "scopes": words,
            "expires": expires,
        }));
        return Ok(());
    }
    match (shown, out) {
        // No TOML on purpose: nobody should keep it beside its hash.
        (Some(token), _) => println!("token  {token}  (shown only now)\n"),
        (None, Some(path)) => println!("# The token is in {}.", path.display()),
        (None, None) => {}
    }
    println!("# For the configuration; the server takes it when it is started again.");
    println!("[admin_token.{name}]");
    println!("sha256 = \"{sha256}\"");
    println!("scopes = {}", json!(words));
    if let Some(expires) = expires {
        println!("expires = \"{expires}\"");
    }
    Ok(())
}

/// As the configuration writes it.
pub(super) fn end(after: Duration) -> anyhow::Result<String> {
    let end: Option<DateTime<Utc>> = TimeDelta::from_std(after)
        .ok()
        .and_then(|after| Utc::now().checked_add_signed(after));
    match end {
        Some(end) => Ok(end.to_rfc3339_opts(SecondsFormat::Secs, true)),
        None => bail!("--expires is too far away"),
    }
}
