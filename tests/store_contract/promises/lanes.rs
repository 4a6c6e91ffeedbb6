//! Many hosts: none delays another, one may be held, and what is dead is sent again.

use std::collections::HashMap;
use std::sync::Arc;

use beckn_bpp::store::{
    CallbackId, CallbackKind, CallbackState, ClaimLimits, Counts, MAX_PREVIEWS_WAITING, Next,
    Redrive,
};

use crate::acts::{claim, claim_ids, commit, counts, limits, owe, settle, state};
use crate::home::Home;
use crate::records::{at, owing, subscriber};

pub async fn a_lane_with_ten_thousand_does_not_delay_the_others(home: &dyn Home) {
    let store = home.open().await;
    let mut owed = tokio::task::JoinSet::new();
    for task in 0..50 {
        let store = Arc::clone(&store);
        owed.spawn(async move {
            for number in 0..200 {
                let id = format!("o{task}-{number}");
                let busy = owing(&id, CallbackKind::Final, "busy.example", "m");
                commit(&*store, busy).await;
            }
        });
    }
    owed.join_all().await;
    for host in ["a.example", "b.example", "c.example"] {
        commit(&*store, owing(host, CallbackKind::Final, host, "m")).await;
    }
    let mut claimed = HashMap::new();
    for claim in store.claim(at(0), &limits(8, 8)).await.expect("claims") {
        *claimed.entry(claim.callback.lane).or_insert(0) += 1;
    }
    let expected = [
        ("a.example:443", 1),
        ("b.example:443", 1),
        ("busy.example:443", 5),
        ("c.example:443", 1),
    ];
    let expected = expected.map(|(lane, count)| (lane.to_owned(), count));
    assert_eq!(claimed, HashMap::from(expected));
    assert_eq!(counts(&*store).await.callbacks_pending, 10_003);
}

pub async fn a_lane_is_limited_and_a_closed_one_gets_nothing(home: &dyn Home) {
    let store = home.open().await;
    for number in 0..5 {
        owe(&*store, &format!("o{number}"), CallbackKind::Final).await;
    }
    let closed = ClaimLimits {
        closed_lanes: vec!["bap.example:443".to_owned()],
        ..limits(10, 10)
    };
    assert!(
        store
            .claim(at(0), &closed)
            .await
            .expect("claims")
            .is_empty()
    );
    let two = store.claim(at(0), &limits(10, 2)).await.expect("claims");
    assert_eq!(two.len(), 2);
    assert!(
        store
            .claim(at(0), &limits(10, 2))
            .await
            .expect("claims")
            .is_empty()
    );
    settle(&*store, two[0].callback.id, Next::Delivered).await;
    assert_eq!(
        store
            .claim(at(0), &limits(10, 2))
            .await
            .expect("claims")
            .len(),
        1
    );
    assert_eq!(
        store
            .claim(at(0), &limits(1, 9))
            .await
            .expect("claims")
            .len(),
        1
    );
}

pub async fn the_oldest_of_a_lane_goes_first(home: &dyn Home) {
    let store = home.open().await;
    let mut due = HashMap::new();
    for (order, second) in [("o1", 30), ("o2", 10), ("o3", 20)] {
        let mut owing = owing(order, CallbackKind::Final, "bap.example", "m");
        owing.now = at(second);
        due.insert(commit(&*store, owing).await.expect("a callback"), second);
    }
    assert_eq!(store.next_due().await.expect("reads"), Some(at(10)));
    assert!(claim_ids(&*store, at(9)).await.is_empty());
    let claimed = claim_ids(&*store, at(30)).await;
    let seconds: Vec<i64> = claimed.iter().map(|id| due[id]).collect();
    assert_eq!(seconds, [10, 20, 30]);
    assert_eq!(
        store.next_due().await.expect("reads"),
        None,
        "all are in flight"
    );
}

pub async fn subscribers_on_one_host_take_turns(home: &dyn Home) {
    let store = home.open().await;
    let on_shared = |order: &str, host: &str| {
        let mut owing = owing(order, CallbackKind::Final, host, "m");
        owing.callback.as_mut().expect("a callback").lane = "shared:443".to_owned();
        owing
    };
    for number in 0..100 {
        commit(&*store, on_shared(&format!("a{number}"), "a.example")).await;
    }
    let late = commit(&*store, on_shared("b", "b.example")).await;
    let late = late.expect("a callback");
    let first = store.claim(at(0), &limits(1, 1)).await.expect("claims");
    settle(&*store, first[0].callback.id, Next::Delivered).await;
    let second = store.claim(at(0), &limits(1, 1)).await.expect("claims");
    assert_eq!(
        second[0].callback.id, late,
        "before ninety-nine that are older"
    );
}

pub async fn holds_stop_sending_and_survive_reopening(home: &dyn Home) {
    let store = home.open().await;
    for host in ["a.example", "b.example"] {
        let mut owing = owing(host, CallbackKind::Final, host, "m");
        owing.callback.as_mut().expect("a callback").lane = "shared:443".to_owned();
        commit(&*store, owing).await;
    }
    // The same subscriber, written otherwise.
    let held = subscriber("https://a.example/");
    store.hold(Some(&held)).await.expect("holds");
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.holds().await.expect("reads"), ["https://a.example/"]);
    assert_eq!(claim_ids(&*store, at(0)).await, [CallbackId(2)]);
    assert_eq!(store.next_due().await.expect("reads"), None);
    settle(&*store, CallbackId(2), Next::Retry(at(1))).await;
    store.hold(None).await.expect("holds");
    store
        .release(Some(&subscriber("a.example")))
        .await
        .expect("releases");
    store.close().await;

    let store = home.open().await;
    assert_eq!(store.holds().await.expect("reads"), ["*"]);
    assert!(claim_ids(&*store, at(9)).await.is_empty());
    store.hold(Some(&held)).await.expect("holds");
    store.release(None).await.expect("releases");
    assert!(store.holds().await.expect("reads").is_empty());
    assert_eq!(claim_ids(&*store, at(9)).await.len(), 2);
}

