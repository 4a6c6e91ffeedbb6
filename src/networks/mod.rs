//! The joined networks, each built once: its kind, our identity and keys there, its registry,
//! its callback rule.

pub mod callback_url;
pub mod caller;
pub mod handshake;
pub mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;
use url::Url;

use self::handshake::Handshake;
use crate::crypto::signature::Keyring;
use crate::domain::ids::{NetworkName, SubscriberId};
use crate::domain::order::Party;
pub use crate::protocol::kind::Kind;
use crate::protocol::kind::Profile;
use crate::protocol::on_cancel::{Style, Us};
use crate::protocol::reasons::Row;
use crate::protocol::{Dialect, ondc, reasons};
use crate::registry::{self, Registry};

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
    /// Whether a sentence must come with it.
    pub text_required: bool,
    /// Whether goods that are under way must come back.
    pub comes_back: bool,
    /// Whether it holds only once the promised time is past.
    pub when_late: bool,
}

impl From<&Row> for ReasonCode {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.to_owned(),
            text: row.text.to_owned(),
            by: row.by.to_vec(),
            text_required: row.text_required,
            comes_back: row.comes_back,
            when_late: row.when_late,
        }
    }
}

impl ReasonCode {
    /// Whether this side may use it.
    #[must_use]
    pub fn is_for(&self, party: Party) -> bool {
        self.by.is_empty() || self.by.contains(&party)
    }
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
    /// Our name with our active key, and the key that comes next.
    pub signer: Keyring,
    /// Where keys are looked up.
    pub registry: registry::Settings,
    /// What its registry is met with.
    pub handshake: Handshake,
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
    /// Whether a cancellation needs a reason, whatever the order's terms say.
    pub reason_required: bool,
    /// Whether numbers that are not among them are taken all the same.
    pub unknown_reasons: bool,
    /// Whether zeros before numbers make no difference, whatever the domain.
    pub reasons_ignore_zeros: bool,
    /// ONDC: what each dialect's domains publish, where no codes are known above.
    pub domain_reasons: Vec<DomainReasons>,
    /// Whether a cancel of 0.9.x that lacks a reason is answered with the list of them.
    pub reasons_in_on_cancel: bool,
    /// The codes that stand for words of one's own where a code is wanted: the first that the
    /// order's table has and that side may use.
    pub reason_in_words: Vec<String>,
    /// What a cancelled 0.9.x order has as its `state`.
    pub cancelled_word: String,
    /// Where times without a zone are.
    pub time_zone: Tz,
    /// ONDC: how long the provider may look into a cancellation of which the buyer app is told the
    /// outcome later; then the terms decide.
    pub settle_within: Duration,
    /// UHI: the tag that holds a reason in free text, if any.
    pub text_tag: Option<String>,
    /// UHI: whether the check-in PIN is kept, and left in a cancelled order.
    pub sends_pin: bool,
    /// Where copies of callbacks go, on a network whose kind has them.
    pub audit: Option<Audit>,
    /// The partners' apps that hear of cancellations here: the `[consultations]` section says it.
    pub webhooks: Vec<webhook::Webhook>,
}

/// The reason codes of one dialect's domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainReasons {
    /// The dialect.
    pub dialect: Dialect,
    /// Its codes.
    pub codes: Vec<ReasonCode>,
    /// Whether numbers that are not among them are taken all the same.
    pub takes_unknown: bool,
}

/// The reasons that a message may give.
#[derive(Debug, Clone, Copy)]
pub struct Reasons<'a> {
    /// The known codes; empty means any code is taken.
    pub codes: &'a [ReasonCode],
    /// Whether numbers that are not among them are taken all the same.
    pub takes_unknown: bool,
    /// Whether zeros before numbers make no difference. Where unknown numbers are taken they never
    /// do: else `11` would pass where `011` is the other side's.
    pub ignores_zeros: bool,
}

/// Copies of callbacks for a gateway.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Where they are posted.
    pub url: Url,
    /// What the gateway is called in lists and holds: its host.
    pub gateway: SubscriberId,
    /// What they say they are.
    pub action: AuditAction,
}

