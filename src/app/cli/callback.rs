//! `callback list|show|redrive|hold|release`, through the admin API.

mod redrive;

use serde_json::{Value, json};

use super::admin::{Admin, Client, encoded};
use super::output;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List callbacks, oldest first
    List {
        #[command(flatten)]
        admin: Admin,
        /// Only in this state
        #[arg(long, value_parser = ["pending", "delivered", "dead", "superseded"])]
        state: Option<String>,
        /// Only for this subscriber
        #[arg(long, value_name = "ID")]
        subscriber: Option<String>,
        /// Only after this number
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Show one callback with its attempts and its body
    Show {
        #[command(flatten)]
        admin: Admin,
        /// Its number
        id: u64,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Send dead callbacks again, with a new run of the schedule
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Redrive {
        #[command(flatten)]
        admin: Admin,
        /// The number of one callback
        #[arg(group = "which")]
        id: Option<u64>,
        /// Every dead callback for this subscriber
        #[arg(long, value_name = "ID", group = "which")]
        subscriber: Option<String>,
        /// Every dead callback
        #[arg(long, group = "which")]
        all: bool,
        /// Only say which it would be
        #[arg(long, conflicts_with = "id")]
        dry_run: bool,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Stop sending until released, also across restarts; without --subscriber, everything
    Hold {
        #[command(flatten)]
        admin: Admin,
        /// Only to this subscriber
        #[arg(long, value_name = "ID")]
        subscriber: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
    /// Send again what was held; without --subscriber, everything
    Release {
        #[command(flatten)]
        admin: Admin,
        /// Only to this subscriber
        #[arg(long, value_name = "ID")]
        subscriber: Option<String>,
        /// Print the whole answer
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List {
            admin,
            state,
            subscriber,
            after,
            limit,
            json,
        } => {
            let mut query = vec![format!("limit={limit}")];
            query.extend(state.as_ref().map(|state| format!("state={state}")));
            query.extend(
                subscriber
                    .as_ref()
                    .map(|s| format!("subscriber={}", encoded(s))),
            );
            query.extend(after.map(|after| format!("after={after}")));
            list(&admin.client()?, &query.join("&"), *json).await
        }
        Command::Show { admin, id, json } => show(&admin.client()?, *id, *json).await,
        Command::Redrive {
            admin,
            id,
            subscriber,
            all: _,
            dry_run,
            json,
        } => {
            let client = admin.client()?;
            match id {
                Some(id) => redrive::one(&client, *id, *json).await,
                None => redrive::all(&client, subscriber.as_deref(), *dry_run, *json).await,
            }
        }
        Command::Hold {
            admin,
            subscriber,
            json,
        } => {
            let subscriber = subscriber.as_deref();
            holds(&admin.client()?, "/callbacks/hold", subscriber, *json).await
        }
        Command::Release {
            admin,
            subscriber,
            json,
        } => {
            let subscriber = subscriber.as_deref();
            holds(&admin.client()?, "/callbacks/release", subscriber, *json).await
        }
    }
}

async fn list(client: &Client, query: &str, json: bool) -> anyhow::Result<()> {
    let answer = client.get(&format!("/callbacks?{query}")).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let callbacks = answer["callbacks"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> = callbacks.iter().map(row).collect();
    output::table(&COLUMNS, &rows);
    if let Some(next) = answer["next"].as_u64() {
        println!("more: --after {next}");
    }
    Ok(())
}

/// What [`row`] tells.
const COLUMNS: [&str; 8] = [
    "number",
    "kind",
    "state",
    "order",
    "attempts",
    "last",
    "next or made",
    "url",
];

fn row(callback: &Value) -> Vec<String> {
    let attempts = callback["attempts"].as_array().cloned().unwrap_or_default();
    let last = attempts.last().map_or("-".to_owned(), |last| {
        output::text(last, "outcome").to_owned()
    });
    let pending = callback["state"] == "pending";
    vec![
        callback["id"].to_string(),
        output::text(callback, "kind").to_owned(),
        output::text(callback, "state").to_owned(),
        output::text(&callback["order"], "id").to_owned(),
        attempts.len().to_string(),
        last,
        output::time(callback, if pending { "next_at" } else { "created_at" }),
        output::text(callback, "url").to_owned(),
    ]
}

async fn show(client: &Client, id: u64, json: bool) -> anyhow::Result<()> {
    let callback = client.get(&format!("/callbacks/{id}")).await?;
    if json {
        output::json(&callback);
        return Ok(());
    }
    output::table(&COLUMNS, &[row(&callback)]);
    for attempt in callback["attempts"].as_array().into_iter().flatten() {
        println!(
            "  {}  {}  {} ms  {}",
            output::time(attempt, "at"),
            output::text(attempt, "outcome"),
            attempt["duration_ms"],
            output::text(attempt, "detail"),
        );
    }
    for redrive in callback["redrives"].as_array().into_iter().flatten() {
        println!(
            "  {}  redriven by token {}",
            output::time(redrive, "at"),
            output::text(redrive, "token"),
        );
    }
    println!("{:#}", callback["body"]);
    Ok(())
}

async fn holds(
    client: &Client,
    path: &str,
    subscriber: Option<&str>,
    json: bool,
) -> anyhow::Result<()> {
    let answer = client
        .post(path, &json!({"subscriber": subscriber}))
        .await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let holds: Vec<&str> = answer["holds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (all, named): (Vec<&str>, Vec<&str>) = holds.into_iter().partition(|held| *held == "*");
    let named = named.join(", ");
    match (all.is_empty(), named.as_str()) {
        (true, "") => println!("nothing is held"),
        (true, named) => println!("held: callbacks to {named}"),
        (false, "") => println!("held: all callbacks"),
        (false, named) => println!("held: all callbacks, and by name those to {named}"),
    }
    Ok(())
}
