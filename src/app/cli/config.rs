//! `config defaults|check|show`: what the server would make of a file and the environment.
//!
//! Loading is the server's own; nothing is started and nothing is written. Secrets were masked
//! when they were read.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::serve::load;
use super::{Misconfigured, output};
use crate::app::config::{self, Fault};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print every setting with its default and a comment
    Defaults,
    /// Say everything that is wrong with a configuration; exit code 4 when something is
    Check {
        /// The configuration file; without it, the environment alone
        #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
        config: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show every setting and where it comes from; secrets are masked
    Show {
        /// The configuration file; without it, the environment alone
        #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
        config: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Defaults => print!("{}", config::DEFAULTS),
        Command::Check { config, json } => check(config.as_deref(), *json)?,
        Command::Show { config, json } => {
            let loaded = load(config.as_deref())?;
            println!("{}", config::render_show(&loaded, *json).trim_end());
        }
    }
    Ok(())
}

fn check(path: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let loaded = config::load(path, config::process_environment());
    if json {
        let faults = loaded
            .as_ref()
            .err()
            .map(|faults| faults.0.iter().map(of_fault));
        let faults: Vec<_> = faults.into_iter().flatten().collect();
        output::json(&json!({"ok": faults.is_empty(), "faults": faults}));
    }
    match loaded {
        Ok(checked) if !json => println!("{}", config::render_check(&checked).trim_end()),
        Ok(_) => {}
        Err(faults) => return Err(Misconfigured(faults.to_string()).into()),
    }
    Ok(())
}

/// A fault as scripts read it.
pub(super) fn of_fault(fault: &Fault) -> serde_json::Value {
    json!({
        "key": fault.key,
        "place": fault.place.to_string(),
        "value": fault.value,
        "problem": fault.problem.to_string(),
    })
}
