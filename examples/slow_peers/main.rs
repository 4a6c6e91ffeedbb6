//! A thousand peers that take their time: do the others notice?
//!
//! `cargo run --release --example slow_peers` measures how long the server takes to acknowledge
//! the cancels of a few clients, and then again while a thousand connections send nothing, or drip
//! the head of a first or a second request, or a body. Each that the server ends is opened again at
//! once. The others must hardly notice, none may be held
//! for longer than the limits say, and nothing acknowledged may be lost. Ends with 1 when a
//! promise is broken.

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
#[path = "../common/reckoning.rs"]
mod reckoning;
#[path = "../common/scene.rs"]
mod scene;
#[path = "../common/spread.rs"]
mod spread;
#[path = "../../tests/common/surroundings.rs"]
mod surroundings;
#[path = "../common/verdict.rs"]
mod verdict;
#[path = "../common/volley.rs"]
mod volley;

mod peers;
mod plan;
mod proof;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let plan = plan::Plan::parse();
    let json = plan.json;
    verdict::conclude(proof::run(plan), json, "")
}
