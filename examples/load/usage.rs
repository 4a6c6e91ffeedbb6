//! What a process has used, as Linux tells it in `/proc`; elsewhere nothing is known.

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
}

impl Usage {
    /// Of a process up to now.
    pub fn of(pid: u32) -> Self {
        let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        Self {
            processor: read("stat").as_deref().and_then(processor),
            peak_bytes: read("status").as_deref().and_then(peak_bytes),
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

fn peak_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
