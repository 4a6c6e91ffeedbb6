//! The rounds: start, load, kill; then quiet, audit, a clean stop, and the audit again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;

use crate::arguments::{Arguments, Summary};
use crate::client::Client;
use crate::lives::Repeated;
use crate::operator::{self, Operator};
use crate::outside::audit::{Report, audit};
use crate::outside::books::{Books, Callback};
use crate::outside::process::{Addresses, Process, store_findings};
use crate::outside::surroundings::Admin;
use crate::random::Random;
use crate::town::Town;

/// The longest a start may take, whatever the kill before it left behind.
const READY: Duration = Duration::from_secs(5);

/// The longest it may take until no callback is owed any more, once the faults are off.
const QUIET: Duration = Duration::from_secs(120);

/// The longest a clean stop may take.
const STOP: Duration = Duration::from_secs(20);

/// After how many milliseconds the kill under load comes, and the one during recovery.
const UNDER_LOAD: std::ops::Range<u64> = 50..2_000;
const IN_RECOVERY: std::ops::Range<u64> = 1..100;

/// Runs all rounds; an error is what kept them from being run, or a server that would not
/// start or stop.
pub async fn run(arguments: &Arguments) -> anyhow::Result<Summary> {
    let town = Arc::new(Town::new(arguments)?);
    let mut summary = Summary {
        seed: arguments.seed,
        rounds: arguments.rounds,
        ..Summary::default()
    };
    let ended = all_rounds(arguments, &town, &mut summary).await;
    if arguments.keep {
        eprintln!("kept: {}", town.around.directory.path().display());
    }
    let result = match ended {
        Ok(()) => {
            let town = Arc::into_inner(town).context("a client still runs")?;
            conclude(town, arguments.keep, &mut summary).await
        }
        Err(error) => Err(error),
    };
    result.map(|()| summary)
}

async fn all_rounds(
    arguments: &Arguments,
    town: &Arc<Town>,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    for round in 1..=arguments.rounds {
        let started = one_round(arguments, town, round, summary).await;
        let line = started.with_context(|| format!("in round {round}"))?;
        eprintln!("round {round}/{}: {line}", arguments.rounds);
    }
    Ok(())
}

async fn one_round(
    arguments: &Arguments,
    town: &Arc<Town>,
    round: u32,
    summary: &mut Summary,
) -> anyhow::Result<String> {
    let mut random = Random::of(&[town.seed, u64::from(round)]);
    let before = town.sent.load(std::sync::atomic::Ordering::Relaxed);
    let mut line = String::new();
    if random.within(0..3) == 0 {
        let after = random.within(IN_RECOVERY);
        let process = town.start()?;
        tokio::time::sleep(Duration::from_millis(after)).await;
        town.lives.ends();
        process.kill();
        summary.kills += 1;
        summary.kills_in_recovery += 1;
        line = format!("killed {after} ms into recovery, ");
    }
    let (process, at, took) = start(town, summary).await?;
    let after = random.within(UNDER_LOAD);
    let clients = load(arguments, town, &at, round);
    let kill = async {
        tokio::time::sleep(Duration::from_millis(after)).await;
        town.lives.ends();
        tokio::task::spawn_blocking(move || process.kill()).await
    };
    let (loaded, killed) = tokio::join!(clients, kill);
    loaded.and(killed.map_err(Into::into))?;
    summary.kills += 1;
    let sent = town.sent.load(std::sync::atomic::Ordering::Relaxed) - before;
    let (received, _) = town.inbox.all();
    Ok(format!(
        "{line}ready in {took} ms, killed after {after} ms; {sent} new messages, \
         {} callbacks so far",
        received.len()
    ))
}

