//! What a proof under load stands on: the real server, a host for each BAP, signed cancels sent over
//! connections of their own, a ledger of what was answered, and a verdict at the end.
//!
//! The files are shared with programs that use a few of them only.

#![allow(dead_code, reason = "each program uses a part of it")]

pub mod binary;
pub mod callback;
pub mod connection;
pub mod hosts;
pub mod ledger;
#[path = "../../tests/common/outside.rs"]
mod outside;
pub mod progress;
pub mod random;
pub mod reckoning;
pub mod scene;
pub mod spread;
pub mod usage;
pub mod verdict;
pub mod volley;

pub use self::outside::{orders, process, surroundings};
