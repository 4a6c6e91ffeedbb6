//! One line on stderr while a run goes on: redrawn on a terminal, else a new one now and then.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::ledger::Ledger;

const ON_A_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// The line; it ends when told to.
pub struct Progress {
    task: JoinHandle<()>,
    redrawn: bool,
}

impl Progress {
    /// Begins to show how far the run is.
    pub fn start(ledger: &Arc<Ledger>, count: u64) -> Self {
        let redrawn = std::io::stderr().is_terminal();
        let ledger = Arc::clone(ledger);
        let every = if redrawn { ON_A_TERMINAL } else { ELSEWHERE };
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                show(&ledger, count, redrawn);
            }
        });
        Self { task, redrawn }
    }

    /// Ends it.
    pub fn stop(self) {
        self.task.abort();
        if self.redrawn {
            eprint!("\r\u{1b}[K");
        }
    }
}

fn show(ledger: &Ledger, count: u64, redrawn: bool) {
    let acks = ledger.acks.load(Ordering::Relaxed);
    let answers = ledger.answers.load(Ordering::Relaxed);
    let seconds = ledger.now() / 1_000_000_000;
    let line = format!("{seconds:>4} s  {acks} of {count} accepted, {answers} delivered");
    match redrawn {
        true => eprint!("\r\u{1b}[K{line}"),
        false => eprintln!("{line}"),
    }
    // A progress line that cannot be written is no reason to end a run.
    let _ = std::io::stderr().flush();
}
