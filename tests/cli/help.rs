//! Help, version and usage.

use crate::process::{command, run, run_with, run_without_reader};

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<&str> {
    let (_, commands) = help.split_once("Commands:\n").unwrap_or_default();
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

#[test]
fn every_command_explains_itself() {
    let mut open = vec![Vec::<String>::new()];
    let mut explained = 0;
    while let Some(command) = open.pop() {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        words.push("--help");
        let ended = run(&words).expect(0);
        assert!(ended.out.contains("Usage: beckn-bpp"), "{ended:?}");
        assert_eq!(ended.err, "");
        for name in listed(&ended.out) {
            let mut deeper = command.clone();
            deeper.push(name.to_owned());
            open.push(deeper);
        }
        explained += 1;
    }
    assert!(explained > 40, "only {explained} commands were found");
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
