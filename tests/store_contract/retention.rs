//! What every store promises about pruning (and, in `erased`, about erasing), with the time that each
//! test wants.

mod erased;

use std::sync::Arc;

use beckn_bpp::domain::order::{Cancellation, Party, Reason, State};
use beckn_bpp::domain::policy::Charge;
use beckn_bpp::store::{
    CallbackFilter, CallbackId, CallbackKind, Next, OrderFilter, Pruned, Store, StoredOrder, Walk,
};
use chrono::{DateTime, Utc};

use crate::acts::{claim, commit, counts, listed, sequences, settle};
use crate::home::{Home, SledHome};
use crate::records::{
    asked_for, at, callback, cancel, intake, key, network, nothing, request, rupees, session,
};

const EVIDENCE: Walk = Walk::Evidence(CallbackId(0));

fn day(number: i64) -> DateTime<Utc> {
    at(number * 86_400)
}

/// An order cancelled by a request on that day, and what became of its callback.
async fn cancelled(store: &dyn Store, id: &str, on: i64, next: Option<Next>) -> CallbackId {
    commit(store, intake(id, State::Confirmed)).await;
    let mut cancel = cancel(id, id);
    cancel.now = day(on);
    if let Some(request) = &mut cancel.request {
        request.received_at = day(on);
    }
    if let Some(event) = &mut cancel.event {
        event.at = day(on);
        event.reason.text = Some("Asha changed her mind".to_owned());
    }
    if let Some(order) = &mut cancel.order.order {
        order.cancellation = Some(Cancellation {
            by: Party::Customer,
            reason: Reason {
                id: Some("001".to_owned()),
                text: Some("Asha changed her mind".to_owned()),
            },
            charge: Some(Charge::of(rupees("20.50"), Some(rupees("250")))),
            at: day(on),
            terms: None,
            portion: None,
            rto: None,
            token: None,
        });
    }
    let callback = commit(store, cancel).await.expect("a callback");
    if let Some(next) = next {
        assert_eq!(claim(store, day(on)).await.len(), 1);
        settle(store, callback, next).await;
    }
    callback
}

async fn walk(store: &dyn Store, start: Walk, before: DateTime<Utc>) -> Pruned {
    let (mut all, mut next) = (Pruned::default(), Some(start));
    while let Some(walk) = next.take() {
        let step = store.prune(walk, before).await.expect("prunes");
        all.add(&step);
        next = step.next;
    }
    all
}

async fn read(store: &dyn Store, id: &str) -> Option<StoredOrder> {
    store.order(&key(id)).await.expect("reads")
}

async fn knows(store: &dyn Store, id: &str) -> bool {
    let known = store.request(&request(id, id).key).await;
    known.expect("reads").is_some()
}

fn requests_and_callbacks(count: u64) -> Pruned {
    Pruned {
        requests: count,
        callbacks: count,
        ..Pruned::default()
    }
}

#[tokio::test]
async fn old_evidence_goes_and_what_is_owed_or_young_stays() {
    let home = SledHome::new();
    let store = home.open().await;
    cancelled(&*store, "dead", 0, Some(Next::Dead)).await;
    cancelled(&*store, "delivered", 0, Some(Next::Delivered)).await;
    let young = cancelled(&*store, "young", 10, Some(Next::Delivered)).await;
    let owed = cancelled(&*store, "owed", 0, None).await;

    // The walk stops at the first that is young: the clock was once ahead, nothing is lost.
    let pruned = walk(&*store, EVIDENCE, day(5)).await;
    assert_eq!(pruned, requests_and_callbacks(2));
    assert_eq!(walk(&*store, EVIDENCE, day(5)).await, Pruned::default());
    store.close().await;
    let store = home.open().await;
    assert_eq!(counts(&*store).await.callbacks_dead, 0);
    assert_eq!(counts(&*store).await.callbacks_pending, 1);
    assert_eq!(
        listed(&*store, CallbackFilter::default()).await,
        [young.0, owed.0]
    );
    for (id, is_known) in [
        ("dead", false),
        ("delivered", false),
        ("young", true),
        ("owed", true),
    ] {
        assert_eq!(knows(&*store, id).await, is_known, "{id}");
        assert!(read(&*store, id).await.is_some(), "{id}: the order stays");
    }
    let timeline = store
        .timeline(&network(), &session("t1"))
        .await
        .expect("reads");
    assert_eq!((timeline.requests.len(), timeline.callbacks.len()), (2, 2));

    // Later the young one goes too, and what is owed never does.
    assert_eq!(
        walk(&*store, EVIDENCE, day(100)).await,
        requests_and_callbacks(1)
    );
    assert_eq!(claim(&*store, day(100)).await[0].callback.id, owed);
    settle(&*store, owed, Next::Delivered).await;
    assert_eq!(
        walk(&*store, EVIDENCE, day(100)).await,
        requests_and_callbacks(1)
    );
    // Numbers are never given out twice.
    let next = cancelled(&*store, "next", 100, None).await;
    assert_eq!(next.0, owed.0 + 1);
}

