//! A thousand peers that take their time: do the others notice?
//!
//! `cargo run --release --example slow_peers` measures how long the server takes to acknowledge
//! the cancels of a few clients, and then again while a thousand connections send nothing, or drip
//! the head of a first or a second request, or a body. Each that the server ends is opened again at
//! once. The others must hardly notice, none may be held
//! for longer than the limits say, and nothing acknowledged may be lost. Ends with 1 when a
//! promise is broken.

#[path = "../common/stage.rs"]
mod stage;

mod peers;
mod plan;
mod proof;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse();
    let json = plan.json;
    stage::verdict::conclude(proof::run(plan), json, "")
}
