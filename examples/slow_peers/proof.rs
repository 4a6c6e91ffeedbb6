//! The run: measure, measure again among slow peers, and look whether all is as it was.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::peers::Peers;
use super::plan::Plan;
use crate::stage::scene::{Running, Scene};
use crate::stage::spread::Spread;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Outcome, Shot, Volley, complaints, times};
use crate::stage::{binary, reckoning};

/// How much longer the others may wait, at p99.
const TIMES: f64 = 2.0;
/// The longest that the limits let a connection be held by who does nothing useful: 5 s for a head,
/// and again for a second, with a second to close; a body that drips has less.
const HELD_MS: f64 = 12_000.0;
/// How long callbacks may take after the last ACK.
const DRAIN: Duration = Duration::from_secs(120);

/// Runs everything.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let scene = Scene::new(8, 0..plan.orders, "").await?;
    let binary = binary::server(plan.server.as_ref())?;
    let server = scene.start(&binary, &[]).await?;
    say(format!("handing over {} orders", plan.orders));
    scene.hand_over(&server.admin, 0..plan.orders).await?;
    let requests = scene.requests(0..plan.orders, server.at.public);
    let volley = Volley::new(server.at.public, &scene.ledger, requests, plan.clients);
    let verdict = measured(&plan, &scene, &server, &volley).await;
    verdict.with_context(|| format!("the server says:\n{}", server.process.log()))
}

async fn measured(
    plan: &Plan,
    scene: &Scene,
    server: &Running,
    volley: &Arc<Volley>,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    volley.closed(plan.clients, plan.time() / 5).await;
    let alone = volley.closed(plan.clients, plan.time()).await;
    say(format!("{} slow peers", plan.peers));
    let peers = Peers::start(plan.peers, server.at.public);
    let among = volley.closed(plan.clients, plan.time()).await;
    ensure!(
        volley.left() > 0,
        "the orders ran out; make --orders larger"
    );
    let tally = peers.end().await;
    for (name, shots) in [("alone", &alone), ("among slow peers", &among)] {
        verdict.figure(
            format!("ACK {name}, ms (p50, p99, p99.9, max)"),
            spread(shots).line(),
        );
        verdict.figure(format!("ACKs {name}"), acks(shots).len());
    }
    let slower = spread(&among).p99 / spread(&alone).p99.max(0.001);
    verdict.pace(
        "p99 among slow peers, times that alone",
        slower,
        Bound::AtMost(TIMES),
    );
    let ended = tally.ended.load(Ordering::Relaxed) as f64;
    verdict.promise(
        "connections of slow peers ended",
        ended,
        Bound::AtLeast(1.0),
    );
    let longest = tally.longest_ms.load(Ordering::Relaxed) as f64;
    verdict.pace(
        "longest that one was held, ms",
        longest,
        Bound::AtMost(HELD_MS),
    );
    let wrong = [complaints(&alone), complaints(&among)].concat();
    if !wrong.is_empty() {
        verdict.figure("answers that should not be", format!("{wrong:?}"));
    }
    verdict.none("answers other than ACK", wrong.len() as u64);
    scene.answered(DRAIN).await?;
    let found = reckoning::of(&scene.ledger);
    verdict.none("ACKs lost", found.lost);
    verdict.none(
        "callbacks altered or misdirected",
        found.altered + found.misdirected,
    );
    Ok(verdict)
}

fn acks(shots: &[Shot]) -> Vec<u64> {
    times(shots, |outcome| *outcome == Outcome::Ack)
}

fn spread(shots: &[Shot]) -> Spread {
    Spread::of(acks(shots))
}
