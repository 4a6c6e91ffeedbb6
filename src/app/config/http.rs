//! The sections `[http]` and `[limits]`: where the doors listen and how much they take.
//!
//! Gathers `http::Settings`; the admin tokens are read by their own files.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::fault::Problem;
use super::network::is_private_address;
use super::section::Section;
use super::values::{Size, invalid};
use super::{Environment, Surroundings, admin_token, named_token};
use crate::app::admin_tokens::AdminTokens;
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

/// Reads them out of `root`; `data` is where the store's files are.
pub fn read(root: &mut Section<'_>, around: &Surroundings, data: &Path) -> (Settings, AdminTokens) {
    let limits = limits(root.section("limits"), around.environment);
    let mut http = root.section("http");
    let bind = http.or("bind", SocketAddr::from(([127, 0, 0, 1], 8080)));
    let admin_bind = http.or("admin_bind", SocketAddr::from(([127, 0, 0, 1], 8081)));
    let metrics_bind = metrics_bind(&mut http, around.environment);
    let all = [
        ("bind", Some(bind)),
        ("admin_bind", Some(admin_bind)),
        ("metrics_bind", metrics_bind),
    ];
    refuse_collisions(&http, &all);
    let (named, any) = named_token::read(root, around);
    let main = admin_token::section(&mut http, around, data, any);
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
    let tokens = AdminTokens {
        environment: around.environment,
        main,
        named,
    };
    let settings = Settings {
        bind,
        admin_bind,
        metrics_bind,
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
    (settings, tokens)
}

/// Where metrics need no token nobody on the internet should be. A container cannot know its
/// address, so every interface may be meant.
fn metrics_bind(http: &mut Section<'_>, environment: Environment) -> Option<SocketAddr> {
    let address: SocketAddr = http.optional("metrics_bind")?;
    if environment == Environment::Production && !is_private_address(address.ip().to_canonical()) {
        let rule = "metrics_bind asks for no token: take a private or loopback address";
        http.fault("metrics_bind", Problem::Production(rule.to_owned()));
    }
    Some(address)
}

fn refuse_collisions(http: &Section<'_>, listeners: &[(&'static str, Option<SocketAddr>)]) {
    for (place, (name, address)) in listeners.iter().enumerate() {
        let collides = |at: &Option<SocketAddr>| match (address, at) {
            (Some(one), Some(other)) => would_collide(*one, *other),
            _ => false,
        };
        if let Some((other, Some(at))) = listeners[..place].iter().find(|(_, at)| collides(at)) {
            let rule =
                format!("http.{other} listens on {at} already: give each listener its own port");
            http.fault(name, Problem::Conflict(rule));
        }
    }
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
