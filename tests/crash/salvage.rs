//! `store export --salvage`: what can be read of a store, damaged or not, and that nobody who was
//! acknowledged is left out of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use beckn_bpp::mock::bap::Answer;
use serde_json::Value;

use crate::check::check;
use crate::damage::{copy, data_file, filled, flip};
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

    /// The same, once sled's threads let go of the file: a moment after the last handle.
    fn once_closed(town: &Town, name: &str) -> Self {
        let export = (0..250).find_map(|_| {
            let export = Self::of(town, name);
            let is_held = export.said.contains("another process holds the store");
            if is_held {
                std::thread::sleep(Duration::from_millis(20));
            }
            (!is_held).then_some(export)
        });
        export.expect("is let go of")
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
    for file in &whole.files {
        let mode = std::fs::metadata(file).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{}", file.display());
    }

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

/// A store of two orders whose server was killed while the provider was asked about one of them,
/// and the body of the cancel that was acknowledged.
async fn killed_while_one_waits() -> (Town, Numbered, String) {
    let (town, provider) = with_back_end(Some("2m"));
    provider.answer_questions(Answer::Hang);
    let running = town.start();
    town.hand_over(&running, 0..2).await;
    let order = Numbered(1);
    let body = town.cancel(order, "message-1");
    let reply = town.post(&running, order, &body).await;
    assert!(reply.as_ref().is_some_and(is_ack), "{reply:?}");
    running.process.kill();
    (town, order, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_request_that_waits_for_the_provider_is_salvaged_with_its_proof() {
    let (town, order, body) = killed_while_one_waits().await;

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
    assert_eq!(line["order_unreadable"], false);
    assert_eq!(line["message"], "message-1");
    assert_eq!(line["body"], body, "byte for byte");
    let header = line["authorization"].as_str().expect("a header");
    assert!(header.starts_with("Signature "), "{header}");
    assert_eq!(line["proposed"]["by"], "customer");
    assert!(line["until"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_request_that_is_lost_with_the_end_of_the_files_is_told() {
    let (town, _, _) = killed_while_one_waits().await;
    let (store, file) = (town.around.store(), data_file(&town));
    let bytes = std::fs::read(&file).expect("reads");
    let mut parts = bytes.windows(b"message-1".len());
    let first = parts.position(|part| part == b"message-1");
    flip(&file, first.expect("the request is in the file"));
    for (path, _) in copy(&store) {
        if path.to_string_lossy().contains("snap.") {
            std::fs::remove_file(path).expect("removes");
        }
    }
    let export = Export::of(&town, "cut");
    assert_eq!(export.code, Some(3), "{}", export.said);
    let told = format!("the files in {} end at batch", store.display());
    assert!(export.said.contains(&told), "{}", export.said);
    let counts = export.lines().map(|lines| lines.len());
    assert_eq!(counts, [2, 0, 0], "what could be read is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_is_salvaged_where_its_order_cannot_be_read() {
    let (town, order, body) = killed_while_one_waits().await;

    let db = sled::open(town.around.store()).expect("a store");
    let last = db.scan_prefix(b"o").keys().next_back();
    let last = last.expect("an order").expect("reads");
    db.insert(last, b"no record").expect("writes");
    db.flush().expect("is on the disk");
    drop(db);
    let export = Export::once_closed(&town, "orderless");
    assert_eq!(export.code, Some(3), "{}", export.said);
    for told in ["1  requests that may wait", "order_unreadable"] {
        assert!(export.said.contains(told), "{}", export.said);
    }
    let [orders, _, waiting] = export.lines();
    assert_eq!((orders.len(), waiting.len()), (1, 1));
    let line = &waiting[0];
    assert_eq!(line["order"], order.id());
    assert_eq!(line["order_unreadable"], true);
    assert_eq!(line["body"], body, "byte for byte");
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
