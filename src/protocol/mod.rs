//! Wire types: what the messages of the networks look like, and nothing clever.
//!
//! Layer 2: bytes come in from the doors, domain types go up to the engine, and back. Nothing
//! here does I/O or reads the clock.

pub mod iso8601;
mod path;
pub mod raw;
pub mod schema;
pub mod strict;
