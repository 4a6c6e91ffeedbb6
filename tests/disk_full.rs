//! A disk that fills up under the real server: it refuses in time, ends with a sentence when it
//! must, opens again in the room of its ballast, delivers what it owes, and loses nothing.
//!
//! The acts are those of `examples/disk_full`, which prints figures as well. They need a disk of
//! their own, so they need root; without it the test says that it was skipped.

#[path = "../examples/disk_full/acts.rs"]
mod acts;
#[path = "../examples/kill_loop/bap.rs"]
mod bap;
#[path = "../examples/disk_full/disk.rs"]
mod disk;
#[path = "common/outside.rs"]
mod outside;
#[path = "../examples/common/random.rs"]
mod random;
#[path = "../examples/disk_full/town.rs"]
mod town;

use std::io::Write as _;
use std::time::Duration;

/// No run takes this long, on however busy a machine.
const AT_MOST: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_costs_no_acknowledged_cancel_and_mends_by_itself() {
    if let Err(reason) = disk::can_be_mounted() {
        // Not through a macro, whose output a passing test keeps to itself.
        let loud = format!("\n*** SKIPPED: {reason:#}, so a full disk is not proved\n");
        let written = std::io::stderr().write_all(loud.as_bytes());
        written.expect("stderr");
        return;
    }
    let binary = env!("CARGO_BIN_EXE_beckn-bpp").into();
    let town = town::Town::new(binary, 96).expect("a town on a disk of its own");
    let acts = tokio::time::timeout(AT_MOST, acts::run(&town)).await;
    let figures = acts.expect("in time");
    // The whole chain of causes, which a plain `expect` would print as a debug text.
    let figures = figures.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(figures.acknowledged > 100, "{figures:?}");
}
