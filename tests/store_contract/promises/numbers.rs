//! What is numbered and waited for: events, callbacks, the audit.

use std::sync::Arc;

use beckn_bpp::domain::order::State;
use beckn_bpp::store::{AuditEntry, CallbackId, CallbackKind, Next};

use crate::acts::{claim_ids, commit, owe, sequences, settle};
use crate::home::Home;
use crate::records::{asked_for, at, cancel, event, intake, nothing};

pub async fn events_and_callbacks_are_numbered_without_gaps_across_reopening(home: &dyn Home) {
    let mut expected = Vec::new();
    for round in 0..3_u64 {
        let store = home.open().await;
        for number in 0..5_u64 {
            let id = format!("o{round}-{number}");
            commit(&*store, intake(&id, State::Confirmed)).await;
            let callback = commit(&*store, cancel(&id, &id)).await;
            // A refusal in between takes no number.
            store.commit(cancel(&id, "late")).await.expect("answers");
            let next = round * 5 + number + 1;
            assert_eq!(callback, Some(CallbackId(next)));
            expected.push(next);
        }
        assert_eq!(sequences(&*store).await, expected);
        store.close().await;
    }
    let store = home.open().await;
    let page = store.events(4, 3).await.expect("reads");
    let page: Vec<u64> = page.iter().map(|event| event.sequence).collect();
    assert_eq!(page, [5, 6, 7]);
    assert!(store.events(15, 3).await.expect("reads").is_empty());
}

pub async fn waiting_for_an_event_ends_when_there_is_one(home: &dyn Home) {
    let store = home.open().await;
    let waiter = Arc::clone(&store);
    let waiting = tokio::spawn(async move { waiter.event_after(0).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let mut with_event = nothing("o1", 0);
    with_event.event = Some(event("o1", 1));
    commit(&*store, with_event).await;
    waiting.await.expect("ends");
    store.event_after(0).await;
}

pub async fn work_that_came_while_nobody_waited_is_not_missed(home: &dyn Home) {
    let store = home.open().await;
    owe(&*store, "o1", CallbackKind::Final).await;
    store.work().await;
    assert_eq!(claim_ids(&*store, at(0)).await, [CallbackId(1)]);
    settle(&*store, CallbackId(1), Next::Retry(at(9))).await;
    store.work().await;
    assert_eq!(store.next_due().await.expect("reads"), Some(at(9)));
}

pub async fn what_is_asked_for_is_written_down_in_order_and_survives(home: &dyn Home) {
    let store = home.open().await;
    for target in ["o1", "o2", "o3"] {
        store.note(asked_for(target, 0)).await.expect("written");
    }
    drop(store);
    let store = home.open().await;
    store.note(asked_for("o4", 0)).await.expect("written");
    let numbered = |sequence: u64| AuditEntry {
        sequence,
        ..asked_for(&format!("o{sequence}"), 0)
    };
    let all = store.audit(0, 10).await.expect("reads");
    assert_eq!(all, [1, 2, 3, 4].map(numbered));
    let some = store.audit(1, 2).await.expect("reads");
    assert_eq!(some, [2, 3].map(numbered));
}
