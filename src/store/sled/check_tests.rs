//! Every kind of damage that a check must find, done to a store by hand.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;

use super::tests::{commit, directory, key, limits, now, open_at, write_raw};
use super::{Report, SledStore, check, keys, rules};
use crate::domain::ids::{MessageId, TransactionId};
use crate::domain::order::{Booking, Cancellation, Order, Party, Pending, Reason, State};
use crate::domain::policy::Policy;
use crate::domain::undecided::Undecided;
use crate::store::{
    Attempt, AuditEntry, CallbackId, CallbackState, Commit, Error, Next, OrderWrite,
    ReferenceField, ReferenceFilter, Settlement, Store,
};

/// Too long for one piece, however it is compressed.
fn body() -> Bytes {
    let noise = std::iter::successors(Some(1_u64), |last| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    });
    let noise: String = noise
        .take(1_000)
        .map(|number| format!("{number:016x}"))
        .collect();
    Bytes::from(serde_json::json!({ "noise": noise }).to_string())
}

fn digest(body: &[u8]) -> String {
    format!("{} bytes", body.len())
}

fn looked_at(store: &Path) -> Report {
    let scratch = directory();
    // sled's threads let go of the file a moment after the last handle is dropped.
    let report = (0..250).find_map(|_| match check(store, scratch.path(), digest) {
        Err(Error::Locked { .. }) => {
            std::thread::sleep(std::time::Duration::from_millis(20));
            None
        }
        looked_at => Some(looked_at.expect("can be looked at")),
    });
    let report = report.expect("is let go of");
    let left = std::fs::read_dir(scratch.path()).expect("reads").count();
    assert_eq!(left, 0, "the copy is removed");
    report
}

