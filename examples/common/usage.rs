//! What a process has used, as Linux tells it in `/proc`; elsewhere nothing is known.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::time::Duration;

/// Linux counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time and the most memory it had.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Of all its threads, in user mode and in the kernel.
    pub processor: Option<Duration>,
    /// Peak resident size.
    pub peak_bytes: Option<u64>,
    /// Resident size now.
    pub resident_bytes: Option<u64>,
}

impl Usage {
    /// Of a process up to now.
    pub fn of(pid: u32) -> Self {
        let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        Self {
            processor: read("stat").as_deref().and_then(processor),
            peak_bytes: read("status").and_then(|text| bytes(&text, "VmHWM:")),
            resident_bytes: read("status").and_then(|text| bytes(&text, "VmRSS:")),
        }
    }

    /// What it used since then; the peak stays that of its whole life.
    pub fn since(self, before: &Self) -> Self {
        let used = self.processor.zip(before.processor);
        Self {
            processor: used.map(|(now, before)| now.saturating_sub(before)),
            ..self
        }
    }
}

fn processor(stat: &str) -> Option<Duration> {
    // The name in brackets may hold anything; the numbers follow it.
    let (_, numbers) = stat.rsplit_once(") ")?;
    let numbers: Vec<&str> = numbers.split(' ').collect();
    let ticks = |index: usize| numbers.get(index)?.parse::<u32>().ok();
    Some(TICK * (ticks(11)? + ticks(12)?))
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// How many sockets a process has open.
pub fn sockets(pid: u32) -> Option<usize> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let is_socket = |entry: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(entry.ok()?.path()).ok()?;
        target.to_str()?.starts_with("socket:").then_some(())
    };
    Some(files.filter_map(is_socket).count())
}
