//! What is wrong with a configuration: every fault with its key, its place and what is allowed.
//!
//! Faults are gathered, never thrown: an operator sees all of them in one run. A fault never
//! holds a secret; whoever makes one masks the value first.

use std::fmt;
use std::sync::Arc;

/// Where a value was written, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the compiled-in default holds.
    Default,
    /// A line of the configuration file.
    Line {
        /// The file, as it was named to us.
        file: Arc<str>,
        /// Counted from 1.
        line: usize,
    },
    /// The file as a whole.
    File(Arc<str>),
    /// An environment variable.
    Variable(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => f.write_str("default"),
            Place::Line { file, line } => write!(f, "{file}:{line}"),
            Place::File(file) => f.write_str(file),
            Place::Variable(name) => write!(f, "env {}", name.escape_debug()),
        }
    }
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is no TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// No setting has this name.
    #[error("unknown key{}", Suggestion(.suggestion, .known))]
    Unknown {
        /// The known key that looks most like it.
        suggestion: Option<String>,
        /// What is known there.
        known: Vec<String>,
    },
    /// A setting that must be given is not.
    #[error("missing: expected {expected}{}", Here(.variable))]
    Missing {
        /// What is allowed.
        expected: String,
        /// The environment variable that would also set it.
        variable: Option<String>,
    },
    /// The value is not one of those allowed.
    #[error("expected {0}")]
    Invalid(String),
    /// The setting belongs to a later release.
    #[error("not available in this release")]
    NotAvailable,
    /// A file named here cannot be used.
    #[error("the file {path} {what}")]
    File {
        /// The file, as looked for.
        path: String,
        /// What it is or does instead.
        what: String,
    },
    /// Good enough for development only.
    #[error("refused in production: {0}")]
    Production(String),
    /// It does not go together with another setting.
    #[error("{0}")]
    Conflict(String),
}

/// The end of the sentence about an unknown key.
struct Suggestion<'a>(&'a Option<String>, &'a [String]);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(name), _) => write!(f, ": did you mean `{name}`?"),
            (None, []) => Ok(()),
            (None, known) => write!(f, ": known here are {}", known.join(", ")),
        }
    }
}

/// Where else a missing setting may be given.
struct Here<'a>(&'a Option<String>);

impl fmt::Display for Here<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(variable) => write!(f, ", here or in {variable}"),
            None => Ok(()),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting by its dotted name; empty when the fault is the file's.
    pub key: String,
    /// Where it was set or should have been.
    pub place: Place,
    /// What was written there, secrets masked; absent when showing it would not help.
    pub value: Option<String>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Default => f.write_str("configuration: ")?,
            place => write!(f, "{place}: ")?,
        }
        match (&self.value, self.key.as_str()) {
            (_, "") => write!(f, "{}", self.problem),
            (Some(value), key) => write!(f, "{key} = {value}\n    {}", self.problem),
            (None, key) => write!(f, "{key}\n    {}", self.problem),
        }
    }
}

/// All that is wrong with a configuration; never empty. Prints as a report for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 fault in the configuration"),
            count => write!(f, "{count} faults in the configuration"),
        }
    }
}

impl std::error::Error for Faults {}
