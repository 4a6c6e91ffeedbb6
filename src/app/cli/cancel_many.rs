//! `order cancel --filter agent=ID`: a doctor's whole day, or part of it, at once.
//!
//! The orders are listed first and their number is said; nothing is cancelled without `--yes`.
//! Each is then cancelled by a request of its own, so that whatever ends this halfway, the same
//! command again goes on with what is left. What an order is refused for does not hold up the
//! others.

use std::io::IsTerminal as _;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::admin::{Client, encoded};
use super::output;
use crate::domain::told::told;

/// Orders asked for at once.
const PAGE: usize = 1_000;

/// The states in which an order can be cancelled, in the words of the admin API.
const OPEN: [&str; 3] = ["Pending", "AwaitingProvider", "Confirmed"];

/// Which orders, as the query of the admin API has it.
pub(super) struct Filter {
    /// Who fulfils them.
    pub agent: String,
    /// They begin at this time or after it.
    pub from: Option<String>,
    /// They begin before this time.
    pub to: Option<String>,
    /// The network.
    pub network: Option<String>,
}

impl Filter {
    fn query(&self) -> String {
        let mut query = format!("agent={}", encoded(&self.agent));
        let more = [
            ("starts_from", &self.from),
            ("starts_before", &self.to),
            ("network", &self.network),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        query
    }
}

/// Reads `agent=ID`.
pub(super) fn agent(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some(("agent", id)) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err("expected agent=ID, the doctor's id in the order's fulfillment".to_owned()),
    }
}

/// What is said of one order.
struct Found {
    id: String,
    network: String,
}

/// Cancels what the filter finds; fails unless all of it is cancelled then.
pub(super) async fn run(
    client: &Client,
    filter: &Filter,
    body: &Value,
    (yes, json): (bool, bool),
) -> anyhow::Result<()> {
    let (open, others) = find(client, filter).await?;
    if !json {
        println!(
            "{} orders to cancel, {others} that are over or have begun",
            open.len()
        );
    }
    if open.is_empty() {
        return done(
            json,
            &json!({"to_cancel": 0, "others": others, "cancelled": 0, "refused": []}),
        );
    }
    if !yes {
        done(
            json,
            &json!({"to_cancel": open.len(), "others": others, "cancelled": 0}),
        )?;
        bail!(
            "nothing was cancelled: say --yes to cancel {} orders",
            open.len()
        );
    }
    let refused = cancel_all(client, &open, body).await?;
    let cancelled = open.len() - refused.len();
    if !json {
        println!("{cancelled} cancelled, {} refused", refused.len());
    }
    let said = json!({"to_cancel": open.len(), "others": others, "cancelled": cancelled,
        "refused": refused});
    done(json, &said)?;
    match refused.len() {
        0 => Ok(()),
        some => bail!(
            "{some} of {} orders were not cancelled; the others are",
            open.len()
        ),
    }
}

fn done(json: bool, said: &Value) -> anyhow::Result<()> {
    if json {
        output::json(said);
    }
    Ok(())
}

/// Those that can be cancelled, and how many cannot.
async fn find(client: &Client, filter: &Filter) -> anyhow::Result<(Vec<Found>, usize)> {
    let (mut open, mut others) = (Vec::new(), 0);
    let mut after = String::new();
    loop {
        let path = format!("/orders?limit={PAGE}&{}{after}", filter.query());
        let page = client.get(&path).await?;
        for order in page["orders"].as_array().into_iter().flatten() {
            match OPEN.contains(&output::text(order, "state")) {
                true => open.push(Found {
                    id: output::text(order, "id").to_owned(),
                    network: output::text(order, "network").to_owned(),
                }),
                false => others += 1,
            }
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", encoded(next)),
            None => return Ok((open, others)),
        }
    }
}

/// The orders that were refused, each with why.
async fn cancel_all(client: &Client, open: &[Found], body: &Value) -> anyhow::Result<Vec<Value>> {
    let bar = progress(open.len());
    let mut refused = Vec::new();
    for Found { id, network } in open {
        let path = format!(
            "/orders/{}/cancel?network={}",
            encoded(id),
            encoded(network)
        );
        if let Err(error) = client.post(&path, body).await {
            bar.suspend(|| eprintln!("order {id}: {}", told(error.as_ref())));
            refused.push(json!({"id": id, "network": network, "error": told(error.as_ref())}));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(refused)
}

fn progress(orders: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} orders, {eta} left");
    let bar = ProgressBar::new(orders as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
