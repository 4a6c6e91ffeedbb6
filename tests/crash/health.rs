//! Row F3 of the go-live checklist of a health network (`tests/api/uhi/go_live.rs`), with a real
//! kill: whoever is to hear of a cancellation that was acknowledged does, the EUA, the gateway and
//! the partner's app.

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::bap::{self, Answer, BapHandle};
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::gateway::{self, GatewayHandle};
use beckn_bpp::mock::orders::VISIT_1;
use beckn_bpp::mock::partner::{self, Account, PartnerHandle};
use beckn_bpp::mock::registry;
use serde_json::{Value, json};
use url::Url;

use crate::outside::surroundings::listener;
use crate::town::{Running, Town, WAIT, is_ack};

const HSPA: &str = "hspa.example.org";
const HSPA_URI: &str = "http://hspa.example.org/uhi";
const EUA: &str = "eua.example.org";
const MESSAGE: &str = "message-of-the-patient";

/// The parties of a health network beside the town's.
struct Health {
    eua: BapHandle,
    gateway: GatewayHandle,
    partner: PartnerHandle,
}

fn signer(subscriber_id: &str, key: &str) -> Signer {
    Signer {
        scheme: Scheme::Uhi,
        subscriber_id: subscriber_id.to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(key).expect("a developer key"),
        lifetime_seconds: 10,
    }
}

impl Health {
    /// Starts them, and joins the network in the configuration of the town's server.
    fn beside(town: &Town) -> Self {
        let at = &town.around.registry.url;
        let here = || listener().expect("a free port");
        let eua = signer(EUA, include_str!("../../keys/bap.signing"));
        let key = include_str!("../../keys/gateway.signing");
        let secret = |name: &str| format!("a-secret-for-{name}-that-is-long-enough");
        let account = Account {
            client_id: "client-1".to_owned(),
            issuer: "https://login.example.org".to_owned(),
            audience: "hspa".to_owned(),
            token_secret: secret("tokens"),
            webhook_secret: secret("webhooks"),
        };
        let health = Self {
            eua: bap::start(here(), eua, at, "/eua").expect("an EUA"),
            gateway: gateway::start(here(), signer("gateway.example.org", key), at).expect("one"),
            partner: partner::start(here(), account).expect("an app"),
        };
        let hspa = signer(HSPA, include_str!("../../keys/bpp.signing"));
        let nowhere: Url = HSPA_URI.parse().expect("a URL");
        town.around.registry.add_rows([
            registry::row(health.eua.signer(), "BAP", &health.eua.url),
            registry::row(&hspa, "BPP", &nowhere),
        ]);
        for name in ["tokens", "webhooks"] {
            let file = town.around.directory.path().join(name);
            std::fs::write(file, secret(name)).expect("written");
        }
        let file = town.around.config_file();
        let text = std::fs::read_to_string(&file).expect("there");
        // An attempt that hangs is still under way when the kill comes.
        let text = text.replace("\ntimeout = \"2s\"", "\ntimeout = \"60s\"");
        std::fs::write(file, text + &health.sections(at)).expect("written");
        health
    }

    fn sections(&self, registry: &Url) -> String {
        format!(
            r#"
[network.health]
kind = "uhi"
domains = ["nic2004:85111"]
subscriber_id = "{HSPA}"
subscriber_url = "{HSPA_URI}"
key_id = "k1"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
gateway_url = "{}"
[consultations]
network = "health"
algorithm = "HS256"
issuer = "https://login.example.org"
audience = "hspa"
token_key_file = "tokens"
[consultations.partner.one]
client_id = "client-1"
hip_ids = ["IN0000000000"]
webhook_url = "{}"
webhook_key_file = "webhooks"
"#,
            self.gateway.url, self.partner.url
        )
    }

    /// Hands over a visit of the partner's patient and cancels it; returns once that is
    /// acknowledged.
    async fn cancel(&self, running: &Running) {
        let eua = (EUA, self.eua.url.as_str());
        let placed = VISIT_1.placed_by(eua, (HSPA, HSPA_URI)).expect("a sample");
        let mut placed: Value = serde_json::from_str(&placed).expect("JSON");
        placed["booking"] = json!({"patient": {"id": "pt-1", "hip_id": "IN0000000000"}});
        running.admin.hand_over(&[placed]).await.expect("taken in");
        let message = CancelMessage {
            message: MESSAGE.to_owned(),
            reason: Some("PATIENT_HEALTH_IMPROVED".to_owned()),
            ..CancelMessage::of(VISIT_1, eua, (HSPA, HSPA_URI)).expect("a sample")
        };
        let url = running.cancel.join("/uhi/cancel").expect("a URL");
        let text = message.to_json().to_string();
        let reply = self.eua.sign_and_post(&url, text).await.expect("an answer");
        assert!(is_ack(&reply), "{reply:?}");
    }

    /// All three have heard of it, each under a signature that holds, and of one thing.
    async fn all_hear(&self) {
        let heard = self
            .eua
            .received(MESSAGE, WAIT)
            .await
            .expect("an on_cancel");
        assert_eq!(heard.json()["message"]["order"]["state"], "CANCELLED");
        let copy = self.gateway.inbox.received(MESSAGE, WAIT).await;
        let copy = copy.expect("a copy");
        for received in self.eua.all().iter().chain([&copy]) {
            assert_eq!((&received.verdict, &received.body), (&Ok(()), &heard.body));
        }
        let session = VISIT_1.transaction().expect("a sample");
        let news = self.partner.news_of(&session, WAIT).await.expect("news");
        assert_eq!(news.json()["event"], "booking.cancel");
        for one in self.partner.all() {
            assert_eq!((&one.verdict, &one.body), (&Ok(()), &news.body));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_server_killed_after_the_ack_tells_all_three_after_its_next_start() {
    let town = Town::new();
    let health = Health::beside(&town);
    let running = town.start();
    running.admin.hold().await.expect("held");
    health.cancel(&running).await;
    running.process.kill();

    let running = town.start();
    let nobody = health.eua.all().is_empty() && health.gateway.inbox.all().is_empty();
    assert!(
        nobody && health.partner.all().is_empty(),
        "nothing has left"
    );
    running.admin.release().await.expect("released");
    health.all_hear().await;
    running.admin.quiet(WAIT).await.expect("quiet");
    let counts = (health.eua.all().len(), health.gateway.inbox.all().len());
    assert_eq!((counts, health.partner.all().len()), ((1, 1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_server_killed_during_the_first_attempt_makes_it_again_and_then_the_copy() {
    let town = Town::new();
    let health = Health::beside(&town);
    let running = town.start();
    health.eua.answer(Answer::Hang);
    health.cancel(&running).await;
    let first = health.eua.received(MESSAGE, WAIT).await;
    assert!(first.is_some(), "the first attempt is under way");
    assert!(health.gateway.inbox.all().is_empty(), "the EUA comes first");
    running.process.kill();

    health.eua.answer(Answer::Ack);
    let running = town.start();
    let again = health.eua.received_times(MESSAGE, 2, WAIT).await;
    assert!(again.is_some(), "a second attempt");
    health.all_hear().await;
    running.admin.quiet(WAIT).await.expect("quiet");
    assert_eq!(
        health.gateway.inbox.all().len(),
        1,
        "one copy of one on_cancel"
    );
}
