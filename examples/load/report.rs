//! What a run says at its end: a table for people, one JSON object for scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::admin::Intake;
use crate::arguments::Plan;
use crate::drive::Tally;
use crate::reckoning::Reckoning;
use crate::spread::{Spread, round};
use crate::usage::Usage;

/// The figures of a run.
pub struct Report {
    run: String,
    intake: Option<Intake>,
    accepted: Rate,
    delivered: Rate,
    ack: Spread,
    delay: Spread,
    late: Spread,
    errors: BTreeMap<String, u64>,
    used: Usage,
    reckoning: Reckoning,
}

/// So many in so much time.
struct Rate {
    count: u64,
    seconds: f64,
}

impl Report {
    /// Puts the figures together. Rates count from the first message to the last ACK, and to the
    /// last callback.
    pub fn new(
        plan: &Plan,
        intake: Option<Intake>,
        tally: Tally,
        mut reckoning: Reckoning,
        used: Usage,
    ) -> Self {
        let delay = std::mem::take(&mut reckoning.delay);
        let to = |at: u64| seconds(at.saturating_sub(tally.began));
        Self {
            run: plan.run.clone(),
            intake,
            accepted: Rate {
                count: tally.ack.len() as u64,
                seconds: to(tally.ended),
            },
            delivered: Rate {
                count: reckoning.delivered,
                seconds: to(reckoning.last_answer),
            },
            ack: Spread::of(tally.ack),
            delay: Spread::of(delay),
            late: Spread::of(tally.late),
            errors: tally.errors,
            used,
            reckoning,
        }
    }

    /// Whether every ACK was kept.
    pub fn kept(&self) -> bool {
        self.reckoning.kept()
    }

    /// Prints it.
    pub fn print(&self, as_json: bool) {
        match as_json {
            true => println!("{}", self.json()),
            false => self.text(),
        }
    }

    /// Processor microseconds of the server for each message it answered, delivery included.
    fn processor_us(&self) -> Option<f64> {
        let used = self.used.processor?.as_secs_f64() * 1e6;
        Some(used / self.accepted.count.max(1) as f64)
    }

    fn json(&self) -> Value {
        let found = &self.reckoning;
        json!({
            "run": self.run,
            "kept": self.kept(),
            "intake_per_second": self.intake.map(|intake| per_second(intake.orders, intake.time)),
            "accepted": self.accepted.count,
            "accepted_per_second": round(self.accepted.per_second()),
            "delivered": found.delivered,
            "delivered_per_second": round(self.delivered.per_second()),
            "ack_ms": self.ack.json(),
            "ack_to_callback_ms": self.delay.json(),
            "own_delay_ms": self.late.json(),
            "errors": self.errors,
            "processor_us_per_request": self.processor_us().map(round),
            "peak_bytes": self.used.peak_bytes,
            "lost": found.lost,
            "altered": found.altered,
            "misdirected": found.misdirected,
            "repeated": found.repeated,
            "unacknowledged": found.unacknowledged,
            "foreign": found.foreign,
            "signatures_verified": found.verified,
            "signatures_forged": found.forged,
        })
    }

    fn text(&self) {
        if let Some(intake) = self.intake {
            let rate = per_second(intake.orders, intake.time);
            println!("orders       {} handed over, {rate}/s", intake.orders);
        }
        println!("accepted     {}", self.accepted.line());
        println!("delivered    {}", self.delivered.line());
        println!(
            "             {:>10} {:>10} {:>10} {:>10}  ms",
            "p50", "p99", "p99.9", "max"
        );
        println!("ACK          {}", self.ack.line());
        println!("to callback  {}", self.delay.line());
        println!("own delay    {}", self.late.line());
        if let Some(used) = self.processor_us() {
            println!("processor    {used:.0} us a request, delivery included");
        }
        if let Some(bytes) = self.used.peak_bytes {
            println!("memory       {} MB at its peak", bytes / 1_000_000);
        }
        for (kind, times) in &self.errors {
            println!("error        {times} x {kind}");
        }
        self.verdict();
    }

    fn verdict(&self) {
        let found = &self.reckoning;
        println!(
            "callbacks    {} repeated, {} without an ACK, {} of other runs; {} signatures hold",
            found.repeated, found.unacknowledged, found.foreign, found.verified
        );
        match self.kept() {
            true => println!("kept         every ACK was answered, once or with the same bytes"),
            false => println!(
                "NOT KEPT     {} never answered, {} altered, {} about another order, {} forged",
                found.lost, found.altered, found.misdirected, found.forged
            ),
        }
    }
}

impl Rate {
    fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds.max(1e-9)
    }

    fn line(&self) -> String {
        let rate = self.per_second();
        format!("{} in {:.2} s, {rate:.0}/s", self.count, self.seconds)
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

fn per_second(count: u64, time: Duration) -> f64 {
    round(count as f64 / time.as_secs_f64().max(1e-9))
}
