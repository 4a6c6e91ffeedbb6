//! What the tests have in common: settings with short times, one network, callbacks to send.

use std::sync::Arc;
use std::time::Duration;

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::delivery::{Settings, guard, send::Sender};
use beckn_bpp::domain::ids::{
    MessageId, NetworkName, OrderId, OrderKey, SubscriberId, TransactionId,
};
use beckn_bpp::networks::{self, CallbackRule, Kind, Network, Networks};
use beckn_bpp::registry;
use beckn_bpp::store::{Callback, CallbackId, CallbackKind, CallbackState, Claimed};
use chrono::{DateTime, TimeDelta, Utc};

use crate::host::Host;

/// The body of every callback.
pub const BODY: &str =
    r#"{"context":{"timestamp":"2020-01-01T00:00:00.000Z"},"message":{"order":{"n":1.10}}}"#;

pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("in range")
}

pub fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// A second is long for loopback and short for a test.
pub fn settings() -> Settings {
    Settings {
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
        ..Settings::default()
    }
}

/// For tests in which the deadline must not be what ends an attempt.
pub fn patient() -> Settings {
    Settings {
        timeout: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(60),
        ..Settings::default()
    }
}

pub fn install_tls() {
    // Fails when another test was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub fn sender(settings: &Settings) -> Sender {
    install_tls();
    Sender::new(settings, start, Arc::new(guard::System)).expect("a client")
}

pub fn network() -> Network {
    install_tls();
    let id = SubscriberId::parse("bpp.example.org").expect("an id");
    let client = registry::client(Duration::from_secs(1)).expect("a client");
    let settings = networks::Settings {
        name: NetworkName::parse("mobility").expect("a name"),
        kind: Kind::Beckn,
        domains: vec!["mobility".into()],
        subscriber_url: "https://bpp.example.org".parse().expect("a URL"),
        signer: Signer {
            scheme: Scheme::Beckn,
            subscriber_id: id.as_str().into(),
            key_id: "k1".into(),
            key: SigningKey::parse("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").expect("a seed"),
            lifetime_seconds: 30,
        }
        .into(),
        subscriber_id: id,
        registry: registry::Settings::at("https://r.example.org".parse().expect("a URL")),
        callback_rule: CallbackRule::Registry,
        default_version: "0.9.1".into(),
        restamp: false,
        allow_http_callbacks: true,
        reasons: Vec::new(),
        unknown_reasons: false,
        reasons_ignore_zeros: false,
        settle_within: Duration::from_secs(60),
        reasons_in_on_cancel: true,
        reason_in_words: Vec::new(),
        handshake: beckn_bpp::networks::handshake::Handshake::default(),
        cancelled_word: "CANCELLED".into(),
        domain_reasons: Vec::new(),
        reason_required: false,
        time_zone: Kind::Beckn.profile().time_zone,
        text_tag: None,
        sends_pin: false,
        audit: None,
        webhooks: Vec::new(),
    };
    Network {
        registry: registry::Registry::new(settings.registry.clone(), client),
        settings,
    }
}

pub fn networks() -> Arc<Networks> {
    let client = registry::client(Duration::from_secs(1)).expect("a client");
    Arc::new(Networks::join(vec![network().settings], &client))
}

/// A callback of that order, due from the start.
pub fn callback(order: &str, host: &Host) -> Claimed {
    let callback = Callback {
        vouched: true,
        id: CallbackId(0),
        kind: CallbackKind::Final,
        order: OrderKey {
            network: NetworkName::parse("mobility").expect("a name"),
            id: OrderId::parse(order).expect("an id"),
        },
        subscriber: SubscriberId::parse("bap.example.org").expect("an id"),
        transaction: TransactionId::parse("t1").expect("an id"),
        message: MessageId::parse("m1").expect("an id"),
        url: host.url.clone(),
        lane: host.lane.clone(),
        state: CallbackState::Pending,
        created_at: start(),
        next_at: start(),
        attempts_in_run: 0,
        redrives: Vec::new(),
        attempts: Vec::new(),
    };
    Claimed {
        callback,
        body: BODY.into(),
    }
}
