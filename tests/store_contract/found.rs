//! What orders are found by besides their ids, requests that wait for their callbacks, and events
//! that are pushed.

use beckn_bpp::domain::decide::Denial;
use beckn_bpp::domain::ids::MessageId;
use beckn_bpp::domain::order::{Booking, Cancellation, Order, Party, Pending, Reason, State};
use beckn_bpp::domain::undecided::{Refused, Undecided};
use beckn_bpp::store::{
    Answered, CallbackKind, Commit, Event, EventTarget, Next, ReferenceField, ReferenceFilter,
    Store, Walk,
};
use bytes::Bytes;

use crate::acts::{claim, claim_ids, commit, settle};
use crate::home::{Home, SledHome};
use crate::records::{
    at, callback, cancel, event, intake, key, network, nothing, order, request, session, subscriber,
};

fn called(id: &str, version: u64, reference: &str, tenant: Option<&str>) -> Commit {
    let mut commit = nothing(id, version - 1);
    commit.order.order = Some(Order {
        booking: Booking {
            external_reference: Some(reference.to_owned()),
            external_id: Some(format!("id of {id}")),
            tenant: tenant.map(str::to_owned),
            ..Booking::default()
        },
        ..order(id, version, State::Confirmed)
    });
    commit.order.document = Some(Bytes::from_static(b"{}"));
    commit
}

async fn found(store: &dyn Store, field: ReferenceField, text: &str, of: &[&str]) -> Vec<String> {
    let filter = ReferenceFilter {
        field,
        text: text.to_owned(),
        tenants: of.iter().map(ToString::to_string).collect(),
        limit: 2,
    };
    let found = store.orders_called(&filter).await.expect("reads");
    found.iter().map(|key| key.id.to_string()).collect()
}

