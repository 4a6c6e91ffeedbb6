//! The configuration from outside: files and variables in, settings or a report of faults out.
//!
//! Each test writes its own directory and removes it. Keys here are made of one repeated byte.

mod defaults;
mod desk;
mod doors;
mod keys;
mod kinds;
mod policies;
mod production;
mod report;
mod secrets;
mod variables;
