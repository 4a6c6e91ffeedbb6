//! The steps: fill, start anew, cancel here and there, compare with the first step.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::bare;
use super::plan::Plan;
use crate::stage::binary;
use crate::stage::reckoning;
use crate::stage::scene::{Running, Scene};
use crate::stage::spread::Spread;
use crate::stage::usage::Usage;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Outcome, Volley, complaints, times};

/// The hosts that take the callbacks.
const HOSTS: usize = 8;
/// The longest the cancels of a step may take, and their callbacks after that.
const LONGEST: Duration = Duration::from_secs(120);
/// The longest a server may take to stop.
const STOP: Duration = Duration::from_secs(30);

/// What a step was like.
struct Step {
    orders: u64,
    start: Duration,
    ack: Spread,
    processor_us: f64,
    resident_bytes: u64,
    /// What sled alone takes for the same.
    bare_bytes: u64,
}

/// Runs all steps.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    plan.check()?;
    let most = plan.orders.last().copied().unwrap_or_default();
    let scene = Scene::new(HOSTS, 0..most, "").await?;
    let binary = binary::server(plan.server.as_ref())?;
    let (mut steps, mut filled) = (Vec::new(), 0);
    for (index, orders) in plan.orders.iter().enumerate() {
        let began = Instant::now();
        let server = start(&plan, &scene, &binary).await?;
        scene.hand_over(&server.admin, filled..*orders).await?;
        stop(server).await?;
        say(format!(
            "{} more orders in {} s",
            orders - filled,
            began.elapsed().as_secs()
        ));
        filled = *orders;
        let step = step(&plan, &scene, &binary, *orders, index as u64).await?;
        say(step.line());
        steps.push(step);
    }
    Ok(judge(&plan, &scene, &steps))
}

async fn start(plan: &Plan, scene: &Scene, binary: &Path) -> anyhow::Result<Running> {
    let cache = format!("{}MB", plan.cache_mb);
    scene.start(binary, &[("STORE__CACHE_SIZE", &cache)]).await
}

async fn stop(server: Running) -> anyhow::Result<()> {
    let ended = tokio::task::spawn_blocking(move || server.process.terminate(STOP)).await?;
    let (status, log) = ended?;
    ensure!(status.success(), "it ended with {status}:\n{log}");
    Ok(())
}

async fn step(
    plan: &Plan,
    scene: &Scene,
    binary: &Path,
    orders: u64,
    index: u64,
) -> anyhow::Result<Step> {
    let server = start(plan, scene, binary).await?;
    let (pid, target, start) = (server.process.id(), server.at.public, server.start);
    // Evenly from all over the store; each step begins at another order, so that none comes twice.
    let stride = orders / plan.cancels;
    let chosen = (0..plan.cancels).map(|number| number * stride + index % stride);
    let fresh = chosen.filter(|number| is_fresh(scene, *number));
    let requests: Vec<_> = fresh.map(|number| scene.request(number, target)).collect();
    let count = requests.len();
    let volley = Volley::new(target, &scene.ledger, requests, plan.clients);
    let before = Usage::of(pid);
    let shots = volley.closed(plan.clients, LONGEST).await;
    scene.answered(LONGEST).await?;
    let used = Usage::of(pid).since(&before);
    ensure!(
        complaints(&shots).is_empty(),
        "answers: {:?}",
        complaints(&shots)
    );
    ensure!(
        shots.len() >= count,
        "{} of {count} were sent in time",
        shots.len()
    );
    let processor = used.processor.context("/proc tells no processor time")?;
    stop(server).await?;
    let (store, cache_bytes) = (scene.around.store(), plan.cache_bytes());
    let bare = tokio::task::spawn_blocking(move || bare::resident_bytes(&store, cache_bytes));
    Ok(Step {
        orders,
        start,
        ack: Spread::of(times(&shots, |outcome| *outcome == Outcome::Ack)),
        processor_us: processor.as_secs_f64() * 1e6 / count as f64,
        resident_bytes: used.resident_bytes.unwrap_or(0),
        bare_bytes: bare.await??,
    })
}

fn is_fresh(scene: &Scene, number: u64) -> bool {
    let slot = scene.ledger.slot(number);
    slot.is_some_and(|slot| slot.acked.load(std::sync::atomic::Ordering::Relaxed) == 0)
}

impl Step {
    fn line(&self) -> String {
        format!(
            "{} orders: ready in {:.2} s; ACK p50 {:.2} p99 {:.2} ms; {:.0} us a cancel; \
             {} MB, sled alone {} MB",
            self.orders,
            self.start.as_secs_f64(),
            self.ack.p50,
            self.ack.p99,
            self.processor_us,
            self.resident_bytes / 1_000_000,
            self.bare_bytes / 1_000_000
        )
    }
}

fn judge(plan: &Plan, scene: &Scene, steps: &[Step]) -> Verdict {
    let mut verdict = Verdict::default();
    for step in steps {
        verdict.figure("", step.line());
    }
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return verdict;
    };
    let start = last.start.as_secs_f64();
    verdict.promise(
        "last start, s",
        start,
        Bound::AtMost(plan.most_start_seconds),
    );
    let most = Bound::AtMost(plan.most_ratio);
    let processor = last.processor_us / first.processor_us;
    verdict.promise("processor time of a cancel, last to first", processor, most);
    verdict.promise(
        "median ACK, last to first",
        last.ack.p50 / first.ack.p50,
        most,
    );
    verdict.promise(
        "memory, times that of sled alone",
        last.resident_bytes as f64 / last.bare_bytes as f64,
        Bound::AtMost(plan.most_memory),
    );
    let found = reckoning::of(&scene.ledger);
    verdict.none("ACKs lost", found.lost);
    verdict.none(
        "callbacks altered or misdirected",
        found.altered + found.misdirected,
    );
    verdict
}
