//! More and more stored orders: does a cancel cost more, and a start take longer?
//!
//! `cargo run --release --example growth -- --orders 10000,100000,1000000` hands over orders
//! through the admin API until there are as many as the first number says, stops the server,
//! starts it again and times that, then cancels some orders from all over the store and looks at
//! what each cancel took: time to the ACK, and processor time up to its delivery. Then on to the
//! next number, in the same store, whose memory is compared with that of sled alone. Ends with 1
//! when the last start was too slow or a cancel has become dearer. The store is in a temporary
//! directory: allow it about 8 KB for each order.

#[path = "../common/stage.rs"]
mod stage;

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
    stage::verdict::conclude(proof::run(plan), json, "")
}
