//! The program as a whole: what it is told (configuration) and how it tells of itself (telemetry).
//!
//! The top layer: it may import everything, and nothing imports it but `main`. It reads the
//! clock, the environment and the files so that nothing below has to.

pub mod config;
pub mod telemetry;
