//! Looks at the server's process and its metrics again and again while a run goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::stage::surroundings::Admin;
use crate::stage::usage::{Usage, sockets};

const EVERY: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// The most sockets that were open at one time.
    pub most_sockets: usize,
    /// The most lanes whose breaker was open at one time.
    pub most_open_breakers: f64,
    /// Resident bytes, with the seconds since the start of the watch.
    pub resident: Vec<(f64, f64)>,
}

/// A watch that goes on until it is ended.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to look.
    pub fn begin(pid: u32, admin: Admin) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (noted, began) = (Arc::clone(&seen), Instant::now());
        let task = tokio::spawn(async move {
            loop {
                let open = admin.metric("bpp_breaker_state{state=\"open\"}").await;
                let open = open.ok().flatten().unwrap_or(0.0);
                let sockets = sockets(pid).unwrap_or(0);
                let bytes = Usage::of(pid).resident_bytes.unwrap_or(0);
                {
                    let mut seen = noted.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.most_sockets = seen.most_sockets.max(sockets);
                    seen.most_open_breakers = seen.most_open_breakers.max(open);
                    seen.resident
                        .push((began.elapsed().as_secs_f64(), bytes as f64));
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { seen, task }
    }

    /// Ends it.
    pub fn end(self) -> Seen {
        self.task.abort();
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Seen {
    /// How fast the process grew in the second half of the watch, in bytes a second: the slope
    /// of the line that fits best.
    pub fn growth(&self) -> f64 {
        let half = &self.resident[self.resident.len() / 2..];
        let count = half.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| half.iter().map(of).sum::<f64>() / count;
        let (at, bytes) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = half.iter().map(|point| (point.0 - at).powi(2)).sum();
        let slope: f64 = half
            .iter()
            .map(|point| (point.0 - at) * (point.1 - bytes))
            .sum();
        slope / spread.max(1e-9)
    }
}
