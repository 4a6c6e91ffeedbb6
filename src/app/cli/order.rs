//! `order import|show|cancel|refuse|erase`: the provider's side, through the admin API.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value, json};

use super::admin::{Admin, Client, encoded};
use super::order_part::Part;
use super::order_show::{print_cancellation, show};
use super::{cancel_many, import, output};

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
        #[arg(long)]
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
    Cancel {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        #[arg(required_unless_present = "filter")]
        id: Option<String>,
        /// All orders with this agent in place of one, as agent=ID
        #[arg(long, value_name = "agent=ID", value_parser = cancel_many::agent, conflicts_with = "id")]
        filter: Option<String>,
        /// Those that begin at this time or later; without a zone it is in the network's
        #[arg(long, value_name = "TIME", requires = "filter", conflicts_with = "id")]
        from: Option<String>,
        /// Those that begin before this time
        #[arg(long, value_name = "TIME", requires = "filter", conflicts_with = "id")]
        to: Option<String>,
        /// Cancel what the filter finds
        #[arg(long, requires = "filter", conflicts_with = "id")]
        yes: bool,
        /// Who cancels
        #[arg(long, default_value = "provider", value_parser = ["provider", "customer", "partner"])]
        by: String,
        /// The network's reason code
        #[arg(long)]
        reason: Option<String>,
        /// A sentence for people
        #[arg(long)]
        note: Option<String>,
        #[command(flatten)]
        part: Box<Part>,
        /// The network, where the id is on two
        #[arg(long)]
        network: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Do not cancel what the network asked the provider to cancel; the BAP hears of it
    ///
    /// Only where the provider decides later (ONDC's tickets): the order is over then, and keeps
    /// its price. To cancel it, use `order cancel`.
    Refuse {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// A sentence for people
        #[arg(long)]
        note: Option<String>,
        /// The network, where the id is on two
        #[arg(long)]
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
    /// repeated request still gets its answer. The order must be final and nothing owed for it.
    /// A BAP that asks about it later is told that there is no such order; importing it again
    /// changes nothing. The store lets go of the bytes at once, but they may stay readable in its
    /// files on disk until it has written that part of them anew, and in backups.
    Erase {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// The network, where the id is on two
        #[arg(long)]
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
        } => show(&admin.client()?, id, network.as_deref(), *json).await,
        Command::Cancel {
            admin,
            id,
            filter,
            from,
            to,
            yes,
            by,
            reason,
            note,
            part,
            network,
            json,
        } => {
            let mut body = json!({"by": by, "reason": reason, "note": note});
            part.add_to(&mut body);
            if let Some(agent) = filter {
                let filter = cancel_many::Filter {
                    agent: agent.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    network: network.clone(),
                };
                return cancel_many::run(&admin.client()?, &filter, &body, (*yes, *json)).await;
            }
            let id = id.as_deref().unwrap_or_default();
            cancel(
                &admin.client()?,
                &path(id, "/cancel", network.as_deref()),
                &body,
                *json,
            )
            .await
        }
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

/// Where an order's action is in the admin API.
pub(super) fn path(id: &str, action: &str, network: Option<&str>) -> String {
    let on = network
        .map(|name| format!("?network={}", encoded(name)))
        .unwrap_or_default();
    format!("/orders/{}{action}{on}", encoded(id))
}

async fn cancel(client: &Client, path: &str, body: &Value, json: bool) -> anyhow::Result<()> {
    let answer = client.post(path, body).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let already = answer["already_cancelled"].as_bool() == Some(true);
    let was = if already {
        "was cancelled before"
    } else {
        "is cancelled"
    };
    let what = match answer["cancellation"]["portion"]["fulfillment"].as_str() {
        Some(one) => format!("fulfilment {one} of order"),
        None => "order".to_owned(),
    };
    println!("{what} {} {was}", output::text(&answer, "id"));
    print_cancellation(&answer["cancellation"]);
    Ok(())
}
