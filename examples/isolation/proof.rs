//! The runs, one after the other on one server: all well, some bad, healed, one long queue.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::plan::Plan;
use super::watch::{Seen, Watch};
use crate::stage::binary;
use crate::stage::hosts::{Host, Temper};
use crate::stage::progress::Progress;
use crate::stage::reckoning;
use crate::stage::scene::{Running, Scene, name};
use crate::stage::spread::Spread;
use crate::stage::verdict::{Bound, Verdict, say};
use crate::stage::volley::{Volley, complaints, count};

/// Connections of the callers.
const CALLERS: usize = 64;
/// What a host may have at a time, in flight or kept.
const PER_HOST: f64 = 8.0;
/// Sockets of the whole server, those to its callers included.
const SOCKETS: f64 = 256.0;
/// The longest a healthy host may wait in any case.
const LONGEST_MS: f64 = 1_000.0;
/// How fast the process may grow after the warm-up, in bytes a second: what waits for bad hosts
/// is kept in memory with a few hundred bytes each.
const GROWTH_BYTES: f64 = 500_000.0;
/// How long it may take until what waited for bad hosts has reached them.
const HEALED: Duration = Duration::from_secs(120);
/// How long a host with a long queue takes for each callback.
const UNHURRIED: Duration = Duration::from_millis(50);

/// The messages of each run.
struct Runs {
    good: Range<u64>,
    bad: Range<u64>,
    beside: Range<u64>,
    backlog: Range<u64>,
}

impl Runs {
    fn of(plan: &Plan) -> Self {
        let good = plan.cancels_in(plan.good_time());
        let bad = good + plan.cancels_in(plan.bad_time());
        let beside = bad + if plan.backlog() > 0 { good } else { 0 };
        Self {
            good: 0..good,
            bad: good..bad,
            beside: bad..beside,
            backlog: beside..beside + plan.backlog(),
        }
    }
}

/// The scene with its server, and what is found.
struct Stage<'a> {
    plan: &'a Plan,
    scene: &'a Scene,
    server: &'a Running,
    verdict: Verdict,
}

/// Runs everything.
pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let runs = Runs::of(&plan);
    let mut scene = Scene::new(plan.hosts(), 0..runs.backlog.end, &plan.sections()).await?;
    scene.deal_out(runs.backlog.start);
    let binary = binary::server(plan.server.as_ref())?;
    let server = scene
        .start(&binary, &[("STORE__CACHE_SIZE", "16MB")])
        .await?;
    say(format!("handing over {} orders", runs.backlog.end));
    scene.hand_over(&server.admin, 0..runs.backlog.end).await?;
    let progress = Progress::start(&scene.ledger, runs.backlog.end);
    let mut stage = Stage {
        plan: &plan,
        scene: &scene,
        server: &server,
        verdict: Verdict::default(),
    };
    let outcome = stage.runs(&runs).await;
    progress.stop();
    let Stage { verdict, .. } = stage;
    outcome.with_context(|| format!("the server says:\n{}", server.process.log()))?;
    Ok(verdict)
}

impl Stage<'_> {
    async fn runs(&mut self, runs: &Runs) -> anyhow::Result<()> {
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
        Ok(())
    }

    /// What a healthy host may wait, p99, when this is what it waits in peace.
    fn limit(&self, good: &Spread) -> Bound {
        let limit = (2.0 * good.p99).max(good.p99 + self.plan.noise_ms);
        Bound::AtMost(limit.min(LONGEST_MS))
    }

    fn healthy(&self) -> Range<usize> {
        0..self.plan.healthy
    }

    fn bad_hosts(&self) -> &[Host] {
        &self.scene.hosts[self.plan.healthy..]
    }

    /// Sends these cancels; gives the delays of healthy hosts and what was seen meanwhile.
    async fn load(&self, numbers: &Range<u64>, time: Duration) -> anyhow::Result<(Spread, Seen)> {
        self.load_hosts(numbers, time, self.healthy()).await
    }

    async fn load_hosts(
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
        let verdict = &mut self.verdict;
        verdict.promise("healthy hosts, p99 ms", bad.p99, limit);
        verdict.promise(
            "connections to a bad host at a time",
            most,
            Bound::AtMost(PER_HOST),
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
        let verdict = &mut self.verdict;
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
            Bound::AtMost(PER_HOST),
        );
        // As many as are in flight may be kept besides.
        let most = most_of(healed, Host::most_connections);
        verdict.promise(
            "connections to a healed host",
            most,
            Bound::AtMost(2.0 * PER_HOST),
        );
        let found = reckoning::of(&self.scene.ledger);
        verdict.none("callbacks lost", found.lost);
        verdict.none(
            "callbacks altered or misdirected",
            found.altered + found.misdirected,
        );
        Ok(())
    }

    /// One BAP has a long queue that its host takes slowly; how are the others?
    async fn beside_a_queue(&mut self, runs: &Runs, good: &Spread) -> anyhow::Result<()> {
        let (admin, target) = (&self.server.admin, self.server.at.public);
        admin.hold_one(&name(0), true).await?;
        let requests = self.scene.requests(runs.backlog.clone(), target);
        let volley = Volley::new(target, &self.scene.ledger, requests, CALLERS);
        let shots = volley.closed(CALLERS, Duration::from_secs(250)).await;
        ensure!(
            complaints(&shots).is_empty(),
            "answers: {:?}",
            complaints(&shots)
        );
        let queued = count(&shots, |outcome| {
            *outcome == crate::stage::volley::Outcome::Ack
        });
        self.scene.hosts[0].behave(Temper::Late(UNHURRIED));
        admin.hold_one(&name(0), false).await?;
        let others = 1..self.plan.hosts();
        let time = self.plan.good_time();
        let (beside, seen) = self.load_hosts(&runs.beside, time, others).await?;
        let left = self.scene.ledger.unanswered() as u64;
        let limit = self.limit(good);
        let verdict = &mut self.verdict;
        verdict.figure("beside a queue: ACK to callback", of_healthy(&beside));
        verdict.figure(
            "queued for one BAP, and still at the end",
            format!("{queued}, {left}"),
        );
        ensure!(
            left > 0,
            "the queue was empty too soon to prove anything; make --backlog larger"
        );
        verdict.promise("beside a queue, p99 ms", beside.p99, limit);
        let sockets = seen.most_sockets as f64;
        verdict.promise("sockets beside a queue", sockets, Bound::AtMost(SOCKETS));
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

fn of_healthy(spread: &Spread) -> String {
    format!("{}  ms (p50, p99, p99.9, max)", spread.line().trim_start())
}
