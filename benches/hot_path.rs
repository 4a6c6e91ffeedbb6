//! The steps of one cancel, each alone: verify, strict parse, context, schema, decode, decide,
//! encode, and 64 of them committed to sled. `cargo bench` runs them; nothing here is a
//! measurement of the server as a whole (`scripts/bench.sh` is).

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Header, Scheme, Signer};
use beckn_bpp::domain::decide::{Decision, decide};
use beckn_bpp::domain::ids::{
    MessageId, NetworkName, OrderId, OrderKey, RequestKey, SubscriberId, TransactionId,
};
use beckn_bpp::domain::order::{Cancellation, Order, Party};
use beckn_bpp::domain::policy::Policy;
use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::{O1, Sample, TRIP_1};
use beckn_bpp::protocol::kind::Kind;
use beckn_bpp::protocol::on_cancel::{self, Content, Style, Us};
use beckn_bpp::protocol::{Dialect, cancel, context, intake, schema, strict};
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    CallbackKind, Commit, Event, NewCallback, OrderWrite, Store, StoredRequest,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use serde_json::Value;

/// As many jobs as closed-loop clients of `scripts/bench.sh`.
const TOGETHER: u64 = 64;

const BAP: (&str, &str) = ("bap.example.org", "https://bap.example.org/beckn");
const BPP: (&str, &str) = ("bpp.example.org", "https://bpp.example.org");
const STYLE: Style<'static> = Style {
    kind: Kind::Beckn,
    bpp_id: BPP.0,
    cancelled_word: "Cancelled",
    text_tag: None,
    sends_pin: false,
};

const US: Us<'static> = Us {
    bpp_id: BPP.0,
    bpp_uri: BPP.1,
    ttl_seconds: None,
};

/// One cancel and the order it is about, at every step of the way.
struct Case {
    dialect: Dialect,
    body: String,
    value: Value,
    order: Order,
    document: String,
    cancellation: Cancellation,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_431_260, 0).expect("in range")
}

fn network() -> NetworkName {
    NetworkName::parse("mobility").expect("valid")
}

impl Case {
    fn of(sample: Sample) -> Self {
        let text = sample.placed_by(BAP, BPP).expect("a sample");
        let facts = intake::read(text.as_bytes()).expect("a sample");
        let document = facts.document.clone();
        let order = order(facts);
        let body = message(sample).to_json().to_string();
        let value = strict::parse(body.as_bytes()).expect("JSON");
        let request = cancel::decode(Dialect::of(sample.version).expect("known"), &value, None)
            .expect("a cancel")
            .request;
        let Decision::Cancelled(cancellation) = decide(&order, &request, now()) else {
            panic!("the sample can be cancelled");
        };
        Self {
            dialect: Dialect::of(sample.version).expect("known"),
            body,
            value,
            order,
            document,
            cancellation,
        }
    }

    fn on_cancel(&self) -> String {
        let raw: &str = &self.body;
        let whole = beckn_bpp::protocol::raw::RawObject::parse(raw).expect("JSON");
        let context = whole.get("context").expect("a context");
        let context = on_cancel::context(context, US, None, now()).expect("writable");
        let content = Content::Cancelled(&self.cancellation);
        on_cancel::encode(self.dialect, &context, &self.document, content, &STYLE)
            .expect("writable")
    }
}