fn asked_about(id: &str) -> Order {
    let proposed = Cancellation {
        by: Party::Customer,
        reason: Reason::default(),
        charge: None,
        terms: None,
        portion: None,
        rto: None,
        at: at(0),
        token: None,
    };
    order(id, 1, State::Confirmed).asked_about(Undecided {
        question: MessageId::parse("q1").expect("valid"),
        proposed,
        until: at(20),
        waiting: vec![request(id, "m1").key],
        at_doors: Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_found_by_what_a_partner_calls_it_now() {
    let home = SledHome::new();
    use ReferenceField::{Id, Reference};
    let store = home.open().await;
    for (id, reference, tenant) in [
        ("o1", "twice", Some("a")),
        ("o2", "twice", Some("b")),
        ("o3", "thrice\u{0}", None),
        ("o4", "thrice", Some("a")),
    ] {
        commit(&*store, called(id, 1, reference, tenant)).await;
    }
    assert_eq!(found(&*store, Reference, "twice", &[]).await, ["o1", "o2"]);
    assert_eq!(found(&*store, Reference, "twice", &["b"]).await, ["o2"]);
    assert_eq!(
        found(&*store, Reference, "twice", &["c", "a", "b"]).await,
        ["o1", "o2"]
    );
    assert_eq!(found(&*store, Reference, "thrice\u{0}", &[]).await, ["o3"]);
    assert_eq!(found(&*store, Reference, "thric", &[]).await, [""; 0]);
    assert_eq!(found(&*store, Id, "id of o4", &[]).await, ["o4"]);
    assert_eq!(found(&*store, Reference, "id of o4", &[]).await, [""; 0]);
    commit(&*store, called("o1", 2, "once", Some("b"))).await;
    drop(store);
    let store = home.open().await;
    assert_eq!(found(&*store, Reference, "twice", &[]).await, ["o2"]);
    assert_eq!(found(&*store, Reference, "once", &["b"]).await, ["o1"]);
    assert_eq!(found(&*store, Id, "id of o1", &["a"]).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_gets_its_callback_from_a_later_commit() {
    let home = SledHome::new();
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    let mut question = nothing("o1", 1);
    question.order.order = Some(asked_about("o1"));
    question.request = Some(request("o1", "m1"));
    assert_eq!(commit(&*store, question).await, None);
    assert_eq!(store.undecided().await.expect("reads"), [key("o1")]);
    drop(store);

    let store = home.open().await;
    assert_eq!(
        store.undecided().await.expect("reads"),
        [key("o1")],
        "after a restart"
    );
    let mut outcome = nothing("o1", 2);
    outcome.order.order = Some(order("o1", 3, State::Cancelled));
    outcome.answers = vec![Answered {
        request: request("o1", "m1").key,
        callback: Some(callback(CallbackKind::Final, "bap.example", "m1")),
        refused: None,
    }];
    commit(&*store, outcome).await;
    assert!(store.undecided().await.expect("reads").is_empty());
    let claimed = claim_ids(&*store, at(0)).await;
    let kept = store
        .request(&request("o1", "m1").key)
        .await
        .expect("reads");
    assert_eq!(kept.expect("kept").callback, claimed.first().copied());
    let timeline = store
        .timeline(&network(), &session("t1"))
        .await
        .expect("reads");
    assert_eq!((timeline.requests.len(), timeline.callbacks.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_overdue_from_the_end_of_its_providers_time_until_it_is_settled() {
    let home = SledHome::new();
    let store = home.open().await;
    let awaiting = |id: &str, until: Option<i64>| {
        let pending = Pending {
            request: MessageId::parse("m1").expect("valid"),
            reason: Reason::default(),
            at: at(0),
            until: until.map(at),
            proposed: None,
        };
        let mut commit = nothing(id, 1);
        commit.order.order = Some(order(id, 1, State::Confirmed).awaiting(pending));
        commit
    };
    for (id, until) in [("o1", Some(30)), ("o2", Some(20)), ("o3", None)] {
        commit(&*store, intake(id, State::Confirmed)).await;
        commit(&*store, awaiting(id, until)).await;
    }
    let overdue = async |store: &dyn Store, seconds: i64| -> Vec<String> {
        let keys = store.overdue(at(seconds)).await.expect("reads");
        keys.iter().map(|key| key.id.to_string()).collect()
    };
    drop(store);
    let store = home.open().await;
    assert_eq!(overdue(&*store, 19).await, [""; 0]);
    assert_eq!(overdue(&*store, 20).await, ["o2"], "exactly then");
    assert_eq!(
        overdue(&*store, 40).await,
        ["o2", "o1"],
        "the longest first"
    );
    let mut later = nothing("o2", 2);
    later.order.order = Some(order("o2", 3, State::Cancelled));
    commit(&*store, later).await;
    assert_eq!(overdue(&*store, 40).await, ["o1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_a_door_keeps_what_it_was_refused_with() {
    let home = SledHome::new();
    let store = home.open().await;
    commit(&*store, intake("o1", State::Confirmed)).await;
    let mut question = nothing("o1", 1);
    question.order.order = Some(asked_about("o1"));
    question.request = Some(request("o1", "m1"));
    commit(&*store, question).await;
    let refused = Refused {
        state: State::Confirmed,
        denial: Denial::Provider(Some("No".to_owned())),
    };
    let mut outcome = nothing("o1", 2);
    outcome.order.order = Some(order("o1", 3, State::Confirmed));
    outcome.answers = vec![Answered {
        request: request("o1", "m1").key,
        callback: None,
        refused: Some(refused.clone()),
    }];
    assert_eq!(commit(&*store, outcome).await, None);
    drop(store);
    let store = home.open().await;
    let kept = store
        .request(&request("o1", "m1").key)
        .await
        .expect("reads");
    let kept = kept.expect("kept");
    assert_eq!((kept.refused, kept.callback), (Some(refused), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_owed_to_whom_events_are_pushed_in_the_order_of_its_order() {
    let home = SledHome::new();
    let store = home.open().await;
    store.push_events(Some(EventTarget {
        subscriber: subscriber("provider:events"),
        url: "https://back-end.example/events".to_owned(),
        lane: "back-end.example:443".to_owned(),
    }));
    commit(&*store, intake("o1", State::Confirmed)).await;
    commit(&*store, cancel("o1", "m1")).await;
    let mut second = nothing("o1", 2);
    second.event = Some(event("o1", 3));
    commit(&*store, second).await;

    let claimed = claim(&*store, at(0)).await;
    let kinds: Vec<_> = claimed.iter().map(|one| one.callback.kind).collect();
    assert_eq!(
        kinds,
        [CallbackKind::Event, CallbackKind::Final],
        "one event at a time"
    );
    let events = store.events(0, 10).await.expect("reads");
    let pushed: Event = serde_json::from_slice(&claimed[0].body).expect("an event");
    assert_eq!(pushed, events[0]);
    settle(&*store, claimed[0].callback.id, Next::Delivered).await;
    let claimed = claim(&*store, at(0)).await;
    let pushed: Event = serde_json::from_slice(&claimed[0].body).expect("an event");
    assert_eq!(pushed, events[1]);
    drop(store);

    let store = home.open().await;
    let claimed = claim(&*store, at(0)).await;
    assert_eq!(
        claimed.len(),
        2,
        "what was not taken before is owed after a restart"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_order_is_found_by_goes_with_it() {
    let home = SledHome::new();
    let store = home.open().await;
    let mut first = called("o1", 1, "once", Some("a"));
    let gone = first.order.order.take().expect("an order");
    first.order.order = Some(Order {
        state: State::Completed,
        ..gone
    });
    first.request = Some(request("o1", "m1"));
    commit(&*store, first).await;
    let mut walk = Some(Walk::Orders(None));
    while let Some(step) = walk {
        walk = store.prune(step, at(1)).await.expect("prunes").next;
    }
    assert!(store.order(&key("o1")).await.expect("reads").is_none());
    let kept = store
        .request(&request("o1", "m1").key)
        .await
        .expect("reads");
    assert_eq!(kept, None, "its request went with it");
    let reference = ReferenceField::Reference;
    assert_eq!(found(&*store, reference, "once", &[]).await, [""; 0]);
}
