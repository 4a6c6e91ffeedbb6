//! `order import|show|cancel`: the provider's side, through the admin API.

use std::fs::File;
use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::admin::{Admin, Client, encoded};
use super::output;

/// Bytes of orders sent in one request.
const CHUNK_BYTES: usize = 512 * 1024;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Hand over orders from a file: one JSON message, or one a line
    Import {
        #[command(flatten)]
        admin: Admin,
        /// The file, or - for standard input
        file: PathBuf,
        /// Print one JSON line per order
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
    /// Cancel one order at once; the BAP that placed it hears of it
    Cancel {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        id: String,
        /// Who cancels
        #[arg(long, default_value = "provider", value_parser = ["provider", "customer", "partner"])]
        by: String,
        /// The network's reason code
        #[arg(long)]
        reason: Option<String>,
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
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Import { admin, file, json } => import(&admin.client()?, file, *json).await,
        Command::Show {
            admin,
            id,
            network,
            json,
        } => show(&admin.client()?, id, network.as_deref(), *json).await,
        Command::Cancel {
            admin,
            id,
            by,
            reason,
            note,
            network,
            json,
        } => {
            let body = json!({"by": by, "reason": reason, "note": note});
            cancel(
                &admin.client()?,
                &path(id, "/cancel", network.as_deref()),
                &body,
                *json,
            )
            .await
        }
    }
}

fn path(id: &str, action: &str, network: Option<&str>) -> String {
    let on = network
        .map(|name| format!("?network={}", encoded(name)))
        .unwrap_or_default();
    format!("/orders/{}{action}{on}", encoded(id))
}

async fn show(client: &Client, id: &str, network: Option<&str>, json: bool) -> anyhow::Result<()> {
    let order = client.get(&path(id, "", network)).await?;
    if json {
        output::json(&order);
        return Ok(());
    }
    println!(
        "order       {} on {}",
        output::text(&order, "id"),
        output::text(&order, "network")
    );
    println!(
        "state       {} (version {})",
        output::text(&order, "state"),
        order["version"]
    );
    println!(
        "placed by   {}",
        output::text(&order["placed_by"], "bap_id")
    );
    println!(
        "price       {}, paid {}",
        money(&order["price"]),
        money(&order["paid"])
    );
    println!("terms       {}", output::text(&order["policy"], "name"));
    if order["cancellation"].is_object() {
        print_cancellation(&order["cancellation"]);
    }
    Ok(())
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
    println!("order {} {was}", output::text(&answer, "id"));
    print_cancellation(&answer["cancellation"]);
    Ok(())
}

fn print_cancellation(cancellation: &Value) {
    let by = output::text(cancellation, "by");
    println!(
        "cancelled   by {by} at {}",
        output::text(cancellation, "at")
    );
    let reason = &cancellation["reason"];
    println!(
        "reason      {} {}",
        output::text(reason, "id"),
        output::text(reason, "text")
    );
    let charge = &cancellation["charge"];
    let [fee, refund, due] = ["fee", "refund", "due"].map(|part| money(&charge[part]));
    println!("fee         {fee}, refund {refund}, due {due}");
}

fn money(amount: &Value) -> String {
    match (amount["value"].as_str(), amount["currency"].as_str()) {
        (Some(value), Some(currency)) => format!("{value} {currency}"),
        _ => "-".to_owned(),
    }
}

/// What an import has done so far.
#[derive(Default)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    refused: u64,
}

async fn import(client: &Client, file: &Path, json: bool) -> anyhow::Result<()> {
    let text = read(file)?;
    let text = one_line(text);
    let bar = progress(text.len() as u64);
    let mut tally = Tally::default();
    let mut line_before = 0;
    for chunk in chunks(&text) {
        let answers = client.post_lines("/orders", chunk.to_owned()).await?;
        for answer in answers.lines() {
            let answer: Value =
                serde_json::from_str(answer).context("an answer line is not JSON")?;
            bar.suspend(|| report(&answer, line_before, json, &mut tally));
        }
        line_before += chunk.matches('\n').count() as u64;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    let Tally {
        created,
        updated,
        unchanged,
        refused,
    } = tally;
    if !json {
        println!("{created} created, {updated} updated, {unchanged} unchanged, {refused} refused");
    }
    match refused {
        0 => Ok(()),
        _ => bail!(
            "{refused} of {} orders were refused",
            created + updated + unchanged + refused
        ),
    }
}

fn report(answer: &Value, line_before: u64, json: bool, tally: &mut Tally) {
    let mut answer = answer.clone();
    let line = answer["line"].as_u64().unwrap_or(0) + line_before;
    answer["line"] = json!(line);
    match answer["result"].as_str() {
        Some("created") => tally.created += 1,
        Some("updated") => tally.updated += 1,
        Some("unchanged") => tally.unchanged += 1,
        _ => tally.refused += 1,
    }
    if json {
        println!("{answer}");
    } else if answer["result"] == "refused" {
        eprintln!("line {line}: {}", output::text(&answer, "error"));
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_string(&mut text)?,
        false => BufReader::new(
            File::open(file).with_context(|| format!("cannot open {}", file.display()))?,
        )
        .read_to_string(&mut text)?,
    };
    Ok(text)
}

/// A file that is one JSON document over many lines becomes one line, its text untouched:
/// line breaks between members are spaces to JSON, and inside strings they cannot be.
fn one_line(text: String) -> String {
    match serde_json::from_str::<&serde_json::value::RawValue>(&text) {
        Ok(_) => text.replace(['\n', '\r'], " "),
        Err(_) => text,
    }
}

/// Whole lines, together up to about [`CHUNK_BYTES`].
fn chunks(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let reach = rest.floor_char_boundary(CHUNK_BYTES.min(rest.len()));
        let end = match rest.len() == reach {
            true => rest.len(),
            false => rest[..reach]
                .rfind('\n')
                .or_else(|| rest.find('\n'))
                .map_or(rest.len(), |n| n + 1),
        };
        let (chunk, left) = rest.split_at(end);
        chunks.push(chunk);
        rest = left;
    }
    chunks
}

fn progress(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::new(bytes);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_lines_and_lose_nothing() {
        let line = format!("{}\n", "x".repeat(100_000));
        let text = line.repeat(12) + "last";
        let chunks = chunks(&text);
        assert!(chunks.len() > 1);
        assert_eq!(chunks.concat(), text);
        assert!(
            chunks[..chunks.len() - 1]
                .iter()
                .all(|chunk| chunk.ends_with('\n'))
        );
    }

    #[test]
    fn a_document_over_many_lines_becomes_one_and_lines_stay_lines() {
        assert_eq!(one_line("{\n \"a\": 1.10\n}".into()), "{  \"a\": 1.10 }");
        assert_eq!(one_line("{}\n{}\n".into()), "{}\n{}\n");
    }
}
