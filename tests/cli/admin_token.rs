//! `admin-token new` and `audit`: a token that may do less, from its making to its traces.

use std::os::unix::fs::PermissionsExt as _;

use beckn_bpp::app::config::{hex, sha256};
use beckn_bpp::mock::orders::TRIP_1;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::app::TestApp;
use crate::process::{Ended, command, run, run_with};

const NEW: [&str; 3] = ["admin-token", "new", "dashboard"];

fn new(more: &[&str]) -> Ended {
    run(&[&NEW[..], more].concat())
}

#[test]
fn a_token_is_shown_once_beside_the_section_that_lets_it_in() {
    let made = new(&["--scope", "read", "--scope", "metrics"])
        .expect(0)
        .out;
    let token = made.split_whitespace().nth(1).expect("the token");
    assert!(
        token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()),
        "{made}"
    );
    let section = format!(
        "[admin_token.dashboard]\nsha256 = \"{}\"\nscopes = [\"metrics\",\"read\"]\n",
        hex(&sha256(token))
    );
    assert!(made.ends_with(&section), "{made}");
    assert_eq!(made.matches(token).count(), 1);
    let other = new(&["--scope", "read"]).expect(0).out;
    assert_ne!(other.split_whitespace().nth(1), Some(token));
}

#[test]
fn a_token_may_go_to_a_file_and_may_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("dashboard.token");
    let path = file.to_str().expect("text");
    let more = ["--scope", "read", "--expires", "90d", "--out", path];
    let made = new(&[&more[..], &["--json"]].concat()).expect(0).json();
    let token = std::fs::read_to_string(&file).expect("written");
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(made["token"], json!(null));
    assert_eq!(made["sha256"], hex(&sha256(token.trim())));
    let ends: DateTime<Utc> = made["expires"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a time");
    let left = ends - Utc::now();
    assert!(
        left > TimeDelta::days(89) && left <= TimeDelta::days(90),
        "{left}"
    );
    new(&more).fails(1, "never overwritten");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), token);
}

#[test]
fn what_cannot_be_a_token_is_refused() {
    new(&[]).fails(2, "--scope");
    new(&["--scope", "write"]).fails(2, "orders, read, operate, metrics");
    new(&["--scope", "read", "--expires", "90"]).fails(2, "90d");
    for (name, told) in [
        ("admin", "another name"),
        ("a b", "letters, digits"),
        ("", "letters"),
    ] {
        run(&["admin-token", "new", name, "--scope", "read"]).fails(1, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_token_works_by_hand_as_far_as_its_scopes_go_and_leaves_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("clerk.token");
    let path = file.to_str().expect("text");
    let made = [
        "admin-token",
        "new",
        "clerk",
        "--scope",
        "orders",
        "--out",
        path,
    ];
    let app = TestApp::start_with(&run(&made).expect(0).out).await;
    app.hand_over(TRIP_1).await;
    let by_clerk = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.args(["--admin", &app.admin_url(""), "--token-file", path]);
        run_with(command, b"")
    };
    let cancelled = by_clerk(&["order", "cancel", "trip_1"]).expect(0).out;
    assert!(cancelled.contains("by provider"), "{cancelled}");
    assert!(
        cancelled.contains("asked for by token clerk"),
        "{cancelled}"
    );
    by_clerk(&["order", "show", "trip_1"]).fails(1, "this needs read");
    by_clerk(&["callback", "hold"]).fails(1, "this needs operate");
    by_clerk(&["audit"]).fails(1, "this needs read");

    let listed = crate::admin::by_hand(&app, &["audit"]).expect(0).out;
    let line = listed.lines().nth(1).expect("a row");
    for part in ["clerk", "order.cancel", "trip_1", "mobility"] {
        assert!(line.contains(part), "{part} in {listed}");
    }
    let json = crate::admin::by_hand(&app, &["audit", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        json["audit"].as_array().map(Vec::len),
        Some(1),
        "what was forbidden left none"
    );
    let none = crate::admin::by_hand(&app, &["audit", "--after", "1"])
        .expect(0)
        .out;
    assert_eq!(none.lines().count(), 1, "{none}");
    app.stop().await;
}
