//! The runs, one after the other on one server: all well, some bad, healed, one long queue; and
//! on another, with few places.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::plan::Plan;
use super::watch::{Seen, Watch};
use super::{queue, scarce};
use crate::stage::binary;
use crate::stage::hosts::{Host, Temper};
use crate::stage::progress::Progress;
use crate::stage::reckoning;
use crate::stage::scene::{Running, Scene};
use crate::stage::spread::Spread;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Volley, complaints};

/// Connections of the callers.
pub const CALLERS: usize = 64;
/// What a host may have at a time, in flight or kept.
pub const PER_HOST: usize = 8;
/// Sockets of the whole server, those to its callers included.
pub const SOCKETS: f64 = 256.0;
/// The longest a healthy host may wait in any case.
pub const LONGEST_MS: f64 = 1_000.0;
/// How fast the process may grow after the warm-up, in bytes a second: what waits for bad hosts
/// is kept in memory with a few hundred bytes each.
const GROWTH_BYTES: f64 = 500_000.0;
/// How long it may take until what waited for bad hosts has reached them.
pub const HEALED: Duration = Duration::from_secs(120);

/// The messages of each run.
pub struct Runs {
    good: Range<u64>,
    bad: Range<u64>,
    pub beside: Range<u64>,
    pub guest: Range<u64>,
    pub backlog: Range<u64>,
}

impl Runs {
    fn of(plan: &Plan) -> Self {
        let good = plan.cancels_in(plan.good_time());
        let bad = good + plan.cancels_in(plan.bad_time());
        let with_a_queue = plan.backlog() > 0;
        let beside = bad + if with_a_queue { good } else { 0 };
        let guest = beside
            + if with_a_queue {
                queue::cancels(plan)
            } else {
                0
            };
        Self {
            good: 0..good,
            bad: good..bad,
            beside: bad..beside,
            guest: beside..guest,
            backlog: guest..guest + plan.backlog(),
        }
    }
}

/// The scene with its server, and what is found.
pub struct Stage<'a> {
    pub plan: &'a Plan,
    pub scene: &'a Scene,
    pub server: &'a Running,
    pub verdict: &'a mut Verdict,
}

/// Runs everything.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let good = many_places(&plan, &mut verdict).await?;
    scarce::run(&plan, &good, &mut verdict).await?;
    Ok(verdict)
}

/// As many places as the server has by itself; gives the delays while all hosts were well.
async fn many_places(plan: &Plan, verdict: &mut Verdict) -> anyhow::Result<Spread> {
    let runs = Runs::of(plan);
    let mut scene = Scene::new(plan.hosts(), 0..runs.backlog.end, &plan.sections()).await?;
    let guest = scene.invite(queue::HOST)?;
    scene.give(runs.guest.clone(), guest);
    scene.give(runs.backlog.clone(), queue::HOST);
    let binary = binary::server(plan.server.as_ref())?;
    let server = scene
        .start(&binary, &[("STORE__CACHE_SIZE", "16MB")])
        .await?;
    say(format!("handing over {} orders", runs.backlog.end));
    scene.hand_over(&server.admin, 0..runs.backlog.end).await?;
    let progress = Progress::start(&scene.ledger, runs.backlog.end);
    let mut stage = Stage {
        plan,
        scene: &scene,
        server: &server,
        verdict,
    };
    let outcome = stage.runs(&runs).await;
    progress.stop();
    outcome.with_context(|| format!("the server says:\n{}", server.process.log()))
}

