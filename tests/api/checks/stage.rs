//! A server with one order of each dialect, both placed by `bap.example.org`.
//!
//! [`Stage::refuses`] is the heart of every test of a check; [`Stage::ends_well`] its end.

use std::time::Duration;

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::{O1, Sample, TRIP_1};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::knock::Knock;
use super::refused::{self, Wanted};
use crate::app::{Answer, TestApp, WAIT};

/// Both dialects, each with the order of its own.
pub const DIALECTS: [(Dialect, Sample); 2] = [(Dialect::V0_9, TRIP_1), (Dialect::V1, O1)];

/// Many strangers in one test, more than a registry would be asked about in a second.
pub const MANY_LOOKUPS: &str = "registry_lookups_per_second = 100000";

/// A key that nobody has registered.
pub const STRANGERS_KEY: &str = include_str!("../../../keys/gateway.signing");

pub struct Stage {
    pub app: TestApp,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(MANY_LOOKUPS).await
    }

    /// With more settings of `[network.mobility]`, then more sections.
    pub async fn set_with(more: &str) -> Self {
        let app = TestApp::start_with(more).await;
        for (_, sample) in DIALECTS {
            app.hand_over(sample).await;
        }
        Self { app }
    }

    /// A cancel of the sample that every check would pass.
    pub fn cancel(&self, sample: Sample) -> Value {
        self.app.cancel_of(sample).to_json()
    }

    /// The same with one member of its context replaced.
    pub fn cancel_but(&self, sample: Sample, member: &str, value: Value) -> Value {
        let mut message = self.cancel(sample);
        message["context"][member] = value;
        message
    }

    /// A right cancel of an order that nobody placed: the last check but the reason's refuses
    /// it, so it shows that all checks before were passed, and changes nothing.
    pub fn probe(&self, sample: Sample) -> Value {
        let mut message = self.cancel(sample);
        message["message"]["order_id"] = json!("no-such-order");
        message
    }

    /// A probe goes through all checks up to the order's.
    pub async fn passes(&self, knock: &Knock, dialect: Dialect) -> Answer {
        let wanted = Wanted::word("order_not_found").in_dialect(dialect);
        self.refuses(knock, &wanted.at("message.order_id")).await
    }

    /// The rightful BAP's name and key.
    pub fn bap(&self) -> &Signer {
        self.app.bap.signer()
    }

    /// Changes what the registry lists.
    pub fn change_registry(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let rows = &self.app.registry.rows;
        change(&mut rows.lock().expect("no panic while locked"));
    }

    /// Signed by the rightful BAP.
    pub fn signed(&self, message: &Value) -> Knock {
        Knock::signed(self.bap(), message.to_string())
    }

    /// A cancel by somebody else, in their own name.
    pub fn cancel_by(&self, signer: &Signer) -> Knock {
        let message = self.cancel_but(TRIP_1, "bap_id", json!(signer.subscriber_id));
        Knock::signed(signer, message.to_string())
    }

    /// The request is refused as wanted, and changes nothing.
    pub async fn refuses(&self, knock: &Knock, wanted: &Wanted<'_>) -> Answer {
        let before = self.app.kept().await;
        let answer = knock.send(&self.app).await;
        refused::check(&self.app, &answer, wanted).await;
        assert_eq!(
            self.app.kept().await,
            before,
            "{wanted:?} changed something"
        );
        answer
    }

    /// The request is acknowledged.
    pub async fn takes(&self, knock: &Knock) -> Answer {
        let answer = knock.send(&self.app).await;
        check_ack(&answer);
        answer
    }

    /// What the rightful BAP asks for in the end: both orders are cancelled, and it hears of it.
    pub async fn still_cancels(&self) {
        for (_, sample) in DIALECTS {
            let message = self.cancel(sample);
            self.takes(&self.signed(&message)).await;
            self.hears(&message).await;
            let order = self.app.get(&format!("/orders/{}", sample.id)).await;
            assert_eq!(order.body["state"], "Cancelled");
        }
    }

    /// The callback that answers a message arrives, and that is written down here.
    pub async fn hears(&self, message: &Value) {
        let id = message["context"]["message_id"].as_str().expect("an id");
        let received = self.app.bap.received(id, WAIT).await;
        assert!(received.is_some(), "an on_cancel answers {id}");
        self.app.settled().await;
    }

    /// Comes again as long as it is told to, at the time it is told.
    async fn takes_in_time(&self, knock: &Knock) {
        let taken = async {
            loop {
                let answer = knock.send(&self.app).await;
                let Some(seconds) = refused::header(&answer, "retry-after") else {
                    return check_ack(&answer);
                };
                let seconds = seconds.parse().expect("seconds");
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        };
        tokio::time::timeout(WAIT, taken).await.expect("in time");
    }

    /// As [`Stage::ends_well`], by a BAP that waits as long as it is told to.
    pub async fn ends_well_in_time(self) {
        for (_, sample) in DIALECTS {
            let message = self.cancel(sample);
            self.takes_in_time(&self.signed(&message)).await;
            self.hears(&message).await;
        }
        self.app.stop().await;
    }

    /// The rightful BAP cancels both orders, and nothing is owed after that.
    pub async fn ends_well(self) {
        self.still_cancels().await;
        self.app.stop().await;
    }
}

pub fn check_ack(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ack = json!({"message": {"ack": {"status": "ACK"}}});
    assert_eq!(answer.body, ack);
    assert!(refused::header(answer, "x-request-id").is_some());
    assert_eq!(
        refused::header(answer, "content-type"),
        Some("application/json")
    );
}
