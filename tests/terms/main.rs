//! What must hold for the money of every cancellation, whatever the terms, price and payments.
//!
//! A short form runs with the suite. `PROPTEST_CASES=100000 cargo test --test terms` tries each
//! property on a hundred thousand cases.

mod charges;
mod drawn;
mod parts;
mod written;
