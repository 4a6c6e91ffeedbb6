//! `store check` on the store of a real server: clean, held by a server, and with bytes flipped.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::damage::{copy, data_file, filled, flip, put_back};
use crate::town::{BINARY, Town};

pub fn check(town: &Town) -> (Output, Value) {
    let mut command = Command::new(BINARY);
    command.args(["store", "check", "--json", "--config"]);
    command.arg(town.around.config_file());
    let output = command.env_clear().output().expect("runs");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, report)
}

fn same(store: &Path, copy: &[(std::path::PathBuf, Vec<u8>)]) -> bool {
    let mut now = self::copy(store);
    let mut before = copy.to_vec();
    now.sort();
    before.sort();
    now == before
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bytes_are_found_or_were_of_no_use_and_the_store_is_not_touched() {
    let town = filled().await;
    let (store, file) = (town.around.store(), data_file(&town));
    let whole = copy(&store);
    let (output, clean) = check(&town);
    assert_eq!(output.status.code(), Some(0), "{clean:#}");
    assert_eq!(clean["clean"], true);
    assert_eq!(clean["counts"]["requests"], 24);
    assert!(same(&store, &whole), "a check writes nothing");

    let length = std::fs::metadata(&file).expect("a file").len() as usize;
    let mut found = 0;
    for part in 0..24 {
        put_back(&store, &whole);
        flip(&file, length * part / 24 + 100 + part * 997);
        let damaged = copy(&store);
        let (output, report) = check(&town);
        assert!(same(&store, &damaged), "a check writes nothing");
        match output.status.code() {
            Some(0) => assert_eq!(report["counts"], clean["counts"], "at part {part}"),
            Some(3) => {
                found += 1;
                assert_ne!(report["findings"].as_array().map(Vec::len), Some(0));
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(
                    said.starts_with("beckn-bpp: the store is corrupt: "),
                    "{said}"
                );
                assert!(said.contains(&store.display().to_string()), "{said}");
            }
            _ => panic!("{output:?}"),
        }
    }
    assert!(found > 0, "no flip hit anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_server_has_open_is_refused_with_a_sentence() {
    let town = Town::new();
    let running = town.start();
    let (output, _) = check(&town);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("another process holds the store at"),
        "{said}"
    );
    running.process.kill();
    let (output, report) = check(&town);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
}
