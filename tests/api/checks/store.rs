//! Row 15: a store that cannot write.
//!
//! The server runs as a process of its own, under a shell that lets no file grow beyond a size
//! a little above that of the store: a full disk, without filling one. What it acknowledged
//! before must be there when it is started again without that limit.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use beckn_bpp::mock::orders::{O1, TRIP_1};
use serde_json::Value;

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::{DIALECTS, Stage, check_ack};
use crate::app::{Answer, WAIT, answer};

/// Room for some cancels, far from enough for [`ATTEMPTS`]. sled, once opened again, goes on in a
/// fresh segment of 512 KiB.
const ROOM_BYTES: u64 = 768 * 1024;
const ATTEMPTS: usize = 2_000;

/// A `beckn-bpp serve` whose files cannot grow for long.
struct Cramped {
    child: Child,
    url: String,
}

impl Drop for Cramped {
    fn drop(&mut self) {
        // Only a failed test leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cramped {
    fn start(config: &Path, file_bytes: u64) -> Self {
        // POSIX counts `ulimit -f` in units of 512 bytes. With SIGXFSZ ignored the write fails.
        let script = r#"trap "" XFSZ; ulimit -f "$1"; exec "$0" serve --config "$2""#;
        let mut child = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_beckn-bpp")])
            .arg((file_bytes / 512).to_string())
            .arg(config)
            .env("BECKN_BPP__LOG__FORMAT", "json")
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            line["public"].as_str().map(str::to_owned)
        });
        // The rest must be read, or the server would wait for a reader of its log.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!(
            "http://{}/cancel",
            address.expect("it says where it listens")
        );
        Self { child, url }
    }

    async fn knock(&self, stage: &Stage, knock: &Knock) -> Answer {
        let request = stage
            .app
            .http
            .post(&self.url)
            .headers(knock.headers.clone());
        answer(request.body(knock.body.clone())).await
    }

    async fn ended(mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child of ours") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(WAIT, ended).await.expect("in time")
    }
}

fn size_of(store: &Path) -> u64 {
    std::fs::metadata(store.join("db")).expect("a store").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_write_refuses_and_ends_and_has_lost_nothing() {
    let mut stage = Stage::set().await;
    // Nothing is delivered meanwhile, so that the write that fails is a cancel's.
    stage.app.admin("POST", "/callbacks/hold", None).await;
    stage.app.halt().await;
    let limit = size_of(&stage.app.directory.path().join("data")) + ROOM_BYTES;
    let cramped = Cramped::start(&stage.app.config_file(), limit);
    let mut acknowledged = Vec::new();
    let refused = loop {
        assert!(acknowledged.len() < ATTEMPTS, "the limit is not felt");
        let (dialect, sample) = DIALECTS[acknowledged.len() % 2];
        let message = stage.cancel(sample);
        let answer = cramped.knock(&stage, &stage.signed(&message)).await;
        if answer.status != 200 {
            break (answer, dialect);
        }
        check_ack(&answer);
        acknowledged.push(message);
    };
    let (answer, dialect) = refused;
    refused::check_answer(
        &answer,
        &Wanted::word("store_unavailable").in_dialect(dialect),
    );
    let status = cramped.ended().await;
    assert_eq!(
        status.code(),
        Some(1),
        "it ends by itself, to be started again"
    );
    assert!(acknowledged.len() > 2, "{}", acknowledged.len());

    stage.app.resume().await;
    stage.app.admin("POST", "/callbacks/release", None).await;
    for message in &acknowledged {
        stage.hears(message).await;
        stage.takes(&stage.signed(message)).await;
    }
    for sample in [TRIP_1, O1] {
        let order = stage.app.get(&format!("/orders/{}", sample.id)).await;
        assert_eq!(order.body["state"], "Cancelled");
    }
    let events = stage.app.get("/events?after=0").await;
    assert_eq!(events.body["events"].as_array().map(Vec::len), Some(2));
    stage.ends_well().await;
}
