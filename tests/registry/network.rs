//! A registry to ask and a client that asks it, with the rows and the times of the tests.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::domain::ids::{KeyId, SubscriberId};
use beckn_bpp::mock::registry as mock;
use beckn_bpp::mock::registry::RegistryHandle;
use beckn_bpp::protocol::registry::Role;
use beckn_bpp::registry::{Asked, Error, Registry, Settings, Subscriber, client};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub const TTL: i64 = 300;
pub const NEGATIVE_TTL: i64 = 30;

pub struct Network {
    pub mock: RegistryHandle,
    pub registry: Registry,
}

impl Network {
    pub fn with(rows: Vec<Value>) -> Self {
        Self::set_up(rows, |_| {})
    }

    pub fn set_up(rows: Vec<Value>, change: impl FnOnce(&mut Settings)) -> Self {
        let mock = mock::start(listener(), rows).expect("a listener");
        let mut settings = Settings::at(mock.url.clone());
        settings.lookups_per_second = 10_000;
        change(&mut settings);
        let client = new_client(settings.timeout);
        Self {
            mock,
            registry: Registry::new(settings, client),
        }
    }

    pub async fn ask(&self, now: DateTime<Utc>) -> Result<Arc<Subscriber>, Error> {
        self.registry.subscriber(&bap(), now).await
    }

    pub async fn refresh(&self, now: DateTime<Utc>) -> Result<Arc<Subscriber>, Error> {
        self.registry.refresh(&bap(), now).await
    }
}

pub fn new_client(timeout: Duration) -> reqwest::Client {
    // Only the first of the tests in this process installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    client(timeout).expect("a client")
}

pub fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

pub fn bap_id() -> SubscriberId {
    SubscriberId::parse("bap.example").expect("valid")
}

pub fn k1() -> KeyId {
    KeyId::parse("k1").expect("valid")
}

pub fn asked(id: &str) -> Asked {
    Asked {
        subscriber: SubscriberId::parse(id).expect("valid"),
        key_id: k1(),
        role: Role::Buyer,
    }
}

pub fn bap() -> Asked {
    asked("bap.example")
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).expect("in range")
}

pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::parse(&STANDARD.encode([seed; 32])).expect("a seed")
}

pub fn public_key(seed: u8) -> String {
    signing_key(seed).verifying_key().to_base64()
}

pub fn row() -> Value {
    json!({
        "subscriber_id": "bap.example",
        "key_id": "k1",
        "type": "BAP",
        "domain": "mobility",
        "url": "https://bap.example/beckn",
        "signing_public_key": public_key(1),
        "status": "SUBSCRIBED",
    })
}

pub fn row_with(changes: &Value) -> Value {
    let mut row = row();
    for (name, value) in changes.as_object().expect("an object") {
        row[name] = value.clone();
    }
    row
}

pub fn urls(subscriber: &Subscriber) -> Vec<&str> {
    let urls = subscriber.urls.iter();
    urls.map(|address| address.url.as_str()).collect()
}
