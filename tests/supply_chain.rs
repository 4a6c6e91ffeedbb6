//! What comes in with the dependencies, held against `deny.toml`: licences, banned crates and
//! sources, read from cargo's own description of what is built here.
//!
//! It needs no tool and no network, so it runs wherever the tests do. `scripts/supply_chain.sh`
//! asks `cargo-deny` the same questions, and for advisories, where that is installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

fn rules() -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let text = std::fs::read_to_string(path).expect("readable");
    text.parse().expect("TOML")
}

/// The texts of a list in `deny.toml`, or those of one key of each of its tables.
fn texts(list: &toml::Value, key: &str) -> BTreeSet<String> {
    let items = list.as_array().expect("a list").iter();
    let text = |item: &toml::Value| item.get(key).unwrap_or(item).as_str().map(str::to_owned);
    items.map(|item| text(item).expect("a text")).collect()
}

/// Every package that is compiled for this machine, ours first.
fn packages(rules: &toml::Table) -> Vec<Value> {
    let targets = texts(&rules["graph"]["targets"], "");
    let here = |target: &&String| target.starts_with(std::env::consts::ARCH);
    let target = targets.iter().find(here).expect("a platform of deny.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(["--filter-platform", target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let described: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    described["packages"].as_array().expect("a list").clone()
}

/// What is wrong with the packages, one sentence each.
fn faults(rules: &toml::Table, packages: &[Value]) -> Vec<String> {
    let licences = texts(&rules["licenses"]["allow"], "");
    let banned = texts(&rules["bans"]["deny"], "crate");
    let mut faults = Vec::new();
    for package in packages {
        let text = |member: &str| package[member].as_str().unwrap_or_default();
        let (name, licence) = (text("name"), text("license"));
        if !is_allowed(licence, &licences) {
            faults.push(format!("{name}: the licence {licence:?} is not allowed"));
        }
        if banned.contains(name) {
            faults.push(format!("{name}: is banned"));
        }
        // A directory or a repository can change under a version that stays the same.
        if name != env!("CARGO_PKG_NAME") && !text("source").starts_with("registry+") {
            faults.push(format!("{name}: comes from {:?}", package["source"]));
        }
    }
    let sources: BTreeSet<_> = packages
        .iter()
        .filter_map(|p| p["source"].as_str())
        .collect();
    if sources.len() > 1 {
        faults.push(format!("more than one registry: {sources:?}"));
    }
    faults
}

/// Whether the expression can be met with licences of the list alone.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    expression.is_ok_and(|it| it.evaluate(|wanted| allowed.contains(&wanted.to_string())))
}

#[test]
fn licences_names_and_sources_of_everything_that_is_built_follow_the_rules() {
    let rules = rules();
    let packages = packages(&rules);
    assert!(packages.len() > 100, "{} packages", packages.len());
    let faults = faults(&rules, &packages);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_rule_can_be_broken() {
    let source = "registry+https://index.example.org";
    let package = |name: &str, licence: Value, source: Value| serde_json::json!({"name": name, "license": licence, "source": source});
    for (broken, bad) in [
        (0, package("a", "MIT OR GPL-3.0-only".into(), source.into())),
        (0, package("a", "MIT/Apache-2.0".into(), source.into())),
        (
            0,
            package(env!("CARGO_PKG_NAME"), "MIT".into(), Value::Null),
        ),
        (1, package("a", "GPL-3.0-only".into(), source.into())),
        (
            1,
            package("a", "MIT AND GPL-3.0-only".into(), source.into()),
        ),
        (
            1,
            package("a", "Apache-2.0 WITH LLVM-exception".into(), source.into()),
        ),
        (1, package("a", Value::Null, source.into())),
        (1, package("openssl-sys", "MIT".into(), source.into())),
        (
            1,
            package("a", "MIT".into(), "git+https://example.org/a#1".into()),
        ),
        (1, package("a", "MIT".into(), Value::Null)),
        (
            1,
            package(
                "a",
                "MIT".into(),
                "registry+https://other.example.org".into(),
            ),
        ),
    ] {
        let good = package("b", "MIT".into(), source.into());
        let faults = faults(&rules(), &[good, bad.clone()]);
        let two = usize::from(bad["source"].as_str().is_some_and(|s| s.starts_with("git")));
        assert_eq!(faults.len(), broken + two, "{bad}: {faults:?}");
    }
}
