//! The registry client against a registry that is slow, down, wrong or hostile.
//!
//! Real sockets on loopback; the time that validity and freshness go by is handed in, so nothing
//! here waits for a cache to expire.

mod crowds;
mod forms;
mod kept;
mod mocks;
mod network;
mod outage;
mod rows;
