//! `serve`: the server, until a signal or a failed store ends it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::Misconfigured;
use crate::app::config::{self, AdminToken, Config};
use crate::app::server::Server;
use crate::app::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file; without it, the environment alone
    #[arg(long, value_name = "FILE", env = "BECKN_BPP_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = load(arguments.config.as_deref())?;
    telemetry::log_to_stderr(&config.log)?;
    let metrics = telemetry::metrics_on_demand()?;
    let grace = config.http.stop_grace;
    if let Some(AdminToken::Own(file)) = &config.admin_tokens.main {
        info!(file = %file.display(), "the admin token is the one in this file");
    }
    let stopped = stop_signal()?;
    let mut server = Server::start(config, metrics).await?;
    tokio::select! {
        () = stopped => server.stop(grace).await,
        why = server.failed() => {
            // Why is known already.
            let _ = server.stop(Duration::ZERO).await;
            bail!("the server stopped by itself: {why}")
        }
    }
}

/// Loads a configuration, or says everything that is wrong with it.
pub(super) fn load(path: Option<&Path>) -> anyhow::Result<Config> {
    config::load(path, config::process_environment())
        .map_err(|faults| Misconfigured(faults.to_string()).into())
}

/// Ends at SIGTERM or SIGINT. From this call on, not from the first wait, neither kills the
/// process: whoever reads that the server is ready may stop it at once.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