#[tokio::test]
async fn a_long_walk_takes_small_steps_and_can_begin_anew_at_any_time() {
    let home = SledHome::new();
    let store = home.open().await;
    for number in 0..150 {
        cancelled(&*store, &format!("o{number:03}"), 0, Some(Next::Delivered)).await;
    }
    let first = store.prune(EVIDENCE, day(1)).await.expect("prunes");
    assert!((1..100).contains(&first.callbacks), "{first:?}");
    assert!(first.next.is_some());
    store.close().await;
    let store = home.open().await;
    let rest = walk(&*store, EVIDENCE, day(1)).await;
    assert_eq!(first.callbacks + rest.callbacks, 150);
    assert_eq!(listed(&*store, CallbackFilter::default()).await, [0; 0]);
}

#[tokio::test]
async fn an_order_goes_when_it_is_over_and_nothing_young_belongs_to_it() {
    let home = SledHome::new();
    let store = home.open().await;
    for (id, state) in [("open", State::Confirmed), ("riding", State::InProgress)] {
        commit(&*store, intake(id, state)).await;
    }
    commit(&*store, intake("completed", State::Completed)).await;
    cancelled(&*store, "old", 0, Some(Next::Delivered)).await;
    cancelled(&*store, "recent", 10, Some(Next::Delivered)).await;
    cancelled(&*store, "asked-again", 0, Some(Next::Delivered)).await;
    let mut again = nothing("asked-again", 2);
    again.callback = Some(callback(CallbackKind::Final, "bap.example", "again"));
    again.now = day(10);
    let again = commit(&*store, again).await.expect("a callback");
    assert_eq!(claim(&*store, day(10)).await[0].callback.id, again);
    settle(&*store, again, Next::Delivered).await;
    cancelled(&*store, "owed", 0, None).await;

    let pruned = walk(&*store, Walk::Orders(None), day(5)).await;
    let expected = Pruned {
        orders: 2,
        ..requests_and_callbacks(1)
    };
    assert_eq!(
        pruned, expected,
        "`completed` and `old`, with the evidence of `old`"
    );
    let all = OrderFilter {
        limit: 100,
        ..OrderFilter::default()
    };
    let left = store.orders(&all).await.expect("lists");
    let left: Vec<_> = left.iter().map(|order| order.key.id.as_str()).collect();
    assert_eq!(left, ["asked-again", "open", "owed", "recent", "riding"]);
    assert!(!knows(&*store, "old").await && knows(&*store, "recent").await);
}

#[tokio::test]
async fn an_order_with_many_callbacks_goes_step_by_step() {
    let home = SledHome::new();
    let store = home.open().await;
    cancelled(&*store, "busy", 0, Some(Next::Delivered)).await;
    for number in 0..100 {
        let mut more = nothing("busy", 2);
        more.callback = Some(callback(
            CallbackKind::Final,
            "bap.example",
            &number.to_string(),
        ));
        let id = commit(&*store, more).await.expect("a callback");
        assert_eq!(claim(&*store, at(0)).await.len(), 1);
        settle(&*store, id, Next::Delivered).await;
    }
    cancelled(&*store, "later", 0, Some(Next::Delivered)).await;
    let pruned = walk(&*store, Walk::Orders(None), day(1)).await;
    let expected = Pruned {
        requests: 2,
        callbacks: 102,
        orders: 2,
        ..Pruned::default()
    };
    assert_eq!(pruned, expected);
}

