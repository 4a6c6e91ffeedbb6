//! `config defaults|check|show`.

use std::path::Path;

use tempfile::TempDir;

use crate::app::configuration;
use crate::process::{Ended, command, run, run_with};

/// A directory with a configuration that development takes.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let registry = "http://127.0.0.1:9".parse().expect("a URL");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    write("beckn-bpp.toml", &configuration(&registry, ""));
    write("bpp.signing", include_str!("../../keys/bpp.signing"));
    directory
}

fn config(command: &str, directory: &Path, more: &[&str]) -> Ended {
    let file = directory.join("beckn-bpp.toml");
    let file = file.to_str().expect("text");
    run(&[&["config", command, "--config", file], more].concat())
}

#[test]
fn the_defaults_load_back_but_for_what_everybody_must_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("beckn-bpp.toml");
    std::fs::write(&file, run(&["config", "defaults"]).expect(0).out).expect("written");
    let ended = config("check", directory.path(), &["--json"]).expect(4);
    let keys: Vec<_> = ended.json()["faults"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| fault["key"].as_str().expect("a key").to_owned())
        .collect();
    assert_eq!(keys, ["http.admin_token_file", "network"]);
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let directory = directory();
    let ended = config("check", directory.path(), &[]).expect(0);
    assert!(ended.out.starts_with("ok: development"), "{ended:?}");
    let ended = config("check", directory.path(), &["--json"]).expect(0);
    assert_eq!(ended.json(), serde_json::json!({"ok": true, "faults": []}));
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    let directory = directory();
    let file = directory.path().join("beckn-bpp.toml");
    let text = std::fs::read_to_string(&file).expect("readable");
    let text = text
        .replace("kind = \"beckn\"", "kind = \"bekn\"")
        .replace("timeout = \"2s\"", "timeout = 2")
        .replace("path = \"data\"", "pathh = \"data\"");
    std::fs::write(&file, text).expect("written");
    for command in ["check", "show"] {
        let ended = config(command, directory.path(), &[]).fails(4, "3 faults");
        for expected in ["store.pathh", "did you mean", "kind", "timeout", "toml:"] {
            assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
        }
    }
    let faults = config("check", directory.path(), &["--json"]).expect(4);
    assert_eq!(faults.json()["ok"], false);
    assert_eq!(faults.json()["faults"].as_array().map(Vec::len), Some(3));
}

#[test]
fn show_tells_where_a_value_comes_from_and_masks_secrets() {
    let directory = directory();
    let file = directory.path().join("beckn-bpp.toml");
    let arguments = ["config", "show", "--config", file.to_str().expect("text")];
    for more in [&[][..], &["--json"]] {
        let mut command = command(&[&arguments, more].concat());
        command.env("BECKN_BPP__LOG__LEVEL", "debug").env(
            "BECKN_BPP__HTTP__ADMIN_TOKEN",
            "swordfish-swordfish-swordfish-12",
        );
        let ended = run_with(command, b"").expect(0);
        assert!(ended.out.contains("env BECKN_BPP__LOG__LEVEL"), "{ended:?}");
        assert!(ended.out.contains("***"), "{ended:?}");
        assert!(!ended.out.contains("swordfish") && !ended.err.contains("swordfish"));
    }
}

#[test]
fn the_file_may_be_named_by_a_variable() {
    let directory = directory();
    let mut command = command(&["config", "check"]);
    command.env("BECKN_BPP_CONFIG", directory.path().join("beckn-bpp.toml"));
    run_with(command, b"").expect(0);
}
