//! Wire types: what travels between the parties, decoded and encoded, and nothing clever.
//!
//! Imports `domain` and `crypto` only. Nothing here does I/O or reads the clock; what a
//! message means is decided above.

pub mod registry;
