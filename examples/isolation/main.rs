//! Fifty BAPs, fifteen of them bad: do the others notice?
//!
//! `cargo run --release --example isolation` starts the server and one host for each BAP. Cancels
//! come in at a steady rate, spread evenly; first all hosts are well, then some never answer,
//! some answer just before the deadline, and some reset connections. The healthy ones must get
//! their callbacks as soon as before, the bad ones at most eight connections at a time, and
//! once they are well again what waited must reach them soon. Then one BAP alone has a long queue
//! of callbacks, and again the others must not notice. Ends with 1 when a promise is broken.

#[path = "../common/binary.rs"]
mod binary;
#[path = "../common/callback.rs"]
mod callback;
#[path = "../common/connection.rs"]
mod connection;
#[path = "../common/hosts.rs"]
mod hosts;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../../tests/common/orders.rs"]
mod orders;
#[path = "../../tests/common/process.rs"]
mod process;
#[path = "../common/progress.rs"]
mod progress;
#[path = "../common/reckoning.rs"]
mod reckoning;
#[path = "../common/scene.rs"]
mod scene;
#[path = "../common/spread.rs"]
mod spread;
#[path = "../../tests/common/surroundings.rs"]
mod surroundings;
#[path = "../common/usage.rs"]
mod usage;
#[path = "../common/verdict.rs"]
mod verdict;
#[path = "../common/volley.rs"]
mod volley;

mod plan;
mod proof;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse().settled();
    let json = plan.json;
    verdict::conclude(proof::run(plan), json, "")
}
