//! The short forms of the recipes of `examples/`: bad hosts, slow peers, too much load, a stop.
//!
//! Each runs the real binary as its example does and demands the promises that do not depend on
//! how fast the machine is; the figures of those that do are for the examples, in release.

#[path = "../../examples/common/stage.rs"]
mod stage;

mod isolation;
mod overload;
mod sigterm;
mod slow_peers;
