//! `order import|show|cancel|refuse|erase`: the provider's side, through the admin API.

mod cancel;
mod show;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};

use super::admin::{Admin, Client, path_of};
use super::{import, output};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Hand over orders from a file: one on_confirm message, or many, one on each line
    ///
    /// Each message is what the provider sends as on_confirm (on_status and on_update are taken
    /// too): context and message.order, with an optional booking block. A line that is refused
    /// is reported by its number and makes the exit code 1; the other lines are imported.
    /// Importing the same file again changes nothing.
    Import {
        #[command(flatten)]
        admin: Admin,
        /// The file, or - for standard input
        file: PathBuf,
        /// Print one JSON line for each order
        #[arg(long)]
        json: bool,
    },
    /// Show one order
    Show {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// The network, where the id is on two
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Cancel one order at once, or all of a doctor's in a span of time; the BAPs hear of it
    ///
    /// With --filter the number of orders is said first, and nothing is cancelled without --yes.
    /// Each order is cancelled by itself: when this ends halfway, the same command again goes on
    /// with what is left.
    Cancel(Box<cancel::Arguments>),
    /// Do not cancel what the network asked the provider to cancel; the BAP hears of it
    ///
    /// For what waits for the provider: a question to `hook_url`, after which the order goes on, or
    /// one of ONDC's tickets, which is over then and keeps its price. To cancel it, use `order cancel`.
    Refuse {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// A sentence for people
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// The network, where the id is on two
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Erase personal data and raw messages of an order that is over; this cannot be undone
    ///
    /// What goes: the document, the raw bodies of its cancels, the bodies of its callbacks, what
    /// was answered to them, the patient, and reasons in words. What stays: ids, states, times,
    /// amounts, terms, reason codes, and of each cancel the digest, header and key, so that a
    /// repeated request still gets its answer. The order must be final, and nothing owed for
    /// it: no callback, and no decision on a cancellation that waits for the provider.
    /// A BAP that asks about it later is told that there is no such order; importing it again
    /// changes nothing. The store lets go of the bytes at once, but they may stay readable in its
    /// files on disk until it has written that part of them anew, and in backups.
    Erase {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// The network, where the id is on two
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Import { admin, file, json } => import::run(&admin.client()?, file, *json).await,
        Command::Show {
            admin,
            id,
            network,
            json,
        } => show::run(&admin.client()?, id, network.as_deref(), *json).await,
        Command::Cancel(arguments) => cancel::run(arguments).await,
        Command::Refuse {
            admin,
            id,
            note,
            network,
            json,
        } => {
            let path = path(id, "/refuse", network.as_deref());
            refuse(&admin.client()?, &path, &json!({"note": note}), *json).await
        }
        Command::Erase {
            admin,
            id,
            network,
            yes,
            json,
        } => {
            let client = admin.client()?;
            if !yes {
                confirm(id)?;
            }
            erase(&client, &path(id, "/erase", network.as_deref()), *json).await
        }
    }
}

/// Asks a person; a script has to say --yes.
fn confirm(id: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("erasing cannot be undone: say --yes to erase order {id}");
    }
    eprint!("Erase personal data and raw messages of order {id}? This cannot be undone. [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was erased"),
    }
}

async fn erase(client: &Client, path: &str, json: bool) -> anyhow::Result<()> {
    let answer = client.post(path, &json!({})).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    println!(
        "order {} is erased since {}: now the bytes of {} requests and {} callbacks",
        output::text(&answer, "id"),
        output::time(&answer, "erased_at"),
        answer["requests"],
        answer["callbacks"],
    );
    Ok(())
}

async fn refuse(client: &Client, path: &str, body: &Value, json: bool) -> anyhow::Result<()> {
    let order = client.post(path, body).await?;
    if json {
        output::json(&order);
        return Ok(());
    }
    println!(
        "order {} is not cancelled: {}",
        output::text(&order, "id"),
        output::text(&order, "state")
    );
    Ok(())
}

fn path(id: &str, action: &str, network: Option<&str>) -> String {
    path_of(("orders", id), action, network)
}
