//! Three times what the server can take: the rest is told to come again, and no ACK is lost.

#[path = "../../examples/overload/pin.rs"]
mod pin;
#[path = "../../examples/overload/plan.rs"]
mod plan;
#[path = "../../examples/overload/proof.rs"]
mod proof;

use clap::Parser as _;

use plan::Plan;

const SERVER: &str = env!("CARGO_BIN_EXE_beckn-bpp");

#[tokio::test(flavor = "multi_thread")]
async fn three_times_too_much_is_refused_with_retry_after_and_nothing_acknowledged_is_lost() {
    // Few at work, so that a slow build has too many as well; and pinned would be the test.
    let arguments = [
        "overload",
        "--short",
        "--not-pinned",
        "--at-work",
        "16",
        "--clients",
        "8",
    ];
    let plan = Plan::parse_from(arguments.into_iter().chain(["--server", SERVER]));
    let verdict = proof::run(plan).await.expect("a run to its end");
    let mut broken = verdict.broken();
    broken.retain(|promise| !promise.is_pace);
    assert!(broken.is_empty(), "{broken:#?}");
}
