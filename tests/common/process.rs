//! The real binary as a child process: started, killed, stopped as a machine would do it.
//!
//! Its log goes to stderr as JSON lines; a thread reads them, and learns from one of them where
//! the server listens. A process is killed when its handle is dropped, so nothing stays behind.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// How often a process is looked at that should end.
const LOOK: Duration = Duration::from_millis(5);

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub public: SocketAddr,
    pub admin: SocketAddr,
}

/// A running server, or one that has ended by itself.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    ready: Receiver<Addresses>,
    reader: Option<JoinHandle<()>>,
}

/// What `store check` finds in a store that no server has open.
pub fn store_findings(binary: &Path, store: &Path) -> anyhow::Result<Vec<String>> {
    let mut check = Command::new(binary);
    let check = check.args(["store", "check", "--json"]).arg(store);
    let output = check.env_clear().output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("store check: {output:?}"))?;
    let findings: Vec<String> = serde_json::from_value(report["findings"].clone())?;
    let agrees = output.status.code() == Some(if findings.is_empty() { 0 } else { 3 });
    anyhow::ensure!(agrees, "store check: {output:?}");
    Ok(findings)
}

impl Process {
    /// Starts a command that logs to stderr.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let (log, (found, ready)) = (Arc::new(Mutex::default()), channel());
        let kept = Arc::clone(&log);
        let reader = thread::spawn(move || read_log(BufReader::new(stderr), &kept, &found));
        Ok(Self {
            child,
            log,
            ready,
            reader: Some(reader),
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server says that it is ready.
    pub fn ready(&self, within: Duration) -> anyhow::Result<Addresses> {
        match self.ready.recv_timeout(within) {
            Ok(addresses) => Ok(addresses),
            Err(RecvTimeoutError::Timeout) => {
                bail!("not ready within {within:?}; it says:\n{}", self.log())
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("it ended before it was ready; it says:\n{}", self.log())
            }
        }
    }

    /// Kills it at once, with a signal that it cannot catch.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop, and waits for that.
    pub fn terminate(mut self, within: Duration) -> anyhow::Result<(ExitStatus, String)> {
        self.signal("-TERM")?;
        self.wait(within)
    }

    /// Sends it a signal, `-KILL` say.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status()?;
        anyhow::ensure!(sent.success(), "cannot send {signal}");
        Ok(())
    }

    /// Waits until it has ended by itself; returns its log as well.
    pub fn ended(mut self, within: Duration) -> anyhow::Result<(ExitStatus, String)> {
        self.wait(within)
    }

    fn wait(&mut self, within: Duration) -> anyhow::Result<(ExitStatus, String)> {
        let started = Instant::now();
        while started.elapsed() < within {
            if let Some(status) = self.child.try_wait()? {
                if let Some(reader) = self.reader.take() {
                    // A reader that panicked has still kept what it read.
                    let _ = reader.join();
                }
                return Ok((status, self.log()));
            }
            thread::sleep(LOOK);
        }
        bail!("it did not end within {within:?}; it says:\n{}", self.log())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }

    fn end(&mut self) {
        // It may have ended before; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn read_log(
    mut stderr: BufReader<impl std::io::Read>,
    log: &Mutex<String>,
    ready: &Sender<Addresses>,
) {
    let mut line = String::new();
    while matches!(stderr.read_line(&mut line), Ok(1..)) {
        if let Some(addresses) = addresses(&line) {
            // Who started it may not care to know.
            let _ = ready.send(addresses);
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        line.clear();
    }
    // What is no text ends the lines, but the pipe must stay open.
    let _ = stderr.read_to_end(&mut Vec::new());
}

fn addresses(line: &str) -> Option<Addresses> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "the server is ready").then_some(())?;
    Some(Addresses {
        public: line["public"].as_str()?.parse().ok()?,
        admin: line["admin"].as_str()?.parse().ok()?,
    })
}
