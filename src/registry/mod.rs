//! The network's registry: whose key is it, and where do they live.
//!
//! A door that has read a signature header asks [`Registry::subscriber`] for the record of that
//! key; [`subscriber`] decides which rows of an answer may be believed, [`lookup`] keeps what was
//! learnt and shares what is asked, `ask` is the HTTP question itself with its limits, and
//! [`subscribe`] asks to be listed. Nothing here verifies a signature or judges a role: it only says what the registry
//! vouches for at `now`.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub mod lookup;
pub mod subscribe;
pub mod subscriber;

mod ask;
mod breaker;
mod kept;

pub use ask::client;
pub use lookup::{Asked, Registry};
pub use subscriber::{Address, Pin, Subscriber, Unusable};

use crate::crypto::signature::Keyring;
use crate::protocol::registry::{Form, Scope};

/// How to ask one network's registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base URL; `/subscribe`, or the form's path, is added to it.
    pub url: Url,
    /// The base URL for lookups, where it is another.
    pub lookup_url: Option<Url>,
    /// How it is asked, and how its answers are read.
    pub form: Form,
    /// What it is asked within.
    pub scope: Scope,
    /// Who signs the questions; without it they go unsigned, which only the core form's
    /// registries may take.
    pub signer: Option<Keyring>,
    /// Keys that the operator knows.
    pub pins: Vec<Pin>,
    /// How long a record is believed; at most ten minutes, never past its `valid_until`.
    pub cache_ttl: Duration,
    /// How much longer a record is used while the registry cannot be asked; at most an hour.
    pub stale: Duration,
    /// How long "unknown" is believed.
    pub negative_ttl: Duration,
    /// The whole time one question may take.
    pub timeout: Duration,
    /// The most questions asked per second about strangers, and as many again about those
    /// whom the registry has vouched for before.
    pub lookups_per_second: u32,
}

impl Settings {
    /// The defaults for a registry of the core form at `url`.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            lookup_url: None,
            form: Form::Core,
            scope: Scope::default(),
            signer: None,
            pins: Vec::new(),
            cache_ttl: Duration::from_secs(300),
            stale: Duration::ZERO,
            negative_ttl: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            lookups_per_second: 20,
        }
    }
}

/// Why there is no record to verify a signature with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The registry answered, and has no such key of such a subscriber.
    #[error("the registry does not list this subscriber with this key id")]
    Unknown,
    /// The registry lists the key, but it must not be used.
    #[error("the registry lists this key, but {0}")]
    NotUsable(#[source] Unusable),
    /// Nobody can say which of the keys is meant.
    #[error("the registry lists different keys under this key id")]
    Ambiguous,
    /// The registry was not asked or did not answer; nothing is known about the subscriber.
    #[error("the registry cannot be asked at present: {0}")]
    Unavailable(#[source] Outage),
}

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Outage {
    /// Too many questions in this second.
    #[error("too many lookups at once")]
    TooManyLookups,
    /// Too many callers wait for an answer.
    #[error("too many callers wait for its answers")]
    TooManyWaiting,
    /// It failed several times in a row and is given rest.
    #[error("it failed repeatedly and is left alone for a moment")]
    Resting,
    /// No connection, no complete answer, or none in time.
    #[error("no complete answer came")]
    Transport(#[source] Arc<reqwest::Error>),
    /// It answered with a status that says nothing about the subscriber.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The answer is longer than is read.
    #[error("its answer is longer than {limit} bytes")]
    TooLong {
        /// How much is read.
        limit: usize,
    },
    /// The answer is no list of subscribers.
    #[error(transparent)]
    Answer(#[from] crate::protocol::registry::Error),
}
