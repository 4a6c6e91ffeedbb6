//! The short forms of the recipes of `examples/`: bad hosts, slow peers, too much load, a stop.
//!
//! Each runs the real binary as its example does and demands the promises that do not depend on
//! how fast the machine is; the figures of those that do are for the examples, in release.

#[path = "../../examples/common/binary.rs"]
mod binary;
#[path = "../../examples/common/callback.rs"]
mod callback;
#[path = "../../examples/common/connection.rs"]
mod connection;
#[path = "../../examples/common/hosts.rs"]
mod hosts;
#[path = "../../examples/common/ledger.rs"]
mod ledger;
#[path = "../common/orders.rs"]
mod orders;
#[path = "../common/process.rs"]
mod process;
#[path = "../../examples/common/progress.rs"]
mod progress;
#[path = "../../examples/common/random.rs"]
mod random;
#[path = "../../examples/common/reckoning.rs"]
mod reckoning;
#[path = "../../examples/common/scene.rs"]
mod scene;
#[path = "../../examples/common/spread.rs"]
mod spread;
#[path = "../common/surroundings.rs"]
mod surroundings;
#[path = "../../examples/common/usage.rs"]
mod usage;
#[path = "../../examples/common/verdict.rs"]
mod verdict;
#[path = "../../examples/common/volley.rs"]
mod volley;

mod isolation;
mod overload;
mod sigterm;
mod slow_peers;
