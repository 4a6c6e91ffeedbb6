//! The runs: warm up, find the capacity, offer several times as much, and look again afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::pin;
use super::plan::Plan;
use crate::stage::progress::Progress;
use crate::stage::scene::{Running, Scene};
use crate::stage::spread::Spread;
use crate::stage::usage::Usage;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Outcome, Shot, Volley, complaints, count, times};
use crate::stage::{binary, reckoning};

/// What share of the capacity must be left under overload.
const GOODPUT: f64 = 0.8;
/// How soon those who find no room must hear of it.
const SOON_MS: f64 = 50.0;
/// How soon the server must answer again when the load has ended.
const AGAIN_MS: f64 = 250.0;
/// What its memory may grow by meanwhile: what waits for delivery is kept in a few hundred bytes.
const GROWTH_BYTES: f64 = 100e6;
/// How long callbacks may take after the last ACK.
const DRAIN: Duration = Duration::from_secs(120);

/// What a run of the generator came to.
struct Part {
    shots: Vec<Shot>,
    seconds: f64,
    used: Usage,
}

impl Part {
    fn acks(&self) -> f64 {
        count(&self.shots, |outcome| *outcome == Outcome::Ack) as f64
    }

    fn acks_per_second(&self) -> f64 {
        self.acks() / self.seconds
    }

    fn processor_seconds(&self) -> f64 {
        self.used.processor.unwrap_or_default().as_secs_f64()
    }
}

/// The scene, its server and the requests.
struct Stage {
    scene: Scene,
    server: Running,
    volley: Arc<Volley>,
}

/// Runs everything.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let orders = plan.orders();
    let scene = Scene::new(plan.hosts, 0..orders, "").await?;
    let at_work = plan.at_work.map(|number| number.to_string());
    let more = at_work.as_deref().map(|number| ("LIMITS__AT_WORK", number));
    let binary = binary::server(plan.server.as_ref())?;
    let server = scene.start(&binary, more.as_slice()).await?;
    say(format!("handing over {orders} orders"));
    scene.hand_over(&server.admin, 0..orders).await?;
    let pinned = !plan.not_pinned && pin::apart(server.process.id());
    let requests = scene.requests(0..orders, server.at.public);
    let volley = Volley::new(server.at.public, &scene.ledger, requests, plan.connections);
    let progress = Progress::start(&scene.ledger, orders);
    let stage = Stage {
        scene,
        server,
        volley,
    };
    let mut verdict = Verdict::default();
    let apart = if pinned {
        "the first, alone"
    } else {
        "shared with the generator"
    };
    verdict.figure("processor of the server", apart);
    let outcome = stage.runs(&plan, &mut verdict).await;
    progress.stop();
    outcome.with_context(|| format!("the server says:\n{}", stage.server.process.log()))?;
    Ok(verdict)
}

impl Stage {
    async fn runs(&self, plan: &Plan, verdict: &mut Verdict) -> anyhow::Result<()> {
        self.peak(plan, plan.peak_time() / 4).await?;
        let peak = self.peak(plan, plan.peak_time()).await?;
        let before = self.usage();
        let rate = peak.acks_per_second() * plan.times;
        let over = self
            .measure(self.volley.open(rate, plan.overload_time()))
            .await;
        let again = self.again().await?;
        let after = self.usage();
        let left = self.volley.left();
        ensure!(left > 0, "the orders ran out; make --orders larger");
        describe(verdict, &peak, &over, rate);
        judge(verdict, &peak, &over);
        verdict.pace(
            "the next one answered, ms",
            again.as_secs_f64() * 1e3,
            Bound::AtMost(AGAIN_MS),
        );
        let grown = bytes(&after) - bytes(&before);
        verdict.promise(
            "memory grown meanwhile, bytes",
            grown,
            Bound::AtMost(GROWTH_BYTES),
        );
        let drained = self.scene.answered(DRAIN).await?;
        verdict.figure(
            "s until all callbacks were delivered",
            drained.as_secs_f32(),
        );
        let found = reckoning::of(&self.scene.ledger);
        verdict.none("ACKs lost", found.lost);
        verdict.none(
            "callbacks altered or misdirected",
            found.altered + found.misdirected,
        );
        verdict.none("callbacks that came again", found.repeated);
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::of(self.server.process.id())
    }