pub async fn a_dead_preview_is_not_redriven_after_the_outcome(home: &dyn Home) {
    let store = home.open().await;
    let preview = owe(&*store, "o1", CallbackKind::Preview).await;
    assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
    settle(&*store, preview, Next::Dead).await;
    let redriven = store
        .redrive(&[preview], "ops", at(1))
        .await
        .expect("redrives");
    assert_eq!(redriven, [preview], "nothing has overtaken it yet");
    assert_eq!(claim_ids(&*store, at(1)).await, [preview]);
    settle(&*store, preview, Next::Dead).await;
    owe(&*store, "o1", CallbackKind::Final).await;
    let redriven = store
        .redrive(&[preview], "ops", at(2))
        .await
        .expect("redrives");
    assert!(redriven.is_empty());
    assert_eq!(state(&*store, preview).await, CallbackState::Dead);
}

pub async fn what_would_be_redriven_is_what_is_redriven(home: &dyn Home) {
    let store = home.open().await;
    let mut dead = Vec::new();
    // More than go at once, and more than one order takes.
    for number in 0..MAX_PREVIEWS_WAITING + 20 {
        let order = if number % 8 == 0 { "overtaken" } else { "o1" };
        let preview = owe(&*store, order, CallbackKind::Preview).await;
        assert_eq!(claim_ids(&*store, at(0)).await, [preview]);
        settle(&*store, preview, Next::Dead).await;
        dead.push(preview);
    }
    let outcome = owe(&*store, "overtaken", CallbackKind::Final).await;
    claim_ids(&*store, at(0)).await;
    settle(&*store, outcome, Next::Dead).await;
    dead.push(outcome);
    // Its price came after the outcome, so it is news.
    let later = owe(&*store, "overtaken", CallbackKind::Preview).await;
    claim_ids(&*store, at(0)).await;
    settle(&*store, later, Next::Dead).await;
    dead.push(later);

    let all = [&dead[..], &[CallbackId(9_999)]].concat();
    let would = store.would_redrive(&all).await.expect("rehearses");
    assert_eq!(counts(&*store).await.callbacks_dead, dead.len() as u64);
    let fit = dead[..dead.len() - 2].iter().enumerate();
    let fit = fit.filter(|(number, _)| number % 8 != 0).map(|(_, id)| *id);
    let fit: Vec<_> = fit
        .take(MAX_PREVIEWS_WAITING)
        .chain([outcome, later])
        .collect();
    assert_eq!(would, fit);
    let redriven = store.redrive(&all, "ops", at(1)).await.expect("redrives");
    assert_eq!(redriven, fit);
    let again = store.would_redrive(&all).await.expect("rehearses");
    assert_eq!(again, [], "one order has as many waiting as may");
}

pub async fn dead_callbacks_are_redriven_at_the_back_of_their_order(home: &dyn Home) {
    let store = home.open().await;
    let dead = owe(&*store, "o1", CallbackKind::Final).await;
    claim_ids(&*store, at(0)).await;
    settle(&*store, dead, Next::Dead).await;
    let later = owe(&*store, "o1", CallbackKind::Final).await;
    assert_eq!(
        counts(&*store).await,
        Counts {
            callbacks_pending: 1,
            callbacks_dead: 1
        }
    );
    assert_eq!(
        store
            .callback(later)
            .await
            .expect("reads")
            .map(|c| c.callback.id),
        Some(later)
    );

    let ids = [dead, later, CallbackId(99)];
    let redriven = store.redrive(&ids, "ops", at(5)).await.expect("redrives");
    assert_eq!(redriven, [dead]);
    assert_eq!(
        counts(&*store).await,
        Counts {
            callbacks_pending: 2,
            callbacks_dead: 0
        }
    );
    assert_eq!(claim_ids(&*store, at(5)).await, [later]);
    settle(&*store, later, Next::Delivered).await;
    let claimed = claim(&*store, at(5)).await;
    assert_eq!(claimed[0].callback.id, dead);
    assert_eq!(claimed[0].callback.attempts_in_run, 0);
    assert_eq!(claimed[0].callback.attempts.len(), 1, "the history is kept");
    assert_eq!(claimed[0].callback.next_at, at(5));

    settle(&*store, dead, Next::Dead).await;
    store.close().await;
    let store = home.open().await;
    assert_eq!(
        counts(&*store).await,
        Counts {
            callbacks_pending: 0,
            callbacks_dead: 1
        }
    );
    store
        .redrive(&[dead], "ops", at(6))
        .await
        .expect("redrives");
    assert_eq!(claim_ids(&*store, at(6)).await, [dead], "it is first again");
    let kept = store.callback(dead).await.expect("reads").expect("kept");
    let asked = |seconds| Redrive {
        at: at(seconds),
        token: "ops".to_owned(),
    };
    assert_eq!(kept.callback.redrives, [asked(5), asked(6)]);
}
