//! One BAP has a long queue that its host takes slowly. The BAPs at other hosts must not notice,
//! and one at the same host waits for its turn and not for the queue.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::ensure;

use super::plan::Plan;
use super::proof::{CALLERS, Runs, SOCKETS, Stage, of_healthy};
use crate::stage::scene::{Scene, name};
use crate::stage::spread::Spread;
use crate::stage::verdict::Bound;
use crate::stage::volley::{Outcome, Volley, complaints, count};

/// The host with the queue, and the BAP whose queue it is.
pub const HOST: usize = 0;
/// How long it takes for each callback.
const UNHURRIED: Duration = Duration::from_millis(50);
/// Cancels a second by its guest.
const GUEST_RATE: f64 = 20.0;

/// How many cancels the guest sends.
pub fn cancels(plan: &Plan) -> u64 {
    (GUEST_RATE * plan.good_time().as_secs_f64()).ceil() as u64
}

impl Stage<'_> {
    /// Lets it wait, and looks at the others.
    pub async fn beside_a_queue(&mut self, runs: &Runs, good: &Spread) -> anyhow::Result<()> {
        let queued = self.fill(&runs.backlog).await?;
        let others = HOST + 1..self.plan.hosts();
        let time = self.plan.good_time();
        let (beside, guest) = tokio::join!(
            self.load_hosts(&runs.beside, time, others),
            self.guest(&runs.guest)
        );
        let ((beside, seen), guest) = (beside?, guest?);
        let left = unanswered(self.scene, &runs.backlog);
        let limit = self.limit(good);
        let turns = 4.0 * UNHURRIED.as_secs_f64() * 1e3;
        let guest_limit = self.limit_and(good, turns);
        let verdict = &mut *self.verdict;
        verdict.figure("beside a queue: ACK to callback", of_healthy(&beside));
        verdict.figure("at the host of a queue: the same", of_healthy(&guest));
        verdict.figure(
            "queued for one BAP, and still at the end",
            format!("{queued}, {left}"),
        );
        ensure!(
            left > 0,
            "the queue was empty too soon to prove anything; make --backlog larger"
        );
        verdict.promise("beside a queue, p99 ms", beside.p99, limit);
        verdict.promise("at the host of a queue, p99 ms", guest.p99, guest_limit);
        let sockets = seen.most_sockets as f64;
        verdict.promise("sockets beside a queue", sockets, Bound::AtMost(SOCKETS));
        Ok(())
    }

    /// Makes the queue, and lets it go.
    async fn fill(&self, backlog: &Range<u64>) -> anyhow::Result<u64> {
        let (admin, target) = (&self.server.admin, self.server.at.public);
        admin.hold_one(&name(HOST), true).await?;
        let requests = self.scene.requests(backlog.clone(), target);
        let volley = Volley::new(target, &self.scene.ledger, requests, CALLERS);
        let shots = volley.closed(CALLERS, Duration::from_secs(250)).await;
        let wrong = complaints(&shots);
        ensure!(wrong.is_empty(), "answers: {wrong:?}");
        self.scene.hosts[HOST].behave(crate::stage::hosts::Temper::Late(UNHURRIED));
        admin.hold_one(&name(HOST), false).await?;
        Ok(count(&shots, |outcome| *outcome == Outcome::Ack))
    }

    /// The cancels of the guest; how long each has waited for its callback, or waits still.
    async fn guest(&self, numbers: &Range<u64>) -> anyhow::Result<Spread> {
        let target = self.server.at.public;
        let requests = self.scene.requests(numbers.clone(), target);
        let volley = Volley::new(target, &self.scene.ledger, requests, CALLERS);
        let shots = volley.open(GUEST_RATE, self.plan.good_time() * 2).await;
        let wrong = complaints(&shots);
        ensure!(wrong.is_empty(), "answers: {wrong:?}");
        // Those sent last have had their time as well.
        tokio::time::sleep(4 * UNHURRIED).await;
        let ledger = &self.scene.ledger;
        let now = ledger.now();
        let slots = numbers.clone().filter_map(|number| ledger.slot(number));
        let waited = slots.map(|slot| {
            let answered = match slot.answered.load(Ordering::Relaxed) {
                0 => now,
                at => at,
            };
            answered.saturating_sub(slot.acked.load(Ordering::Relaxed))
        });
        Ok(Spread::of(waited.collect()))
    }
}

fn unanswered(scene: &Scene, numbers: &Range<u64>) -> usize {
    let slots = numbers
        .clone()
        .filter_map(|number| scene.ledger.slot(number));
    slots
        .filter(|slot| slot.answered.load(Ordering::Relaxed) == 0)
        .count()
}
