//! What every store promises about an order that is erased.

use beckn_bpp::domain::decide::Denial;
use beckn_bpp::domain::order::State;
use beckn_bpp::domain::undecided::Refused;
use beckn_bpp::store::{
    CallbackId, CallbackKind, CallbackState, Committed, Erased, Next, StoredRequest,
};

use super::{cancelled, day, read};
use crate::acts::{claim, commit, settle};
use crate::home::{Home, SledHome};
use crate::records::{at, callback, intake, key, network, nothing, order, request, session};

#[tokio::test]
async fn only_an_order_that_is_over_and_owes_nothing_is_erased() {
    let home = SledHome::new();
    let store = home.open().await;
    commit(&*store, intake("open", State::Confirmed)).await;
    let owed = cancelled(&*store, "owed", 0, None).await;
    for (id, answer) in [
        ("unknown", Erased::Unknown),
        ("open", Erased::NotFinal(State::Confirmed)),
        ("owed", Erased::Owed),
    ] {
        let before = read(&*store, id).await.map(|stored| stored.order);
        assert_eq!(store.erase(&key(id), at(9)).await.expect("answers"), answer);
        assert_eq!(read(&*store, id).await.map(|stored| stored.order), before);
    }
    // In flight is owed too.
    claim(&*store, day(0)).await;
    assert_eq!(
        store.erase(&key("owed"), at(9)).await.expect("answers"),
        Erased::Owed
    );
    assert!(
        !store
            .callback(owed)
            .await
            .expect("reads")
            .expect("kept")
            .is_erased()
    );
}

#[tokio::test]
async fn an_erased_order_keeps_amounts_ids_and_times_and_stays_erased() {
    let home = SledHome::new();
    let store = home.open().await;
    let id = cancelled(&*store, "o1", 0, Some(Next::Dead)).await;
    cancelled(&*store, "o2", 0, Some(Next::Dead)).await;
    let before = read(&*store, "o1").await.expect("kept").order;
    let done = |requests, callbacks| Erased::Done {
        at: at(50),
        requests,
        callbacks,
    };
    assert_eq!(
        store.erase(&key("o1"), at(50)).await.expect("erases"),
        done(1, 1)
    );
    store.close().await;
    let store = home.open().await;
    assert_eq!(
        store.erase(&key("o1"), at(60)).await.expect("erases"),
        done(0, 0)
    );

    let after = read(&*store, "o1").await.expect("kept");
    assert!(after.document.is_empty());
    let mut expected = order("o1", 3, State::Cancelled);
    expected.erased_at = Some(at(50));
    expected.cancellation = before.cancellation.map(|mut cancellation| {
        cancellation.reason.text = None;
        cancellation
    });
    assert_eq!(after.order, expected);
    let kept = store
        .request(&request("o1", "o1").key)
        .await
        .expect("reads")
        .expect("known");
    let mut expected = request("o1", "o1");
    (expected.body, expected.callback) = (bytes::Bytes::new(), Some(id));
    assert_eq!(kept, expected, "digest, header and key stay");
    let kept = store.callback(id).await.expect("reads").expect("kept");
    assert!(kept.is_erased() && kept.callback.state == CallbackState::Dead);
    let attempts = &kept.callback.attempts;
    assert_eq!((attempts.len(), attempts[0].detail.as_str()), (1, ""));
    let events = store.events(0, 9).await.expect("reads");
    let texts: Vec<_> = events
        .iter()
        .map(|event| event.reason.text.is_some())
        .collect();
    assert_eq!(texts, [false, true], "of its order alone");
    assert!(events[0].charge.is_some());

    // It takes part in nothing any more: whoever read it before, and whoever redrives it.
    let late = store.commit(nothing("o1", 2)).await.expect("answers");
    assert_eq!(late, Committed::OrderChanged);
    let redriven = store
        .redrive(&[id, CallbackId(id.0 + 1)], "ops", at(70))
        .await;
    assert_eq!(redriven.expect("answers"), [CallbackId(id.0 + 1)]);
}

#[tokio::test]
async fn erasing_an_order_with_many_messages_leaves_none_of_them() {
    let home = SledHome::new();
    let store = home.open().await;
    cancelled(&*store, "busy", 0, Some(Next::Delivered)).await;
    for number in 0..100 {
        let mut more = nothing("busy", 2);
        let message = format!("m{number}");
        more.callback = Some(callback(CallbackKind::Final, "bap.example", &message));
        // What the provider said may name somebody.
        let denial = Denial::Provider(Some("She is at the door".to_owned()));
        let state = State::Confirmed;
        more.request = Some(StoredRequest {
            refused: Some(Refused { state, denial }),
            ..request("busy", &message)
        });
        let id = commit(&*store, more).await.expect("a callback");
        assert_eq!(claim(&*store, at(0)).await.len(), 1);
        settle(&*store, id, Next::Delivered).await;
    }
    let erased = store.erase(&key("busy"), at(0)).await.expect("erases");
    let expected = Erased::Done {
        at: at(0),
        requests: 101,
        callbacks: 101,
    };
    assert_eq!(erased, expected);
    let timeline = store
        .timeline(&network(), &session("t1"))
        .await
        .expect("reads");
    assert_eq!(timeline.requests.len(), 101);
    let is_empty = |request: &StoredRequest| request.is_erased() && request.refused.is_none();
    assert!(timeline.requests.iter().all(is_empty));
}