fn order(id: &str) -> Order {
    Order {
        key: key(id),
        version: 1,
        placement: None,
        state: State::Confirmed,
        fulfillments: Vec::new(),
        price: None,
        paid: None,
        policy: Policy::free(),
        booked_at: now(),
        occurred_at: now(),
        booking: Booking::default(),
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

async fn write(store: &SledStore, id: &str) {
    store.commit(whole(id)).await.expect("commits");
}

fn whole(id: &str) -> Commit {
    let mut whole = commit(id);
    whole.order = OrderWrite {
        order: Some(order(id)),
        document: Some(body()),
        ..whole.order
    };
    let request = whole.request.as_mut().expect("a request");
    (request.body, request.body_digest) = (body(), digest(&body()));
    whole.callback.as_mut().expect("a callback").body = body();
    whole
}

fn undecided() -> Undecided {
    Undecided {
        question: MessageId::parse("q1").expect("valid"),
        proposed: Cancellation {
            by: Party::Customer,
            reason: Reason::default(),
            charge: None,
            terms: None,
            portion: None,
            rto: None,
            at: now(),
            token: None,
        },
        until: now(),
        waiting: Vec::new(),
        at_doors: Vec::new(),
    }
}

fn pending() -> Pending {
    Pending {
        request: MessageId::parse("m6").expect("valid"),
        reason: Reason::default(),
        at: now(),
        until: Some(now()),
        proposed: None,
    }
}

/// One callback that is delivered, one that is dead, two that are owed, one of them unasked for,
/// a request that waits for one, an order whose provider has a time, a hold, and an audit entry.
async fn filled(path: &Path) {
    let store = open_at(path).expect("opens");
    for (id, next) in [
        ("m1", Some(Next::Delivered)),
        ("m2", Some(Next::Dead)),
        ("m3", None),
    ] {
        write(&store, id).await;
        let Some(next) = next else { continue };
        let claimed = store.claim(now(), &limits()).await.expect("claims");
        let id = claimed[0].callback.id;
        let attempt = Attempt {
            at: now(),
            duration_ms: 1,
            outcome: "timeout".to_owned(),
            status: None,
            detail: String::new(),
            signed: None,
        };
        let settled = store
            .settle(Settlement {
                id,
                attempt,
                next,
                follow_ups: Vec::new(),
            })
            .await;
        settled.expect("settles");
    }
    let mut unasked = Commit {
        request: None,
        ..whole("m4")
    };
    unasked.order.order.as_mut().expect("an order").booking = Booking {
        external_reference: Some("a partner's".to_owned()),
        ..Booking::default()
    };
    store.commit(unasked).await.expect("commits");
    let mut asked = Commit {
        callback: None,
        ..whole("m5")
    };
    asked.order.order.as_mut().expect("an order").undecided = Some(undecided());
    store.commit(asked).await.expect("commits");
    let mut awaited = whole("m6");
    (awaited.callback, awaited.request, awaited.event) = (None, None, None);
    awaited.order.order.as_mut().expect("an order").pending = Some(pending());
    store.commit(awaited).await.expect("commits");
    store.hold(None).await.expect("holds");
    let entry = AuditEntry {
        sequence: 0,
        at: now(),
        token: "admin".to_owned(),
        action: "callback.hold".to_owned(),
        network: None,
        target: None,
    };
    store.note(entry).await.expect("notes");
    store.close().await;
}

fn changed(path: &Path, change: impl FnOnce(&sled::Db)) -> Vec<String> {
    let db = sled::open(path).expect("opens");
    change(&db);
    db.flush().expect("flushes");
    drop(db);
    looked_at(path).findings
}

#[tokio::test]
async fn a_whole_store_is_clean_and_every_kind_of_record_is_counted() {
    let directory = directory();
    filled(directory.path()).await;
    let report = looked_at(directory.path());
    assert_eq!(report.findings, Vec::<String>::new());
    let counted: BTreeSet<_> = report.counts.keys().copied().collect();
    let known: BTreeSet<_> = rules::KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(counted, known);
    assert_eq!((report.counts["orders"], report.counts["requests"]), (6, 4));
}

#[tokio::test]
async fn whatever_record_is_taken_away_or_spoilt_the_check_finds_it() {
    // Of these any may be gone for a good reason.
    let kinds = rules::KINDS.iter();
    for kind in kinds.filter(|kind| kind.letter != keys::HOLD) {
        let taken = directory();
        filled(taken.path()).await;
        let findings = changed(taken.path(), |db| {
            let keys = db.scan_prefix([kind.letter]).keys();
            let last = keys.last().expect("one").expect("reads");
            db.remove(last).expect("removes");
        });
        assert!(!findings.is_empty(), "{}: one is missing", kind.name);
    }
    // Those without a value of their own are all in the key.
    let empty = [
        keys::DEAD,
        keys::CALLBACK_OF_ORDER,
        keys::CALLBACK_OF_SESSION,
        keys::REQUEST_OF_ORDER,
        keys::PIECE,
    ];
    for kind in rules::KINDS
        .iter()
        .filter(|kind| !empty.contains(&kind.letter))
    {
        let spoilt = directory();
        filled(spoilt.path()).await;
        let findings = changed(spoilt.path(), |db| {
            let keys = db.scan_prefix([kind.letter]).keys();
            let last = keys.last().expect("one").expect("reads");
            db.insert(last, b"\0\0 spoilt {").expect("writes");
        });
        assert!(!findings.is_empty(), "{}: one is spoilt", kind.name);
    }
}

#[tokio::test]
async fn a_request_of_another_door_that_is_lost_is_found_by_the_mark_of_its_callback() {
    let directory = directory();
    let store = open_at(directory.path()).expect("opens");
    let mut asked = whole("m1");
    let request = asked.request.as_mut().expect("a request");
    request.key.transaction = TransactionId::parse("a-door").expect("an id");
    store.commit(asked).await.expect("commits");
    store.close().await;
    assert_eq!(looked_at(directory.path()).findings, Vec::<String>::new());
    let findings = changed(directory.path(), |db| {
        let mut requests = db.scan_prefix([keys::REQUEST]).keys();
        let request = requests.next().expect("one").expect("reads");
        for piece in db
            .scan_prefix([&[keys::PIECE], &request[..]].concat())
            .keys()
        {
            db.remove(piece.expect("a key")).expect("removes");
        }
        db.remove(request).expect("removes");
    });
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].contains("which is missing"), "{findings:#?}");
}

#[tokio::test]
async fn what_belongs_to_nothing_and_numbers_that_lag_behind_are_found() {
    let directory = directory();
    filled(directory.path()).await;
    let findings = changed(directory.path(), |db| {
        db.insert(b"?", b"\0\0").expect("writes");
        let numbers = br#"  {"callback":2,"event":2,"place":2,"batch":99}"#;
        let mut numbers = numbers.to_vec();
        numbers[..2].fill(0);
        db.insert(keys::NUMBERS, numbers).expect("writes");
    });
    for part in [
        "?: a key of no known kind",
        "callback 4",
        "the newest event is 5",
    ] {
        assert!(
            findings.iter().any(|f| f.contains(part)),
            "{part}: {findings:#?}"
        );
    }
}

