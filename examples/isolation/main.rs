//! Fifty BAPs, fifteen of them bad: do the others notice?
//!
//! `cargo run --release --example isolation` starts the server and one host for each BAP. Cancels
//! come in at a steady rate, spread evenly; first all hosts are well, then some never answer,
//! some answer just before the deadline, and some reset connections. The healthy ones must get
//! their callbacks as soon as before, the bad ones at most eight connections at a time, and
//! once they are well again what waited must reach them soon. Then one BAP alone has a long queue
//! of callbacks, and again the others must not notice, not even one at the same host. At last
//! the server has fewer places than the bad hosts could take, and fewer than there are hosts:
//! the healthy are not held up, and each gets its turn. Ends with 1 when a promise is broken.

#[path = "../common/stage.rs"]
mod stage;

mod plan;
mod proof;
mod queue;
mod scarce;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse().settled();
    let json = plan.json;
    stage::verdict::conclude(proof::run(plan), json, "")
}
