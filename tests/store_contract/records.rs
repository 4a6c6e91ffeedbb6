//! Orders, requests, callbacks and events as the promises need them.

use beckn_bpp::domain::ids::{
    MessageId, NetworkName, OrderId, OrderKey, RequestKey, SubscriberId, TransactionId,
};
use beckn_bpp::domain::money::{Currency, Money};
use beckn_bpp::domain::order::{Booking, Order, Party, Reason, State};
use beckn_bpp::domain::policy::{Charge, Policy};
use beckn_bpp::store::{
    AuditEntry, CallbackKind, Commit, Event, NewCallback, OrderWrite, StoredRequest,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("a time")
}

pub fn network() -> NetworkName {
    NetworkName::parse("mobility").expect("valid")
}

pub fn subscriber(id: &str) -> SubscriberId {
    SubscriberId::parse(id).expect("valid")
}

pub fn session(id: &str) -> TransactionId {
    TransactionId::parse(id).expect("valid")
}

pub fn key(id: &str) -> OrderKey {
    OrderKey {
        network: network(),
        id: OrderId::parse(id).expect("valid"),
    }
}

pub fn rupees(text: &str) -> Money {
    let currency = Currency::parse("INR").expect("a code");
    Money::parse(text, currency).expect("an amount")
}

pub fn order(id: &str, version: u64, state: State) -> Order {
    Order {
        key: key(id),
        version,
        placement: None,
        state,
        fulfillments: Vec::new(),
        price: Some(rupees("250.00")),
        paid: Some(rupees("250.00")),
        policy: Policy::free(),
        booked_at: at(0),
        occurred_at: at(0),
        booking: Booking::default(),
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

pub fn request(order: &str, message: &str) -> StoredRequest {
    StoredRequest {
        key: RequestKey {
            network: network(),
            caller: "bap.example".to_owned(),
            transaction: session("t1"),
            message: MessageId::parse(message).expect("valid"),
            action: "cancel".to_owned(),
        },
        order: OrderId::parse(order).expect("valid"),
        body_digest: format!("digest of {message}"),
        authorization: "Signature keyId=\"bap.example|k1|ed25519\"".to_owned(),
        verifying_key: "key".to_owned(),
        received_at: at(0),
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body: Bytes::from(format!("{{\"message\": \"{message}\"}}")),
    }
}

pub fn asked_for(target: &str, seconds: i64) -> AuditEntry {
    AuditEntry {
        sequence: 0,
        at: at(seconds),
        token: "ops".to_owned(),
        action: "order.cancel".to_owned(),
        network: Some(network()),
        target: Some(target.to_owned()),
    }
}

pub fn callback(kind: CallbackKind, host: &str, message: &str) -> NewCallback {
    NewCallback {
        vouched: true,
        kind,
        subscriber: subscriber(host),
        transaction: session("t1"),
        message: MessageId::parse(message).expect("valid"),
        url: format!("https://{host}/on_cancel"),
        lane: format!("{host}:443"),
        body: Bytes::from(format!("{{\"answers\": \"{message}\"}}")),
    }
}

pub fn event(order: &str, version: u64) -> Event {
    Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: network(),
        order_id: OrderId::parse(order).expect("valid"),
        external_id: None,
        version,
        by: Party::Customer,
        token: None,
        reason: Reason::default(),
        fulfillment: None,
        rto: None,
        charge: (version == 2).then(|| Charge::of(rupees("20.50"), Some(rupees("250")))),
        at: at(0),
    }
}

/// Compares the version and writes nothing.
pub fn nothing(id: &str, expected_version: u64) -> Commit {
    Commit {
        order: OrderWrite {
            key: key(id),
            expected_version,
            order: None,
            document: None,
        },
        request: None,
        callback: None,
        webhook: None,
        answers: Vec::new(),
        event: None,
        now: at(0),
    }
}

pub fn intake(id: &str, state: State) -> Commit {
    let mut commit = nothing(id, 0);
    commit.order.order = Some(order(id, 1, state));
    commit.order.document = Some(Bytes::from_static(b"{\"document\": 1}"));
    commit
}

/// Cancels an order of version 1: order, request, callback and event at once.
pub fn cancel(id: &str, message: &str) -> Commit {
    let mut commit = nothing(id, 1);
    commit.order.order = Some(order(id, 2, State::Cancelled));
    commit.request = Some(request(id, message));
    commit.callback = Some(callback(CallbackKind::Final, "bap.example", message));
    commit.event = Some(event(id, 2));
    commit
}

/// Owes a callback for an order that is not kept.
pub fn owing(id: &str, kind: CallbackKind, host: &str, message: &str) -> Commit {
    let mut commit = nothing(id, 0);
    commit.callback = Some(callback(kind, host, message));
    commit
}
