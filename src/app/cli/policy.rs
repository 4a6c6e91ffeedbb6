//! `policy check|preview`: terms as people read them, and what they come to for an order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use super::admin::{Admin, Client, encoded};
use super::{Misconfigured, config as config_command, output};
use crate::app::config;
use crate::domain::policy::{FREE, Policy, Rule};
use crate::domain::sentence;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the policies in a file, or what they say
    ///
    /// The file is a configuration, or has [policy.NAME] sections alone; nothing else in it is
    /// looked at. A rule that never gets its turn, because an earlier one fits whenever it does,
    /// is pointed out. Exit code 4 when something is wrong.
    Check {
        /// The file
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what cancelling an order would cost, now and at each coming step
    Preview {
        #[command(flatten)]
        admin: Admin,
        /// The order's id
        #[arg(long, value_name = "ID")]
        order: String,
        /// From when on: a time such as 2026-03-02T06:00:00Z, or a date, which is its midnight in
        /// UTC; without it, now
        #[arg(long, value_name = "TIME", value_parser = at)]
        at: Option<DateTime<Utc>>,
        /// Who would cancel
        #[arg(long, default_value = "customer", value_parser = ["customer", "partner", "provider"])]
        by: String,
        /// Where the wish would come in; without it, the network for an order that is on one
        #[arg(long, value_parser = ["network", "admin", "consultations", "bookings"])]
        door: Option<String>,
        /// The network, where the id is on two
        #[arg(long, value_name = "NAME")]
        network: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check { file, json } => check(file, *json),
        Command::Preview {
            admin,
            order,
            at,
            by,
            door,
            network,
            json,
        } => {
            let at = at.map(|at| at.to_rfc3339());
            let query = [
                ("by", Some(by)),
                ("at", at.as_ref()),
                ("door", door.as_ref()),
                ("network", network.as_ref()),
            ];
            preview(&admin.client()?, &path(order, query), *json).await
        }
    }
}

/// A time with its zone, or a date.
fn at(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| {
        "expected a date or a time with its zone, such as 2026-03-02 or 2026-03-02T06:00:00Z"
            .to_owned()
    })
}

fn check(file: &Path, json: bool) -> anyhow::Result<()> {
    let loaded = config::load_policies(file);
    if json {
        let faults = loaded
            .as_ref()
            .err()
            .into_iter()
            .flat_map(|faults| &faults.0);
        let faults: Vec<_> = faults.map(config_command::of_fault).collect();
        let policies = loaded.as_ref().ok().map(explained);
        output::json(&json!({"ok": faults.is_empty(), "faults": faults, "policies": policies}));
    }
    match loaded {
        Ok(policies) if !json => policies.values().for_each(explain),
        Ok(_) => {}
        Err(faults) => return Err(Misconfigured(faults.to_string()).into()),
    }
    Ok(())
}

fn explained(policies: &BTreeMap<String, Policy>) -> Vec<Value> {
    let of_policy = |policy: &Policy| {
        let rules = policy.rules.iter().enumerate();
        let rules: Vec<_> = rules
            .map(|(index, rule)| {
                json!({"rule": index + 1, "by": rule.by, "sentence": sentence::of_rule(rule),
                    "reason_required": rule.reason_required,
                    "never_because_of": shadowed_by(policy, index)})
            })
            .collect();
        json!({"name": policy.name, "version": policy.version, "rules": rules})
    };
    policies.values().map(of_policy).collect()
}

fn explain(policy: &Policy) {
    println!("policy {}, version {}", policy.name, policy.version);
    let rules = policy.rules.iter().enumerate();
    let rows: Vec<_> = rules.map(|(index, rule)| row(index, rule)).collect();
    output::table(&["RULE", "WHO", "WHEN", "WHAT", "REASON"], &rows);
    for (index, rule) in policy.rules.iter().enumerate() {
        if let Some(text) = &rule.text {
            println!("rule {} is told as: {text}", index + 1);
        }
        if let Some(earlier) = shadowed_by(policy, index) {
            println!(
                "rule {} never gets its turn: rule {earlier} fits whenever it does",
                index + 1
            );
        }
    }
    println!("where no rule fits, cancelling is free\n");
}

fn row(index: usize, rule: &Rule) -> Vec<String> {
    let condition = sentence::condition(rule);
    let condition = match condition.trim() {
        "" => "always",
        condition => condition,
    };
    let reason = match rule.reason_required {
        true => "required",
        false => "-",
    };
    vec![
        (index + 1).to_string(),
        sentence::parties(&rule.by),
        condition.to_owned(),
        sentence::effect(rule),
        reason.to_owned(),
    ]
}

/// The number of an earlier rule that fits whenever this one does.
fn shadowed_by(policy: &Policy, index: usize) -> Option<usize> {
    let rule = &policy.rules[index];
    let earlier = policy.rules[..index]
        .iter()
        .position(|one| one.covers(rule));
    earlier.map(|at| at + 1)
}

fn path(order: &str, query: [(&str, Option<&String>); 4]) -> String {
    let given = query.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{name}={}", encoded(value)))
    });
    let query = given.collect::<Vec<_>>().join("&");
    format!("/orders/{}/cancellation-preview?{query}", encoded(order))
}

async fn preview(client: &Client, path: &str, json: bool) -> anyhow::Result<()> {
    let answer = client.get(path).await?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let text = |name| output::text(&answer, name);
    println!(
        "order   {} on {}, {}",
        text("id"),
        text("network"),
        text("state")
    );
    let [price, paid] = ["price", "paid"].map(|name| output::money(&answer[name]));
    println!("price   {price}, paid {paid}");
    let policy = &answer["policy"];
    let (name, version) = (
        output::text(policy, "name"),
        output::text(policy, "version"),
    );
    match name {
        FREE => {
            println!("terms   none were agreed: the order brought none, and no policy was there")
        }
        name => println!("terms   {name}, version {version}"),
    }
    if answer["cancellation"].is_object() {
        let at = output::time(&answer["cancellation"], "at");
        println!("it was cancelled at {at}; `order show` tells how");
        return Ok(());
    }
    println!(
        "by      {}, through {}, from {}\n",
        text("by"),
        text("door"),
        text("at")
    );
    let steps = answer["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<_> = steps.iter().map(step).collect();
    let heading = ["STATE", "UNTIL", "FEE", "REFUND", "DUE", "REASON", "TERMS"];
    output::table(&heading, &rows);
    Ok(())
}

fn step(step: &Value) -> Vec<String> {
    let state = step["fulfillment_state"].as_str();
    let state = state.unwrap_or(output::text(step, "state")).to_owned();
    let until = output::time(step, "until");
    let reason = match step["reason_required"].as_bool() {
        Some(true) => "required",
        _ => "-",
    };
    let [fee, refund, due] = ["fee", "refund", "due"].map(|name| output::money(&step[name]));
    let told = match step["why_not"].as_str() {
        Some(why) => why,
        None => output::text(&step["terms"], "sentence"),
    };
    let fee = match step["allowed"].as_bool() {
        Some(false) => "not possible".to_owned(),
        _ => fee,
    };
    vec![
        state,
        until,
        fee,
        refund,
        due,
        reason.to_owned(),
        told.to_owned(),
    ]
}