#[tokio::test]
async fn old_events_go_but_never_the_newest_and_readers_meet_no_gap() {
    let home = SledHome::new();
    let store = home.open().await;
    for number in 0..200 {
        cancelled(
            &*store,
            &format!("o{number}"),
            number / 100,
            Some(Next::Delivered),
        )
        .await;
    }
    let reader = Arc::clone(&store);
    let reading = tokio::spawn(async move {
        let mut first = 0;
        while first < 101 {
            let events = reader.events(0, 1_000).await.expect("no gap is met");
            first = events[0].sequence;
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(walk(&*store, Walk::Events, day(1)).await.events, 100);
    reading.await.expect("ends");
    assert_eq!(sequences(&*store).await, (101..=200).collect::<Vec<_>>());
    assert_eq!(walk(&*store, Walk::Events, day(9)).await.events, 99);
    store.close().await;
    let store = home.open().await;
    assert_eq!(walk(&*store, Walk::Events, day(9)).await.events, 0);
    assert_eq!(sequences(&*store).await, [200]);
    cancelled(&*store, "next", 9, None).await;
    assert_eq!(sequences(&*store).await, [200, 201]);
}

#[tokio::test]
async fn old_audit_entries_go_and_their_numbers_never_come_again() {
    let home = SledHome::new();
    let store = home.open().await;
    for number in 0..100 {
        let entry = asked_for("o1", (number / 50) * 86_400);
        store.note(entry).await.expect("written");
    }
    assert_eq!(walk(&*store, Walk::Audit, day(1)).await.audit, 50);
    let left = store.audit(0, 1_000).await.expect("reads");
    assert_eq!(left.first().map(|entry| entry.sequence), Some(51));
    assert_eq!(walk(&*store, Walk::Audit, day(9)).await.audit, 49);
    store.close().await;
    let store = home.open().await;
    assert_eq!(walk(&*store, Walk::Audit, day(9)).await.audit, 0);
    store.note(asked_for("o1", 0)).await.expect("written");
    let left = store.audit(0, 1_000).await.expect("reads");
    // The newest stays, so that the loss of it shows.
    assert_eq!(
        left.iter().map(|entry| entry.sequence).collect::<Vec<_>>(),
        [100, 101]
    );
}

/// Ids of unsolicited callbacks are ours: nobody's request is taken for what they answer.
#[tokio::test]
async fn a_request_that_another_callback_answers_stays() {
    let home = SledHome::new();
    let store = home.open().await;
    commit(&*store, intake("ours", State::Completed)).await;
    let mut unsolicited = nothing("ours", 1);
    unsolicited.callback = Some(callback(CallbackKind::Final, "bap.example", "same"));
    let id = commit(&*store, unsolicited).await.expect("a callback");
    assert_eq!(claim(&*store, at(0)).await.len(), 1);
    settle(&*store, id, Next::Delivered).await;
    let mut asked = nothing("theirs", 0);
    asked.request = Some(request("theirs", "same"));
    asked.callback = Some(callback(CallbackKind::Final, "bap.example", "same"));
    asked.now = day(10);
    commit(&*store, asked).await;
    assert_eq!(walk(&*store, EVIDENCE, day(5)).await.requests, 0);
    let known = store.request(&request("theirs", "same").key).await;
    assert!(known.expect("reads").is_some());
}

#[tokio::test]
async fn an_answer_about_no_order_goes_with_the_question_it_answers() {
    let home = SledHome::new();
    let store = home.open().await;
    let mut question = request("cancellation_reasons:1", "m1");
    question.key.action = CallbackKind::Reasons.answers().to_owned();
    let mut asked = nothing("cancellation_reasons:1", 0);
    asked.request = Some(question.clone());
    asked.callback = Some(callback(CallbackKind::Reasons, "bap.example", "m1"));
    // A cancel of the same session under the same id is another message.
    let mut cancel = nothing("o1", 0);
    cancel.request = Some(request("o1", "m1"));
    cancel.now = day(20);
    let id = commit(&*store, asked).await.expect("a callback");
    commit(&*store, cancel).await;
    let known = async |key| store.request(key).await.expect("reads").is_some();
    assert_eq!(
        walk(&*store, EVIDENCE, day(10)).await,
        Pruned::default(),
        "it is owed"
    );
    assert_eq!(claim(&*store, at(0)).await.len(), 1);
    settle(&*store, id, Next::Delivered).await;
    assert_eq!(
        walk(&*store, EVIDENCE, day(10)).await,
        requests_and_callbacks(1)
    );
    assert!(!known(&question.key).await && known(&request("o1", "m1").key).await);
}
