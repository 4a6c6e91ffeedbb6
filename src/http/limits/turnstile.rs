//! The order in which a worker's requests begin when there is a crowd of them.
//!
//! It decides when a request begins, never whether: that is the room's to say.

use tokio::sync::Semaphore;

/// So many requests of one worker begin between two looks at what has come in. Each look costs a
/// system call; the work of so many is a millisecond or two.
pub(super) const BEGIN_AT_ONCE: usize = 8;

/// Lets the requests of one worker begin a few at a time.
///
/// A worker does the parsing and verifying of its requests itself, one after the other, and looks
/// at what has come in between two. Without this it would first do all that is ready: a hundred
/// requests' work, while those who find no room wait to hear of it.
pub struct Turnstile(Semaphore);

impl Default for Turnstile {
    fn default() -> Self {
        Self(Semaphore::new(BEGIN_AT_ONCE))
    }
}

impl Turnstile {
    /// Returns when it is this request's turn, and all that came in before has been looked at.
    pub(super) async fn pass(&self) {
        // Never closed, so what comes is a permit; held for one round through what is ready.
        let turn = self.0.acquire().await;
        tokio::task::yield_now().await;
        drop(turn);
    }
}
