//! The whole corpus of bad input, against the real server, with its counts.
//!
//! `cargo test --test corpus -- --nocapture` prints a line for each part. Every case is sent over a
//! socket of its own; its whole answer is compared (status, reason word, body, headers), and
//! everything the store keeps must be as before. At the end the rightful BAP still cancels, and
//! nothing has panicked.

#[path = "../common/app.rs"]
mod app;
#[path = "../../examples/common/connection.rs"]
mod connection;
#[path = "../common/odd_addresses.rs"]
mod odd_addresses;
#[path = "../common/odd_headers.rs"]
mod odd_headers;
#[path = "../common/odd_json.rs"]
mod odd_json;
#[path = "../common/odd_keys.rs"]
mod odd_keys;
#[path = "../common/process.rs"]
mod process;
#[allow(dead_code, reason = "the tests of the API use more of it")]
#[path = "../api/checks/refused.rs"]
mod refused;
#[path = "../common/surroundings.rs"]
mod surroundings;
#[allow(dead_code, reason = "the tests of the API use more of it")]
#[path = "../api/checks/wire.rs"]
mod wire;

mod addresses;
mod bench;
mod framing;
mod headers;
mod ids;
mod json;
mod keys;
mod leaks;
