//! Some hosts never answer, some are late, some reset: the others get their callbacks in time.

#[path = "../../examples/isolation/plan.rs"]
mod plan;
#[path = "../../examples/isolation/proof.rs"]
mod proof;
#[path = "../../examples/isolation/queue.rs"]
mod queue;
#[path = "../../examples/isolation/scarce.rs"]
mod scarce;
#[path = "../../examples/isolation/watch.rs"]
mod watch;

use clap::Parser as _;

use plan::Plan;

const SERVER: &str = env!("CARGO_BIN_EXE_beckn-bpp");

/// The limit for the healthy is a second then: less than what any bad host makes its own wait.
const PLAN: [&str; 14] = [
    "isolation",
    "--short",
    "--noise-ms",
    "900",
    "--healthy",
    "10",
    "--silent",
    "2",
    "--late",
    "2",
    "--reset",
    "2",
    "--rate",
    "60",
];

#[tokio::test(flavor = "multi_thread")]
async fn bad_hosts_and_long_queues_delay_nobody_else_and_get_eight_at_a_time() {
    let more = ["--server", SERVER];
    let plan = Plan::parse_from(PLAN.into_iter().chain(more)).settled();
    let verdict = proof::run(plan).await.expect("a run to its end");
    let mut broken = verdict.broken();
    broken.retain(|promise| !promise.is_pace);
    assert!(broken.is_empty(), "{broken:#?}");
}
