//! `transaction show`: the timeline of one session, through the admin API.

use serde_json::Value;

use super::admin::{Admin, encoded};
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
        #[arg(long)]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Show {
        admin,
        id,
        network,
        json,
    } = command;
    let on = network
        .as_ref()
        .map(|name| format!("?network={}", encoded(name)));
    let path = format!("/transactions/{}{}", encoded(id), on.unwrap_or_default());
    let answer = admin.client()?.get(&path).await?;
    if *json {
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
