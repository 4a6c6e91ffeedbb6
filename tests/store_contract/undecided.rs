//! An order can be over, used say, before it is decided what becomes of a cancellation that was
//! acknowledged: until then nothing of it goes.

use std::path::Path;
use std::time::Duration;

use beckn_bpp::domain::ids::MessageId;
use beckn_bpp::domain::order::{Cancellation, Order, Party, Pending, Placement, Reason, State};
use beckn_bpp::domain::undecided::Undecided;
use beckn_bpp::store::sled::{Named, PERHAPS_WAITING, Report, Salvaged, WAITING, check, salvage};
use beckn_bpp::store::{
    Answered, CallbackKind, Erased, Error, Next, Pruned, Store, StoredRequest, Walk,
};
use serde_json::Value;

use crate::acts::{claim_ids, commit, settle};
use crate::home::{Home, SledHome};
use crate::records::{
    at, callback, intake, key, network, nothing, order, request, session, subscriber,
};

/// What a customer wrote.
const WORDS: &str = "Asha changed her mind";

const MUCH_LATER: i64 = 400 * 86_400;

fn reason() -> Reason {
    Reason {
        id: Some("000".to_owned()),
        text: Some(WORDS.to_owned()),
    }
}

fn proposed() -> Cancellation {
    Cancellation {
        by: Party::Customer,
        reason: reason(),
        charge: None,
        terms: None,
        portion: None,
        rto: None,
        at: at(1),
        token: None,
    }
}

/// The provider looks into it.
fn looked_into(of: Order) -> Order {
    of.awaiting(Pending {
        request: request("looked-into", "looked-into").key.message,
        reason: reason(),
        at: at(1),
        until: Some(at(30)),
        proposed: Some(Box::new(proposed())),
    })
}

/// The provider's back end is asked.
fn asked(of: Order) -> Order {
    let waiting = vec![request("asked", "asked").key];
    of.asked_about(Undecided {
        question: MessageId::parse("q1").expect("valid"),
        proposed: proposed(),
        until: at(30),
        waiting,
        at_doors: Vec::new(),
    })
}

type Asking = fn(Order) -> Order;

const BOTH: [(&str, Asking); 2] = [("looked-into", looked_into), ("asked", asked)];

/// Orders that are over, each with an acknowledged request that waits for a decision.
async fn filled(store: &dyn Store) {
    for (id, waiting) in BOTH {
        commit(store, intake(id, State::Confirmed)).await;
        let mut cancel = nothing(id, 1);
        cancel.order.order = Some(waiting(order(id, 1, State::Confirmed)));
        cancel.request = Some(request(id, id));
        commit(store, cancel).await;
        let mut used = nothing(id, 2);
        let mut over = waiting(order(id, 2, State::Confirmed));
        over.state = State::Completed;
        used.order.order = Some(over);
        commit(store, used).await;
    }
}

/// The outcome: the order stays as it is, and who waits hears of it.
async fn decide(store: &dyn Store, id: &str) {
    let mut outcome = nothing(id, 3);
    outcome.order.order = Some(order(id, 4, State::Completed));
    outcome.answers = vec![Answered {
        request: request(id, id).key,
        callback: Some(callback(CallbackKind::Final, "bap.example", id)),
        refused: None,
    }];
    commit(store, outcome).await;
    for callback in claim_ids(store, at(2)).await {
        settle(store, callback, Next::Delivered).await;
    }
}

async fn pruned(store: &dyn Store) -> Pruned {
    let walk = Walk::Orders(None);
    store.prune(walk, at(MUCH_LATER)).await.expect("prunes")
}

/// The digest that the records of these tests tell; of an erased body nobody wants one.
fn digest(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    format!("digest of {}", body["message"].as_str().unwrap_or_default())
}

