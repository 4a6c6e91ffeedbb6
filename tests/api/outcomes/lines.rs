//! Several callbacks at once: those of one order in a line, those of others beside it.

use beckn_bpp::mock::bap::{Answer, BapHandle};
use serde_json::json;

use super::{THIRTY, VERSIONS, events, placed};
use crate::app::{TestApp, WAIT};
use crate::rides::Ride;
use crate::setup::{callback_in, callback_when, callbacks, patient};

/// How a BAP answers that is down behind its proxy.
fn down() -> Answer {
    let body = "bad gateway".into();
    Answer::Raw { status: 502, body }
}

/// The message ids in the order they came in, repeats left out.
fn arrivals(bap: &BapHandle) -> Vec<String> {
    let mut ids: Vec<_> = bap
        .all()
        .into_iter()
        .filter_map(|one| one.message_id)
        .collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_that_still_wait_are_superseded_by_the_outcome() {
    let app = patient(200, "50ms", THIRTY).await;
    for version in VERSIONS {
        let ride = placed(&app, version, &format!("R-{version}")).await;
        app.bap.answer(down());
        let previews = [
            ride.soft_cancel("SOFT_CANCEL"),
            ride.soft_cancel("SOFT_CANCEL"),
        ];
        for preview in &previews {
            preview.send(&app).await;
        }
        callback_when(&app, previews[0].id(), |one| one["attempts_in_run"] != 0).await;
        let outcome = ride.cancel();
        outcome.send(&app).await;
        for preview in &previews {
            callback_in(&app, preview.id(), "superseded").await;
        }
        callback_when(&app, outcome.id(), |one| one["attempts_in_run"] != 0).await;
        app.bap.answer(Answer::Ack);
        callback_in(&app, outcome.id(), "delivered").await;
        let mut came = arrivals(&app.bap);
        came.retain(|id| id == outcome.id() || previews.iter().any(|one| one.id() == id));
        assert_eq!(
            came,
            [previews[0].id(), outcome.id()],
            "the second was never sent"
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_or_another_preview_does_not_overtake() {
    let app = patient(200, "50ms", THIRTY).await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    app.bap.answer(down());
    let previews = [
        ride.soft_cancel("SOFT_CANCEL"),
        ride.soft_cancel("SOFT-CANCEL"),
    ];
    for preview in &previews {
        preview.send(&app).await;
    }
    callback_when(&app, previews[0].id(), |one| one["attempts_in_run"] != 0).await;
    app.bap.answer(Answer::Ack);
    for preview in &previews {
        callback_in(&app, preview.id(), "delivered").await;
    }
    assert_eq!(
        arrivals(&app.bap),
        previews.each_ref().map(|one| one.id().to_owned())
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_of_one_order_arrive_one_at_a_time_in_order() {
    let app = patient(20, "20ms", THIRTY).await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    app.bap
        .answer_next([down(), down(), Answer::Close, Answer::Ack, down()]);
    let requests: Vec<_> = (0..5).map(|_| ride.cancel()).collect();
    for request in &requests {
        request.send(&app).await;
    }
    for request in &requests {
        callback_in(&app, request.id(), "delivered").await;
    }
    let sent: Vec<_> = requests.iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(
        arrivals(&app.bap),
        sent,
        "none was sent before the one ahead had arrived"
    );
    assert_eq!(app.bap.all().len(), 5 + 4);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_late_holds_up_its_own_order_alone() {
    let app = patient(20, "20ms", THIRTY).await;
    let slow = placed(&app, "1.1.0", "R-slow").await;
    let quick = placed(&app, "0.9.1", "R-quick").await;
    app.bap.answer_next([Answer::Hang]);
    let (first, second) = (slow.cancel(), slow.cancel());
    first.send(&app).await;
    app.callback(first.id()).await;
    second.send(&app).await;
    quick.cancel().answered(&app).await;
    let came = arrivals(&app.bap);
    assert!(
        !came.contains(&second.id().to_owned()),
        "the first is still under way"
    );
    for request in [&first, &second] {
        callback_in(&app, request.id(), "delivered").await;
    }
    let attempts = app.bap.received_times(first.id(), 2, WAIT).await;
    assert_eq!(attempts.map(|attempts| attempts.len()), Some(2));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_bap_does_not_delay_another() {
    let app = patient(100, "20ms", THIRTY).await;
    app.bap.answer(Answer::Hang);
    for number in 0..20 {
        let ride = placed(&app, "0.9.1", &format!("R-{number}")).await;
        ride.cancel().send(&app).await;
    }
    for number in 0..5 {
        let other = Ride::placed_by(&app.other_bap, "1.1.0", &format!("O-{number}"));
        other.hand_over(&app).await;
        let request = other.cancel();
        request.send_as(&app, &app.other_bap).await;
        let received = app.other_bap.received(request.id(), WAIT).await;
        assert_eq!(received.map(|one| one.verdict), Some(Ok(())));
    }
    let owed = callbacks(&app, "&state=pending&subscriber=bap.example.org").await;
    assert_eq!(owed.len(), 20, "the bad one still hangs");
    app.bap.answer(Answer::Ack);
    app.settled().await;
    assert_eq!(events(&app).await.len(), 25);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_by_nobody_but_the_bap_that_placed_it() {
    let app = TestApp::start().await;
    let ride = placed(&app, "1.1.0", "R-1").await;
    let mut request = ride.cancel();
    request.context = request
        .context
        .text("bap_id", "other-bap.example.org")
        .text("bap_uri", app.other_bap.url.as_str());
    let before = app.kept().await;
    let reply = app
        .other_bap
        .sign_and_post(&app.url("/cancel"), request.text())
        .await;
    assert_eq!(
        reply.expect("an answer").json()["error"]["code"],
        json!("30010")
    );
    assert_eq!(app.kept().await, before);
    app.stop().await;
}
