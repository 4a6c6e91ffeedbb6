//! `store export --salvage`: what can be read of a store, damaged or not, and that nobody who was
//! acknowledged is left out of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use beckn_bpp::mock::bap::Answer;
use serde_json::Value;

use crate::check::check;
use crate::damage::{copy, filled};
use crate::outside::orders::Numbered;
use crate::provider::{cancel, with_back_end};
use crate::town::{BINARY, Town, WAIT, is_ack};

/// What an export said and wrote.
struct Export {
    code: Option<i32>,
    said: String,
    files: [PathBuf; 3],
}

impl Export {
    fn of(town: &Town, name: &str) -> Self {
        let file = town.around.directory.path().join(name);
        let mut command = Command::new(BINARY);
        command.args(["store", "export", "--salvage"]).arg(&file);
        let output = command.arg(town.around.store()).env_clear().output();
        let output = output.expect("runs");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let beside = |more| file.with_file_name(format!("{name}{more}"));
        Self {
            code: output.status.code(),
            said: text(&output.stdout) + &text(&output.stderr),
            files: ["", ".callbacks", ".waiting"].map(beside),
        }
    }

    /// The lines of orders, of callbacks owed, and of requests that wait.
    fn lines(&self) -> [Vec<Value>; 3] {
        self.files.each_ref().map(|file| {
            let text = std::fs::read_to_string(file).expect("is written");
            let lines = text.lines().map(serde_json::from_str);
            lines.collect::<Result<_, _>>().expect("JSON lines")
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_salvaged_from_a_damaged_store_can_be_handed_over_to_a_new_one() {
    let town = filled().await;
    let whole = Export::of(&town, "whole");
    let lines = whole.lines();
    let counts = lines.each_ref().map(Vec::len);
    assert_eq!((whole.code, counts), (Some(0), [24, 24, 0]));

    let files = copy(&town.around.store());
    let is_snapshot = |path: &Path| path.to_string_lossy().contains("snap.");
    let snapshot = files.iter().find(|(path, _)| is_snapshot(path));
    let (snapshot, _) = snapshot.expect("sled leaves one");
    std::fs::write(snapshot, "this is no snapshot, and it is long enough").expect("writes");
    assert_eq!(check(&town).0.status.code(), Some(3));
    let damaged = Export::of(&town, "damaged");
    assert_eq!(damaged.code, Some(3), "what was damaged is told");
    assert_eq!(damaged.lines(), lines);

    let new = Town::new();
    let running = new.start();
    running.admin.hand_over(&lines[0]).await.expect("taken in");
    let shown = running.admin.all("orders", "").await.expect("a listing");
    assert_eq!(shown.len(), 24);
    assert!(shown.iter().all(|order| order["state"] == "Cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_request_that_waits_for_the_provider_is_salvaged_with_its_proof() {
    let (town, provider) = with_back_end(Some("2m"));
    provider.answer_questions(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let order = Numbered(1);
    let body = town.cancel(order, "message-1");
    let reply = town.post(&running, order, &body).await;
    assert!(reply.as_ref().is_some_and(is_ack), "{reply:?}");
    running.process.kill();

    let export = Export::of(&town, "waiting");
    assert_eq!(export.code, Some(0), "{}", export.said);
    for told in [
        "1  requests that wait",
        "cancel the order with `order cancel`",
    ] {
        assert!(export.said.contains(told), "{}", export.said);
    }
    let [orders, _, waiting] = export.lines();
    assert_eq!((orders.len(), waiting.len()), (2, 1));
    let line = &waiting[0];
    assert_eq!(line["order"], order.id());
    assert_eq!(line["message"], "message-1");
    assert_eq!(line["body"], body, "byte for byte");
    let header = line["authorization"].as_str().expect("a header");
    assert!(header.starts_with("Signature "), "{header}");
    assert_eq!(line["proposed"]["by"], "customer");
    assert!(line["until"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_order_is_counted_and_left_out_and_is_no_damage() {
    let town = Town::new();
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let order = Numbered(1);
    cancel(&town, &running, order, "message-1").await;
    running.admin.quiet(WAIT).await.expect("quiet");
    running.admin.erase(&order.id()).await.expect("is erased");
    running.process.kill();

    let export = Export::of(&town, "erased");
    assert_eq!(export.code, Some(0), "{}", export.said);
    assert!(export.said.contains("1  erased orders"), "{}", export.said);
    assert_eq!(export.lines()[0].len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_failed_can_be_tried_again_under_the_same_name() {
    let town = Town::new();
    let running = town.start();
    let failed = Export::of(&town, "again");
    assert_eq!(failed.code, Some(1), "{}", failed.said);
    assert!(failed.files.iter().all(|file| !file.exists()));
    running.process.kill();

    // What was there before is neither written over nor removed.
    let [orders, _, waiting] = &failed.files;
    std::fs::write(waiting, "ours").expect("writes");
    assert_eq!(Export::of(&town, "again").code, Some(1));
    assert!(!orders.exists() && waiting.exists());
    std::fs::remove_file(waiting).expect("removes");
    let again = Export::of(&town, "again");
    assert_eq!(again.code, Some(0), "{}", again.said);
}