fn order(facts: intake::Facts) -> Order {
    Order {
        key: OrderKey {
            network: network(),
            id: facts.id.expect("an id"),
        },
        version: 1,
        placement: facts.placement,
        state: facts.state,
        fulfillments: facts.fulfillments,
        price: facts.price,
        paid: facts.paid,
        policy: facts.own_terms.unwrap_or_else(Policy::free),
        booked_at: now(),
        occurred_at: now(),
        booking: facts.booking,
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

fn message(sample: Sample) -> CancelMessage {
    CancelMessage {
        version: sample.version.to_owned(),
        domain: sample.domain.to_owned(),
        bap_id: BAP.0.to_owned(),
        bap_uri: BAP.1.to_owned(),
        bpp_id: BPP.0.to_owned(),
        bpp_uri: BPP.1.to_owned(),
        transaction: sample.transaction().expect("a sample"),
        message: "00000000-0000-4000-8000-00000000002a".to_owned(),
        at: now(),
        order: sample.id.to_owned(),
        reason: Some("001".to_owned()),
        intent: Some("CONFIRM_CANCEL".to_owned()),
        note: Some("Driver is not moving".to_owned()),
    }
}

fn signer() -> Signer {
    Signer {
        scheme: Scheme::Beckn,
        subscriber_id: BAP.0.to_owned(),
        key_id: "k1".to_owned(),
        key: SigningKey::parse(include_str!("../keys/bap.signing")).expect("a key"),
        lifetime_seconds: 300,
    }
}

fn signatures(c: &mut Criterion) {
    let case = Case::of(O1);
    let signer = signer();
    let key = signer.key.verifying_key();
    let text = signer.authorization(case.body.as_bytes(), now().timestamp());
    c.bench_function("verify", |b| {
        b.iter(|| {
            let header = Header::parse(black_box(&text)).expect("a header");
            header.verify(case.body.as_bytes(), &key).expect("valid");
        });
    });
    let callback = case.on_cancel();
    c.bench_function("sign", |b| {
        b.iter(|| signer.authorization(black_box(callback.as_bytes()), now().timestamp()));
    });
}

fn reading(c: &mut Criterion) {
    let case = Case::of(O1);
    c.bench_function("strict parse", |b| {
        b.iter(|| strict::parse(black_box(case.body.as_bytes())));
    });
    c.bench_function("context", |b| {
        b.iter(|| context::read(Kind::Beckn, black_box(&case.value)).expect("a context"));
    });
    c.bench_function("schema", |b| {
        b.iter(|| schema::check(schema::Kind::Cancel, case.dialect, black_box(&case.value)));
    });
    c.bench_function("decode", |b| {
        b.iter(|| cancel::decode(case.dialect, black_box(&case.value), None).expect("a cancel"));
    });
}

fn answering(c: &mut Criterion) {
    let request = |case: &Case| {
        cancel::decode(case.dialect, &case.value, None)
            .expect("a cancel")
            .request
    };
    for (name, sample) in [("0.9", TRIP_1), ("1.x", O1)] {
        let case = Case::of(sample);
        let request = request(&case);
        c.bench_function(&format!("decide {name}"), |b| {
            b.iter(|| decide(black_box(&case.order), &request, now()));
        });
        c.bench_function(&format!("encode on_cancel {name}"), |b| {
            b.iter(|| black_box(&case).on_cancel());
        });
    }
}

/// A whole cancel as it is committed: the order, the request, the callback, the event.
fn commit(case: &Case, callback: &Bytes, number: u64) -> Commit {
    let message = MessageId::parse(&format!("message-{number}")).expect("valid");
    let transaction = TransactionId::parse(&format!("session-{number}")).expect("valid");
    let id = OrderId::parse(&format!("order-{number}")).expect("valid");
    let key = OrderKey {
        network: network(),
        id: id.clone(),
    };
    let order = case.order.cancelled(case.cancellation.clone());
    let order = Order {
        key: key.clone(),
        ..order
    };
    Commit {
        webhook: None,
        answers: Vec::new(),
        event: Some(event(case, &order)),
        order: OrderWrite {
            key,
            expected_version: 0,
            order: Some(order),
            document: None,
        },
        request: Some(request(case, id, (&transaction, &message))),
        callback: Some(NewCallback {
            vouched: true,
            kind: CallbackKind::Final,
            subscriber: SubscriberId::parse(BAP.0).expect("valid"),
            transaction,
            message,
            url: format!("{}/on_cancel", BAP.1),
            lane: "bap.example.org:443".to_owned(),
            body: callback.clone(),
        }),
        now: now(),
    }
}

fn event(case: &Case, order: &Order) -> Event {
    Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: network(),
        order_id: order.key.id.clone(),
        external_id: None,
        version: order.version,
        by: Party::Customer,
        token: None,
        reason: case.cancellation.reason.clone(),
        fulfillment: None,
        rto: None,
        charge: case.cancellation.charge,
        at: now(),
    }
}

fn request(
    case: &Case,
    order: OrderId,
    (transaction, message): (&TransactionId, &MessageId),
) -> StoredRequest {
    let body = Bytes::from(case.body.clone());
    StoredRequest {
        key: RequestKey {
            network: network(),
            caller: BAP.0.to_owned(),
            transaction: transaction.clone(),
            message: message.clone(),
            action: "cancel".to_owned(),
        },
        order,
        body_digest: beckn_bpp::crypto::digest::blake2b_512_base64(&body),
        authorization: signer().authorization(&body, now().timestamp()),
        verifying_key: signer().key.verifying_key().to_base64(),
        received_at: now(),
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body,
    }
}

fn storing(c: &mut Criterion) {
    let case = Case::of(O1);
    let callback = Bytes::from(case.on_cancel());
    let directory = tempfile::tempdir().expect("a directory");
    let store = SledStore::open(directory.path(), 128_000_000, now()).expect("opens");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut last = 0;
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(TOGETHER));
    group.sample_size(20);
    group.bench_function("commit 64 cancels", |b| {
        b.iter_batched(
            || {
                last += TOGETHER;
                let numbers = last - TOGETHER..last;
                numbers
                    .map(|number| commit(&case, &callback, number))
                    .collect::<Vec<_>>()
            },
            |commits| {
                let commits = commits.into_iter().map(|commit| store.commit(commit));
                runtime.block_on(join_all(commits))
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(hot_path, signatures, reading, answering, storing);
criterion_main!(hot_path);
