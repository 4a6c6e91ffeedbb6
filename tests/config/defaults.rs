//! Settings, their defaults and their descriptions: as documented, as known, as shown.

use std::collections::BTreeSet;
use std::time::Duration;

use beckn_bpp::app::config::{self, DEFAULTS, Environment, Place, render_check, render_show};
use beckn_bpp::networks::CallbackRule;
use beckn_bpp::store;

use crate::desk::{Desk, NETWORK, PUBLISHED_SEED, assert_holds, development, production};

#[test]
fn a_small_configuration_gets_the_documented_defaults() {
    let config = Desk::with(&production(NETWORK)).config(&[]);
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.admin_bind.to_string(), "127.0.0.1:8081");
    assert_eq!(config.http.body_bytes, 256 * 1024);
    assert_eq!(config.http.per_subscriber_per_second, 200);
    assert_eq!(config.delivery.schedule.len(), 11);
    let [network] = &config.networks[..] else {
        panic!("one network")
    };
    assert_eq!(network.name.as_str(), "mobility");
    assert_eq!(network.callback_rule, CallbackRule::Registry);
    assert_eq!(network.signer.active().subscriber_id, "bpp.example.org");
    assert_eq!(network.signer.active().key_id, "k1");
    assert_eq!(network.signer.active().lifetime_seconds, 300);
    assert_eq!(network.registry.cache_ttl, Duration::from_secs(300));
    assert!(!network.allow_http_callbacks && !network.restamp);
    assert!(config.policies.is_empty());
}

#[test]
fn development_allows_http_and_published_keys_and_limits_no_rates() {
    let toml = development(NETWORK)
        .replace("https://bpp.example.org", "http://127.0.0.1:8080")
        .replace("https://registry.example.org", "http://localhost:9000");
    let desk = Desk::with(&toml);
    desk.write("mobility.signing", PUBLISHED_SEED);
    let config = desk.config(&[]);
    assert!(config.networks[0].allow_http_callbacks);
    assert_eq!(config.http.per_address_per_second, 0);
    assert_eq!(config.http.per_subscriber_per_second, 0);
}

#[test]
fn show_lists_every_setting_with_its_origin() {
    let desk = Desk::with(&production(NETWORK));
    let config = desk.config(&[("BECKN_BPP__LOG__LEVEL", "warn")]);
    let table = render_show(&config, false);
    let row = |key: &str| {
        let mut rows = table.lines().map(str::split_whitespace);
        let found = rows.find_map(|mut row| (row.next() == Some(key)).then_some(row));
        found.expect("a row").collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("log.level"), "\"warn\" env BECKN_BPP__LOG__LEVEL");
    assert_eq!(row("limits.body_timeout"), "\"10s\" default");
    assert_eq!(row("http.trusted_proxies"), "[] default");
    assert_eq!(row("network.mobility.signing_key"), "(not set) default");
    assert!(row("network.mobility.key_id").ends_with("bpp.toml:9"));
    let json: serde_json::Value = serde_json::from_str(&render_show(&config, true)).expect("JSON");
    let settings = json["settings"].as_array().expect("an array");
    assert_eq!(settings.len(), table.lines().count());
    assert!(settings.contains(&serde_json::json!({
        "key": "http.bind", "value": "127.0.0.1:8080", "origin": "default",
    })));
    let check = render_check(&config);
    assert!(
        check.starts_with("ok: production with 1 network (mobility), 0 policies\n"),
        "{check}"
    );
}

/// The documented settings, all switched on.
fn documented() -> String {
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<_> = DEFAULTS.lines().map(switched_on).collect();
    lines.join("\n")
}

/// `network.mobility.reason[1].id` without the counter.
fn uncounted(key: &str) -> String {
    let parts = key
        .split('.')
        .map(|part| part.split('[').next().unwrap_or(part));
    parts.collect::<Vec<_>>().join(".")
}

#[test]
fn the_documented_settings_are_exactly_those_that_are_known() {
    let config = Desk::with(&documented()).config(&[("BECKN_BPP__ENVIRONMENT", "development")]);
    let in_file = |shown: &&config::Shown| matches!(shown.origin, Place::Line { .. });
    let written = config.shown.iter().filter(in_file);
    let written: BTreeSet<_> = written.map(|shown| uncounted(&shown.key)).collect();
    for shown in &config.shown {
        // What all kinds of network have is told of one of them.
        let key = shown.key.replace("network.health.", "network.mobility.");
        let key = key.replace("network.market.", "network.mobility.");
        let name = key.to_ascii_uppercase().replace('.', "__");
        let is_documented = written.contains(&uncounted(&shown.key))
            || written.contains(&uncounted(&key))
            || DEFAULTS.contains(&format!("BECKN_BPP__{name}"))
            || shown.key == "environment";
        assert!(is_documented, "{} is not documented", shown.key);
    }
    assert!(DEFAULTS.contains("#environment = \"production\""));
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let plain = Desk::with(&production(NETWORK)).config(&[]);
    let full = Desk::with(&documented()).config(&[]);
    let written = |key: &str| full.shown.iter().find(|shown| shown.key == key);
    let mut compared = 0;
    for shown in &plain.shown {
        if shown.origin != Place::Default || shown.value.is_null() {
            continue;
        }
        let value = written(&shown.key).map(|written| &written.value);
        assert_eq!(value, Some(&shown.value), "{}", shown.key);
        compared += 1;
    }
    assert!(compared > 30, "only {compared} defaults were compared");
}

#[test]
fn the_file_as_printed_sets_nothing_and_asks_for_a_network() {
    let report = Desk::with(DEFAULTS).report(&[("BECKN_BPP__ENVIRONMENT", "development")]);
    assert_eq!(
        report,
        "bpp.toml: network\n    missing: expected at least one section [network.NAME]\n\
         1 fault in the configuration"
    );
}

#[test]
fn paths_begin_at_the_directory_of_the_file() {
    let desk = Desk::with(&production(NETWORK));
    let store::Settings::Sled {
        path, cache_bytes, ..
    } = desk.config(&[]).store;
    assert_eq!(path, desk.0.path().join("data"));
    assert_eq!(cache_bytes, 20_000_000);
}

#[test]
fn a_stop_has_a_grace_in_production_alone_and_never_a_long_one() {
    let production = Desk::with(&production(NETWORK));
    let grace = |variables| production.config(variables).http.stop_grace;
    assert_eq!(grace(&[]), Duration::from_secs(5));
    let variable = |value| [("BECKN_BPP__HTTP__STOP_GRACE", value)];
    assert_eq!(grace(&variable("20s")), Duration::from_secs(20));
    let report = production.report(&variable("2m"));
    assert_holds(&report, &["http.stop_grace", "at most 1m"]);
    let development = Desk::with(&development(NETWORK)).config(&[]);
    assert_eq!(development.http.stop_grace, Duration::ZERO);
}
