//! The network's registry: whose key is it, and where do they live.

use std::time::Duration;

use url::Url;

/// How to ask one network's registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base URL; `/lookup` is added to it.
    pub url: Url,
    /// How long a record is believed; at most ten minutes, never past its `valid_until`.
    pub cache_ttl: Duration,
    /// How long "unknown" is believed.
    pub negative_ttl: Duration,
    /// The whole time one question may take.
    pub timeout: Duration,
    /// The most questions asked per second, over all subscribers.
    pub lookups_per_second: u32,
}

impl Settings {
    /// The defaults for a registry at `url`.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            cache_ttl: Duration::from_secs(300),
            negative_ttl: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            lookups_per_second: 20,
        }
    }
}
