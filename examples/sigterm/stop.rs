//! One stop: the signal, what health says from then on, and the end of the process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::stage::connection::Connection;
use crate::stage::process::Process;

/// How often health is asked.
const EVERY: Duration = Duration::from_millis(5);

/// What a stop was like.
pub struct Stop {
    /// When the signal was sent.
    pub at: Instant,
    /// How long health still said that it was ready.
    pub unready_after: Duration,
    /// How long the process lived on.
    pub ended_after: Duration,
}

/// Sends the signal and waits for the end.
pub async fn stop(process: Process, public: SocketAddr, within: Duration) -> anyhow::Result<Stop> {
    let at = Instant::now();
    process.signal("-TERM")?;
    let ended = tokio::task::spawn_blocking(move || {
        let ended = process.ended(within);
        ended.map(|(status, log)| (status, log, at.elapsed()))
    });
    let unready_after = unready(public, at).await?;
    let (status, log, ended_after) = ended.await??;
    ensure!(status.code() == Some(0), "it ended with {status}:\n{log}");
    ensure!(
        log.contains("the server has stopped"),
        "no clean end:\n{log}"
    );
    ensure!(
        !log.contains("could be finished"),
        "something was cut short:\n{log}"
    );
    Ok(Stop {
        at,
        unready_after,
        ended_after,
    })
}

/// When health says no for the first time; each question on a connection of its own, as a
/// balancer asks.
async fn unready(public: SocketAddr, at: Instant) -> anyhow::Result<Duration> {
    let question = b"GET /health/ready HTTP/1.1\r\nhost: balancer\r\nconnection: close\r\n\r\n";
    loop {
        let mut connection = Connection::open(public)
            .await
            .context("health is gone already")?;
        let answer = connection
            .exchange(question)
            .await
            .context("health does not answer")?;
        if answer.status == 503 {
            return Ok(at.elapsed());
        }
        ensure!(
            at.elapsed() < Duration::from_secs(10),
            "it goes on being ready"
        );
        tokio::time::sleep(EVERY).await;
    }
}
