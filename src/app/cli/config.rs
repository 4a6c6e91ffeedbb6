//! `config defaults|check|show`.

use std::path::PathBuf;

use super::serve::load;
use crate::app::config;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print every setting with its default and a comment
    Defaults,
    /// Say everything that is wrong with a configuration
    Check {
        /// The configuration file
        #[arg(long, env = "BECKN_BPP_CONFIG")]
        config: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show every setting and where it comes from; secrets are masked
    Show {
        /// The configuration file
        #[arg(long, env = "BECKN_BPP_CONFIG")]
        config: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Defaults => print!("{}", config::DEFAULTS),
        Command::Check { config, json } => {
            let checked = load(config.as_deref())?;
            match json {
                true => println!("{}", serde_json::json!({"ok": true})),
                false => println!("{}", config::render_check(&checked).trim_end()),
            }
        }
        Command::Show { config, json } => {
            let loaded = load(config.as_deref())?;
            println!("{}", config::render_show(&loaded, *json).trim_end());
        }
    }
    Ok(())
}
