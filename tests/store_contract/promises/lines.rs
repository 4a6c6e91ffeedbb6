//! The line of an order's callbacks: one at a time, in order, and what closes or follows one.

use std::collections::HashSet;

use beckn_bpp::store::{
    Attempt, CallbackId, CallbackKind, CallbackState, Committed, Counts, MAX_ATTEMPTS_KEPT,
    MAX_PREVIEWS_WAITING, Next, Settlement,
};
use bytes::Bytes;

use crate::acts::{claim, claim_ids, commit, counts, owe, settle, settle_with, state};
use crate::home::Home;
use crate::records::{at, callback, network, owing, request, session};

pub async fn callbacks_of_an_order_go_one_at_a_time_and_in_order(home: &dyn Home) {
    let store = home.open().await;
    for _ in 0..3 {
        owe(&*store, "o1", CallbackKind::Final).await;
    }
    owe(&*store, "o2", CallbackKind::Final).await;
    let first = claim_ids(&*store, at(0)).await;
    assert_eq!(first, [CallbackId(1), CallbackId(4)]);
    assert!(claim_ids(&*store, at(0)).await.is_empty());

    settle(&*store, CallbackId(1), Next::Retry(at(10))).await;
    assert!(
        claim_ids(&*store, at(9)).await.is_empty(),
        "its turn is kept"
    );
    assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(1)]);
    settle(&*store, CallbackId(1), Next::Delivered).await;
    assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(2)]);
    settle(&*store, CallbackId(2), Next::Dead).await;
    assert_eq!(claim_ids(&*store, at(10)).await, [CallbackId(3)]);
    assert_eq!(
        state(&*store, CallbackId(1)).await,
        CallbackState::Delivered
    );
    assert_eq!(state(&*store, CallbackId(2)).await, CallbackState::Dead);
}

pub async fn waiting_previews_close_when_an_outcome_is_committed(home: &dyn Home) {
    let store = home.open().await;
    owe(&*store, "o1", CallbackKind::Preview).await;
    owe(&*store, "o1", CallbackKind::Preview).await;
    owe(&*store, "o2", CallbackKind::Preview).await;
    owe(&*store, "o1", CallbackKind::Final).await;
    for id in [1, 2] {
        assert_eq!(
            state(&*store, CallbackId(id)).await,
            CallbackState::Superseded
        );
    }
    assert_eq!(counts(&*store).await.callbacks_pending, 2);
    let claimed: HashSet<_> = claim_ids(&*store, at(0)).await.into_iter().collect();
    assert_eq!(claimed, HashSet::from([CallbackId(3), CallbackId(4)]));
}

pub async fn an_order_takes_sixty_four_previews_and_the_next_once_one_is_gone(home: &dyn Home) {
    let store = home.open().await;
    for _ in 0..MAX_PREVIEWS_WAITING {
        owe(&*store, "o1", CallbackKind::Preview).await;
    }
    let asked = |message: &str| {
        let mut more = owing("o1", CallbackKind::Preview, "bap.example", message);
        more.request = Some(request("o1", message));
        more
    };
    let refused = store.commit(asked("m65")).await.expect("answers");
    assert_eq!(refused, Committed::TooManyPreviews);
    let known = store.request(&request("o1", "m65").key).await;
    assert_eq!(known.expect("reads"), None, "nothing was written");
    owe(&*store, "o2", CallbackKind::Preview).await;

    let first = claim_ids(&*store, at(0)).await[0];
    let still = store.commit(asked("m65")).await.expect("answers");
    assert_eq!(still, Committed::TooManyPreviews, "one is in flight");
    settle(&*store, first, Next::Delivered).await;
    commit(&*store, asked("m65")).await;
    let again = store.commit(asked("m65")).await.expect("answers");
    assert!(matches!(again, Committed::RequestKnown(_)), "{again:?}");
    // An outcome is never one too many.
    owe(&*store, "o1", CallbackKind::Final).await;
    assert_eq!(counts(&*store).await.callbacks_pending, 2);
}

pub async fn a_preview_in_flight_that_was_overtaken_is_not_tried_again(home: &dyn Home) {
    let store = home.open().await;
    for (order, next) in [
        ("o1", Next::Retry(at(60))),
        ("o2", Next::Delivered),
        ("o3", Next::Dead),
    ] {
        let preview = owe(&*store, order, CallbackKind::Preview).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
        let outcome = owe(&*store, order, CallbackKind::Final).await;
        assert_eq!(state(&*store, preview).await, CallbackState::Pending);
        assert!(claim_ids(&*store, at(0)).await.is_empty());
        settle(&*store, preview, next).await;
        let expected = match next {
            Next::Retry(_) => CallbackState::Superseded,
            Next::Delivered => CallbackState::Delivered,
            Next::Dead => CallbackState::Dead,
        };
        assert_eq!(state(&*store, preview).await, expected);
        assert_eq!(claim_ids(&*store, at(0)).await, [outcome]);
        settle(&*store, outcome, Next::Delivered).await;
    }
}

