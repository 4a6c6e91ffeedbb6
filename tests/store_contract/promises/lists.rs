//! What is read in lists: a session, orders and callbacks, a page at a time.

use beckn_bpp::domain::ids::NetworkName;
use beckn_bpp::domain::order::State;
use beckn_bpp::store::{
    CallbackFilter, CallbackId, CallbackKind, CallbackState, Next, OrderFilter,
};

use crate::acts::{claim_ids, commit, listed, settle};
use crate::home::Home;
use crate::records::{at, intake, key, network, owing, request, session, subscriber};

pub async fn a_timeline_holds_one_session_and_no_other(home: &dyn Home) {
    let store = home.open().await;
    for (number, (transaction, message)) in [("t1", "late"), ("t1", "early"), ("t10", "other")]
        .into_iter()
        .enumerate()
    {
        let id = format!("o{number}");
        let mut owing = owing(&id, CallbackKind::Final, "bap.example", message);
        let callback = owing.callback.as_mut().expect("a callback");
        callback.transaction = session(transaction);
        let mut request = request(&id, message);
        request.key.transaction = session(transaction);
        request.received_at = at(10 - number as i64);
        owing.request = Some(request);
        commit(&*store, owing).await;
    }
    let timeline = store
        .timeline(&network(), &session("t1"))
        .await
        .expect("reads");
    let requests = timeline.requests.iter();
    let requests: Vec<_> = requests
        .map(|request| (request.key.message.as_str(), request.callback))
        .collect();
    let expected = [
        ("early", Some(CallbackId(2))),
        ("late", Some(CallbackId(1))),
    ];
    assert_eq!(requests, expected);
    assert_eq!(timeline.requests[0].body, "{\"message\": \"early\"}");
    let callbacks: Vec<u64> = timeline.callbacks.iter().map(|c| c.id.0).collect();
    assert_eq!(callbacks, [1, 2]);
    let nothing = store
        .timeline(&network(), &session("t2"))
        .await
        .expect("reads");
    assert!(nothing.requests.is_empty() && nothing.callbacks.is_empty());
}

pub async fn orders_are_listed_in_pages(home: &dyn Home) {
    let store = home.open().await;
    for number in 0..10 {
        let state = match number % 2 {
            0 => State::Confirmed,
            _ => State::Cancelled,
        };
        commit(&*store, intake(&format!("o{number}"), state)).await;
    }
    let mut health = intake("o5", State::Confirmed);
    health.order.key.network = NetworkName::parse("health").expect("valid");
    health.order.order.as_mut().expect("an order").key = health.order.key.clone();
    commit(&*store, health).await;

    let mut filter = OrderFilter {
        limit: 4,
        ..OrderFilter::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = store.orders(&filter).await.expect("lists");
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|order| order.key));
    }
    assert_eq!(seen.len(), 11);
    assert!(seen.is_sorted(), "{seen:?}");
    let filter = OrderFilter {
        network: Some(network()),
        state: Some(State::Cancelled),
        after: Some(key("o3")),
        limit: 2,
        ..OrderFilter::default()
    };
    let page = store.orders(&filter).await.expect("lists");
    let page: Vec<&str> = page.iter().map(|order| order.key.id.as_str()).collect();
    assert_eq!(page, ["o5", "o7"]);
}

pub async fn callbacks_are_listed_in_pages_by_state_order_and_subscriber(home: &dyn Home) {
    let store = home.open().await;
    for (order, host) in [
        ("o2", "a.example"),
        ("o1", "a.example"),
        ("o2", "b.example"),
        ("o3", "b.example"),
    ] {
        commit(&*store, owing(order, CallbackKind::Final, host, "m")).await;
    }
    claim_ids(&*store, at(0)).await;
    settle(&*store, CallbackId(1), Next::Delivered).await;
    settle(&*store, CallbackId(2), Next::Dead).await;

    let all = CallbackFilter::default();
    assert_eq!(listed(&*store, all.clone()).await, [1, 2, 3, 4]);
    let page = |after, limit| CallbackFilter {
        after: Some(CallbackId(after)),
        limit,
        ..all.clone()
    };
    assert_eq!(listed(&*store, page(1, 2)).await, [2, 3]);
    let in_state = |state| CallbackFilter {
        state: Some(state),
        ..all.clone()
    };
    assert_eq!(
        listed(&*store, in_state(CallbackState::Delivered)).await,
        [1]
    );
    assert_eq!(listed(&*store, in_state(CallbackState::Dead)).await, [2]);
    assert_eq!(
        listed(&*store, in_state(CallbackState::Pending)).await,
        [3, 4]
    );
    let pending_page = CallbackFilter {
        limit: 1,
        ..in_state(CallbackState::Pending)
    };
    assert_eq!(listed(&*store, pending_page.clone()).await, [3]);
    let pending_page = CallbackFilter {
        after: Some(CallbackId(3)),
        ..pending_page
    };
    assert_eq!(listed(&*store, pending_page).await, [4]);
    let of_order = CallbackFilter {
        order: Some(key("o2")),
        ..all.clone()
    };
    assert_eq!(listed(&*store, of_order).await, [1, 3]);
    let of_subscriber = CallbackFilter {
        subscriber: Some(subscriber("https://b.example")),
        ..all
    };
    assert_eq!(listed(&*store, of_subscriber).await, [3, 4]);
}