impl Stage<'_> {
    async fn runs(&mut self, runs: &Runs) -> anyhow::Result<Spread> {
        let (good, calm) = self.load(&runs.good, self.plan.good_time()).await?;
        self.scene.answered(Duration::from_secs(30)).await?;
        self.verdict
            .figure("all hosts well: ACK to callback", of_healthy(&good));

        self.spoil();
        let (bad, seen) = self.load(&runs.bad, self.plan.bad_time()).await?;
        self.verdict
            .figure("some hosts bad: ACK to callback", of_healthy(&bad));
        self.judge(&good, &bad, &calm, &seen);
        self.heal().await?;
        if !runs.backlog.is_empty() {
            self.beside_a_queue(runs, &good).await?;
        }
        Ok(good)
    }

    /// What a healthy host may wait, p99, when this is what it waits in peace.
    pub fn limit(&self, good: &Spread) -> Bound {
        self.limit_and(good, 0.0)
    }

    /// The same, with so many milliseconds that its host takes besides.
    pub fn limit_and(&self, good: &Spread, more: f64) -> Bound {
        let limit = (2.0 * good.p99).max(good.p99 + self.plan.noise_ms);
        Bound::AtMost((limit + more).min(LONGEST_MS))
    }

    pub fn healthy(&self) -> Range<usize> {
        0..self.plan.healthy
    }

    pub fn bad_hosts(&self) -> &[Host] {
        &self.scene.hosts[self.plan.healthy..]
    }

    /// Sends these cancels; gives the delays of healthy hosts and what was seen meanwhile.
    pub async fn load(
        &self,
        numbers: &Range<u64>,
        time: Duration,
    ) -> anyhow::Result<(Spread, Seen)> {
        self.load_hosts(numbers, time, self.healthy()).await
    }

    pub async fn load_hosts(
        &self,
        numbers: &Range<u64>,
        time: Duration,
        hosts: Range<usize>,
    ) -> anyhow::Result<(Spread, Seen)> {
        let target = self.server.at.public;
        let requests = self.scene.requests(numbers.clone(), target);
        let watch = Watch::begin(self.server.process.id(), self.server.admin.clone());
        let volley = Volley::new(target, &self.scene.ledger, requests, CALLERS);
        // Those sent last fall due at the very end of the time.
        let shots = volley.open(self.plan.rate(), time * 2).await;
        let seen = watch.end();
        ensure!(
            complaints(&shots).is_empty(),
            "answers: {:?}",
            complaints(&shots)
        );
        ensure!(
            volley.left() == 0,
            "{} cancels were not taken",
            volley.left()
        );
        let expected = count_of(self.scene, numbers, &hosts);
        let arrived = self.all_came(numbers, &hosts, expected).await?;
        Ok((Spread::of(arrived), seen))
    }

    /// The delays, once all callbacks of these hosts have come.
    async fn all_came(
        &self,
        numbers: &Range<u64>,
        hosts: &Range<usize>,
        expected: usize,
    ) -> anyhow::Result<Vec<u64>> {
        let all = async {
            loop {
                let delays = self.scene.delays(numbers.clone(), hosts.clone());
                if delays.len() == expected {
                    return delays;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(20), all).await;
        all.context("callbacks to healthy hosts are still owed after 20 s")
    }

    fn spoil(&self) {
        let tempers = std::iter::repeat_n(Temper::Silent, self.plan.silent)
            .chain(std::iter::repeat_n(
                Temper::Late(self.plan.lateness()),
                self.plan.late,
            ))
            .chain(std::iter::repeat_n(Temper::Reset, self.plan.reset));
        for (host, temper) in self.bad_hosts().iter().zip(tempers) {
            host.forget_most();
            host.behave(temper);
        }
    }

    fn judge(&mut self, good: &Spread, bad: &Spread, calm: &Seen, seen: &Seen) {
        let most = most_of(self.bad_hosts(), Host::most_connections);
        let failing = (self.plan.silent + self.plan.reset) as f64;
        let limit = self.limit(good);
        let verdict = &mut *self.verdict;
        verdict.promise("healthy hosts, p99 ms", bad.p99, limit);
        verdict.promise(
            "connections to a bad host at a time",
            most,
            Bound::AtMost(PER_HOST as f64),
        );
        let sockets = seen.most_sockets as f64;
        verdict.promise("sockets of the server", sockets, Bound::AtMost(SOCKETS));
        let open = seen.most_open_breakers;
        verdict.promise(
            "breakers seen open in /metrics",
            open,
            Bound::AtLeast(failing),
        );
        let [calm, growth] = [calm, seen].map(|seen| seen.growth());
        verdict.figure("growth while all were well, bytes/s", calm.round());
        verdict.pace(
            "growth with bad hosts, bytes/s",
            growth,
            Bound::AtMost(GROWTH_BYTES),
        );
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        self.verdict.figure(
            "owed to bad hosts at the end",
            self.scene.ledger.unanswered(),
        );
        for host in self.bad_hosts() {
            host.forget_most();
            host.behave(Temper::Well);
        }
        let took = self.scene.answered(HEALED).await?;
        let verdict = &mut *self.verdict;
        let limit = Bound::AtMost(HEALED.as_secs_f64());
        verdict.promise(
            "all of it delivered after healing, s",
            took.as_secs_f64(),
            limit,
        );
        let healed = &self.scene.hosts[self.plan.healthy..];
        let most = most_of(healed, Host::most_in_flight);
        verdict.promise(
            "in flight to a healed host at a time",
            most,
            Bound::AtMost(PER_HOST as f64),
        );
        // As many as are in flight may be kept besides.
        let most = most_of(healed, Host::most_connections);
        verdict.promise(
            "connections to a healed host",
            most,
            Bound::AtMost(2.0 * PER_HOST as f64),
        );
        let found = reckoning::of(&self.scene.ledger);
        verdict.none("callbacks lost", found.lost);
        verdict.none(
            "callbacks altered or misdirected",
            found.altered + found.misdirected,
        );
        Ok(())
    }
}

fn count_of(scene: &Scene, numbers: &Range<u64>, hosts: &Range<usize>) -> usize {
    let of_hosts = numbers
        .clone()
        .filter(|number| hosts.contains(&scene.host_of(*number)));
    of_hosts.count()
}

fn most_of(hosts: &[Host], figure: fn(&Host) -> usize) -> f64 {
    hosts.iter().map(figure).max().unwrap_or(0) as f64
}

pub fn of_healthy(spread: &Spread) -> String {
    format!("{}  ms (p50, p99, p99.9, max)", spread.line().trim_start())
}