/// What a copy has as its `context.action`: published texts want the same bytes, published
/// examples another word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditAction {
    /// The copy has the same bytes.
    #[default]
    Unchanged,
    /// `on_cancel_audit`; every other byte is the same.
    Renamed,
}

impl CallbackRule {
    /// The word used in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            CallbackRule::Registry => "registry",
            CallbackRule::Host => "host",
            CallbackRule::Exact => "exact",
        }
    }
}

/// The joined networks by name.
pub struct Networks {
    by_name: BTreeMap<NetworkName, Network>,
}

/// One joined network.
pub struct Network {
    /// Its section of the configuration.
    pub settings: Settings,
    /// Whom it asks for keys.
    pub registry: Registry,
}

impl Networks {
    /// Joins every configured network; registries are asked through `client`.
    #[must_use]
    pub fn join(settings: Vec<Settings>, client: &reqwest::Client) -> Self {
        let join = |settings: Settings| {
            let registry = Registry::new(settings.registry.clone(), client.clone());
            (settings.name.clone(), Network { settings, registry })
        };
        Self {
            by_name: settings.into_iter().map(join).collect(),
        }
    }

    /// The network of that name.
    #[must_use]
    pub fn get(&self, name: &NetworkName) -> Option<&Network> {
        self.by_name.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.by_name.values()
    }
}

impl Network {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &NetworkName {
        &self.settings.name
    }

    /// The reasons there are in messages of this dialect; on no network's, those of all.
    #[must_use]
    pub fn reasons(&self, dialect: Option<Dialect>) -> Reasons<'_> {
        let settings = &self.settings;
        let mut of_domains = settings.domain_reasons.iter();
        let of_domain = of_domains.find(|one| Some(one.dialect) == dialect);
        let (codes, takes_unknown) = match of_domain {
            Some(one) => (&one.codes, one.takes_unknown),
            None => (&settings.reasons, settings.unknown_reasons),
        };
        let published = dialect.and_then(ondc::reasons);
        Reasons {
            codes,
            takes_unknown,
            ignores_zeros: takes_unknown
                || published.is_some_and(|table| table.ignores_zeros)
                || (of_domain.is_none() && settings.reasons_ignore_zeros),
        }
    }

    /// The reasons that a buyer app may give, as it is told them.
    #[must_use]
    pub fn reasons_for_buyers(&self, dialect: Dialect) -> Value {
        let known = self.reasons(Some(dialect)).codes.iter();
        let usable = known.filter(|known| known.is_for(Party::Customer));
        let said = usable.map(|known| (known.id.as_str(), known.text.as_str()));
        reasons::options(dialect, said)
    }

    /// The path our routes are mounted at, without a trailing slash.
    #[must_use]
    pub fn base_path(&self) -> &str {
        self.settings.subscriber_url.path().trim_end_matches('/')
    }

    /// What holds on networks of its kind.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.settings.kind.profile()
    }

    /// How its callbacks are written.
    #[must_use]
    pub fn style(&self) -> Style<'_> {
        let settings = &self.settings;
        Style {
            kind: settings.kind,
            bpp_id: settings.subscriber_id.as_str(),
            cancelled_word: &settings.cancelled_word,
            text_tag: settings.text_tag.as_deref(),
            sends_pin: settings.sends_pin,
        }
    }

    /// Who we are in a callback's context.
    #[must_use]
    pub fn us(&self) -> Us<'_> {
        // A URL without a path is read as one with `/`; callers put `/confirm` behind ours.
        let url = self.settings.subscriber_url.as_str();
        let url = match self.base_path() {
            "" => url.trim_end_matches('/'),
            _ => url,
        };
        Us {
            bpp_id: self.settings.subscriber_id.as_str(),
            bpp_uri: url,
            ttl_seconds: self.profile().ttl_seconds,
        }
    }

    /// Whether a context's domain is served here; a context without one is.
    #[must_use]
    pub fn serves(&self, domain: Option<&str>) -> bool {
        domain.is_none_or(|domain| self.settings.domains.iter().any(|served| served == domain))
    }
}
