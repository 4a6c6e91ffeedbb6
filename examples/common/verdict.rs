//! What a proof says at its end: figures, and promises each with what was got and what was
//! promised. A promise that is broken makes the program end with 1.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::fmt::Display;
use std::future::Future;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::spread::round;

/// See the file's text.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    figures: Vec<Figure>,
    promises: Vec<Promise>,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: String,
}

/// Something promised, and whether it was kept.
#[derive(Debug, Serialize)]
pub struct Promise {
    /// What was promised.
    pub what: String,
    /// What was got.
    pub got: f64,
    /// The bound.
    pub bound: Bound,
    /// Whether it was kept.
    pub kept: bool,
    /// Whether it says something only on a machine that has nothing else to do.
    pub is_pace: bool,
}

/// What a figure may be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Verdict {
    /// Notes a figure that nothing is promised about.
    pub fn figure(&mut self, name: impl Display, value: impl Display) {
        let (name, value) = (name.to_string(), value.to_string());
        self.figures.push(Figure { name, value });
    }

    /// Notes a promise and what was got.
    pub fn promise(&mut self, what: impl Display, got: f64, bound: Bound) {
        let kept = match bound {
            Bound::AtMost(most) => got <= most,
            Bound::AtLeast(least) => got >= least,
        };
        let what = what.to_string();
        let got = round(got);
        self.promises.push(Promise {
            what,
            got,
            bound,
            kept,
            is_pace: false,
        });
    }

    /// The same, for a promise that a busy machine breaks without anybody's fault.
    pub fn pace(&mut self, what: impl Display, got: f64, bound: Bound) {
        self.promise(what, got, bound);
        if let Some(promise) = self.promises.last_mut() {
            promise.is_pace = true;
        }
    }

    /// Notes that something must not be at all.
    pub fn none(&mut self, what: impl Display, found: u64) {
        self.promise(what, found as f64, Bound::AtMost(0.0));
    }

    /// The promises that were broken.
    pub fn broken(&self) -> Vec<&Promise> {
        self.promises
            .iter()
            .filter(|promise| !promise.kept)
            .collect()
    }

    fn print(&self, json: bool) {
        if json {
            let text = serde_json::to_string_pretty(self);
            println!("{}", text.unwrap_or_else(|error| error.to_string()));
            return;
        }
        for Figure { name, value } in &self.figures {
            println!("{name:<48} {value}");
        }
        for promise in &self.promises {
            let bound = match promise.bound {
                Bound::AtMost(most) => format!("at most {}", round(most)),
                Bound::AtLeast(least) => format!("at least {}", round(least)),
            };
            let word = if promise.kept { "kept" } else { "BROKEN" };
            println!("{:<48} {} ({bound}) {word}", promise.what, promise.got);
        }
    }
}

/// Runs a proof to its end, prints what it found, and turns that into an exit code. `repeat` are
/// the arguments that repeat it.
pub fn conclude<F>(proof: F, json: bool, repeat: &str) -> ExitCode
where
    F: Future<Output = anyhow::Result<Verdict>>,
{
    // The generator and the BAPs' hosts; two threads are enough for both.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime does not start");
    match runtime.and_then(|runtime| runtime.block_on(proof)) {
        Ok(verdict) => {
            verdict.print(json);
            match verdict.broken().len() {
                0 => ExitCode::SUCCESS,
                broken => {
                    eprintln!("FAILED: {broken} promises are broken {repeat}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("FAILED: {error:#} {repeat}");
            ExitCode::FAILURE
        }
    }
}

/// Says on stderr how far a proof is.
pub fn say(what: impl Display) {
    eprintln!("{what}");
}
