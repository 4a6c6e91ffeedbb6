//! `order cancel`: one order, or all that a filter finds.

use serde_json::{Value, json};

use super::path;
use super::show::print_cancellation;
use crate::app::cli::admin::{Admin, Client};
use crate::app::cli::order_part::Part;
use crate::app::cli::{cancel_many, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
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
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// A sentence for people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    part: Part,
    /// The network, where the id is on two
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Print the whole answer
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = arguments.admin.client()?;
    let mut body = json!({
        "by": arguments.by,
        "reason": arguments.reason,
        "note": arguments.note,
    });
    arguments.part.add_to(&mut body);
    if let Some(agent) = &arguments.filter {
        let filter = cancel_many::Filter {
            agent: agent.clone(),
            from: arguments.from.clone(),
            to: arguments.to.clone(),
            network: arguments.network.clone(),
        };
        let how = (arguments.yes, arguments.json);
        return cancel_many::run(&client, &filter, &body, how).await;
    }
    let id = arguments.id.as_deref().unwrap_or_default();
    let path = path(id, "/cancel", arguments.network.as_deref());
    one(&client, &path, &body, arguments.json).await
}

async fn one(client: &Client, path: &str, body: &Value, json: bool) -> anyhow::Result<()> {
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
