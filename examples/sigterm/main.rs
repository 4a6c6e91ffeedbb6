//! Told to stop under load, again and again: is anything lost, and how long does it take?
//!
//! `cargo run --release --example sigterm` sends cancels at a steady rate while BAPs are well,
//! slow or silent, and SIGTERMs the server at a moment that the seed decides. It must say at once
//! that it is not ready, go on taking requests for its grace, finish what is in hand, end with 0
//! in time, and have kept everything it acknowledged: the next start delivers it at once, with
//! the same bytes. Ends with 1 and the seed when a promise is broken.

#[path = "../common/stage.rs"]
mod stage;

mod plan;
mod proof;
mod stop;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse();
    let json = plan.json;
    let repeat = format!("with --seed {}", plan.seed);
    stage::verdict::conclude(proof::run(plan), json, &repeat)
}
