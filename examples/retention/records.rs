//! What is written on a simulated day: orders, their cancels, and the deliveries of their callbacks.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use beckn_bpp::domain::ids::{OrderKey, RequestKey};
use beckn_bpp::domain::order::{Booking, Cancellation, Order, Party, Reason, State};
use beckn_bpp::domain::policy::Policy;
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    Attempt, CallbackId, CallbackKind, ClaimLimits, Commit, Event, NewCallback, Next, OrderWrite,
    Settlement, Store as _, StoredRequest,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// What stands for the digest of a body, again and again.
pub const BODY_DIGEST: &str = "d";
/// What is written at the same time.
pub const TOGETHER: usize = 64;

/// The time of a day's writes.
pub fn day(number: u64) -> DateTime<Utc> {
    let days = TimeDelta::days(i64::try_from(number).unwrap_or(0));
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + days
}

/// Hands these orders over, so many at a time; gives how long each commit took.
pub async fn hand_over(
    store: &Arc<SledStore>,
    numbers: Range<u64>,
    now: DateTime<Utc>,
    together: usize,
) -> anyhow::Result<Vec<Duration>> {
    let written = stream::iter(numbers).map(|number| async move {
        let mut commit = nothing(number, 0, now);
        commit.order.order = Some(order(number, now));
        commit.order.document = Some(include_str!("../load/order.json").into());
        let began = Instant::now();
        store.commit(commit).await.map(|_| began.elapsed())
    });
    Ok(written.buffer_unordered(together).try_collect().await?)
}

/// Cancels these orders, and delivers what is owed for it.
pub async fn cancel(
    store: &Arc<SledStore>,
    numbers: Range<u64>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let written = stream::iter(numbers)
        .map(|number| async move { store.commit(cancellation(number, now)).await });
    written
        .buffer_unordered(TOGETHER)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let limits = ClaimLimits {
        total: TOGETHER,
        per_lane: TOGETHER,
        ..ClaimLimits::default()
    };
    loop {
        let claimed = store.claim(now, &limits).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let settled = stream::iter(claimed)
            .map(|claimed| async move { store.settle(delivered(claimed.callback.id, now)).await });
        settled
            .buffer_unordered(TOGETHER)
            .try_for_each(|()| async { Ok(()) })
            .await?;
    }
}

/// Ids are spread over the whole range, as those of real orders are.
fn id<T: TryFrom<String>>(kind: &str, number: u64) -> T
where
    T::Error: std::fmt::Debug,
{
    let spread = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = format!("{spread:016x}-{kind}-{number:08x}");
    T::try_from(text).expect("printable ASCII without space")
}

/// The key of an order.
pub fn key(number: u64) -> OrderKey {
    OrderKey {
        network: "mobility".to_owned().try_into().expect("a name"),
        id: id("order", number),
    }
}

fn order(number: u64, now: DateTime<Utc>) -> Order {
    Order {
        key: key(number),
        version: 1,
        placement: None,
        state: State::Confirmed,
        fulfillments: Vec::new(),
        price: None,
        paid: None,
        policy: Policy::free(),
        booked_at: now,
        occurred_at: now,
        booking: Booking::default(),
        cancellation: None,
        undecided: None,
        pending: None,
        parts: Vec::new(),
        erased_at: None,
    }
}

fn nothing(number: u64, expected_version: u64, now: DateTime<Utc>) -> Commit {
    let order = OrderWrite {
        key: key(number),
        expected_version,
        order: None,
        document: None,
    };
    Commit::of(order, now)
}

/// The key of the request that cancels an order.
pub fn request_key(number: u64) -> RequestKey {
    RequestKey {
        network: key(number).network,
        caller: "bap.example.org".to_owned(),
        transaction: id("session", number),
        message: id("message", number),
        action: "cancel".to_owned(),
    }
}

/// An order cancelled by a signed request, with bodies as large as those of the load generator.
fn cancellation(number: u64, now: DateTime<Utc>) -> Commit {
    let request = request_key(number);
    let callback = NewCallback {
        kind: CallbackKind::Final,
        subscriber: "bap.example.org".to_owned().try_into().expect("an id"),
        transaction: request.transaction.clone(),
        message: request.message.clone(),
        url: "https://bap.example.org/beckn/on_cancel".to_owned(),
        lane: "bap.example.org:443".to_owned(),
        vouched: true,
        body: include_str!("../load/order.json").into(),
    };
    let reason = Reason::default();
    let event = Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: key(number).network,
        order_id: key(number).id,
        external_id: None,
        version: 2,
        by: Party::Customer,
        token: None,
        reason: reason.clone(),
        fulfillment: None,
        rto: None,
        charge: None,
        at: now,
    };
    let decided = Cancellation {
        by: Party::Customer,
        reason,
        charge: None,
        at: now,
        terms: None,
        portion: None,
        rto: None,
        token: None,
    };
    let mut commit = nothing(number, 1, now);
    commit.order.order = Some(order(number, now).cancelled(decided));
    commit.request = Some(StoredRequest {
        order: key(number).id,
        key: request,
        body_digest: BODY_DIGEST.repeat(88),
        authorization: "a".repeat(244),
        verifying_key: "k".repeat(44),
        received_at: now,
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body: "b".repeat(700).into(),
    });
    commit.callback = Some(callback);
    commit.event = Some(event);
    commit
}

fn delivered(id: CallbackId, at: DateTime<Utc>) -> Settlement {
    let attempt = Attempt {
        at,
        duration_ms: 5,
        outcome: "delivered".to_owned(),
        status: Some(200),
        detail: r#"{"message":{"ack":{"status":"ACK"}}}"#.to_owned(),
        signed: None,
    };
    let next = Next::Delivered;
    Settlement {
        id,
        attempt,
        next,
        follow_ups: Vec::new(),
    }
}
