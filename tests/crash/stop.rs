//! Stopping while the disk fails.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::outside::orders::Numbered;
use crate::town::{BINARY, Running, Town, WAIT, is_ack};

/// The server, whose writes fail once its files may be no longer: the signal that would end it then
/// is ignored, as it is by service managers that say so.
fn serve(town: &Town) -> Command {
    let serve = town.around.serve(Path::new(BINARY));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", BINARY]);
    command.args(serve.get_args()).env_clear();
    // Time enough for the write to fail in.
    command.env("BECKN_BPP__HTTP__STOP_GRACE", "20s");
    command
}

fn limit_files(of: &Running) -> bool {
    let id = of.process.id().to_string();
    let limit = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=1:1"])
        .status();
    limit.is_ok_and(|status| status.success())
}

/// Returns once the stop has begun.
async fn stopping(running: &Running) {
    let began = Instant::now();
    while !running.process.log().contains("the server is stopping") {
        assert!(began.elapsed() < WAIT, "{}", running.process.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_while_the_server_stops_is_told_by_its_exit_code() {
    let town = Town::new();
    let running = Town::start_as(&mut serve(&town));
    town.hand_over(&running, 0..2).await;
    running.process.signal("-TERM").expect("told to stop");
    stopping(&running).await;
    if !limit_files(&running) {
        // Not through a macro, whose output a passing test keeps to itself.
        let loud =
            b"\n*** SKIPPED: no prlimit here, so the exit code of a failing stop is not proved\n";
        std::io::stderr().write_all(loud).expect("stderr");
        return;
    }
    let order = Numbered(1);
    let body = town.cancel(order, "message-1");
    let reply = town.post(&running, order, &body).await;
    assert!(
        !reply.is_some_and(|reply| is_ack(&reply)),
        "it cannot be kept"
    );
    let (status, log) = running.process.ended(WAIT).expect("an end");
    assert_eq!(status.code(), Some(1), "{log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(
        last.contains("the store failed while the server stopped"),
        "{log}"
    );
}
