//! More and more stored orders: does a cancel cost more, and a start take longer?
//!
//! `cargo run --release --example growth -- --orders 10000,100000,1000000` hands over orders
//! through the admin API until there are as many as the first number says, stops the server,
//! starts it again and times that, then cancels some orders from all over the store and looks at
//! what each cancel took: time to the ACK, and processor time up to its delivery. Then on to the
//! next number, in the same store, whose memory is compared with that of sled alone. Ends with 1
//! when the last start was too slow or a cancel has become dearer. The store is in a temporary directory: allow it about 8 KB for each order.

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
#[path = "../common/usage.rs"]
mod usage;
#[path = "../common/verdict.rs"]
mod verdict;
#[path = "../common/volley.rs"]
mod volley;

mod bare;
mod plan;
mod proof;

use std::process::ExitCode;

use clap::Parser as _;

/// As the server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, rest @ ..] = &arguments[..]
        && word == plan::BARE
    {
        return bare::main(rest);
    }
    let plan = plan::Plan::parse();
    let json = plan.json;
    verdict::conclude(proof::run(plan), json, "")
}
