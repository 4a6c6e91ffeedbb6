//! The section `[bookings]`: the door of booking apps, and where their keys are.
//!
//! Gathers `http::bookings::Settings`. The door is there when its section is.

use std::path::PathBuf;

use super::Surroundings;
use super::section::Section;
use super::values::Word;
use crate::app::api_keys::ApiKeys;
use crate::http::bookings::Settings;
use crate::protocol::bookings::{Amounts, Errors};

impl Word for Amounts {
    const WORDS: &'static [(&'static str, Self)] =
        &[("major", Amounts::Major), ("minor", Amounts::Minor)];
}

impl Word for Errors {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("documented", Errors::Documented),
        ("flat", Errors::Flat),
        ("structured", Errors::Structured),
    ];
}

/// The section, and the file with the keys.
#[derive(Debug, Clone)]
pub struct Bookings {
    /// How the door speaks.
    pub settings: Settings,
    /// The file with its keys, which need not be there yet.
    pub keys_file: PathBuf,
}

/// Reads the section, if there is one.
pub fn read(root: &mut Section<'_>, around: &Surroundings) -> Option<Bookings> {
    if !root.has("bookings") {
        return None;
    }
    let mut section = root.section("bookings");
    let keys_file: PathBuf = section.or("keys_file", "api-keys.toml".into());
    let keys_file = around.directory.join(keys_file);
    if let Err(problem) = ApiKeys::read(&keys_file, around.environment) {
        section.fault("keys_file", problem);
    }
    let settings = Settings {
        amounts: section.or("amounts", Amounts::Major),
        errors: section.or("errors", Errors::Documented),
    };
    section.finish();
    Some(Bookings {
        settings,
        keys_file,
    })
}
