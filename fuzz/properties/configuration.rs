//! A configuration: what is refused is refused with sentences that show no secret, what is
//! accepted is TOML, the same at every reading, and in production fit for it.
//!
//! Behind a line `---` come environment variables, one a line, without their prefix. The files
//! `k` (a key that everybody may read here) and `t` (a token) lie beside the configuration.

use std::cell::LazyCell;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use beckn_bpp::app::config::{self, Config, Environment, Faults, Place, render_show};
use beckn_bpp::domain::money::Money;
use beckn_bpp::domain::policy::Policy;
use tempfile::TempDir;

/// Base64 of 32 times the byte 7.
const SEED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

thread_local! {
    static DESK: LazyCell<TempDir> = LazyCell::new(|| {
        let desk = TempDir::new().expect("a directory");
        for (name, text) in [("k", SEED), ("t", TOKEN)] {
            let path = desk.path().join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        }
        desk
    });
}

/// Holds for every text of a file with every variables.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Other files of the machine are nobody's business here.
    if names_a_path(text) {
        return;
    }
    let (file, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    match load(file, variables) {
        Ok(config) => accepted(&config, file, variables),
        Err(faults) => refused(&faults, file),
    }
}

fn names_a_path(text: &str) -> bool {
    let names = |line: &str| line.to_ascii_lowercase().contains("_file") && line.contains('/');
    text.lines().any(names)
}

fn load(file: &str, variables: &str) -> Result<Config, Faults> {
    let variables = variables.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((format!("BECKN_BPP__{name}"), value.to_owned()))
    });
    let path = path();
    std::fs::write(&path, file).expect("written");
    config::load(Some(&path), variables)
}

fn path() -> PathBuf {
    DESK.with(|desk| desk.path().join("bpp.toml"))
}

fn refused(faults: &Faults, file: &str) {
    assert!(!faults.0.is_empty());
    let lines = file.matches('\n').count() + 1;
    for fault in &faults.0 {
        assert!(!matches!(&fault.place, Place::Line { line, .. } if !(1..=lines).contains(line)));
        let shown = fault.to_string();
        assert!(!shown.contains(SEED) && !shown.contains(TOKEN), "{shown}");
        assert!(
            shown
                .lines()
                .all(|line| !line.chars().any(char::is_control)),
            "{shown:?}"
        );
    }
}

fn accepted(config: &Config, file: &str, variables: &str) {
    assert!(toml::from_str::<toml::Table>(file).is_ok());
    let shown = render_show(config, true);
    assert!(!shown.contains(SEED) && !shown.contains(TOKEN), "{shown}");
    serde_json::from_str::<serde_json::Value>(&shown).expect("JSON");
    let again = load(file, variables).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(render_show(&again, true), shown);
    let more = format!("zzz = 1\n{file}");
    assert!(load(&more, variables).is_err(), "an unknown key");
    for network in &config.networks {
        let lifetime = network.signer.active().lifetime_seconds;
        assert!((1..=3_600).contains(&lifetime));
        assert!(network.registry.cache_ttl.as_secs() <= 600);
        if config.environment == Environment::Production {
            assert_eq!(network.subscriber_url.scheme(), "https");
        }
    }
    config.policies.values().for_each(has_fees_within_the_price);
}

fn has_fees_within_the_price(policy: &Policy) {
    for rule in &policy.rules {
        let amounts = [rule.fee.amount, rule.fee.floor, rule.fee.cap];
        let Some(some) = amounts.into_iter().flatten().next() else {
            continue;
        };
        let price = Money {
            minor: 10_000,
            ..some
        };
        assert!((0..=10_000).contains(&rule.fee.on(&price).minor));
        for seconds in [rule.before_start_seconds, rule.since_booking_seconds] {
            assert!(
                seconds.is_none_or(|seconds| chrono::TimeDelta::try_seconds(seconds).is_some())
            );
        }
    }
}
