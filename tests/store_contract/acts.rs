//! What is done to a store in one line, and what it says of itself.

use beckn_bpp::store::{
    Attempt, CallbackFilter, CallbackId, CallbackKind, CallbackState, ClaimLimits, Claimed, Commit,
    Committed, Counts, NewCallback, Next, Settlement, Store,
};
use chrono::{DateTime, Utc};

use crate::records::{at, owing};

pub async fn commit(store: &dyn Store, commit: Commit) -> Option<CallbackId> {
    match store.commit(commit).await.expect("commits") {
        Committed::Done { callback } => callback,
        other => panic!("it should be written: {other:?}"),
    }
}

pub async fn owe(store: &dyn Store, order: &str, kind: CallbackKind) -> CallbackId {
    let owing = owing(order, kind, "bap.example", "m");
    commit(store, owing).await.expect("a callback")
}

pub fn limits(total: usize, per_lane: usize) -> ClaimLimits {
    ClaimLimits {
        total,
        per_lane,
        closed_lanes: Vec::new(),
        lanes_to_probe: Vec::new(),
    }
}

pub async fn claim(store: &dyn Store, now: DateTime<Utc>) -> Vec<Claimed> {
    let claimed = store.claim(now, &limits(1_000, 1_000)).await;
    claimed.expect("claims")
}

pub async fn claim_ids(store: &dyn Store, now: DateTime<Utc>) -> Vec<CallbackId> {
    let claimed = claim(store, now).await;
    claimed.iter().map(|claimed| claimed.callback.id).collect()
}

pub async fn settle(store: &dyn Store, id: CallbackId, next: Next) {
    settle_with(store, id, next, Vec::new()).await;
}

pub async fn settle_with(
    store: &dyn Store,
    id: CallbackId,
    next: Next,
    follow_ups: Vec<NewCallback>,
) {
    let attempt = Attempt {
        at: at(0),
        duration_ms: 5,
        outcome: "http_status".to_owned(),
        status: Some(500),
        detail: String::new(),
        signed: None,
    };
    let settlement = Settlement {
        id,
        attempt,
        next,
        follow_ups,
    };
    store.settle(settlement).await.expect("settles");
}

pub async fn state(store: &dyn Store, id: CallbackId) -> CallbackState {
    let read = store.callback(id).await.expect("reads");
    read.expect("a callback").callback.state
}

pub async fn counts(store: &dyn Store) -> Counts {
    store.counts().await.expect("counts")
}

pub async fn sequences(store: &dyn Store) -> Vec<u64> {
    let events = store.events(0, usize::MAX).await.expect("reads");
    events.iter().map(|event| event.sequence).collect()
}

pub async fn listed(store: &dyn Store, filter: CallbackFilter) -> Vec<u64> {
    let filter = CallbackFilter {
        limit: if filter.limit == 0 { 100 } else { filter.limit },
        ..filter
    };
    let callbacks = store.callbacks(&filter).await.expect("lists");
    callbacks.iter().map(|callback| callback.id.0).collect()
}
