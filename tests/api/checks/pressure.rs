//! Rows 1 and 9: how many requests are in hand, and how fast an address or a subscriber sends.
//!
//! The limits are set to one, so that the second request meets them.

use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::mock::registry::Behaviour;
use beckn_bpp::protocol::Dialect;
use beckn_bpp::store::MAX_PREVIEWS_WAITING;

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::{MANY_LOOKUPS, Stage};
use super::wire::Wire;
use crate::app::{TestApp, WAIT};

/// So many knocks may get in before one who came first is held to have lost its place to one of them.
const KNOCKS: usize = 50;

impl Stage {
    /// One whose body is not sent, so that it holds the only place.
    async fn only_place(&self) -> Wire {
        let held = async {
            loop {
                let slow = Wire::with_head(&self.app, &[("Content-Length", "2")]).await;
                for _ in 0..KNOCKS {
                    let answer = Knock::unsigned("{}").send(&self.app).await;
                    if answer.text.contains("\"overloaded: ") {
                        return slow;
                    }
                }
            }
        };
        tokio::time::timeout(WAIT, held).await.expect("in time")
    }

    /// Sends an unsigned request until it is refused with this word.
    async fn until_refused(&self, word: &str) {
        let refused = async {
            loop {
                let answer = Knock::unsigned("{}").send(&self.app).await;
                if answer.text.contains(&format!("\"{word}: ")) {
                    return;
                }
            }
        };
        tokio::time::timeout(WAIT, refused).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_too_many_is_told_to_come_again() {
    let stage = Stage::set_with("[limits]\nin_flight = 1\nbody_timeout = \"60s\"").await;
    let mut slow = stage.only_place().await;
    for knock in [
        stage.signed(&stage.cancel(TRIP_1)),
        stage.signed(&stage.cancel(O1)),
        Knock::unsigned("{}"),
    ] {
        stage.refuses(&knock, &Wanted::word("overloaded")).await;
    }
    let live = crate::app::answer(stage.app.http.get(stage.app.url("/health/live"))).await;
    assert_eq!(live.status, 200, "health is not counted");
    slow.write(b"{}").await;
    let answer = slow.answer().await;
    refused::check(&stage.app, &answer, &Wanted::word("header_missing")).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_too_many_at_work_is_refused_before_anything_of_it_is_looked_at() {
    let stage = Stage::set_with("registry_timeout = \"30s\"\n[limits]\nat_work = 1").await;
    // A registry that takes its time keeps the only turn.
    let long = std::time::Duration::from_secs(3);
    stage.app.registry.behave(Behaviour::Slow(long));
    let first = stage.signed(&stage.cancel(TRIP_1));
    let meanwhile = async {
        stage.until_refused("overloaded").await;
        for knock in [stage.signed(&stage.cancel(O1)), Knock::unsigned("{}")] {
            stage.refuses(&knock, &Wanted::word("overloaded")).await;
        }
    };
    tokio::join!(stage.takes(&first), meanwhile);
    stage.app.settled().await;
    stage.until_refused("header_missing").await;
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_slow_to_come_takes_no_turn() {
    let stage = Stage::set_with("[limits]\nat_work = 1\nbody_timeout = \"60s\"").await;
    let slow = Wire::with_head(&stage.app, &[("Content-Length", "2")]).await;
    stage.still_cancels().await;
    drop(slow);
    stage.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_back_when_the_caller_goes_away() {
    let stage = Stage::set_with("[limits]\nin_flight = 1\nbody_timeout = \"60s\"").await;
    let slow = stage.only_place().await;
    drop(slow);
    stage.until_refused("header_missing").await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_sends_too_fast_is_slowed_whatever_it_claims_to_be() {
    let stage = Stage::set_with("[limits]\nper_address_per_second = 1").await;
    let knock = stage.signed(&stage.probe(TRIP_1));
    // Neither a claimed address, nor a bad signature, nor another path leads around it.
    for knock in [
        knock.clone(),
        knock.clone().with("x-forwarded-for", "203.0.113.7"),
        knock.clone().with("forwarded", "for=203.0.113.7"),
        knock.clone().without("authorization"),
        knock.clone().to("/search"),
        knock.to("/a/b"),
    ] {
        stage.slows(&knock).await;
    }
    stage.ends_well_in_time().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_sends_too_fast_is_slowed_alone() {
    let more = format!("{MANY_LOOKUPS}\n[limits]\nper_subscriber_per_second = 1");
    let stage = Stage::set_with(&more).await;
    // What anybody can send in the BAP's name does not count against it.
    let mut forged = stage.signed(&stage.cancel(O1));
    forged.body.push(b' ');
    for _ in 0..5 {
        stage
            .refuses(&forged, &Wanted::word("signature_mismatch"))
            .await;
    }
    let probe = stage.signed(&stage.probe(O1));
    stage.passes(&probe, Dialect::V1).await;
    stage.slows(&probe).await;
    // Another subscriber is let in at the same time.
    let mut message = stage.cancel_but(O1, "bap_id", "other-bap.example.org".into());
    message["context"]["bap_uri"] = stage.app.other_bap.url.as_str().into();
    let other = Knock::signed(stage.app.other_bap.signer(), message.to_string());
    stage.passes(&other, Dialect::V1).await;
    stage.ends_well_in_time().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_order_whose_prices_are_not_taken_no_more_are_promised() {
    let app = Stage::set().await.app;
    let held = app.admin("POST", "/callbacks/hold", None).await;
    assert_eq!(held.status, 200, "{}", held.text);
    let mut promised = Vec::new();
    for _ in 0..MAX_PREVIEWS_WAITING {
        let soft = soft_cancel(&app);
        let reply = app.send(&soft).await;
        assert_eq!(reply.json()["message"]["ack"]["status"], "ACK", "{reply:?}");
        promised.push(soft);
    }
    let stage = Stage { app };
    let one_more = stage.signed(&soft_cancel(&stage.app).to_json());
    let wanted = Wanted::word("rate_limited").in_dialect(Dialect::V1);
    stage.refuses(&one_more, &wanted).await;
    // What was promised before is still; so is an outcome, which closes them all.
    let repeated = stage.app.send(&promised[0]).await;
    assert_eq!(repeated.json()["message"]["ack"]["status"], "ACK");
    stage.takes(&stage.signed(&stage.cancel(O1))).await;
    stage.app.admin("POST", "/callbacks/release", None).await;
    stage.app.settled().await;
    let closed = stage.app.get("/callbacks?state=superseded").await.body;
    assert_eq!(
        closed["callbacks"].as_array().map(Vec::len),
        Some(MAX_PREVIEWS_WAITING)
    );
    stage.app.stop().await;
}

fn soft_cancel(app: &TestApp) -> CancelMessage {
    let mut soft = app.cancel_of(O1);
    soft.intent = Some("SOFT_CANCEL".to_owned());
    soft
}

impl Stage {
    /// The sender is told to come later; on a slow machine a second may pass before that.
    async fn slows(&self, knock: &Knock) {
        let before = self.app.kept().await;
        let slowed = async {
            loop {
                let answer = knock.send(&self.app).await;
                if answer.status == 429 {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(WAIT, slowed).await.expect("in time");
        // Before the message is read, it speaks as the network does by default.
        let wanted = Wanted::word("rate_limited");
        refused::check(&self.app, &answer, &wanted).await;
        assert_eq!(self.app.kept().await, before);
    }
}
