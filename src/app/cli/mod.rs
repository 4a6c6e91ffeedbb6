//! The command line: one file per command group, exit codes as promised.
//!
//! 0 ok, 1 failed, 2 usage, 3 store corrupt, 4 configuration.

mod admin;
mod admin_token;
mod api_key;
mod audit;
mod callback;
mod cancel;
mod cancel_many;
mod config;
mod exchange;
mod import;
mod keys;
mod mock_network;
mod order;
mod order_part;
mod output;
mod policy;
mod registry;
mod salvage;
mod serve;
mod signature;
mod store;
mod transaction;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::domain::told::told;
use crate::store as records;

/// How long what is still going on in threads of its own may hold up the end of the process.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// The cancellation server of a Beckn provider platform.
#[derive(Debug, Parser)]
#[command(
    name = "beckn-bpp",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: HTTP and delivery
    Serve(serve::Arguments),
    /// Try it: networks with all their parties and this server on loopback, and the first cancellations
    MockNetwork(mock_network::Arguments),
    /// Make and show key pairs, in every encoding networks ask for
    #[command(subcommand)]
    Keys(keys::Command),
    /// Hand over, show, cancel, refuse to cancel and erase orders, through the admin API
    #[command(subcommand)]
    Order(order::Command),
    /// Check cancellation policies, and see what cancelling an order would cost
    #[command(subcommand)]
    Policy(policy::Command),
    /// See and steer the on_cancel messages owed to the networks
    #[command(subcommand)]
    Callback(callback::Command),
    /// See and export what is kept of a transaction
    #[command(subcommand)]
    Transaction(transaction::Command),
    /// See which admin token asked for what: cancels, redrives, holds, erasures, exports
    Audit(audit::Arguments),
    /// Make tokens for the admin API that may do less than all
    #[command(subcommand)]
    AdminToken(admin_token::Command),
    /// Make, list and revoke the API keys of the bookings door
    #[command(subcommand)]
    ApiKey(api_key::Command),
    /// Sign, verify and explain signatures
    #[command(subcommand)]
    Signature(signature::Command),
    /// Get listed in a registry, and ask it
    #[command(subcommand)]
    Registry(registry::Command),
    /// Act as a BAP: sign a cancel, send it, wait for the on_cancel, show both
    ///
    /// The defaults are those of a running mock-network. Exit code 0 when the request was
    /// acknowledged and a verified on_cancel came, also when that says that the order cannot be
    /// cancelled: it is the answer. Exit code 1 when the request was refused, or no on_cancel
    /// came, or its signature does not hold.
    Cancel(Box<cancel::Arguments>),
    /// Look at the store of a server that is stopped
    #[command(subcommand)]
    Store(store::Command),
    /// See and check the configuration
    #[command(subcommand)]
    Config(config::Command),
}

/// A configuration that cannot be used: exit code 4.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misconfigured(pub String);

/// Runs the command line and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    end_quietly_without_reader();
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => to_its_end(runtime, run(command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("beckn-bpp: {}", told(error.as_ref()));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Runs this, and does not wait for what it has left behind: a look-up of a name runs in a thread of
/// its own, which nobody can stop, and where the name server is silent it takes a minute.
fn to_its_end<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LEFT_BEHIND);
    result
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::MockNetwork(arguments) => mock_network::run(&arguments).await,
        Command::Keys(command) => keys::run(&command).await,
        Command::Order(command) => order::run(&command).await,
        Command::Policy(command) => policy::run(&command).await,
        Command::Callback(command) => callback::run(&command).await,
        Command::Transaction(command) => transaction::run(&command).await,
        Command::Audit(arguments) => audit::run(&arguments).await,
        Command::AdminToken(command) => admin_token::run(&command),
        Command::ApiKey(command) => api_key::run(&command),
        Command::Signature(command) => signature::run(&command).await,
        Command::Registry(command) => registry::run(&command).await,
        Command::Cancel(arguments) => cancel::run(&arguments).await,
        Command::Store(command) => store::run(&command),
        Command::Config(command) => config::run(&command),
    }
}

/// `beckn-bpp ... | head` ends the reader first; that is no fault to report. `println!` panics
/// then, and the signal that ends other programs cannot be switched back on without unsafe code.
fn end_quietly_without_reader() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to std") && text.contains("Broken pipe") {
            std::process::exit(1);
        }
        report(panic);
    }));
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Misconfigured>().is_some() {
        return 4;
    }
    match error.downcast_ref::<records::Error>() {
        Some(records::Error::Corrupt { .. } | records::Error::TooNew { .. }) => 3,
        _ => 1,
    }
}

/// Picks the TLS provider of the process, once.
fn install_tls() {
    // Somebody else may have been first; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A plain HTTP client for the admin API and for registries.
fn http_client() -> reqwest::Result<reqwest::Client> {
    install_tls();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(60))
        .build()
}

/// What a registry said or did not say, with the address and the cause: the server keeps both
/// to itself.
fn said_at(registry: &url::Url, error: &crate::registry::Error) -> String {
    let text = error.to_string();
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.to_string() {
        // Most errors tell their cause themselves.
        cause if text.contains(&cause) => format!("{text} (asked at {registry})"),
        cause => format!("{text}: {cause} (asked at {registry})"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_end_does_not_wait_for_a_thread_that_hangs() {
        let longest = Duration::from_secs(30);
        let (hang_up, hung_up) = mpsc::channel::<()>();
        let runtime = Runtime::new().expect("a runtime");
        let began = Instant::now();
        let result = to_its_end(runtime, async move {
            // As a look-up of a name does whose server is silent.
            drop(tokio::task::spawn_blocking(move || {
                hung_up.recv_timeout(longest)
            }));
            7
        });
        assert_eq!(result, 7);
        assert!(began.elapsed() < longest, "it waited for the thread");
        drop(hang_up);
    }
}