/// Starts the server and waits until it is ready; says how many milliseconds that took.
async fn start(town: &Town, summary: &mut Summary) -> anyhow::Result<(Process, Addresses, u128)> {
    let began = Instant::now();
    let process = town.start()?;
    let waited = tokio::task::spawn_blocking(move || {
        let at = process.ready(READY)?;
        anyhow::Ok((process, at))
    });
    let (process, at) = waited.await??;
    let ready = Admin::at(at.admin)?.get("/health/ready").await?;
    ensure!(ready["status"] == "ready", "it says {ready}");
    town.lives.begins();
    let took = began.elapsed();
    ensure!(took <= READY, "ready after {took:?}");
    summary.slowest_start_ms = summary.slowest_start_ms.max(took.as_millis());
    Ok((process, at, took.as_millis()))
}

/// All clients, until the server is gone.
async fn load(
    arguments: &Arguments,
    town: &Arc<Town>,
    at: &Addresses,
    round: u32,
) -> anyhow::Result<()> {
    let admin = Admin::at(at.admin)?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut clients = JoinSet::new();
    let operator = Operator {
        town: Arc::clone(town),
        admin: admin.clone(),
        random: Random::of(&[town.seed, u64::from(round), 0]),
    };
    clients.spawn(operator.run());
    for index in 0..arguments.clients {
        let client = Client {
            town: Arc::clone(town),
            admin: admin.clone(),
            http: http.clone(),
            public: at.public,
            random: Random::of(&[town.seed, u64::from(round), index + 1]),
        };
        clients.spawn(client.run());
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client")?;
    }
    Ok(())
}

/// Faults off, quiet, audit; a clean stop; and what is read back after it, audited again.
async fn conclude(town: Town, keep: bool, summary: &mut Summary) -> anyhow::Result<()> {
    town.inbox.heal();
    let (process, at, _) = start(&town, summary).await?;
    let admin = Admin::at(at.admin)?;
    operator::finish(&town, &admin, QUIET).await?;
    let (received, not_understood) = town.inbox.all();
    stop(process).await?;
    let (process, at, _) = start(&town, summary).await?;

    summary.violations = town.findings();
    summary.deeds = town.memory.lock().await.deeds;
    summary.requests_sent = town.sent.load(std::sync::atomic::Ordering::Relaxed);
    let repeated = town.lives.repeated(&received);
    let books = town.ledger.close()?;
    let report = audit(&Admin::at(at.admin)?, &books, &received).await?;
    stop(process).await?;
    let found = store_findings(&town.binary, &town.around.store())?;
    let found = found.into_iter().map(|f| format!("store check: {f}"));
    summary.violations.extend(found);
    if not_understood > 0 {
        let found = format!("{not_understood} requests to the BAPs were no callbacks");
        summary.violations.push(found);
    }
    if keep {
        let _kept = town.around.directory.keep();
    }
    count(&books, &received, report, summary);
    judge_repeated(repeated, summary);
    Ok(())
}

async fn stop(process: Process) -> anyhow::Result<()> {
    let stopping = tokio::task::spawn_blocking(move || process.terminate(STOP));
    let (status, log) = stopping.await??;
    ensure!(status.success(), "a clean stop ended with {status}:\n{log}");
    Ok(())
}

fn count(books: &Books, received: &[Callback], report: Report, summary: &mut Summary) {
    let own = books
        .messages
        .values()
        .filter(|message| !message.is_foreign);
    summary.messages_acknowledged = books.acknowledged();
    summary.unacknowledged_present = report.present_unacknowledged;
    let unacknowledged = own.filter(|message| message.acked.is_empty()).count();
    summary.unacknowledged_absent = unacknowledged - report.present_unacknowledged;
    summary.orders_taken_in = books.orders.len();
    summary.orders_cancelled = report.cancelled;
    summary.callbacks_received = received.len();
    summary.previews_overtaken = report.overtaken;
    summary.fee_refund_due_paise = report.charges;
    summary.violations.extend(report.violations);
}

fn judge_repeated(repeated: Repeated, summary: &mut Summary) {
    summary.repeated_across_kills = repeated.across_kills;
    summary.repeated_within_a_life = repeated.within_a_life.len();
    let found = repeated.within_a_life.into_iter().map(|message| {
        format!("{message}: its callback came again after an ACK, and no kill lies between")
    });
    summary.violations.extend(found);
}