/// What is said of a store that was closed: sled's threads let go of the file a moment after the
/// last handle is dropped.
fn once_closed(mut look: impl FnMut(&Path) -> Result<Report, Error>) -> Report {
    let scratch = tempfile::tempdir().expect("a directory");
    let report = (0..250).find_map(|_| match look(scratch.path()) {
        Err(Error::Locked { .. }) => {
            std::thread::sleep(Duration::from_millis(20));
            None
        }
        report => Some(report.expect("can be looked at")),
    });
    report.expect("is let go of")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_neither_erased_nor_pruned_before_it_is_decided_on() {
    let home = SledHome::new();
    let store = home.open().await;
    filled(&*store).await;
    let erase = async |store: &dyn Store, id| store.erase(&key(id), at(50)).await.expect("answers");
    assert_eq!(pruned(&*store).await, Pruned::default());
    for (id, _) in BOTH {
        assert_eq!(erase(&*store, id).await, Erased::Undecided, "{id}");
        let kept = store.request(&request(id, id).key).await.expect("reads");
        assert!(!kept.expect("is kept").is_erased(), "{id}");
        decide(&*store, id).await;
        let done = Erased::Done {
            at: at(50),
            requests: 1,
            callbacks: 1,
        };
        assert_eq!(erase(&*store, id).await, done, "{id}");
    }
    store.close().await;
    drop(store);
    let report = once_closed(|scratch| check(home.path(), scratch, digest));
    assert!(report.is_clean(), "{:?}", report.findings);
    let store = home.open().await;
    assert_eq!(pruned(&*store).await.orders, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_waits_is_salvaged_and_one_that_is_lost_is_named() {
    let home = SledHome::new();
    let store = home.open().await;
    filled(&*store).await;
    commit(&*store, intake("lost", State::Confirmed)).await;
    let mut lost = nothing("lost", 1);
    lost.order.order = Some(asked(order("lost", 1, State::Confirmed)));
    commit(&*store, lost).await;
    store.close().await;
    drop(store);
    let (report, found) = salvaged(&home);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.counts[WAITING], 3);
    let kept = |id: &str| Found::Waiting(id.to_owned(), request(id, id));
    let named = Named::Whole(request("lost", "asked").key);
    let lost = Found::Unread("lost".to_owned(), named);
    assert_eq!(found, [kept("asked"), kept("looked-into"), lost]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_order_cannot_be_read_is_salvaged_unless_it_was_answered() {
    let home = SledHome::new();
    let store = home.open().await;
    filled(&*store).await;
    commit(&*store, intake("answered", State::Confirmed)).await;
    let mut cancel = nothing("answered", 1);
    cancel.request = Some(request("answered", "answered"));
    cancel.callback = Some(callback(CallbackKind::Final, "bap.example", "answered"));
    commit(&*store, cancel).await;
    store.close().await;
    drop(store);
    // One is damaged, and sled has lost the others without a word.
    lose_order(&home, "looked-into", Some(b"no record"));
    lose_order(&home, "asked", None);
    lose_order(&home, "answered", None);
    let (report, found) = salvaged(&home);
    assert!(!report.is_clean());
    assert_eq!(report.counts[PERHAPS_WAITING], 2);
    assert!(!report.counts.contains_key(WAITING));
    let kept = |id: &str| Found::Perhaps(request(id, id));
    assert_eq!(found, [kept("asked"), kept("looked-into")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_requests_with_one_message_id_only_that_of_who_placed_the_order_is_looked_into() {
    let home = SledHome::new();
    let store = home.open().await;
    commit(&*store, intake("o", State::Confirmed)).await;
    let mut own = request("o", "looked-into");
    own.callback = commit(&*store, {
        let mut waiting = looked_into(order("o", 1, State::Confirmed));
        waiting.placement = Some(Placement {
            bap: subscriber("https://bap.example/"),
            bap_uri: "https://bap.example".to_owned(),
            transaction: session("t1"),
        });
        let mut cancel = nothing("o", 1);
        cancel.order.order = Some(waiting);
        cancel.request = Some(own.clone());
        cancel.callback = Some(callback(CallbackKind::Final, "bap.example", "looked-into"));
        cancel
    })
    .await;
    let mut others = [own.clone(), own.clone()];
    others[0].key.caller = "partner".to_owned();
    others[1].key.transaction = session("t2");
    for other in others {
        let mut door = nothing("o", 2);
        door.request = Some(StoredRequest {
            order_network: Some(network()),
            ..other
        });
        commit(&*store, door).await;
    }
    store.close().await;
    drop(store);
    let (report, found) = salvaged(&home);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(found, [Found::Waiting("o".to_owned(), own)]);
}

/// What is salvaged of who waits.
#[derive(Debug, PartialEq)]
enum Found {
    Waiting(String, StoredRequest),
    Unread(String, Named),
    Perhaps(StoredRequest),
}

/// Those of them that a closed store has, in the order of their words.
fn salvaged(home: &SledHome) -> (Report, Vec<Found>) {
    let mut found = Vec::new();
    let report = once_closed(|scratch| {
        found.clear();
        salvage(home.path(), scratch, &mut |one| {
            found.extend(match one {
                Salvaged::Waiting(order, request) => {
                    Some(Found::Waiting(order.key.id.to_string(), *request))
                }
                Salvaged::WaitingUnread(order, named) => {
                    Some(Found::Unread(order.key.id.to_string(), *named))
                }
                Salvaged::PerhapsWaiting(request) => Some(Found::Perhaps(*request)),
                Salvaged::Order(..) | Salvaged::Owed(..) => None,
            });
            Ok(())
        })
    });
    found.sort_by_key(|one| match one {
        Found::Waiting(order, _) | Found::Unread(order, _) => order.clone(),
        Found::Perhaps(request) => request.order.to_string(),
    });
    (report, found)
}

/// Overwrites the record of an order in a closed store, or removes it.
fn lose_order(home: &SledHome, id: &str, instead: Option<&[u8]>) {
    let opened = (0..250).find_map(|_| {
        let opened = sled::open(home.path()).ok();
        if opened.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        opened
    });
    let db = opened.expect("is let go of");
    let keys = db.scan_prefix(b"o").keys().map(|key| key.expect("reads"));
    let is_wanted = |key: &sled::IVec| key.windows(id.len()).any(|part| part == id.as_bytes());
    let key = keys.into_iter().find(is_wanted).expect("is kept");
    match instead {
        Some(bytes) => db.insert(key, bytes).expect("writes"),
        None => db.remove(key).expect("removes"),
    };
    db.flush().expect("is on the disk");
}

#[test]
fn an_erased_order_says_nothing_in_anybodys_words() {
    for (id, waiting) in BOTH {
        let mut undecided = waiting(order(id, 1, State::Completed));
        undecided.cancellation = Some(proposed());
        assert!(serde_json::to_string(&undecided).is_ok_and(|text| text.contains(WORDS)));
        let erased = serde_json::to_string(&undecided.erased(at(50)));
        assert!(erased.is_ok_and(|text| !text.contains(WORDS)), "{id}");
    }
}
