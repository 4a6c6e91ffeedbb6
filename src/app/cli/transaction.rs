//! `transaction show|export`: the timeline of one session, or its evidence, through the admin API.

mod export;

use std::path::PathBuf;

use serde_json::Value;

use super::admin::{Admin, Client, path_of};
use super::output;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show requests, decisions and attempts of a transaction, oldest first
    Show {
        #[command(flatten)]
        admin: Admin,
        /// The transaction id
        id: String,
        /// Only on this network
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Write what is kept of a transaction as files that prove themselves
    ///
    /// Each request with the Authorization header and key that proved it and the ACK it got, each
    /// callback with its attempts, their headers and answers, and a manifest, signed, that names
    /// every file by its digest. `signature verify --evidence DIR` checks all of it without this
    /// server and without a registry. What was erased is named, and its bytes are not there.
    Export {
        #[command(flatten)]
        admin: Admin,
        /// The transaction id
        id: String,
        /// The directory to write: a new one, or an empty one
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The network, where the id is on two
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print the manifest
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Show {
            admin,
            id,
            network,
            json,
        } => {
            show(
                &admin.client()?,
                &path_of(("transactions", id), "", network.as_deref()),
                id,
                *json,
            )
            .await
        }
        Command::Export {
            admin,
            id,
            out,
            network,
            json,
        } => {
            let path = path_of(("transactions", id), "/evidence", network.as_deref());
            export::run(&admin.client()?, &path, out, *json).await
        }
    }
}

async fn show(client: &Client, path: &str, id: &str, json: bool) -> anyhow::Result<()> {
    let answer = client.get(path).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    println!("transaction {id}");
    for entry in answer["timeline"].as_array().into_iter().flatten() {
        println!(
            "{}  {:<21} {}",
            output::time(entry, "at"),
            output::text(entry, "what"),
            about(entry)
        );
    }
    Ok(())
}

fn about(entry: &Value) -> String {
    match entry["what"].as_str() {
        Some("request acknowledged") => format!(
            "{} of order {} by {}, message {}",
            output::text(entry, "action"),
            output::text(entry, "order_id"),
            output::text(entry, "caller"),
            output::text(entry, "message_id"),
        ),
        Some("callback decided") => format!(
            "callback {} ({}) for {}, now {}",
            entry["callback"],
            output::text(entry, "kind"),
            output::text(entry, "url"),
            output::text(entry, "state"),
        ),
        Some("callback redriven") => format!(
            "callback {}, asked for by token {}",
            entry["callback"],
            output::text(entry, "token"),
        ),
        _ => format!(
            "callback {}, attempt {}: {} {} in {} ms",
            entry["callback"],
            entry["attempt"],
            output::text(entry, "outcome"),
            entry["status"]
                .as_u64()
                .map_or("without an answer".to_owned(), |s| s.to_string()),
            entry["duration_ms"],
        ),
    }
}