pub async fn a_preview_that_nothing_overtook_is_tried_again(home: &dyn Home) {
    let store = home.open().await;
    let preview = owe(&*store, "o1", CallbackKind::Preview).await;
    let second = owe(&*store, "o1", CallbackKind::Preview).await;
    assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
    settle(&*store, preview, Next::Retry(at(5))).await;
    assert_eq!(claim_ids(&*store, at(5)).await, [preview]);
    settle(&*store, preview, Next::Delivered).await;
    assert_eq!(claim_ids(&*store, at(5)).await, [second]);
}

pub async fn a_callback_remembers_its_latest_attempts(home: &dyn Home) {
    let store = home.open().await;
    let id = owe(&*store, "o1", CallbackKind::Final).await;
    let tries = MAX_ATTEMPTS_KEPT + 2;
    for number in 0..tries {
        assert_eq!(claim_ids(&*store, at(0)).await, [id]);
        let attempt = Attempt {
            at: at(0),
            duration_ms: number as u64,
            outcome: "timeout".to_owned(),
            status: None,
            detail: "x".repeat(500),
            signed: None,
        };
        let next = Next::Retry(at(0));
        let settlement = Settlement {
            id,
            attempt,
            next,
            follow_ups: Vec::new(),
        };
        store.settle(settlement).await.expect("settles");
    }
    let callback = store
        .callback(id)
        .await
        .expect("reads")
        .expect("kept")
        .callback;
    assert_eq!(callback.attempts.len(), MAX_ATTEMPTS_KEPT);
    assert_eq!(callback.attempts[0].duration_ms, 2);
    assert_eq!(callback.attempts_in_run as usize, tries);
}

pub async fn a_callback_that_is_not_in_flight_cannot_be_settled(home: &dyn Home) {
    let store = home.open().await;
    let id = owe(&*store, "o1", CallbackKind::Final).await;
    settle(&*store, id, Next::Dead).await;
    assert_eq!(state(&*store, id).await, CallbackState::Pending);
    claim_ids(&*store, at(0)).await;
    settle(&*store, id, Next::Delivered).await;
    settle(&*store, id, Next::Retry(at(0))).await;
    assert_eq!(state(&*store, id).await, CallbackState::Delivered);
    assert_eq!(counts(&*store).await, Counts::default());
}

pub async fn a_follow_up_is_owed_from_the_settlement_on_in_a_line_of_its_own(home: &dyn Home) {
    let store = home.open().await;
    let answer = owe(&*store, "o1", CallbackKind::Final).await;
    assert_eq!(claim_ids(&*store, at(0)).await, [answer]);
    let copy = callback(CallbackKind::Audit, "gateway.example", "m");
    settle_with(&*store, answer, Next::Retry(at(10)), vec![copy]).await;
    assert_eq!(counts(&*store).await.callbacks_pending, 2);
    let claimed = claim(&*store, at(0)).await;
    let [copy] = &claimed[..] else {
        panic!("the copy alone is due: {claimed:?}")
    };
    assert_eq!(copy.callback.kind, CallbackKind::Audit);
    assert_eq!(copy.body, Bytes::from_static(b"{\"answers\": \"m\"}"));
    let copy = copy.callback.id;
    settle(&*store, copy, Next::Retry(at(20))).await;
    assert_eq!(claim_ids(&*store, at(10)).await, [answer]);
    settle(&*store, answer, Next::Retry(at(30))).await;

    store.close().await;
    let store = home.open().await;
    assert_eq!(claim_ids(&*store, at(20)).await, [copy]);
    settle(&*store, copy, Next::Dead).await;
    assert_eq!(claim_ids(&*store, at(30)).await, [answer]);
    settle(&*store, answer, Next::Delivered).await;
    let dead = Counts {
        callbacks_pending: 0,
        callbacks_dead: 1,
    };
    assert_eq!(counts(&*store).await, dead);
    store
        .redrive(&[copy], "ops", at(40))
        .await
        .expect("redrives");
    assert_eq!(claim_ids(&*store, at(40)).await, [copy]);
    let session = store.timeline(&network(), &session("t1")).await;
    assert_eq!(session.expect("reads").callbacks.len(), 2);
}

pub async fn copies_of_an_order_wait_for_each_other_and_an_outcome_closes_none(home: &dyn Home) {
    let store = home.open().await;
    let first = owe(&*store, "o1", CallbackKind::Audit).await;
    let second = owe(&*store, "o1", CallbackKind::Audit).await;
    let outcome = owe(&*store, "o1", CallbackKind::Final).await;
    assert_eq!(claim_ids(&*store, at(0)).await, [first, outcome]);
    settle(&*store, outcome, Next::Delivered).await;
    assert!(claim_ids(&*store, at(0)).await.is_empty());
    settle(&*store, first, Next::Dead).await;
    assert_eq!(claim_ids(&*store, at(0)).await, [second]);
}

pub async fn reopening_frees_all_leases_and_keeps_every_line(home: &dyn Home) {
    let store = home.open().await;
    for _ in 0..2 {
        owe(&*store, "o1", CallbackKind::Final).await;
    }
    owe(&*store, "o2", CallbackKind::Preview).await;
    assert_eq!(claim_ids(&*store, at(0)).await.len(), 2);
    owe(&*store, "o2", CallbackKind::Final).await;
    store.close().await;

    let store = home.open().await;
    assert_eq!(counts(&*store).await.callbacks_pending, 4);
    assert_eq!(
        claim_ids(&*store, at(0)).await,
        [CallbackId(1), CallbackId(3)]
    );
}
