//! Running the binary: to its end, or beside the test until told to stop.
//!
//! It gets none of the surrounding variables, so that nobody's settings change a test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::app::WAIT;

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Standard output as the one JSON document that it must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Requires an exit code; shows everything when it is another.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Requires exit code and a part of standard error, with nothing on standard output.
    pub fn fails(self, code: i32, saying: &str) -> Self {
        let ended = self.expect(code);
        assert!(ended.err.contains(saying), "{ended:?}");
        assert_eq!(ended.out, "", "{ended:?}");
        ended
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beckn-bpp"));
    command.args(arguments).env_clear();
    command
}

/// Runs to the end.
pub fn run(arguments: &[&str]) -> Ended {
    run_with(command(arguments), b"")
}

/// Runs to the end with these bytes as standard input.
pub fn run_with(mut command: Command, input: &[u8]) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that does not read its input closes it.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("written");
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The binary running beside the test; killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Everything read so far of the stream that is watched.
    pub seen: String,
}

impl Running {
    /// Starts it and watches standard output.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("piped");
        Self::watch(child, stdout)
    }

    /// Starts it and watches standard error.
    pub fn start_logging(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("piped");
        Self::watch(child, stderr)
    }

    fn watch(child: Child, stream: impl std::io::Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // The test no longer listens; the pipe is still emptied.
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            lines,
            seen: String::new(),
        }
    }

    /// The first line from now on that holds `part`.
    pub fn line_with(&mut self, part: &str) -> String {
        let end = Instant::now() + WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {part:?} in\n{}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal by its name and returns the exit code.
    pub fn stop(&mut self, signal: &str) -> Option<i32> {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success());
        let end = Instant::now() + WAIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("a child") {
                self.seen.extend(self.lines.iter().map(|line| line + "\n"));
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end after {signal}\n{}", self.seen);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already in a test that passes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of eight ports in a row that are free at present.
pub fn eight_ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = first.local_addr().expect("an address").port();
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if base < 65_000 && (base + 1..=base + 7).all(free) {
            return base;
        }
    }
    panic!("no eight free ports in a row");
}

/// Standard output of a command whose reader goes away at once.
pub fn run_without_reader(arguments: &[&str]) -> Ended {
    let mut child = command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let mut err = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    stderr.read_to_string(&mut err).expect("text");
    Ended {
        code: child.wait().expect("an end").code(),
        out: String::new(),
        err,
    }
}
