//! Few places: first fewer than the bad hosts could take, then fewer than there are hosts.
//!
//! In the first part no breaker helps, so that silent hosts hold what they were given: what is
//! left must be enough for the healthy ones. In the second all hosts take their time, and all
//! have callbacks waiting: each must get its turn.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::plan::Plan;
use super::proof::{CALLERS, HEALED, Stage, of_healthy};
use crate::stage::binary;
use crate::stage::hosts::{Host, Temper};
use crate::stage::reckoning;
use crate::stage::scene::{Running, Scene};
use crate::stage::spread::Spread;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Volley, complaints};

/// What each host has waiting when turns are looked at.
const WAITING: u64 = 40;
/// How long each host takes for a callback then.
const UNHURRIED: Duration = Duration::from_millis(20);
/// Hosts to a place then.
const HOSTS_TO_A_PLACE: usize = 4;
/// What the host served least may have got, in parts of the average, when half is done.
const LEAST_SHARE: f64 = 0.5;

/// Both parts; `good` is what healthy hosts wait in peace.
pub async fn run(plan: &Plan, good: &Spread, verdict: &mut Verdict) -> anyhow::Result<()> {
    let bad = plan.cancels_in(plan.scarce_time());
    // A whole number for each host.
    let bad = bad.next_multiple_of(plan.hosts() as u64);
    let turns = bad..bad + WAITING * plan.hosts() as u64;
    let scene = Scene::new(plan.hosts(), 0..turns.end, &plan.sections()).await?;
    let binary = binary::server(plan.server.as_ref())?;
    say("few places");
    let server = with_places(&scene, &binary, plan.few_places()).await?;
    scene.hand_over(&server.admin, 0..turns.end).await?;
    let mut stage = Stage {
        plan,
        scene: &scene,
        server: &server,
        verdict,
    };
    let outcome = stage.beside_hoarders(&(0..bad), good).await;
    outcome.with_context(|| format!("the server says:\n{}", server.process.log()))?;
    let (status, log) = server.process.terminate(HEALED)?;
    ensure!(status.success(), "it ended with {status}:\n{log}");

    say("fewer places than hosts");
    let places = plan.hosts().div_ceil(HOSTS_TO_A_PLACE);
    let server = with_places(&scene, &binary, places).await?;
    let mut stage = Stage {
        plan,
        scene: &scene,
        server: &server,
        verdict,
    };
    let outcome = stage.in_turn(&turns).await;
    outcome.with_context(|| format!("the server says:\n{}", server.process.log()))
}

async fn with_places(scene: &Scene, binary: &Path, places: usize) -> anyhow::Result<Running> {
    let places = places.to_string();
    let more = [
        ("DELIVERY__IN_FLIGHT", places.as_str()),
        ("DELIVERY__BREAKER_FAILURES", "1000000"),
    ];
    scene.start(binary, &more).await
}

impl Stage<'_> {
    async fn beside_hoarders(&mut self, numbers: &Range<u64>, good: &Spread) -> anyhow::Result<()> {
        for host in self.bad_hosts() {
            host.behave(Temper::Silent);
        }
        let (spread, _) = self.load(numbers, self.plan.scarce_time()).await?;
        let taken: usize = self.bad_hosts().iter().map(Host::most_in_flight).sum();
        let limit = self.limit(good);
        let wanted = self.plan.few_places().div_ceil(2) as f64;
        let verdict = &mut *self.verdict;
        verdict.figure("few places", self.plan.few_places());
        verdict.figure("few places: ACK to callback", of_healthy(&spread));
        verdict.promise(
            "places of silent hosts, so that few were left",
            taken as f64,
            Bound::AtLeast(wanted),
        );
        verdict.promise("few places: healthy hosts, p99 ms", spread.p99, limit);
        for host in self.bad_hosts() {
            host.behave(Temper::Well);
        }
        self.scene.answered(HEALED).await?;
        Ok(())
    }

    async fn in_turn(&mut self, numbers: &Range<u64>) -> anyhow::Result<()> {
        let (admin, target) = (&self.server.admin, self.server.at.public);
        admin.hold().await?;
        let requests = self.scene.requests(numbers.clone(), target);
        let volley = Volley::new(target, &self.scene.ledger, requests, CALLERS);
        let shots = volley.closed(CALLERS, Duration::from_secs(250)).await;
        let wrong = complaints(&shots);
        ensure!(wrong.is_empty(), "answers: {wrong:?}");
        for host in &self.scene.hosts {
            host.behave(Temper::Late(UNHURRIED));
        }
        admin.release().await?;
        self.scene.answered(HEALED).await?;
        let least = least_share(self.scene, numbers);
        self.verdict.promise(
            "served least of all hosts, in parts of the average",
            least,
            Bound::AtLeast(LEAST_SHARE),
        );
        let found = reckoning::of(&self.scene.ledger);
        self.verdict.none("few places: callbacks lost", found.lost);
        Ok(())
    }
}

/// What the host that was served least had got when half of all were answered, in parts of what
/// the average host had.
fn least_share(scene: &Scene, numbers: &Range<u64>) -> f64 {
    let at = |number: u64| {
        let slot = scene.ledger.slot(number)?;
        Some((slot.answered.load(Ordering::Relaxed), scene.host_of(number)))
    };
    let mut answers: Vec<(u64, usize)> = numbers.clone().filter_map(at).collect();
    answers.sort_unstable();
    answers.truncate(answers.len() / 2);
    let mut of_host = vec![0_usize; scene.hosts.len()];
    for (_, host) in &answers {
        of_host[*host] += 1;
    }
    let least = of_host.iter().min().copied().unwrap_or(0) as f64;
    least * of_host.len() as f64 / answers.len().max(1) as f64
}
