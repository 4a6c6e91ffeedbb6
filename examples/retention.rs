//! How much disk a store takes while days go by and what is old is removed.
//!
//! Each simulated day so many orders are handed over and cancelled, and their callbacks delivered;
//! then everything older than the days of evidence and orders is pruned, by the walks that the
//! server takes in the background. For each day is printed what is live (keys and values as
//! stored: the size of one order and of one evidence is measured first), what sled's directory
//! takes, and how that compares with the largest live size so far. The days pass in seconds, so
//! sled has far less time to clean up than it has in earnest. The directory is removed at the end.
//!
//! `cargo run --release --example retention -- [DAYS] [CANCELS_PER_DAY]`; exit code 1 when the
//! directory ever takes more than three times the peak of what is live.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use beckn_bpp::app::retention::round;
use beckn_bpp::domain::ids::{OrderKey, RequestKey};
use beckn_bpp::domain::order::{Booking, Cancellation, Order, Party, Reason, State};
use beckn_bpp::domain::policy::Policy;
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    Attempt, CallbackId, CallbackKind, ClaimLimits, Commit, Event, NewCallback, Next, OrderWrite,
    Settlement, Store, StoredRequest, Walk,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// How long evidence is kept here, in days.
const EVIDENCE_DAYS: i64 = 6;
/// How long orders are.
const ORDER_DAYS: i64 = 12;
/// The most that the directory may take, in times of the peak of what is live.
const MOST: f64 = 3.0;
/// Orders of the store that one of each is measured with.
const MEASURED: u64 = 1_000;
/// What is written at the same time.
const TOGETHER: usize = 64;
const CACHE_BYTES: u64 = 32 << 20;

/// Keys and values of one order, and of one evidence, in bytes.
struct Sizes {
    order: u64,
    evidence: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let days = arguments.next().transpose()?.unwrap_or(40);
    let per_day = arguments.next().transpose()?.unwrap_or(500);
    let sizes = measure().await?;
    println!(
        "{days} days with {per_day} cancels each; evidence {EVIDENCE_DAYS} d, orders {ORDER_DAYS} d; \
         one order is {} bytes, its evidence {}",
        sizes.order, sizes.evidence
    );
    let directory = tempfile::tempdir()?;
    let worst = simulate(directory.path(), days, per_day, &sizes).await?;
    println!("\nat most {worst:.2} times the peak of what is live (bound: {MOST})");
    Ok(ExitCode::from(u8::from(worst > MOST)))
}

async fn simulate(path: &Path, days: u64, per_day: u64, sizes: &Sizes) -> anyhow::Result<f64> {
    let store = open(path)?;
    let (mut peak_live, mut peak_disk, mut worst) = (0, 0, 0.0_f64);
    println!("\n day  live MB  disk MB  peak of disk / peak of live");
    for today in 0..days {
        let now = day(today);
        let numbers = today * per_day..(today + 1) * per_day;
        hand_over(&store, numbers.clone(), now).await?;
        cancel(&store, numbers, now).await?;
        peak_disk = peak_disk.max(disk(path)?);
        let live = live_days(today + 1, EVIDENCE_DAYS + 1) * per_day * sizes.evidence
            + live_days(today + 1, ORDER_DAYS + 1) * per_day * sizes.order;
        peak_live = peak_live.max(live);
        prune(&store, now).await?;
        peak_disk = peak_disk.max(disk(path)?);
        let ratio = megabytes(peak_disk) / megabytes(peak_live);
        worst = worst.max(if today < 2 { 0.0 } else { ratio });
        println!(
            "{today:4} {:8.1} {:8.1}  {ratio:.2}",
            megabytes(live),
            megabytes(disk(path)?)
        );
    }
    store.close().await;
    Ok(worst)
}

/// What is older than its days goes at the end of the day.
async fn prune(store: &SledStore, now: DateTime<Utc>) -> anyhow::Result<()> {
    let evidence = now - TimeDelta::days(EVIDENCE_DAYS) + TimeDelta::seconds(1);
    let orders = now - TimeDelta::days(ORDER_DAYS) + TimeDelta::seconds(1);
    round(store, Walk::Evidence(CallbackId(0)), evidence).await?;
    round(store, Walk::Orders(None), orders).await?;
    round(store, Walk::Events, orders).await?;
    Ok(())
}

fn live_days(passed: u64, kept: i64) -> u64 {
    passed.min(kept.unsigned_abs())
}

fn day(number: u64) -> DateTime<Utc> {
    let days = TimeDelta::days(i64::try_from(number).unwrap_or(0));
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + days
}

fn open(path: &Path) -> anyhow::Result<Arc<SledStore>> {
    Ok(Arc::new(SledStore::open(path, CACHE_BYTES, day(0))?))
}

/// What one order and one evidence take, by the store's own keys and values.
async fn measure() -> anyhow::Result<Sizes> {
    let directory = tempfile::tempdir()?;
    let store = open(directory.path())?;
    hand_over(&store, 0..MEASURED, day(0)).await?;
    store.close().await;
    drop(store);
    let orders = entries(directory.path())?;
    let store = open(directory.path())?;
    cancel(&store, 0..MEASURED, day(0)).await?;
    store.close().await;
    drop(store);
    let all = entries(directory.path())?;
    Ok(Sizes {
        order: orders / MEASURED,
        evidence: (all - orders) / MEASURED,
    })
}

fn entries(path: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in sled::open(path)?.iter() {
        let (key, value) = entry?;
        bytes += (key.len() + value.len()) as u64;
    }
    Ok(bytes)
}

fn disk(path: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => disk(&entry.path())?,
            // sled removes old snapshots by itself, perhaps just now.
            false => entry.metadata().map_or(0, |metadata| metadata.len()),
        };
    }
    Ok(bytes)
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

async fn hand_over(
    store: &Arc<SledStore>,
    numbers: std::ops::Range<u64>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let written = stream::iter(numbers).map(|number| async move {
        let mut commit = nothing(number, 0, now);
        commit.order.order = Some(order(number, now));
        commit.order.document = Some(include_str!("load/order.json").into());
        store.commit(commit).await
    });
    written
        .buffer_unordered(TOGETHER)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}

async fn cancel(
    store: &Arc<SledStore>,
    numbers: std::ops::Range<u64>,
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

fn key(number: u64) -> OrderKey {
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
    Commit {
        order: OrderWrite {
            key: key(number),
            expected_version,
            order: None,
            document: None,
        },
        request: None,
        callback: None,
        webhook: None,
        answers: Vec::new(),
        event: None,
        now,
    }
}

/// An order cancelled by a signed request, with bodies as large as those of the load generator.
fn cancellation(number: u64, now: DateTime<Utc>) -> Commit {
    let request = RequestKey {
        network: key(number).network,
        caller: "bap.example.org".to_owned(),
        transaction: id("session", number),
        message: id("message", number),
        action: "cancel".to_owned(),
    };
    let callback = NewCallback {
        kind: CallbackKind::Final,
        subscriber: "bap.example.org".to_owned().try_into().expect("an id"),
        transaction: request.transaction.clone(),
        message: request.message.clone(),
        url: "https://bap.example.org/beckn/on_cancel".to_owned(),
        lane: "bap.example.org:443".to_owned(),
        vouched: true,
        body: include_str!("load/order.json").into(),
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
        body_digest: "d".repeat(88),
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
