//! Load for any Beckn BPP: signed cancels in, `on_cancel` callbacks out, and a reckoning.
//!
//! `cargo run --release --example load` starts our own server with a store of its own, hands
//! over orders, posts `/cancel` with a fresh signature each, receives the callbacks as the BAP,
//! and says how fast it went and whether every ACK was kept: each acknowledged message must be
//! answered, by the right order, and every copy of an answer must be the same bytes. It ends
//! with 1 when it was not. With `--url` it does the same to a server that runs already, with
//! `--ceiling` to the least that any server must do (`examples/ceiling`).
//! It measures; it judges neither latency nor rates (`scripts/bench.sh` does).

#[path = "../common/binary.rs"]
mod binary;
#[path = "../common/callback.rs"]
mod callback;
#[path = "../common/connection.rs"]
mod connection;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../common/progress.rs"]
mod progress;
#[path = "../common/reckoning.rs"]
mod reckoning;
#[path = "../common/spread.rs"]
mod spread;
#[path = "../common/usage.rs"]
mod usage;

mod admin;
mod arguments;
mod drive;
mod message;
mod parties;
mod report;
mod sink;
mod target;
mod template;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;

use arguments::{Arguments, Plan};
use ledger::Ledger;
use message::Messages;
use parties::Parties;
use progress::Progress;
use report::Report;
use target::Target;

/// How often the end of the callbacks is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let plan = match Arguments::parse().plan() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    // The mock registry shares the runtime with the clients; two threads are enough for both.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime
        .context("the runtime does not start")
        .and_then(|runtime| runtime.block_on(run(plan)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says whether everything acknowledged was kept.
async fn run(plan: Plan) -> anyhow::Result<bool> {
    if let Some(file) = &plan.orders_out {
        return write_orders(&plan, file);
    }
    let ledger = Arc::new(Ledger::new(plan.count));
    let parties = Parties::start(&plan, &ledger)?;
    let mut target = Target::start(&plan, &parties).await?;
    let outcome = measure(&plan, &ledger, &parties, &target).await;
    let outcome = outcome.with_context(|| target.last_words());
    target.stop();
    parties.stop().await;
    let report = outcome?;
    report.print(plan.json);
    Ok(report.kept())
}

async fn measure(
    plan: &Plan,
    ledger: &Arc<Ledger>,
    parties: &Parties,
    target: &Target,
) -> anyhow::Result<Report> {
    let messages = Arc::new(Messages::new(plan, parties, target)?);
    let intake = match &target.admin {
        Some(admin) => Some(admin::hand_over(admin, &messages, plan.orders).await?),
        None => None,
    };
    let before = target.usage();
    let progress = Progress::start(ledger, plan.count);
    let tally = drive::run(plan, ledger, &messages, target).await?;
    wait_for_callbacks(plan, ledger).await;
    progress.stop();
    let used = target.usage().since(&before);
    let reckoning = reckoning::of(ledger);
    if reckoning.accepted == 0 {
        bail!("nothing was accepted: {:?}", tally.errors);
    }
    Ok(Report::new(plan, intake, tally, reckoning, used))
}

/// Waits until every ACK is answered, or until nothing has come for as long as the plan says.
async fn wait_for_callbacks(plan: &Plan, ledger: &Ledger) {
    let mut quiet = Duration::ZERO;
    let mut before = ledger.unanswered();
    while before > 0 && quiet < plan.drain {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = ledger.unanswered();
        quiet = match now == before {
            true => quiet + LOOK_EVERY,
            false => Duration::ZERO,
        };
        before = now;
    }
    // A copy that comes late is looked at too.
    tokio::time::sleep(LOOK_EVERY * 4).await;
}

/// Writes the orders for a server that takes them by another way, and ends.
fn write_orders(plan: &Plan, file: &std::path::Path) -> anyhow::Result<bool> {
    let hosts = plan.fixed_hosts()?;
    let url = plan.url.as_ref().context("--orders-out needs --url")?;
    let messages = Messages::between(plan, &hosts, url)?;
    let mut text = String::new();
    for number in 0..plan.orders {
        text.push_str(&messages.order(number));
        text.push('\n');
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!(
        "{} orders are in {}; run again without --orders-out and with --run {}",
        plan.orders,
        file.display(),
        plan.run
    );
    Ok(true)
}
