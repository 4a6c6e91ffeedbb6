//! One secret takes the place of another while the server runs, and at no moment is a push refused.

use beckn_bpp::mock::bap::{Answer, Received};
use beckn_bpp::mock::orders::{O3, Sample, TRIP_1};
use beckn_bpp::mock::provider::SECRET;
use serde_json::json;

use super::BackEnd;
use crate::app::WAIT;

/// Another secret than the one that the mock begins with.
const NEW: &str = "whsec_dGhlIHNlY3JldCB0aGF0IGNvbWVzIGFmdGVyIHRoZSBmaXJzdA==";

fn signatures(push: &Received) -> usize {
    let mut headers = push.headers.iter();
    let found = headers.find(|(name, _)| name == "webhook-signature");
    found.map_or(0, |(_, value)| value.split(' ').count())
}

/// Puts these secrets into the file, and asks about an order until the server signs with as many.
async fn exchange(back_end: &BackEnd, secrets: &str, sample: Sample) {
    let silence = Answer::Raw {
        status: 503,
        body: "".into(),
    };
    back_end.provider.answer_questions(silence);
    back_end.app.hand_over(sample).await;
    back_end.cancel(sample).await;
    let file = back_end.app.directory.path().join("provider.secret");
    std::fs::write(file, secrets).expect("written");
    let wanted = secrets.lines().count();
    let signed = back_end.provider.until(WAIT, |provider| {
        let questions = provider.questions();
        questions
            .last()
            .is_some_and(|last| signatures(last) == wanted)
    });
    assert!(signed.await, "{wanted} signatures in time");
}

/// Allows what was asked; what is pushed from now on must be signed as the back end knows it.
async fn decided(back_end: &BackEnd, sample: Sample) {
    let before = (
        back_end.provider.questions().len(),
        back_end.provider.events().len(),
    );
    back_end.provider.decide(&json!({"decision": "allow"}));
    back_end.questions_come(before.0 + 1).await;
    back_end.events_come(before.1 + 1).await;
    back_end.app.settled().await;
    let questions = back_end.provider.questions().split_off(before.0);
    let events = back_end.provider.events().split_off(before.1);
    for push in questions.iter().chain(&events) {
        assert_eq!(push.verdict, Ok(()));
    }
    assert_eq!(back_end.order(sample).await["state"], "Cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_change_the_secret_one_after_the_other_and_every_push_is_verified() {
    let back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    exchange(&back_end, &format!("{NEW}\n{SECRET}\n"), TRIP_1).await;
    // The back end knows the old one alone so far, then the new one alone.
    for push in back_end.provider.questions() {
        assert_eq!(push.verdict, Ok(()));
    }
    back_end.provider.know(NEW).expect("a secret");
    decided(&back_end, TRIP_1).await;
    exchange(&back_end, NEW, O3).await;
    decided(&back_end, O3).await;
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_no_secret_changes_nothing() {
    let back_end = BackEnd::asked("hook_wait = \"1m\"").await;
    exchange(&back_end, &format!("{NEW}\n{SECRET}\n"), TRIP_1).await;
    let file = back_end.app.directory.path().join("provider.secret");
    std::fs::write(&file, format!("{SECRET}\nnot a secret\n")).expect("written");
    let before = back_end.provider.questions().len();
    // The file is looked at once a second; the steps between questions grow beyond that.
    let questions = back_end.questions_come(before + 2).await;
    for push in &questions[before..] {
        assert_eq!((signatures(push), &push.verdict), (2, &Ok(())));
    }
    decided(&back_end, TRIP_1).await;
    back_end.stop().await;
}
