//! What each network's registry said of us last: a status, and how its challenges went.
//!
//! In memory, one entry per joined network and the latest of each kind only, so strangers
//! cannot fill it. It says what came to `/on_subscribe`, not what the registry lists: whether
//! the sender was proven to be the registry stands beside each entry.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::NetworkName;

/// One thing heard.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was signed by the registry's configured key.
    pub proven: bool,
    /// The status word, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// The latest of each kind. A refused challenge does not displace an answered one: anybody can
/// send what is refused.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Latest {
    /// What it says our state is.
    pub status: Option<Entry>,
    /// The challenge that was answered last.
    pub challenge_answered: Option<Entry>,
    /// The challenge that was refused last.
    pub challenge_refused: Option<Entry>,
}

/// The latest of every network.
#[derive(Default)]
pub struct Heard(Mutex<BTreeMap<NetworkName, Latest>>);

impl Heard {
    /// Changes what is kept of a joined network.
    pub fn note(&self, network: &NetworkName, change: impl FnOnce(&mut Latest)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(network.clone()).or_default());
    }

    /// What is kept of a network.
    #[must_use]
    pub fn of(&self, network: &NetworkName) -> Latest {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(network).cloned().unwrap_or_default()
    }
}
