//! Events pushed: whole, signed, in order, and never lost.

use beckn_bpp::mock::bap::Answer;
use beckn_bpp::mock::orders::TRIP_1;
use serde_json::json;

use super::{BackEnd, SAMPLES};
use crate::pushed::in_order_of_each_order;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_pushed_as_it_is_listed_with_a_signature_of_its_own() {
    let back_end = BackEnd::told().await;
    for sample in SAMPLES {
        back_end.app.hand_over(sample).await;
        back_end.cancel(sample).await;
    }
    let pushed = back_end.events_come(2).await;
    let listed = back_end.app.get("/events?after=0").await.body;
    for event in &pushed {
        assert_eq!(event.verdict, Ok(()));
        let listed = listed["events"].as_array().expect("a list");
        assert!(listed.contains(&event.json()), "{}", event.json());
    }
    assert_ne!(pushed[0].message_id, pushed[1].message_id);
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_no_network_is_told_of_too() {
    let back_end = BackEnd::told().await;
    let order = json!({"id": "bkg_1", "booking": {"status": "Confirmed", "external_id": "ours"}});
    let put = back_end
        .app
        .admin("PUT", "/orders/bkg_1", Some(&order))
        .await;
    assert_eq!(put.status, 201, "{}", put.text);
    let cancel = json!({"by": "provider"});
    let path = "/orders/bkg_1/cancel";
    assert_eq!(
        back_end.app.admin("POST", path, Some(&cancel)).await.status,
        200
    );
    let pushed = back_end.events_come(1).await;
    assert_eq!(pushed[0].json()["external_id"], "ours");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_2xx_takes_an_event_and_anything_else_is_tried_again_with_a_new_signature() {
    let back_end = BackEnd::told().await;
    let raw = |status, body: &str| Answer::Raw {
        status,
        body: body.to_owned().into(),
    };
    back_end.provider.answer_events(raw(500, ""));
    back_end.app.hand_over(TRIP_1).await;
    back_end.cancel(TRIP_1).await;
    let before = back_end.events_come(2).await;
    back_end
        .provider
        .answer_events(raw(202, "<html>thank you</html>"));
    back_end.app.settled().await;
    let after = back_end.provider.events();
    assert!(after.len() > before.len());
    for event in &after {
        assert_eq!(event.verdict, Ok(()));
        assert_eq!(event.message_id, after[0].message_id);
        assert_eq!(event.body, after[0].body);
    }
    let callbacks = back_end.app.get("/callbacks").await.body;
    let callbacks = callbacks["callbacks"].as_array().expect("a list").clone();
    let event = callbacks.iter().find(|one| one["kind"] == "event");
    assert_eq!(event.expect("an event")["state"], "delivered");
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_that_is_down_delays_no_callback_of_the_network() {
    let back_end = BackEnd::told().await;
    back_end.provider.answer_events(Answer::Hang);
    back_end.app.hand_over(TRIP_1).await;
    let message = back_end.cancel(TRIP_1).await;
    back_end.app.callback(&message).await;
    back_end.provider.answer_events(Answer::Ack);
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_pushed_before_a_restart_is_pushed_after_it() {
    let mut back_end = BackEnd::told().await;
    // The second attempt is far enough for the server to be stopped before it.
    let slowly = r#"schedule = ["0s", "1s", "1s", "1s", "1s"]"#;
    back_end
        .app
        .reconfigure(|text| {
            let usual = r#"schedule = ["0s", "20ms", "20ms", "20ms", "20ms"]"#;
            assert!(text.contains(usual));
            text.replace(usual, slowly)
        })
        .await;
    back_end.provider.answer_events(Answer::Close);
    back_end.app.hand_over(TRIP_1).await;
    back_end.cancel(TRIP_1).await;
    back_end.events_come(1).await;
    back_end.app.halt().await;
    let before = back_end.provider.events();
    back_end.provider.answer_events(Answer::Ack);
    back_end.app.resume().await;
    let after = back_end.events_come(before.len() + 1).await;
    for push in &after {
        assert_eq!(push.verdict, Ok(()));
        assert_eq!(push.message_id, after[0].message_id);
        assert_eq!(push.body, after[0].body);
    }
    back_end.app.settled().await;
    let count = back_end.provider.events().len();
    assert_eq!(
        count,
        before.len() + 1,
        "once it is taken it does not come again"
    );
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_an_order_come_in_their_order_however_often_each_has_to_be_pushed() {
    let back_end = BackEnd::asked("").await;
    let failed = || Answer::Raw {
        status: 503,
        body: "".into(),
    };
    let failures = [failed(), Answer::Close, failed(), Answer::Close];
    back_end.provider.answer_next_events(failures);
    for sample in SAMPLES {
        back_end.app.hand_over(sample).await;
        let message = back_end.cancel(sample).await;
        // Its outcome is written before its question was taken as an event.
        back_end.app.callback(&message).await;
    }
    back_end.app.settled().await;
    let pushed = back_end.provider.events();
    assert_eq!(
        pushed.len(),
        2 * SAMPLES.len() + 4,
        "each until it is taken"
    );
    let told = in_order_of_each_order(&pushed);
    for sample in SAMPLES {
        let expected = ["order.cancellation_pending", "order.cancelled"];
        assert_eq!(told[sample.id], expected);
    }
    back_end.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_an_order_takes_the_words_out_of_its_pushed_events() {
    let back_end = BackEnd::told().await;
    back_end.app.hand_over(TRIP_1).await;
    let said = "a sentence that names a person";
    let cancel = json!({"by": "provider", "note": said});
    let path = "/orders/trip_1/cancel";
    assert_eq!(
        back_end.app.admin("POST", path, Some(&cancel)).await.status,
        200
    );
    let pushed = back_end.events_come(1).await;
    assert_eq!(pushed[0].json()["reason"]["text"], said);
    back_end.app.settled().await;
    let erased = back_end
        .app
        .admin("POST", "/orders/trip_1/erase", None)
        .await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    for id in 1..=2 {
        let callback = back_end.app.get(&format!("/callbacks/{id}")).await;
        assert!(!callback.text.contains(said), "{}", callback.text);
    }
    let listed = back_end.app.get("/events?after=0").await;
    assert_eq!(listed.body["events"].as_array().map(Vec::len), Some(1));
    assert!(!listed.text.contains(said), "{}", listed.text);
    for id in 1..=2 {
        let path = format!("/callbacks/{id}/redrive");
        let again = back_end.app.admin("POST", &path, None).await;
        assert_eq!(again.status, 409, "{}", again.text);
    }
    back_end.app.settled().await;
    let pushes = back_end.provider.events().len();
    assert_eq!(pushes, 1, "an event that was erased is not pushed again");
    back_end.stop().await;
}
