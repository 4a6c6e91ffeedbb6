//! The section `[delivery]`: how often and how patiently callbacks are sent.
//!
//! Gathers `delivery::Settings`; the defaults are the module's own.

use std::time::Duration;

use super::fault::Problem;
use super::section::Section;
use super::values::{Size, invalid};
use crate::delivery::Settings;

/// Reads the section out of `root`.
pub fn read(root: &mut Section<'_>) -> Settings {
    let mut section = root.section("delivery");
    let default = Settings::default();
    let answer = section.or("answer_size", Size(default.answer_bytes as u64));
    let settings = Settings {
        schedule: section.list("schedule", Some(default.schedule)),
        nack_retries: section.or("nack_retries", default.nack_retries),
        timeout: section.or("timeout", default.timeout),
        connect_timeout: section.or("connect_timeout", default.connect_timeout),
        answer_bytes: usize::try_from(answer.0).unwrap_or(usize::MAX),
        in_flight: section.or("in_flight", default.in_flight),
        in_flight_per_host: section.or("in_flight_per_host", default.in_flight_per_host),
        breaker_failures: section.or("breaker_failures", default.breaker_failures),
        breaker_open: section.or("breaker_open", default.breaker_open),
        events: default.events,
    };
    check(&section, &settings);
    section.finish();
    settings
}

fn check(section: &Section<'_>, settings: &Settings) {
    for (name, is_zero) in [
        ("timeout", settings.timeout.is_zero()),
        ("connect_timeout", settings.connect_timeout.is_zero()),
        ("answer_size", settings.answer_bytes == 0),
        ("in_flight", settings.in_flight == 0),
        ("in_flight_per_host", settings.in_flight_per_host == 0),
        ("breaker_failures", settings.breaker_failures == 0),
    ] {
        if is_zero {
            section.fault(name, invalid("more than 0, or nothing would be delivered"));
        }
    }
    if settings.schedule.is_empty() && !section.has_faults_below("schedule") {
        section.fault(
            "schedule",
            invalid("at least one waiting time, such as [\"0s\", \"2s\"]"),
        );
    }
    if settings.schedule.iter().any(|step| *step > LONGEST_STEP) {
        section.fault("schedule", invalid("waiting times of at most 30 days"));
    }
    if settings.connect_timeout > settings.timeout {
        let rule = "connect_timeout is a part of timeout and cannot be longer";
        section.fault("connect_timeout", Problem::Conflict(rule.to_owned()));
    }
}

/// Longer waiting is a slip of the pen.
const LONGEST_STEP: Duration = Duration::from_secs(30 * 86_400);
