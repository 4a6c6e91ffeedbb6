//! The section `[retention]`: how long evidence and orders that are over are kept.
//!
//! Gathers `app::retention::Settings`. Nothing may be forgotten while a signature could still
//! live, or a repeated request would have its effect again.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::fault::Problem;
use super::section::Section;
use super::units;
use super::values::{Setting, invalid};
use crate::app::retention::Settings;
use crate::crypto::signature::CREATED_AHEAD_SECONDS;
use crate::networks::caller::MAX_LIFETIME_SECONDS;

/// What keeps everything.
const FOREVER: &str = "forever";

/// How long something is kept; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keep(Option<Duration>);

impl Setting for Keep {
    fn parse(text: &str) -> Result<Self, Problem> {
        let expected = "a duration with its unit such as \"90d\" or \"12h\", or \"forever\"";
        match text {
            FOREVER => Ok(Self(None)),
            text => units::duration(text)
                .map(|duration| Self(Some(duration)))
                .ok_or_else(|| invalid(expected)),
        }
    }

    fn shown(&self) -> Json {
        json!(self.0.map_or(FOREVER.to_owned(), units::show_duration))
    }
}

/// Reads the section out of `root`.
pub fn read(root: &mut Section<'_>) -> Settings {
    let mut section = root.section("retention");
    let default = Settings::default();
    let mut keep = |name, default| section.or(name, Keep(default)).0;
    let settings = Settings {
        evidence: keep("evidence", default.evidence),
        final_orders: keep("final_orders", default.final_orders),
    };
    check(&section, "evidence", settings.evidence);
    check(&section, "final_orders", settings.final_orders);
    section.finish();
    settings
}

fn check(section: &Section<'_>, name: &'static str, kept: Option<Duration>) {
    let shortest = shortest();
    let Some(kept) = kept else { return };
    if kept < shortest {
        let rule = format!(
            "at least {}: a signature can live {MAX_LIFETIME_SECONDS} s and begin \
             {CREATED_AHEAD_SECONDS} s ahead of our clock, and a request that is repeated until \
             then must be known",
            units::show_duration(shortest)
        );
        section.fault(name, Problem::Invalid(rule));
    }
    if kept > LONGEST {
        section.fault(name, invalid("at most 36500d, or \"forever\""));
    }
}

fn shortest() -> Duration {
    let seconds = MAX_LIFETIME_SECONDS + CREATED_AHEAD_SECONDS;
    Duration::from_secs(seconds.unsigned_abs())
}

/// Longer is meant to be for ever.
const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);
