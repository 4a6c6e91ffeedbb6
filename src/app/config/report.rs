//! What reading a configuration finds out: the faults, and every setting with its origin.
//!
//! Shared by all sections while they are read, so that reading goes on after a fault.

use std::cell::RefCell;

use serde_json::Value as Json;

use super::fault::{Fault, Place};

/// A setting as it holds now, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its dotted name.
    pub key: String,
    /// Its value, secrets masked; null when it is optional and not set.
    pub value: Json,
    /// Where it was set.
    pub origin: Place,
}

/// What reading found out.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong.
    pub faults: RefCell<Vec<Fault>>,
    /// What holds.
    pub shown: RefCell<Vec<Shown>>,
}
