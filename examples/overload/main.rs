//! Three times as many cancels as the server can take: does it still do its work?
//!
//! `cargo run --release --example overload` finds how many ACKs a second the server gives to
//! clients that wait for their answers, then sends three times as many whether they are answered
//! or not. It must go on to acknowledge nearly as many as before, tell the others at once to come
//! later, keep its memory, lose nothing it acknowledged, and be itself again when the load ends.
//!
//! Server and generator would fight for the same processors, so that each request sent would
//! take away from what is measured: with `taskset` at hand the server gets the first processor
//! to itself and everything else the others. Requests are signed before they are sent. Ends with 1
//! when a promise is broken.

#[path = "../common/stage.rs"]
mod stage;

mod pin;
mod plan;
mod proof;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse();
    let json = plan.json;
    stage::verdict::conclude(proof::run(plan), json, "")
}
