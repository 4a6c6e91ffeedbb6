//! The joined networks, each built once: its kind, our identity and keys there, its registry,
//! its callback rule.

use std::collections::BTreeMap;

use url::Url;

use crate::crypto::signature::Signer;
use crate::domain::ids::{NetworkName, SubscriberId};
use crate::domain::order::Party;
use crate::registry;

/// What sets one family of networks apart from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Beckn core 0.9.x and 1.x.
    Beckn,
}

/// How a `bap_uri` must agree with the URL the registry has for that subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallbackRule {
    /// Same scheme, host and port, and a path below the registered one.
    #[default]
    Registry,
    /// The same host.
    Host,
    /// The same URL.
    Exact,
}

/// A reason code that the network knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCode {
    /// The code on the wire.
    pub id: String,
    /// The sentence for people.
    pub text: String,
    /// Who may use it; empty means everybody.
    pub by: Vec<Party>,
}

/// One `[network.NAME]` section.
#[derive(Clone)]
pub struct Settings {
    /// The NAME.
    pub name: NetworkName,
    /// Which family it belongs to.
    pub kind: Kind,
    /// The values of `context.domain` served here.
    pub domains: Vec<String>,
    /// What the network calls us.
    pub subscriber_id: SubscriberId,
    /// Where the network reaches us; its path is where our routes are mounted.
    pub subscriber_url: Url,
    /// Our name with our active key.
    pub signer: Signer,
    /// Where keys are looked up.
    pub registry: registry::Settings,
    /// How callback addresses are checked.
    pub callback_rule: CallbackRule,
    /// The version that answers take before the request's own is known.
    pub default_version: String,
    /// Renew `context.timestamp` at each attempt.
    pub restamp: bool,
    /// Post callbacks to http and private addresses (development and sandboxes).
    pub allow_http_callbacks: bool,
    /// Known reason codes; empty means any code is taken.
    pub reasons: Vec<ReasonCode>,
    /// What a cancelled 0.9.x order has as its `state`.
    pub cancelled_word: String,
}

/// The joined networks by name.
pub struct Networks {
    /// Name to network.
    pub by_name: BTreeMap<NetworkName, Network>,
}

/// One joined network.
pub struct Network {
    /// Its section of the configuration.
    pub settings: Settings,
}

impl Networks {
    /// The network of that name.
    #[must_use]
    pub fn get(&self, name: &NetworkName) -> Option<&Network> {
        self.by_name.get(name)
    }
}
