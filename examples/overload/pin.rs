//! Gives processes their processors, with the `taskset` of util-linux; without it nothing is
//! pinned, and the figures say so.

use std::process::{Command, Stdio};

/// The server on the first processor, this program on the others; says whether it could be done.
pub fn apart(server: u32) -> bool {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if processors < 2 {
        return false;
    }
    let others = format!("1-{}", processors - 1);
    pin(std::process::id(), &others) && pin(server, "0")
}

/// All threads of a process, those to come included.
fn pin(pid: u32, processors: &str) -> bool {
    let mut command = Command::new("taskset");
    let command = command.args(["--all-tasks", "--cpu-list", "--pid", processors]);
    let command = command.arg(pid.to_string());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