    async fn peak(&self, plan: &Plan, time: Duration) -> anyhow::Result<Part> {
        let part = self.measure(self.volley.closed(plan.clients, time)).await;
        let wrong = complaints(&part.shots);
        ensure!(wrong.is_empty() && part.acks() > 0.0, "answers: {wrong:?}");
        Ok(part)
    }

    async fn measure(&self, run: impl Future<Output = Vec<Shot>>) -> Part {
        let (before, began) = (self.usage(), Instant::now());
        let shots = run.await;
        Part {
            shots,
            seconds: began.elapsed().as_secs_f64(),
            used: self.usage().since(&before),
        }
    }

    /// One more request, once nothing is sent any more.
    async fn again(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let ready = self.server.admin.get("/health/ready").await?;
        ensure!(ready["status"] == "ready", "it says {ready}");
        let shot = self.volley.one().await.context("the orders ran out")?;
        ensure!(
            shot.outcome == Outcome::Ack,
            "it was answered {:?}",
            shot.outcome
        );
        Ok(began.elapsed())
    }
}

fn bytes(usage: &Usage) -> f64 {
    usage.resident_bytes.unwrap_or(0) as f64
}

fn is_busy(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Busy(_))
}

fn describe(verdict: &mut Verdict, peak: &Part, over: &Part, rate: f64) {
    let ack = |part: &Part| {
        let spread = Spread::of(times(&part.shots, |outcome| *outcome == Outcome::Ack));
        format!("{}  ms (p50, p99, p99.9, max)", spread.line().trim_start())
    };
    let each = |part: &Part| {
        let used = part.processor_seconds();
        format!(
            "{used:.2} s, {:.0} us for each ACK",
            used * 1e6 / part.acks()
        )
    };
    verdict.figure("capacity, ACKs a second", peak.acks_per_second().round());
    verdict.figure("ACK at capacity", ack(peak));
    verdict.figure("offered a second", rate.round());
    let sent = over.shots.len() as f64;
    verdict.figure("sent a second", (sent / over.seconds).round());
    verdict.figure(
        "not sent, for want of connections",
        count(&over.shots, |o| *o == Outcome::Unsent),
    );
    verdict.figure("refused with 503", count(&over.shots, is_busy));
    verdict.figure("ACK under overload", ack(over));
    verdict.figure("processor at capacity", each(peak));
    verdict.figure("processor under overload", each(over));
    let late = over
        .shots
        .iter()
        .map(|shot| (shot.sent - shot.due).as_nanos() as u64);
    verdict.figure("own lateness, p99 ms", Spread::of(late.collect()).p99);
}

fn judge(verdict: &mut Verdict, peak: &Part, over: &Part) {
    let share = over.acks_per_second() / peak.acks_per_second();
    verdict.pace(
        "ACKs under overload, share of capacity",
        share,
        Bound::AtLeast(GOODPUT),
    );
    let busy = Spread::of(times(&over.shots, is_busy));
    verdict.pace("503 after, p99 ms", busy.p99, Bound::AtMost(SOON_MS));
    let bare = count(&over.shots, |outcome| *outcome == Outcome::Busy(false));
    verdict.none("503 without Retry-After", bare);
    let refused = count(&over.shots, is_busy) as f64;
    verdict.promise(
        "refused, so that it was too much",
        refused,
        Bound::AtLeast(1.0),
    );
    let wrong = complaints(&over.shots);
    if !wrong.is_empty() {
        verdict.figure("answers that should not be", format!("{wrong:?}"));
    }
    verdict.none("answers other than ACK and 503", wrong.len() as u64);
}
