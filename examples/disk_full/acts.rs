//! What is done to the server, act by act, and what must come of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;

use crate::outside::process::{Process, store_findings};
use crate::town::{Answer, Running, Town, WAIT};

/// The watermark of the first act.
const MARK_BYTES: u64 = 24_000_000;

/// How much is left above the mark, and above nothing, for the load to eat.
const TO_EAT_BYTES: u64 = 2_000_000;

/// How many orders each load may cancel.
const ORDERS: u64 = 1_600;

/// How many refusals show that the server refuses.
const REFUSALS: usize = 64;

/// The longest it may take until it is ready again.
const READY_AGAIN: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    pub acknowledged: usize,
    pub callbacks_received: usize,
    pub refused_at_the_watermark: usize,
    pub free_bytes_at_first_refusals: u64,
    pub delivered_while_not_ready: usize,
    pub ready_again_ms: Vec<u128>,
    pub acknowledged_until_the_disk_was_full: usize,
    pub delivered_from_the_room_of_the_ballast: usize,
    pub seconds: f64,
}

/// All acts, on one disk.
pub async fn run(town: &Town) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let mut figures = Figures::default();
    watermark(town, &mut figures).await.context("watermark")?;
    full(town, &mut figures).await.context("full disk")?;
    full_at_start(town, &mut figures)
        .await
        .context("full at the start")?;
    figures.acknowledged = town.acknowledged();
    figures.seconds = began.elapsed().as_secs_f64();
    Ok(figures)
}

/// Refuses before the disk is full, delivers all the same, and is ready again by itself.
async fn watermark(town: &Town, figures: &mut Figures) -> anyhow::Result<()> {
    let running = town.start(MARK_BYTES)?;
    let (admin, public) = (&running.admin, running.at.public);
    town.ready(public).await?;
    town.hand_over(admin, ORDERS).await?;
    admin.hold().await?;
    town.disk.fill(Some(MARK_BYTES + TO_EAT_BYTES))?;
    let load = town.load(public, REFUSALS).await?;
    figures.refused_at_the_watermark = load.refused;
    figures.free_bytes_at_first_refusals = town.disk.free_bytes()?;
    ensure!(load.refused >= REFUSALS, "nothing was refused: {load:?}");
    not_ready(town, &running).await?;
    let refused = town.hand_over(admin, 1).await;
    let refused = refused.err().context("an order was taken in")?.to_string();
    ensure!(
        refused.contains("503"),
        "an order was refused with {refused}"
    );

    admin.release().await?;
    admin.quiet(WAIT).await?;
    let delivered = admin.all("callbacks", "&state=delivered").await?.len();
    figures.delivered_while_not_ready = delivered;
    ensure!(
        delivered >= load.acknowledged,
        "{delivered} of {load:?} were delivered"
    );
    not_ready(town, &running).await?;
    told_once(&running.process.log(), &town.store().display().to_string())?;

    ready_again(town, &running, figures).await?;
    ensure!(
        town.cancel(public).await? == Answer::Ack,
        "it takes no cancel"
    );
    admin.quiet(WAIT).await?;
    stop(running.process)
}

/// Without a watermark, until a write fails: ends with a sentence, opens again with the room of
/// the ballast, delivers, and is ready again by itself.
async fn full(town: &Town, figures: &mut Figures) -> anyhow::Result<()> {
    let running = town.start(0)?;
    town.ready(running.at.public).await?;
    town.hand_over(&running.admin, ORDERS).await?;
    town.disk.fill(Some(TO_EAT_BYTES))?;
    let load = town.load(running.at.public, usize::MAX).await?;
    figures.acknowledged_until_the_disk_was_full = load.acknowledged;
    let (status, log) = running.process.ended(WAIT)?;
    let sentence = sentence(&log);
    let store = town.store().display().to_string();
    ensure!(
        status.code() == Some(1),
        "it ended with {status}: {sentence}"
    );
    ensure!(
        sentence.contains(&store) && sentence.contains("is full") && sentence.contains("at least"),
        "it ended with the words {sentence:?}"
    );

    let before = town.callbacks();
    let running = town.start(0)?;
    not_ready(town, &running).await?;
    running.admin.quiet(WAIT).await?;
    figures.delivered_from_the_room_of_the_ballast = town.callbacks() - before;
    not_ready(town, &running).await?;
    figures.callbacks_received = town.audit(&running.admin).await?;
    ready_again(town, &running, figures).await?;
    ensure!(
        town.cancel(running.at.public).await? == Answer::Ack,
        "it takes no cancel"
    );
    running.admin.quiet(WAIT).await?;
    stop(running.process)
}

/// Started on a full disk: opens if the ballast is there, else says what it needs.
async fn full_at_start(town: &Town, figures: &mut Figures) -> anyhow::Result<()> {
    town.disk.fill(None)?;
    let running = town.start(MARK_BYTES)?;
    not_ready(town, &running).await?;
    ensure!(
        !town.store().join("ballast").exists(),
        "the ballast is still there"
    );
    town.disk.fill(None)?;
    running.process.kill();
    let (status, log) = town.spawn(MARK_BYTES)?.ended(WAIT)?;
    let sentence = sentence(&log);
    ensure!(
        status.code() == Some(1) && sentence.contains("too little room"),
        "{status}: {log}"
    );

    town.disk.free()?;
    town.disk.fill(Some(TO_EAT_BYTES))?;
    let running = town.start(MARK_BYTES)?;
    not_ready(town, &running).await?;
    ready_again(town, &running, figures).await?;
    running.admin.quiet(WAIT).await?;
    figures.callbacks_received = town.audit(&running.admin).await?;
    stop(running.process)?;
    let found = store_findings(&town.binary, &town.store())?;
    ensure!(found.is_empty(), "store check: {found:#?}");
    Ok(())
}

async fn not_ready(town: &Town, running: &Running) -> anyhow::Result<()> {
    let (status, said) = town.readiness(running.at.public).await?;
    let path = town.store().display().to_string();
    ensure!(
        status == 503 && said.contains(&path) && said.contains("needed"),
        "/health/ready: {status}, {said}"
    );
    let metrics = running.admin.text("/metrics").await?;
    ensure!(metrics.contains("bpp_store_disk_free_bytes "), "{metrics}");
    Ok(())
}

/// The log names path and need, and not again at each refusal.
fn told_once(log: &str, path: &str) -> anyhow::Result<()> {
    let told = log
        .lines()
        .filter(|line| line.contains("the disk is nearly full"));
    let told: Vec<_> = told.collect();
    ensure!(told.len() == 1, "it said {told:#?}");
    ensure!(
        told[0].contains(path) && told[0].contains("need_bytes"),
        "{told:?}"
    );
    Ok(())
}

/// Takes the filler away, and waits until the server notices.
async fn ready_again(town: &Town, running: &Running, figures: &mut Figures) -> anyhow::Result<()> {
    town.disk.free()?;
    let took = town.ready(running.at.public).await?;
    ensure!(took < READY_AGAIN, "ready again after {took:?}");
    ensure!(town.store().join("ballast").exists(), "there is no ballast");
    figures.ready_again_ms.push(took.as_millis());
    Ok(())
}

fn sentence(log: &str) -> String {
    let said = log.lines().find(|line| line.starts_with("beckn-bpp: "));
    said.unwrap_or(log).to_owned()
}

fn stop(process: Process) -> anyhow::Result<()> {
    let (status, log) = process.terminate(WAIT)?;
    ensure!(status.success(), "a clean stop ended with {status}:\n{log}");
    Ok(())
}
