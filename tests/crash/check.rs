//! `store check` on the store of a real server: clean, held by a server, and with bytes flipped.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::damage::{copy, data_file, filled, flip, put_back};
use crate::town::{BINARY, Town};

fn check(town: &Town) -> (Output, Value) {
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

/// Runs the export; its exit code, the orders and the callbacks owed.
fn export(town: &Town, name: &str) -> (Option<i32>, Vec<Value>, Vec<Value>) {
    let file = town.around.directory.path().join(name);
    let mut command = Command::new(BINARY);
    command.args(["store", "export", "--salvage"]).arg(&file);
    let output = command.arg(town.around.store()).env_clear().output();
    let output = output.expect("runs");
    let lines = |file: &Path| {
        let text = std::fs::read_to_string(file).expect("is written");
        let lines = text.lines().map(serde_json::from_str);
        lines
            .collect::<Result<Vec<Value>, _>>()
            .expect("JSON lines")
    };
    let owed = file.with_file_name(format!("{name}.callbacks"));
    (output.status.code(), lines(&file), lines(&owed))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_salvaged_from_a_damaged_store_can_be_handed_over_to_a_new_one() {
    let town = filled().await;
    let (code, orders, owed) = export(&town, "whole");
    assert_eq!((code, orders.len(), owed.len()), (Some(0), 24, 24));

    let files = copy(&town.around.store());
    let is_snapshot = |path: &Path| path.to_string_lossy().contains("snap.");
    let snapshot = files.iter().find(|(path, _)| is_snapshot(path));
    let (snapshot, _) = snapshot.expect("sled leaves one");
    std::fs::write(snapshot, "this is no snapshot, and it is long enough").expect("writes");
    assert_eq!(check(&town).0.status.code(), Some(3));
    let (code, salvaged, owed_too) = export(&town, "damaged");
    assert_eq!(code, Some(3), "what was damaged is told");
    assert_eq!((salvaged, owed_too), (orders.clone(), owed));

    let new = Town::new();
    let running = new.start();
    running.admin.hand_over(&orders).await.expect("taken in");
    let shown = running.admin.all("orders", "").await.expect("a listing");
    assert_eq!(shown.len(), 24);
    assert!(shown.iter().all(|order| order["state"] == "Cancelled"));
}
