//! At most once a second, so that a warning about a flood is no flood itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Lets one through in each second of a process's life.
pub(super) struct OncePerSecond {
    began: Instant,
    last: AtomicU64,
}

impl Default for OncePerSecond {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
        }
    }
}

impl OncePerSecond {
    /// Whether this is the first in its second.
    pub(super) fn now(&self) -> bool {
        let second = self.began.elapsed().as_secs() + 1;
        self.last.swap(second, Ordering::Relaxed) != second
    }
}
