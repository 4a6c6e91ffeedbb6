//! Each ACK leaves only after an fdatasync of the store's file, seen from outside with strace.
//!
//! A kill cannot show this: what a killed process has written is safe in the operating system.
//! Here the system calls of the real binary are recorded while many clients send it cancels at the
//! same time. Each sync is made to take long, so that behind it a group gathers which is larger than
//! one batch of the store. To see it by hand:
//!
//! `strace -f -y -s 300 -e trace=pwrite64,fdatasync,sendto,writev beckn-bpp serve --config FILE
//! 2>&1 | grep -E 'data/db|ACK'`
//!
//! Needs Linux and strace; without them it says that it was skipped.

#[path = "common/outside.rs"]
mod outside;
#[path = "common/trace.rs"]
mod trace;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use beckn_bpp::crypto::signature::Signer;
use futures_util::future::join_all;
use outside::orders::{Bap, Numbered};
use outside::process::Process;
use outside::surroundings::{Admin, BAP_KEYS, Surroundings, signer};
use trace::{DIGITS, MARK};

const BINARY: &str = env!("CARGO_BIN_EXE_beckn-bpp");

/// Long enough for a traced debug build on a busy machine.
const WAIT: Duration = Duration::from_secs(60);

/// How many clients send cancels, one after the other, and how many each.
const CLIENTS: usize = 250;
/// See [`CLIENTS`].
const CANCELS_EACH: usize = 4;

/// One more goes first, so that the caller's key is known to the server.
const CANCELS: usize = 1 + CLIENTS * CANCELS_EACH;

/// More jobs than the store writes in one batch.
const MORE_THAN_A_BATCH: usize = 129;

/// The calls that matter: what sled writes with, what syncs, what requests come and answers leave by.
const CALLS: &str = "trace=pwrite64,fdatasync,recvfrom,read,write,writev,sendto,sendmsg";

/// How long each sync takes, in microseconds.
const SYNC: &str = "inject=fdatasync:delay_enter=1500000";

/// More than any write has: all that is written must be in the trace.
const BYTES: &str = "1000000";

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
    let trace = std::fs::read(&trace).expect("a trace");
    let acks = trace::acks(&String::from_utf8_lossy(&trace), store);
    assert_eq!(acks.unsynced, [""; 0], "ACKs left without an fdatasync");
    assert_eq!(acks.count, CANCELS, "all are in the trace");
    let largest = acks.groups.values().max().copied();
    assert!(
        largest >= Some(MORE_THAN_A_BATCH),
        "no group of more than one batch: {:?}",
        acks.groups
    );
}

fn strace_works() -> bool {
    let traced = Command::new("strace")
        .args([
            "-D",
            "-f",
            "-e",
            CALLS,
            "-e",
            SYNC,
            "-o",
            "/dev/null",
            "true",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    cfg!(target_os = "linux") && traced.is_ok_and(|status| status.success())
}

/// Runs the server under strace, which keeps out of the way as a grandchild.
async fn answer_cancels_traced(around: &Surroundings, trace: &Path) {
    let bap = hand_over(around).await;
    let mut command = around.serve(Path::new("strace"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let serve: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = Command::new("strace");
    command.args(["-D", "-f", "-y", "-s", BYTES, "-e", CALLS, "-e", SYNC, "-o"]);
    command.arg(trace).arg(BINARY).args(serve);
    command.env_clear().env("PATH", path);
    let process = Process::start(&mut command).expect("a process");
    let at = process.ready(WAIT).expect("ready");
    cancel_all(bap, at.public).await;
    let (status, log) = process.terminate(WAIT).expect("an end");
    assert!(status.success(), "{log}");
    let began = Instant::now();
    let is_whole = || {
        let text = std::fs::read(trace).unwrap_or_default();
        text.trim_ascii_end().ends_with(b"+++ exited with 0 +++")
    };
    while !is_whole() {
        assert!(began.elapsed() < WAIT, "strace writes its last line");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Hands the orders over to a server that nobody looks at, and leaves sending on hold.
async fn hand_over(around: &Surroundings) -> (Signer, Bap) {
    let signer = signer("bap-0.example.org", BAP_KEYS[0]).expect("a developer key");
    let bap = Bap {
        id: signer.subscriber_id.clone(),
        uri: "http://127.0.0.1:9/beckn".to_owned(),
    };
    around.register(&[(&signer, &bap.uri.parse().expect("a URL"))]);
    let process = Process::start(&mut around.serve(Path::new(BINARY))).expect("a process");
    let at = process.ready(WAIT).expect("ready");
    let admin = Admin::at(at.admin).expect("a client");
    let orders = (0..CANCELS as u64).map(Numbered);
    let documents: Result<Vec<_>, _> = orders.map(|order| order.document(&bap)).collect();
    let documents = documents.expect("documents");
    admin.hand_over(&documents).await.expect("taken in");
    admin.hold().await.expect("on hold");
    process.kill();
    (signer, bap)
}

/// The clients at the same time, each sending one cancel after the other.
async fn cancel_all((signer, bap): (Signer, Bap), public: SocketAddr) {
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.expect("a client");
    let cancel = async |number: usize| {
        let message = format!("{MARK}{number:0DIGITS$}");
        let body = Numbered(number as u64).cancel(&bap, &message);
        let authorization = signer.authorization(body.as_bytes(), chrono::Utc::now().timestamp());
        let post = http.post(format!("http://{public}/cancel"));
        let post = post.header("Content-Type", "application/json");
        let post = post.header("Authorization", authorization).body(body);
        let answer = post.send().await.expect("an answer").text().await;
        let answer = answer.expect("a body");
        assert!(answer.contains("\"ACK\""), "{answer}");
    };
    cancel(0).await;
    let clients = (1..=CLIENTS).map(async |client| {
        for turn in 0..CANCELS_EACH {
            cancel(turn * CLIENTS + client).await;
        }
    });
    join_all(clients).await;
}
