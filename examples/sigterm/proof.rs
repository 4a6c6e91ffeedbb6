//! The rounds: start, see that what was owed is delivered, load, stop; and the reckoning.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::plan::Plan;
use super::stop::{Stop, stop};
use crate::stage::hosts::Temper;
use crate::stage::random::Random;
use crate::stage::scene::Scene;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Outcome, Shot, Volley};
use crate::stage::{binary, reckoning};

/// The latest moment of the signal, after the load began.
pub const LATEST: Duration = Duration::from_secs(2);
/// The longest from the signal to the end.
const ENDED: Duration = Duration::from_secs(25);
/// How soon health must say no.
const UNREADY_MS: f64 = 250.0;
/// How much earlier than its end the grace is looked at: a request needs some time itself.
const MARGIN: Duration = Duration::from_millis(500);
/// How long a start may take to deliver what was owed: those that were cut short wait for their
/// first step.
const DELIVERED: Duration = Duration::from_secs(10);
/// Hosts that are well, slow, and silent in turn.
const HOSTS: usize = 8;
const SLOW: Duration = Duration::from_millis(1_500);
const CONNECTIONS: usize = 256;

/// The worst of all rounds.
#[derive(Default)]
struct Worst {
    unready: Duration,
    ended: Duration,
    redelivered: Duration,
    start: Duration,
    acks: u64,
    acks_in_grace: u64,
    owed: u64,
    refused_in_grace: u64,
    cut_off: u64,
    latest_ack: Option<Duration>,
}

/// Runs all rounds.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let each = plan.cancels();
    let scene = Scene::new(HOSTS, 0..each * plan.rounds, &plan.sections()).await?;
    let binary = binary::server(plan.server.as_ref())?;
    let mut worst = Worst::default();
    for round in 0..plan.rounds {
        let done = one_round(&plan, &scene, &binary, round, &mut worst).await;
        let line = done.with_context(|| format!("in round {}", round + 1))?;
        say(format!("round {}/{}: {line}", round + 1, plan.rounds));
    }
    deliver(&scene, &binary, &mut worst).await?;
    Ok(judge(&plan, &scene, &worst))
}

async fn one_round(
    plan: &Plan,
    scene: &Scene,
    binary: &Path,
    round: u64,
    worst: &mut Worst,
) -> anyhow::Result<String> {
    let grace = format!("{}s", plan.grace_seconds);
    heal(scene);
    let server = scene.start(binary, &[("HTTP__STOP_GRACE", &grace)]).await?;
    worst.start = worst.start.max(server.start);
    worst.redelivered = worst.redelivered.max(scene.answered(DELIVERED).await?);
    let numbers = round * plan.cancels()..(round + 1) * plan.cancels();
    scene.hand_over(&server.admin, numbers.clone()).await?;
    spoil(scene);
    let public = server.at.public;
    let requests = scene.requests(numbers, public);
    let volley = Volley::new(public, &scene.ledger, requests, CONNECTIONS);
    let latest = LATEST.as_millis() as u64;
    let after = Random::of(&[plan.seed, round]).within(latest / 4..latest);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let stopped = stop(server.process, public, ENDED + Duration::from_secs(10)).await;
        volley.end();
        stopped
    };
    let (shots, stopped) = tokio::join!(volley.open(plan.rate, plan.longest_round()), stopping);
    let stopped = stopped?;
    let owed = scene.ledger.unanswered() as u64;
    worst.add(plan, &shots, &stopped, owed)?;
    Ok(format!(
        "SIGTERM after {after} ms; not ready after {} ms, ended after {:.1} s, {owed} owed",
        stopped.unready_after.as_millis(),
        stopped.ended_after.as_secs_f32()
    ))
}

/// Starts once more, so that what is still owed is delivered.
async fn deliver(scene: &Scene, binary: &Path, worst: &mut Worst) -> anyhow::Result<()> {
    heal(scene);
    let server = scene.start(binary, &[]).await?;
    worst.redelivered = worst.redelivered.max(scene.answered(DELIVERED).await?);
    server.admin.quiet(DELIVERED).await?;
    let (status, log) = server.process.terminate(ENDED)?;
    ensure!(status.code() == Some(0), "it ended with {status}:\n{log}");
    Ok(())
}

fn heal(scene: &Scene) {
    scene
        .hosts
        .iter()
        .for_each(|host| host.behave(Temper::Well));
}

/// One in four is silent, another slow.
fn spoil(scene: &Scene) {
    for (index, host) in scene.hosts.iter().enumerate() {
        match index % 4 {
            2 => host.behave(Temper::Late(SLOW)),
            3 => host.behave(Temper::Silent),
            _ => {}
        }
    }
}

impl Worst {
    fn add(&mut self, plan: &Plan, shots: &[Shot], stop: &Stop, owed: u64) -> anyhow::Result<()> {
        let grace_ends = stop.at + plan.grace();
        let in_grace = |at: Instant| at > stop.at && at + MARGIN < grace_ends;
        for shot in shots {
            match &shot.outcome {
                Outcome::Ack => {
                    self.acks += 1;
                    self.acks_in_grace += u64::from(in_grace(shot.sent));
                    let after = shot.done.saturating_duration_since(stop.at);
                    self.latest_ack = self.latest_ack.max(Some(after));
                }
                Outcome::Unsent => {}
                // The end may come between a request and its answer: nothing was promised then.
                Outcome::Refused | Outcome::Broken(_) if shot.sent >= stop.at => {
                    self.refused_in_grace += u64::from(in_grace(shot.sent));
                    self.cut_off += u64::from(matches!(shot.outcome, Outcome::Broken(_)));
                }
                other => anyhow::bail!("a cancel was answered {other:?}"),
            }
        }
        self.unready = self.unready.max(stop.unready_after);
        self.ended = self.ended.max(stop.ended_after);
        self.owed += owed;
        Ok(())
    }
}

fn judge(plan: &Plan, scene: &Scene, worst: &Worst) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.figure("stops", plan.rounds);
    verdict.figure("cancels acknowledged", worst.acks);
    verdict.figure("of them in a grace", worst.acks_in_grace);
    verdict.figure("callbacks owed at an end, in all", worst.owed);
    verdict.figure("connections cut off without an answer", worst.cut_off);
    verdict.figure("slowest start, ms", worst.start.as_millis());
    let unready = worst.unready.as_secs_f64() * 1e3;
    verdict.promise(
        "slowest to say that it is not ready, ms",
        unready,
        Bound::AtMost(UNREADY_MS),
    );
    verdict.none("cancels not taken in a grace", worst.refused_in_grace);
    let latest = worst.latest_ack.unwrap_or_default();
    let wanted = plan.grace().saturating_sub(MARGIN).as_secs_f64();
    verdict.promise(
        "latest ACK after the signal, s",
        latest.as_secs_f64(),
        Bound::AtLeast(wanted),
    );
    let bound = Bound::AtMost(ENDED.as_secs_f64());
    verdict.promise("slowest end, s", worst.ended.as_secs_f64(), bound);
    let bound = Bound::AtMost(DELIVERED.as_secs_f64());
    let redelivered = worst.redelivered.as_secs_f64();
    verdict.promise(
        "what was owed, delivered after a start, s",
        redelivered,
        bound,
    );
    let found = reckoning::of(&scene.ledger);
    verdict.none("ACKs lost", found.lost);
    verdict.none(
        "callbacks altered or misdirected",
        found.altered + found.misdirected,
    );
    verdict.none("came again without a stop between", found.repeated_in_life);
    verdict.figure(
        "callbacks that came again after a stop",
        found.repeated - found.repeated_in_life,
    );
    verdict
}
