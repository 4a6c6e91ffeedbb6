//! What must hold for the money of every cancellation, whatever the terms, price and payments.
//!
//! A short form runs with the suite. `./scripts/properties.sh` tries each property on a hundred
//! thousand cases.

mod charges;
mod drawn;
mod parts;
mod written;
