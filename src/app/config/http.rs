//! The sections `[http]` and `[limits]`: where the doors listen and how much they take.
//!
//! Gathers `http::Settings`; the admin token is read by its own file.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::admin_token::{self, AdminToken};
use super::fault::Problem;
use super::section::Section;
use super::values::{Size, invalid};
use super::{Environment, Surroundings};
use crate::http::Settings;

/// Whoever stops a server rarely waits longer before it is killed.
const LONGEST_GRACE: Duration = Duration::from_secs(60);

/// The limits of the public listener.
struct Limits {
    body_bytes: usize,
    body_timeout: Duration,
    body_bytes_per_second: usize,
    head_timeout: Duration,
    keep_alive: Duration,
    in_flight: usize,
    at_work: usize,
    connections: usize,
    connections_per_address: usize,
    per_address_per_second: u32,
    per_subscriber_per_second: u32,
    not_found_per_minute: u32,
}

/// Reads both sections out of `root`; `data` is where the store's files are.
pub fn read(
    root: &mut Section<'_>,
    around: &Surroundings,
    data: &Path,
) -> Option<(Settings, AdminToken)> {
    let limits = limits(root.section("limits"), around.environment);
    let mut http = root.section("http");
    let bind = http.or("bind", SocketAddr::from(([127, 0, 0, 1], 8080)));
    let admin_bind = http.or("admin_bind", SocketAddr::from(([127, 0, 0, 1], 8081)));
    if would_collide(bind, admin_bind) {
        let rule = format!("http.bind listens on {bind} already: give each listener its own port");
        http.fault("admin_bind", Problem::Conflict(rule));
    }
    let token = admin_token::section(&mut http, around, data);
    // Nobody balances requests among laptops.
    let grace = match around.environment {
        Environment::Production => Duration::from_secs(5),
        Environment::Development => Duration::ZERO,
    };
    let stop_grace = http.or("stop_grace", grace);
    if stop_grace > LONGEST_GRACE {
        http.fault("stop_grace", invalid("at most 1m"));
    }
    let trusted_proxies = http.list("trusted_proxies", Some(Vec::new()));
    http.finish();
    let (token, admin_token_sha256) = token?;
    let settings = Settings {
        bind,
        admin_bind,
        admin_token_sha256,
        stop_grace,
        trusted_proxies,
        body_bytes: limits.body_bytes,
        body_timeout: limits.body_timeout,
        body_bytes_per_second: limits.body_bytes_per_second,
        head_timeout: limits.head_timeout,
        keep_alive: limits.keep_alive,
        in_flight: limits.in_flight,
        at_work: limits.at_work,
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        per_address_per_second: limits.per_address_per_second,
        per_subscriber_per_second: limits.per_subscriber_per_second,
        not_found_per_minute: limits.not_found_per_minute,
    };
    Some((settings, token))
}

/// Port 0 is another free port each time.
fn would_collide(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || is_any)
}

fn limits(mut section: Section<'_>, environment: Environment) -> Limits {
    // In development the rates are out of the way of a load test (decisions, section 3).
    let rate = |production| match environment {
        Environment::Production => production,
        Environment::Development => 0,
    };
    let crowd = rate(100) as usize;
    let bytes = |size: &Size| usize::try_from(size.0).unwrap_or(usize::MAX);
    let body = section.or("body_size", Size(256 * 1024));
    let limits = Limits {
        body_bytes: bytes(&body),
        body_timeout: section.or("body_timeout", Duration::from_secs(10)),
        body_bytes_per_second: bytes(&section.or("body_per_second", Size(1024))),
        head_timeout: section.or("head_timeout", Duration::from_secs(5)),
        keep_alive: section.or("keep_alive", Duration::from_secs(15)),
        in_flight: section.or("in_flight", 1_024),
        at_work: section.or("at_work", 256),
        connections: section.or("connections", 10_000),
        connections_per_address: section.or("connections_per_address", crowd),
        per_address_per_second: section.or("per_address_per_second", rate(500)),
        per_subscriber_per_second: section.or("per_subscriber_per_second", rate(200)),
        not_found_per_minute: section.or("not_found_per_minute", rate(30)),
    };
    for (name, is_zero) in [
        ("body_size", body.0 == 0),
        ("body_timeout", limits.body_timeout.is_zero()),
        ("head_timeout", limits.head_timeout.is_zero()),
        ("keep_alive", limits.keep_alive.is_zero()),
        ("in_flight", limits.in_flight == 0),
        ("at_work", limits.at_work == 0),
        ("connections", limits.connections == 0),
    ] {
        if is_zero {
            section.fault(name, invalid("more than 0, or nothing would get in"));
        }
    }
    section.finish();
    limits
}
