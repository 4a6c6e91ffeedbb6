//! Told to stop under load: not ready at once, still taking requests, and nothing lost.

#[path = "../../examples/sigterm/plan.rs"]
mod plan;
#[path = "../../examples/sigterm/proof.rs"]
mod proof;
#[path = "../../examples/sigterm/stop.rs"]
mod stop;

use clap::Parser as _;

use plan::Plan;

const SERVER: &str = env!("CARGO_BIN_EXE_beckn-bpp");

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_takes_requests_for_its_grace_and_keeps_all_it_acknowledged() {
    let arguments = [
        "sigterm",
        "--rounds",
        "2",
        "--rate",
        "50",
        "--grace-seconds",
        "1",
        "--timeout-seconds",
        "1",
    ];
    let plan = Plan::parse_from(arguments.into_iter().chain(["--server", SERVER]));
    let verdict = proof::run(plan).await.expect("a run to its end");
    let broken = verdict.broken();
    assert!(broken.is_empty(), "{broken:#?}");
}
