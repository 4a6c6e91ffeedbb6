//! The section `[log]`: how much is logged, and in which form.
//!
//! Gathers `telemetry::Settings`. A word that is no level is refused here, because the filter
//! would take it for the name of a module and log nothing else.

use tracing_subscriber::EnvFilter;

use super::section::Section;
use super::values::{Word, invalid};
use crate::app::telemetry::{Format, Settings};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Word for Format {
    const WORDS: &'static [(&'static str, Self)] =
        &[("text", Format::Text), ("json", Format::Json)];
}

/// Reads the section out of `root`.
pub fn read(root: &mut Section<'_>) -> Settings {
    let mut section = root.section("log");
    let level: String = section.or("level", "info".to_owned());
    let format = section.or("format", Format::Text);
    if !is_filter(&level) {
        let expected = "a level (off, error, warn, info, debug, trace), or several with modules \
                        such as \"info,beckn_bpp::delivery=debug\"";
        section.fault("level", invalid(expected));
    }
    section.finish();
    Settings { level, format }
}

fn is_filter(level: &str) -> bool {
    let is_level = |word: &str| LEVELS.contains(&word);
    let is_part = |part: &str| {
        let part = part.trim();
        is_level(part)
            || part
                .rsplit_once('=')
                .is_some_and(|(_, level)| is_level(level))
    };
    level.split(',').all(is_part) && EnvFilter::try_new(level).is_ok()
}
