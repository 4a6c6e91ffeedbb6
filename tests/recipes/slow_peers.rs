//! Slow peers: the others are acknowledged all the same, and nothing is lost.

#[path = "../../examples/slow_peers/peers.rs"]
mod peers;
#[path = "../../examples/slow_peers/plan.rs"]
mod plan;
#[path = "../../examples/slow_peers/proof.rs"]
mod proof;

use clap::Parser as _;

use plan::Plan;

const SERVER: &str = env!("CARGO_BIN_EXE_beckn-bpp");

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_slow_peers_are_let_go_and_the_others_are_all_acknowledged() {
    let arguments = [
        "slow_peers",
        "--peers",
        "200",
        "--clients",
        "2",
        "--seconds",
        "3",
        "--orders",
        "6000",
    ];
    let plan = Plan::parse_from(arguments.into_iter().chain(["--server", SERVER]));
    let verdict = proof::run(plan).await.expect("a run to its end");
    let mut broken = verdict.broken();
    broken.retain(|promise| !promise.is_pace);
    assert!(broken.is_empty(), "{broken:#?} {verdict:?}");
}
