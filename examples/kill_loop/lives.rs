//! The lives of the server, and which callbacks may have come twice because one of them ended.
//!
//! A callback whose ACK was not yet durable when the server was killed comes again, and it must.
//! There is no other reason: one that comes again in the same life is a fault of the server.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::outside::books::Callback;

/// When the server was dead.
#[derive(Default)]
pub struct Lives {
    gaps: Mutex<Vec<Gap>>,
}

/// From the signal until the next life was ready: what was sent before may come in as late.
struct Gap {
    from: Instant,
    upto: Option<Instant>,
}

/// Callbacks that came again after an ACK.
#[derive(Debug, Default)]
pub struct Repeated {
    /// Across a kill, as they must when the ACK was not durable.
    pub across_kills: usize,
    /// For no reason, by their messages.
    pub within_a_life: Vec<String>,
}

impl Lives {
    /// The server is about to be killed; if it was not yet ready, the gap goes on.
    pub fn ends(&self) {
        let mut gaps = self.gaps();
        if gaps.last().is_none_or(|gap| gap.upto.is_some()) {
            let (from, upto) = (Instant::now(), None);
            gaps.push(Gap { from, upto });
        }
    }

    /// It is ready.
    pub fn begins(&self) {
        if let Some(gap) = self.gaps().last_mut() {
            gap.upto.get_or_insert_with(Instant::now);
        }
    }

    /// Sorts out what came again after an ACK.
    pub fn repeated(&self, received: &[Callback]) -> Repeated {
        let mut heard: HashMap<&str, Instant> = HashMap::new();
        let mut repeated = Repeated::default();
        for callback in received {
            let message = callback.message.as_str();
            match heard.get(message) {
                Some(before) if self.died_between(*before, callback.at) => {
                    repeated.across_kills += 1;
                }
                Some(_) => repeated.within_a_life.push(message.to_owned()),
                None => {}
            }
            if callback.was_acknowledged {
                heard.insert(message, callback.at);
            }
        }
        repeated
    }

    /// Whether two arrivals may belong to two lives.
    fn died_between(&self, one: Instant, other: Instant) -> bool {
        let gaps = self.gaps();
        let mut between = gaps.iter().filter(|gap| gap.from <= other);
        between.any(|gap| gap.upto.is_none_or(|upto| one <= upto))
    }

    fn gaps(&self) -> std::sync::MutexGuard<'_, Vec<Gap>> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
