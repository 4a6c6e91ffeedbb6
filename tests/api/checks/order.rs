//! Row 13: one answer for an order that is not there and one that is not the caller's.
//!
//! The answers are compared byte by byte, headers included; only the request id and the date
//! may differ. How long they take is not measured.

use beckn_bpp::mock::orders::{O1, O3, Sample, TRIP_1, TRIP_2};
use beckn_bpp::protocol::Dialect;
use serde_json::{Value, json};

use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};
use crate::app::{Answer, BPP};
use crate::setup::parcels;

impl Stage {
    /// Hands over an order that the other BAP placed.
    async fn hand_over_others(&self, sample: Sample) {
        let bap = ("other-bap.example.org", self.app.other_bap.url.as_str());
        let text = sample.placed_by(bap, (BPP, "http://bpp.example.org"));
        let document = serde_json::from_str(&text.expect("a sample")).expect("JSON");
        self.hand_over_document(sample.id, &document).await;
    }

    async fn hand_over_document(&self, id: &str, document: &Value) {
        let path = format!("/orders/{id}");
        let answer = self.app.admin("PUT", &path, Some(document)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    async fn refused_order(&self, sample: Sample, id: &str, dialect: Dialect) -> Answer {
        let mut message = self.cancel(sample);
        message["message"]["order_id"] = json!(id);
        let wanted = Wanted::word("order_not_found").in_dialect(dialect);
        let wanted = wanted.at("message.order_id");
        self.refuses(&self.signed(&message), &wanted).await
    }
}

/// All that a caller can see but what differs between any two answers.
fn visible(mut answer: Answer) -> (u16, Vec<(String, String)>, String) {
    answer.headers.remove("x-request-id");
    answer.headers.remove("date");
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_and_foreign_orders_get_the_same_bytes() {
    let stage = Stage::set().await;
    stage.hand_over_others(TRIP_2).await;
    stage.hand_over_others(O3).await;
    let booking = json!({"id": "B1", "booking": {"status": "Confirmed"}});
    stage.hand_over_document("B1", &booking).await;
    for (dialect, sample) in DIALECTS {
        let absent = visible(stage.refused_order(sample, "no-such-order", dialect).await);
        for foreign in [
            TRIP_2.id,
            O3.id,
            "B1",
            "none/B1",
            "mobility/O1",
            "TRIP_1",
            "o1",
        ] {
            let answer = stage.refused_order(sample, foreign, dialect).await;
            assert_eq!(visible(answer), absent, "{foreign}");
        }
        assert!(!absent.2.contains("other-bap"));
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_order_is_not_told_apart_when_it_is_cancelled() {
    let stage = Stage::set().await;
    stage.hand_over_others(O3).await;
    let absent = visible(stage.refused_order(O1, "no-such-order", Dialect::V1).await);
    let by_provider = json!({"by": "provider"});
    let path = format!("/orders/{}/cancel", O3.id);
    let cancelled = stage.app.admin("POST", &path, Some(&by_provider)).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    stage.app.settled().await;
    let foreign = stage.refused_order(O1, O3.id, Dialect::V1).await;
    assert_eq!(visible(foreign), absent);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transaction_may_be_another_than_the_orders() {
    let stage = Stage::set().await;
    for (_, sample) in DIALECTS {
        let message = stage.cancel_but(sample, "transaction_id", json!("another-session"));
        stage.takes(&stage.signed(&message)).await;
        stage.hears(&message).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_placed_on_one_network_cannot_be_touched_from_another() {
    let registry = "http://127.0.0.1:9";
    let stage = Stage::set_with(&parcels(registry)).await;
    for (dialect, sample) in DIALECTS {
        // Under the other network's path our domain is not served, ...
        let knock = stage.signed(&stage.cancel(sample)).to("/parcels/cancel");
        let wanted = Wanted {
            network: "parcels",
            ..Wanted::word("domain_not_served").in_dialect(dialect)
        };
        stage.refuses(&knock, &wanted.at("context.domain")).await;
        // ... and each asks its own registry, here one that does not answer.
        let other_domain = stage.cancel_but(sample, "domain", json!("parcels"));
        let knock = stage.signed(&other_domain).to("/parcels/cancel");
        let wanted = Wanted {
            network: "parcels",
            ..Wanted::word("registry_unavailable").in_dialect(dialect)
        };
        stage.refuses(&knock, &wanted).await;
    }
    let nowhere = stage.signed(&stage.cancel(TRIP_1)).to("/parcels/x/y");
    let wanted = Wanted {
        network: "parcels",
        ..Wanted::word("unknown_action")
    };
    stage.refuses(&nowhere, &wanted).await;
    stage.ends_well().await;
}
