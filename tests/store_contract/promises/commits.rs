//! A commit is one whole: all of it or nothing, once, and there after a crash.

use std::sync::Arc;

use beckn_bpp::domain::order::State;
use beckn_bpp::store::{CallbackFilter, CallbackState, Committed, Event, StoredRequest};
use bytes::Bytes;

use crate::acts::{commit, counts, listed, sequences};
use crate::home::Home;
use crate::records::{at, cancel, event, intake, key, nothing, order, request};

pub async fn a_commit_is_read_back_whole(home: &dyn Home) {
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    let id = commit(&*store, cancel("o1", "m1"))
        .await
        .expect("a callback");

    let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
    assert_eq!(stored.order, order("o1", 2, State::Cancelled));
    assert_eq!(stored.document, "{\"document\": 1}", "the document is kept");
    let kept = store
        .request(&request("o1", "m1").key)
        .await
        .expect("reads");
    let expected = StoredRequest {
        callback: Some(id),
        ..request("o1", "m1")
    };
    assert_eq!(kept, Some(expected));
    let owed = store.callback(id).await.expect("reads").expect("kept");
    assert_eq!(owed.body, "{\"answers\": \"m1\"}");
    assert_eq!(owed.callback.state, CallbackState::Pending);
    assert_eq!(owed.callback.next_at, at(0));
    let events = store.events(0, 10).await.expect("reads");
    let expected = Event {
        sequence: 1,
        ..event("o1", 2)
    };
    assert_eq!(events, [expected]);
    assert!(store.order(&key("o2")).await.expect("reads").is_none());
}

pub async fn of_two_hundred_racing_commits_exactly_one_wins(home: &dyn Home) {
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    let racers: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            let commit = cancel("o1", &format!("m{number}"));
            tokio::spawn(async move { store.commit(commit).await.expect("answers") })
        })
        .collect();
    let mut done = 0;
    for racer in racers {
        match racer.await.expect("ends") {
            Committed::Done { .. } => done += 1,
            other => assert_eq!(other, Committed::OrderChanged),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(sequences(&*store).await, [1]);
    assert_eq!(counts(&*store).await.callbacks_pending, 1);
}

pub async fn the_same_request_is_written_once_and_then_told(home: &dyn Home) {
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(cancel("o1", "m1")).await })
        })
        .collect();
    let mut done = Vec::new();
    let mut known = Vec::new();
    for racer in racers {
        match racer.await.expect("ends").expect("answers") {
            Committed::Done { callback } => done.push(callback),
            Committed::RequestKnown(stored) => known.push(*stored),
            other => panic!("the request goes before the order: {other:?}"),
        }
    }
    assert_eq!((done.len(), known.len()), (1, 49));
    let stored = StoredRequest {
        callback: done[0],
        ..request("o1", "m1")
    };
    assert!(known.iter().all(|known| *known == stored));
}

pub async fn a_refused_commit_leaves_nothing_behind(home: &dyn Home) {
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    commit(&*store, cancel("o1", "m1")).await;
    let refused = [
        store.commit(cancel("o1", "m2")).await.expect("answers"),
        store
            .commit(intake("o1", State::Pending))
            .await
            .expect("answers"),
        store.commit(cancel("o2", "m3")).await.expect("answers"),
    ];
    assert!(
        refused
            .iter()
            .all(|answer| *answer == Committed::OrderChanged)
    );
    let mut again = cancel("o1", "m1");
    again.order.expected_version = 2;
    let again = store.commit(again).await.expect("answers");
    assert!(matches!(again, Committed::RequestKnown(_)));

    let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
    assert_eq!(stored.order.version, 2);
    assert!(store.order(&key("o2")).await.expect("reads").is_none());
    for message in ["m2", "m3"] {
        let unknown = store.request(&request("o1", message).key).await;
        assert_eq!(unknown.expect("reads"), None);
    }
    assert_eq!(sequences(&*store).await, [1]);
    assert_eq!(counts(&*store).await.callbacks_pending, 1);
    let all = CallbackFilter::default();
    assert_eq!(listed(&*store, all).await, [1]);
}

pub async fn a_commit_without_an_order_compares_the_version_only(home: &dyn Home) {
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    assert_eq!(commit(&*store, nothing("o1", 1)).await, None);
    let changed = store.commit(nothing("o1", 2)).await.expect("answers");
    assert_eq!(changed, Committed::OrderChanged);
    let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
    assert_eq!(stored.order.version, 1);
}

pub async fn what_was_acknowledged_survives_a_drop_without_close(home: &dyn Home) {
    let store = home.open().await;
    for number in 0..100 {
        let id = format!("o{number}");
        commit(&*store, intake(&id, State::Confirmed)).await;
        commit(&*store, cancel(&id, &id)).await;
    }
    drop(store);
    let store = home.open().await;
    for number in 0..100 {
        let id = format!("o{number}");
        let stored = store.order(&key(&id)).await.expect("reads").expect("kept");
        assert_eq!(stored.order.version, 2);
        let known = store.request(&request(&id, &id).key).await.expect("reads");
        assert!(known.is_some());
    }
    assert_eq!(sequences(&*store).await.len(), 100);
    assert_eq!(counts(&*store).await.callbacks_pending, 100);
}

pub async fn a_large_document_comes_back_byte_for_byte(home: &dyn Home) {
    let store = home.open().await;
    let document = |length: usize, seed: usize| -> Bytes {
        (0..length)
            .map(|at| ((at * 31 + seed) % 251) as u8)
            .collect()
    };
    let mut version = 0;
    for length in [200 << 10, 4_096, 4_097, 0, 8_192, 200 << 10] {
        let mut write = nothing("o1", version);
        version += 1;
        write.order.order = Some(order("o1", version, State::Confirmed));
        write.order.document = Some(document(length, version as usize));
        commit(&*store, write).await;
        let stored = store.order(&key("o1")).await.expect("reads").expect("kept");
        assert_eq!(stored.document, document(length, version as usize));
    }
    for number in 0..20 {
        let id = format!("large-{number}");
        let mut large = cancel(&id, &id);
        large.order.expected_version = 0;
        large.order.document = Some(document(200 << 10, number));
        large.request.as_mut().expect("a request").body = document(250 << 10, number);
        large.callback.as_mut().expect("a callback").body = document(200 << 10, number);
        commit(&*store, large).await;
    }
    store.close().await;
    let store = home.open().await;
    for number in 0..20 {
        let id = format!("large-{number}");
        let known = store.request(&request(&id, &id).key).await.expect("reads");
        assert_eq!(known.expect("kept").body, document(250 << 10, number));
    }
    store.close().await;
}

pub async fn a_store_that_was_closed_says_so(home: &dyn Home) {
    let store = home.open().await;
    store.writable().expect("writable");
    store.close().await;
    store.close().await;
    assert!(store.writable().is_err());
    assert!(store.commit(nothing("o1", 0)).await.is_err());
    assert!(store.order(&key("o1")).await.is_err());
}

pub async fn sixty_four_writers_share_the_syncs(home: &dyn Home) {
    let store = home.open().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for number in 0..40 {
                let id = format!("o{writer}-{number}");
                let mut commit = cancel(&id, &id);
                commit.order.expected_version = 0;
                crate::acts::commit(&*store, commit).await;
            }
        });
    }
    writers.join_all().await;
    let expected: Vec<u64> = (1..=64 * 40).collect();
    assert_eq!(sequences(&*store).await, expected);
}