#[tokio::test]
async fn a_store_that_is_open_or_not_there_or_without_data_is_told_apart() {
    let directory = directory();
    let path = directory.path();
    let checked = |path: &Path| check(path, &std::env::temp_dir(), digest);
    let nothing = checked(&path.join("nothing"))
        .expect_err("is none")
        .to_string();
    assert!(nothing.contains("there is no store at"), "{nothing}");
    let open = open_at(path).expect("opens");
    assert!(matches!(checked(path), Err(Error::Locked { .. })));
    open.close().await;
    std::fs::remove_file(path.join("db")).expect("removes");
    assert!(matches!(checked(path), Err(Error::Corrupt { .. })));
}

/// Takes a store back to format 1: each body under a key of its own, no value compressed, and no
/// order found by its reference.
fn take_back_to_format_1(path: &Path) {
    let db = sled::open(path).expect("opens");
    let put = |key: &[u8], value: &[u8]| {
        for old in db.scan_prefix([&[keys::PIECE], key].concat()).keys() {
            db.remove(old.expect("a key")).expect("removes");
        }
        let (first, rest) = value.split_at(value.len().min(4_096));
        let pieces: Vec<_> = rest.chunks(4_096).collect();
        let count = (pieces.len() as u16).to_be_bytes();
        db.insert(key, [&count, first].concat()).expect("writes");
        for (number, piece) in (0..).zip(pieces) {
            db.insert(keys::piece(key, number), piece).expect("writes");
        }
    };
    for key in db.scan_prefix([keys::CALLBACK]).keys() {
        let key = key.expect("a key");
        let id = keys::last_number(&key).map(CallbackId).expect("numbered");
        let (kept, body) = super::line::read(&*db, id)
            .expect("readable")
            .expect("there");
        put(&key, &serde_json::to_vec(&kept).expect("a record"));
        put(&[b"y", &key[1..]].concat(), &body);
        db.remove(keys::progress(id)).expect("removes");
    }
    for key in db.scan_prefix([keys::CALLED]).keys() {
        db.remove(key.expect("a key")).expect("removes");
    }
    put(
        keys::FORMAT,
        br#"{"number":1,"created_at":"2026-01-01T00:00:00Z"}"#,
    );
    db.flush().expect("flushes");
}

#[tokio::test]
async fn a_store_of_format_1_is_brought_up_to_date_and_keeps_its_callbacks() {
    let directory = directory();
    let path = directory.path();
    filled(path).await;
    take_back_to_format_1(path);
    assert_eq!(looked_at(path).findings, Vec::<String>::new(), "the copy");
    let store = open_at(path).expect("is brought up to date");
    for (id, state) in [
        (1, CallbackState::Delivered),
        (2, CallbackState::Dead),
        (3, CallbackState::Pending),
    ] {
        let read = store.callback(CallbackId(id)).await;
        let read = read.expect("readable").expect("there");
        assert_eq!((read.callback.state, read.body), (state, body()));
    }
    let called = ReferenceFilter {
        field: ReferenceField::Reference,
        text: "a partner's".to_owned(),
        tenants: Vec::new(),
        limit: 2,
    };
    let found = store.orders_called(&called).await.expect("reads");
    assert_eq!(found, [key("m4")]);
    store.close().await;
    assert_eq!(looked_at(path).findings, Vec::<String>::new(), "the store");
    open_at(path).expect("opens again").close().await;
}

#[tokio::test]
async fn a_store_of_format_2_is_taken_as_it_is_and_has_the_present_format_then() {
    let directory = directory();
    let path = directory.path();
    filled(path).await;
    let older = br#"{"number":2,"created_at":"2026-01-01T00:00:00Z"}"#;
    write_raw(path, keys::FORMAT, older);
    let store = open_at(path).expect("is brought up to date");
    let read = store.callback(CallbackId(3)).await;
    let read = read.expect("readable").expect("there");
    assert_eq!(
        (read.callback.state, read.body),
        (CallbackState::Pending, body())
    );
    store.close().await;
    assert_eq!(looked_at(path).findings, Vec::<String>::new());
    let db = sled::open(path).expect("opens");
    let format: Option<super::open::Format> =
        super::values::record(&*db, keys::FORMAT).expect("readable");
    assert_eq!(format.expect("there").number, super::open::FORMAT);
}
