//! The published examples: they pass our schemas, are strict JSON, and their terms are read.

use std::path::Path;

use beckn_bpp::domain::policy::Rule;
use beckn_bpp::protocol::schema::{self, Kind};
use beckn_bpp::protocol::{strict, terms};

use crate::dialect;
use crate::official::{self, protocol_dir};

/// The share or amount of each rule of an example's own terms, in their order.
fn fees(dir: &Path, name: &str) -> Vec<String> {
    let message = official::example(&dir.join("examples").join(name));
    let policy = terms::read(&message["message"]["order"]).expect(name);
    let fee = |rule: &Rule| {
        let amount = rule.fee.amount.map(|amount| amount.to_string());
        let share = rule.fee.percentage.map(|share| format!("{share} %"));
        amount.or(share).unwrap_or_else(|| "open".to_owned())
    };
    policy.expect(name).rules.iter().map(fee).collect()
}

#[test]
fn the_terms_of_the_published_orders_are_read() {
    let Some(dir) = protocol_dir() else { return };
    let ride = ["0 %", "30.00", "50.00", "100 %"];
    for name in [
        "ondc-trv10-2.0.1/on_cancel_soft.json",
        "ondc-trv10-2.0.1/on_cancel_confirm.json",
        "ondc-trv10-2.0.1/on_cancel_unsolicited_no_driver.json",
        "mobility-1.1.0/soft_on_cancel.json",
        "mobility-1.1.0/confirm_on_cancel.json",
    ] {
        assert_eq!(fees(&dir, name), ride, "{name}");
    }
    let initiated = "ondc-trv11-2.0.1/metro_delayed_on_cancel_initiated.json";
    assert_eq!(fees(&dir, initiated), ["open"], "a page alone");
    let accepted = "ondc-trv11-2.0.1/metro_delayed_on_update_accepted.json";
    assert_eq!(
        fees(&dir, accepted),
        ["0 %", "open"],
        "within an hour, then a page"
    );
}

/// Published examples that ours refuses on purpose.
const EXCEPTIONS: [(&str, &str); 4] = [
    (
        "mobility-1.1.0/l2-cancel.json",
        "has no transaction_id, without which there is no request key",
    ),
    (
        "mobility-1.1.0/l2-cancel-with-user-reason.json",
        "has no transaction_id, without which there is no request key",
    ),
    (
        "mobility-1.1.0/l2-on_cancel_by_rider.json",
        "its order has no status, which we always write",
    ),
    (
        "mobility-1.1.0/l2-on_cancel_by_driver.json",
        "its order has no status, which we always write",
    ),
];

#[test]
fn the_published_mobility_examples_pass_or_are_named() {
    let Some(dir) = protocol_dir() else {
        return;
    };
    let mut checked = 0;
    for folder in ["mobility-0.9.1", "mobility-1.1.0"] {
        for entry in std::fs::read_dir(dir.join("examples").join(folder)).expect("the folder") {
            let path = entry.expect("an entry").path();
            checked += usize::from(check_example(folder, &path));
        }
    }
    assert!(checked >= 11, "{checked}");
}

fn check_example(folder: &str, path: &Path) -> bool {
    let message = official::example(path);
    let kind = match message["context"]["action"].as_str() {
        Some("cancel") => Kind::Cancel,
        Some("on_cancel") => Kind::OnCancel,
        _ => return false,
    };
    let file = path.file_name().expect("a file").to_string_lossy();
    let name = format!("{folder}/{file}");
    let version = folder.trim_start_matches("mobility-");
    let ours = schema::check(kind, dialect(version), &message);
    match EXCEPTIONS.iter().find(|(named, _)| *named == name) {
        Some((_, reason)) => assert!(ours.is_err(), "{name}: no longer true: {reason}"),
        None => assert_eq!(ours, Ok(()), "{name}"),
    }
    true
}

#[test]
fn every_published_example_is_strict_json() {
    let Some(dir) = protocol_dir() else {
        return;
    };
    for folder in std::fs::read_dir(dir.join("examples")).expect("the folder") {
        let folder = folder.expect("an entry").path();
        for entry in folder.read_dir().into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            let read = strict::parse(&bytes).map(drop);
            assert_eq!(read, Ok(()), "{}", path.display());
        }
    }
}
