//! Each ACK leaves only after an fdatasync of the store's file, seen from outside with strace.
//!
//! A kill cannot show this: what a killed process has written is safe in the operating system.
//! Here the system calls of the real binary are recorded while it answers cancels one by one;
//! nothing else is written meanwhile, for sending is on hold. To see it by hand:
//!
//! `strace -f -y -s 300 -e trace=pwrite64,fdatasync,sendto,writev beckn-bpp serve --config FILE
//! 2>&1 | grep -E 'data/db|ACK'`
//!
//! Needs Linux and strace; without them it says that it was skipped.

#[path = "common/outside.rs"]
mod outside;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use outside::orders::{Bap, Numbered};
use outside::process::Process;
use outside::surroundings::{Admin, BAP_KEYS, Surroundings, signer};

const BINARY: &str = env!("CARGO_BIN_EXE_beckn-bpp");

/// Long enough for a traced debug build on a busy machine.
const WAIT: Duration = Duration::from_secs(60);

/// How many cancels are sent, one after the other.
const CANCELS: usize = 20;

/// The calls that matter: what sled writes with, what syncs, and what answers leave by.
const CALLS: &str = "trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg";

#[tokio::test(flavor = "multi_thread")]
async fn every_ack_follows_an_fdatasync_of_what_it_acknowledges() {
    if !strace_works() {
        // Not through a macro, whose output a passing test keeps to itself.
        let loud = "\n*** SKIPPED: strace cannot trace here, so fsync before ACK is not proved\n";
        std::io::stderr()
            .write_all(loud.as_bytes())
            .expect("stderr");
        return;
    }
    let around = Surroundings::new("").expect("surroundings");
    let trace = around.directory.path().join("trace");
    answer_cancels_traced(&around, &trace).await;
    let store = around.store().join("db");
    let store = store.to_str().expect("a plain path");
    let trace = std::fs::read_to_string(&trace).expect("a trace");
    let acks = acks(&trace, store);
    assert_eq!(
        acks.len(),
        CANCELS,
        "every answer is in the trace:\n{trace}"
    );
    for (number, ack) in acks.iter().enumerate() {
        let got = (ack.written_before, ack.synced_before);
        assert_eq!(
            got,
            (true, true),
            "ACK {number} left without an fdatasync:\n{trace}"
        );
    }
}

fn strace_works() -> bool {
    let traced = Command::new("strace")
        .args(["-D", "-f", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    cfg!(target_os = "linux") && traced.is_ok_and(|status| status.success())
}

/// Runs the server under strace, which keeps out of the way as a grandchild.
async fn answer_cancels_traced(around: &Surroundings, trace: &Path) {
    let mut command = around.serve(Path::new("strace"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let serve: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = Command::new("strace");
    command.args(["-D", "-f", "-y", "-s", "400", "-e", CALLS, "-o"]);
    command.arg(trace).arg(BINARY).args(serve);
    command.env_clear().env("PATH", path);
    let process = Process::start(&mut command).expect("a process");
    let at = process.ready(WAIT).expect("ready");
    let admin = Admin::at(at.admin).expect("a client");
    admin.hold().await.expect("on hold");
    cancel_one_by_one(around, &admin, at.public).await;
    let (status, log) = process.terminate(WAIT).expect("an end");
    assert!(status.success(), "{log}");
    let began = Instant::now();
    let is_whole = || {
        let text = std::fs::read_to_string(trace).unwrap_or_default();
        text.trim_end().ends_with("+++ exited with 0 +++")
    };
    while !is_whole() {
        assert!(began.elapsed() < WAIT, "strace writes its last line");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn cancel_one_by_one(around: &Surroundings, admin: &Admin, public: std::net::SocketAddr) {
    let signer = signer("bap-0.example.org", BAP_KEYS[0]).expect("a developer key");
    let bap = Bap {
        id: signer.subscriber_id.clone(),
        uri: "http://127.0.0.1:9/beckn".to_owned(),
    };
    around.register(&[(&signer, &bap.uri.parse().expect("a URL"))]);
    let orders: Vec<_> = (0..CANCELS as u64).map(Numbered).collect();
    let documents = orders.iter().map(|order| order.document(&bap));
    let documents: Vec<_> = documents.collect::<Result<_, _>>().expect("documents");
    admin.hand_over(&documents).await.expect("taken in");
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.expect("a client");
    for order in orders {
        let body = order.cancel(&bap, &format!("message-{}", order.0));
        let authorization = signer.authorization(body.as_bytes(), chrono::Utc::now().timestamp());
        let post = http.post(format!("http://{public}/cancel"));
        let post = post.header("Content-Type", "application/json");
        let answer = post
            .header("Authorization", authorization)
            .body(body)
            .send();
        let answer = answer.await.expect("an answer").text().await;
        let answer = answer.expect("a body");
        assert!(answer.contains("\"ACK\""), "{answer}");
    }
}

/// What came between an ACK and the one before it.
#[derive(Debug, Default)]
struct Ack {
    /// Something was written to the store's file.
    written_before: bool,
    /// And after that, an fdatasync of it began and ended well.
    synced_before: bool,
}

/// Reads the trace in the order of its lines. A call that others interrupt has two: it begins
/// with the first and ends with the second.
fn acks(trace: &str, store: &str) -> Vec<Ack> {
    let mut acks = Vec::new();
    let mut present = Ack::default();
    let mut unfinished: BTreeMap<&str, bool> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let is_of_store = call.contains(&format!("<{store}>"));
        if call.starts_with("pwrite64(") && is_of_store {
            present.written_before = true;
        } else if call.starts_with("fdatasync(") && is_of_store {
            match call.ends_with("= 0") {
                true => present.synced_before = present.written_before,
                // What counts is what was written before it began.
                false => drop(unfinished.insert(thread, present.written_before)),
            }
        } else if call.starts_with("<... fdatasync resumed>") && call.ends_with("= 0") {
            present.synced_before |= unfinished.remove(thread).unwrap_or(false);
        } else if call.contains("\"HTTP/1.1 200 OK") && call.contains("\\\"ACK\\\"") {
            acks.push(std::mem::take(&mut present));
            unfinished.clear();
        }
    }
    acks
}

#[test]
fn a_trace_without_a_sync_is_told_from_one_with_it() {
    let write = "7 pwrite64(9</data/db>, \"x\", 1, 0) = 1\n";
    let ack =
        "8 writev(12<socket:[1]>, [{iov_base=\"HTTP/1.1 200 OK\\r\\n{\\\"ACK\\\"}\"}], 1) = 9\n";
    let sync = "7 fdatasync(9</data/db>) = 0\n";
    let begin = "7 fdatasync(9</data/db> <unfinished ...>\n";
    let end = "7 <... fdatasync resumed>) = 0\n";
    let judge = |lines: &[&str]| {
        let acks = acks(&lines.concat(), "/data/db");
        acks.iter().map(|ack| ack.synced_before).collect::<Vec<_>>()
    };
    assert_eq!(
        judge(&[write, sync, ack, write, begin, end, ack]),
        [true, true]
    );
    assert_eq!(judge(&[write, sync, ack, write, ack]), [true, false]);
    assert_eq!(judge(&[sync, write, ack]), [false], "synced too early");
    assert_eq!(judge(&[write, begin, ack, end]), [false], "synced too late");
    assert_eq!(
        judge(&[write, "7 fdatasync(9</data/db>) = -1 EIO\n", ack]),
        [false]
    );
}
