//! `audit`: which admin token asked for what, through the admin API.

use super::admin::Admin;
use super::output;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    admin: Admin,
    /// Only after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// At most this many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print the whole answer
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { after, limit, .. } = arguments;
    let client = arguments.admin.client()?;
    let path = format!("/audit?after={after}&limit={limit}");
    let answer = client.get(&path).await?;
    if arguments.json {
        output::json(&answer);
        return Ok(());
    }
    let entries = answer["audit"].as_array().cloned().unwrap_or_default();
    let row = |entry: &serde_json::Value| {
        vec![
            entry["sequence"].to_string(),
            output::time(entry, "at"),
            output::text(entry, "token").to_owned(),
            output::text(entry, "action").to_owned(),
            entry["target"].as_str().unwrap_or("all").to_owned(),
            output::text(entry, "network").to_owned(),
        ]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let heading = ["number", "at", "token", "asked for", "of", "network"];
    output::table(&heading, &rows);
    if rows.len() == *limit as usize {
        println!("more: --after {}", answer["next"]);
    }
    Ok(())
}
