//! What only sled's side can show of erasing and pruning: that no key and no byte is left, and
//! that what comes to life between the look and the job stays.

use super::{commit, directory, key, limits, now, open_at};
use crate::domain::order::{Booking, Cancellation, Order, Party, Patient, Reason, State};
use crate::domain::policy::Policy;
use crate::store::sled::{Job, SledStore, keys, prune};
use crate::store::{Attempt, CallbackId, Commit, Erased, Next, Pruned, Settlement, Store, Walk};
use bytes::Bytes;
use chrono::TimeDelta;

/// Stands wherever a person could be named.
const SECRET: &str = "Asha-Rao-2604";

fn cancelled(id: &str) -> Order {
    let reason = Reason {
        id: Some("001".to_owned()),
        text: Some(SECRET.to_owned()),
    };
    Order {
        key: key(id),
        version: 1,
        placement: None,
        state: State::Cancelled,
        fulfillments: Vec::new(),
        price: None,
        paid: None,
        policy: Policy::free(),
        booked_at: now(),
        occurred_at: now(),
        booking: Booking {
            patient: Some(Patient {
                id: Some(SECRET.to_owned()),
                partner_id: None,
                hip_id: None,
            }),
            ..Booking::default()
        },
        undecided: None,
        cancellation: Some(Cancellation {
            by: Party::Customer,
            reason,
            charge: None,
            at: now(),
            terms: None,
            portion: None,
            rto: None,
            token: None,
        }),
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

/// An order, cancelled by a request, with everything that belongs to it.
fn whole(id: &str) -> Commit {
    let mut commit = commit(id);
    commit.order.order = Some(cancelled(id));
    commit.order.document = Some(Bytes::from(SECRET.repeat(1_000)));
    if let Some(request) = &mut commit.request {
        request.body = Bytes::from(SECRET.repeat(1_000));
    }
    if let Some(callback) = &mut commit.callback {
        callback.body = Bytes::from(SECRET.repeat(1_000));
    }
    if let Some(event) = &mut commit.event {
        event.reason.text = Some(SECRET.to_owned());
    }
    commit
}

/// Writes it and gives its callback up, with an answer that names the person.
async fn given_up(store: &SledStore, id: &str) -> CallbackId {
    store.commit(whole(id)).await.expect("commits");
    let claimed = store.claim(now(), &limits()).await.expect("claims");
    let id = claimed[0].callback.id;
    let attempt = Attempt {
        at: now(),
        duration_ms: 1,
        outcome: "nack".to_owned(),
        status: Some(200),
        detail: SECRET.to_owned(),
        signed: None,
    };
    let next = Next::Dead;
    let settlement = Settlement {
        follow_ups: Vec::new(),
        id,
        attempt,
        next,
    };
    store.settle(settlement).await.expect("settles");
    id
}

/// Every value whole, as it was before it was compressed and cut.
fn entries(store: &SledStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    let tables = store.tables().expect("open");
    let entries = tables.tree().iter().map(|entry| entry.expect("readable"));
    let whole = |key: &[u8], entry: &[u8]| match key.first() {
        Some(&keys::PIECE) => entry.to_vec(),
        _ => super::values::finish(tables.tree(), key, entry)
            .expect("whole")
            .to_vec(),
    };
    entries
        .map(|(key, entry)| (key.to_vec(), whole(&key, &entry)))
        .collect()
}

async fn walk(store: &SledStore, start: Walk) -> Pruned {
    let (mut all, mut next) = (Pruned::default(), Some(start));
    while let Some(walk) = next.take() {
        let step = store.prune(walk, now() + TimeDelta::days(1)).await;
        let step = step.expect("prunes");
        all.add(&step);
        next = step.next;
    }
    all
}

#[tokio::test]
async fn no_byte_that_names_somebody_is_left_of_an_erased_order() {
    let directory = directory();
    let store = open_at(directory.path()).expect("opens");
    let id = given_up(&store, "o1").await;
    given_up(&store, "o2").await;
    let naming = |entries: &[(Vec<u8>, Vec<u8>)]| {
        let names = |(_, value): &&(Vec<u8>, Vec<u8>)| {
            let mut windows = value.windows(SECRET.len());
            windows.any(|window| window == SECRET.as_bytes())
        };
        entries.iter().filter(names).count()
    };
    let both = naming(&entries(&store));
    assert!(both > 0, "there is something to be erased");
    let erased = store.erase(&key("o1"), now()).await.expect("erases");
    let at = now();
    let (requests, callbacks) = (1, 1);
    let expected = Erased::Done {
        at,
        requests,
        callbacks,
    };
    assert_eq!(erased, expected);
    assert_eq!(naming(&entries(&store)) * 2, both, "o2 has all it had");
    assert!(
        store
            .redrive(&[id], "ops", now())
            .await
            .expect("answers")
            .is_empty()
    );
    assert_eq!(store.counts().await.expect("counts").callbacks_dead, 2);
}

#[tokio::test]
async fn no_key_is_left_of_what_was_pruned_but_the_newest_event() {
    for start in [Walk::Evidence(CallbackId(0)), Walk::Orders(None)] {
        let directory = directory();
        let store = open_at(directory.path()).expect("opens");
        for number in 0..40 {
            given_up(&store, &format!("o{number}")).await;
        }
        walk(&store, start).await;
        walk(&store, Walk::Orders(None)).await;
        let events = walk(&store, Walk::Events).await.events;
        assert_eq!(events, 39);
        let left: Vec<_> = entries(&store).into_iter().map(|(key, _)| key).collect();
        let expected = [
            keys::event(40),
            keys::FORMAT.to_vec(),
            keys::NUMBERS.to_vec(),
        ];
        assert_eq!(left, expected);
        assert_eq!(store.counts().await.expect("counts").callbacks_dead, 0);
    }
}

#[tokio::test]
async fn what_comes_to_life_between_the_look_and_the_job_stays() {
    let directory = directory();
    let store = open_at(directory.path()).expect("opens");
    let id = given_up(&store, "o1").await;
    let before = now() + TimeDelta::days(1);
    for start in [Walk::Evidence(CallbackId(0)), Walk::Orders(None)] {
        let tables = store.tables().expect("open");
        let due = prune::due(&tables, start, before).expect("looks");
        assert!(!due.is_empty());
        let redriven = store.redrive(&[id], "ops", now()).await.expect("redrives");
        assert_eq!(redriven, [id]);
        let job = store.write(|reply| Job::Prune(due, before, reply));
        assert_eq!(job.await.expect("prunes"), Pruned::default());
        assert!(store.callback(id).await.expect("reads").is_some());
        assert!(store.order(&key("o1")).await.expect("reads").is_some());

        let erased = store.erase(&key("o1"), now()).await.expect("answers");
        assert_eq!(erased, Erased::Owed);
        let claimed = store.claim(now(), &limits()).await.expect("claims");
        let settlement = Settlement {
            follow_ups: Vec::new(),
            id,
            attempt: claimed[0].callback.attempts[0].clone(),
            next: Next::Dead,
        };
        store.settle(settlement).await.expect("settles");
    }
}
