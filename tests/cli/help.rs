//! Help, version and usage.

use crate::process::{command, run, run_with, run_without_reader};

const COMMANDS: [&[&str]; 36] = [
    &[],
    &["serve"],
    &["mock-network"],
    &["keys"],
    &["keys", "new"],
    &["keys", "show"],
    &["order"],
    &["order", "import"],
    &["order", "show"],
    &["order", "cancel"],
    &["order", "refuse"],
    &["order", "erase"],
    &["callback"],
    &["callback", "list"],
    &["callback", "show"],
    &["callback", "redrive"],
    &["callback", "hold"],
    &["callback", "release"],
    &["audit"],
    &["admin-token"],
    &["admin-token", "new"],
    &["transaction", "show"],
    &["transaction", "export"],
    &["signature"],
    &["signature", "sign"],
    &["signature", "verify"],
    &["signature", "explain"],
    &["registry", "lookup"],
    &["cancel"],
    &["store"],
    &["store", "check"],
    &["store", "export"],
    &["config"],
    &["config", "defaults"],
    &["config", "check"],
    &["config", "show"],
];

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let ended = run(&[command, &["--help"]].concat()).expect(0);
        assert!(ended.out.contains("Usage: beckn-bpp"), "{ended:?}");
        assert_eq!(ended.err, "");
    }
}

#[test]
fn the_version_is_printed() {
    let expected = format!("beckn-bpp {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]).expect(0).out, expected);
}

#[test]
fn what_is_no_usage_ends_with_2_and_prints_nothing_to_standard_output() {
    run(&[]).fails(2, "Commands:");
    let wrong: [&[&str]; 10] = [
        &["nonsense"],
        &["order", "show"],
        &["callback", "redrive"],
        &["callback", "redrive", "1", "--dry-run"],
        &["signature", "verify", "body.json"],
        &["signature", "verify", "--public-key", "x"],
        &["signature", "verify", "--evidence", "x", "body.json"],
        &["mock-network", "--port", "65532"],
        &["mock-network", "--json"],
        &["order", "show", "x", "--admin", "nowhere"],
    ];
    for arguments in wrong {
        run(arguments).fails(2, "error: ");
    }
}

#[test]
fn no_colour_is_printed_where_none_is_wanted() {
    for arguments in [&["--help"][..], &["nonsense"]] {
        let mut command = command(arguments);
        command.env("NO_COLOR", "1").env("TERM", "xterm-256color");
        let ended = run_with(command, b"");
        assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault_to_report() {
    let ended = run_without_reader(&["config", "defaults"]);
    assert_eq!(ended.err, "", "{ended:?}");
}
