//! The server forgets by itself what was kept long enough, and nothing else.

use std::time::Duration;

use beckn_bpp::domain::ids::{OrderKey, RequestKey};
use beckn_bpp::domain::order::{Cancellation, Party, Reason};
use beckn_bpp::mock::orders::{O1, O3, Sample, TRIP_1};
use beckn_bpp::store::sled::SledStore;
use beckn_bpp::store::{
    Attempt, CallbackKind, ClaimLimits, Commit, Event, NewCallback, Next, OrderWrite, Settlement,
    Store, StoredRequest,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{callbacks, events};
use crate::app::{TestApp, WAIT};

/// What the server writes when it acknowledges a cancel, at a time long past: the server's own
/// clock cannot be moved, so the store is opened while it stands still.
async fn cancelled_days_ago(store: &SledStore, sample: Sample, days: i64) {
    let old = Utc::now() - TimeDelta::days(days);
    let key = OrderKey {
        network: "mobility".try_into().expect("a name"),
        id: sample.id.try_into().expect("an id"),
    };
    let stored = store.order(&key).await.expect("reads").expect("kept");
    let placement = stored.order.placement.clone().expect("placed");
    let cancellation = Cancellation {
        by: Party::Customer,
        reason: Reason::default(),
        charge: None,
        at: old,
        terms: None,
        portion: None,
        rto: None,
        token: None,
    };
    let request_key = RequestKey {
        network: key.network.clone(),
        caller: placement.bap.comparable().to_owned(),
        transaction: placement.transaction.clone(),
        message: "long-ago".try_into().expect("an id"),
        action: "cancel".to_owned(),
    };
    let callback = NewCallback {
        kind: CallbackKind::Final,
        subscriber: placement.bap,
        transaction: placement.transaction,
        message: request_key.message.clone(),
        url: "http://127.0.0.1:1/on_cancel".to_owned(),
        lane: "127.0.0.1:1".to_owned(),
        vouched: true,
        body: "{}".into(),
    };
    let event = Event {
        sequence: 0,
        kind: "order.cancelled".to_owned(),
        network: key.network.clone(),
        order_id: key.id.clone(),
        external_id: None,
        version: stored.order.version + 1,
        by: Party::Customer,
        token: None,
        reason: Reason::default(),
        fulfillment: None,
        rto: None,
        charge: None,
        at: old,
    };
    let request = StoredRequest {
        key: request_key,
        order: key.id.clone(),
        body_digest: "digest".to_owned(),
        authorization: "Signature".to_owned(),
        verifying_key: "key".to_owned(),
        received_at: old,
        order_network: None,
        stale_key_of: None,
        callback: None,
        refused: None,
        body: "{}".into(),
    };
    let commit = Commit {
        order: OrderWrite {
            key,
            expected_version: stored.order.version,
            order: Some(stored.order.cancelled(cancellation)),
            document: None,
        },
        request: Some(request),
        callback: Some(callback),
        webhook: None,
        answers: Vec::new(),
        event: Some(event),
        now: old,
    };
    store.commit(commit).await.expect("commits");
    deliver(store, old).await;
}

async fn deliver(store: &SledStore, at: DateTime<Utc>) {
    let limits = ClaimLimits {
        total: 1,
        per_lane: 1,
        ..ClaimLimits::default()
    };
    let claimed = store.claim(at, &limits).await.expect("claims");
    let attempt = Attempt {
        at,
        duration_ms: 1,
        outcome: "delivered".to_owned(),
        status: Some(200),
        detail: String::new(),
        signed: None,
    };
    let settlement = Settlement {
        follow_ups: Vec::new(),
        id: claimed[0].callback.id,
        attempt,
        next: Next::Delivered,
    };
    store.settle(settlement).await.expect("settles");
}

async fn pruned(app: &TestApp, what: &str) -> u64 {
    let text = app.get("/metrics").await.text;
    let name = format!("bpp_pruned_total{{what=\"{what}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().expect("a count"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_removes_what_was_kept_long_enough_and_says_how_much() {
    let retention = "[retention]\nevidence = \"2h\"\nfinal_orders = \"30d\"";
    let mut app = TestApp::start_with(retention).await;
    for sample in [TRIP_1, O1, O3] {
        app.hand_over(sample).await;
    }
    app.halt().await;
    let path = app.directory.path().join("data");
    let store = SledStore::open(&path, 1 << 20, Utc::now()).expect("opens");
    cancelled_days_ago(&store, TRIP_1, 40).await;
    cancelled_days_ago(&store, O1, 1).await;
    store.close().await;
    drop(store);

    app.resume().await;
    let message = app.cancel_of(O3);
    app.send(&message).await;
    app.settled().await;
    let gone = async {
        while callbacks(&app).await.len() > 1
            || app.get("/orders/trip_1").await.status != 404
            || events(&app).await.len() > 2
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT, gone).await.expect("in time");
    let status = async |path: &str| app.get(path).await.status;
    assert_eq!(status("/orders/O1").await, 200, "over for a day only");
    let [trip_1, o1] = [TRIP_1, O1].map(|sample| sample.transaction().expect("a sample"));
    assert_eq!(status(&format!("/transactions/{trip_1}")).await, 404);
    // The session of O1 is that of O3, which was cancelled just now.
    let session = app.get(&format!("/transactions/{o1}")).await.text;
    assert!(
        session.contains(&message.message) && !session.contains("long-ago"),
        "{session}"
    );
    let sequences: Vec<Value> = events(&app)
        .await
        .iter()
        .map(|e| e["sequence"].clone())
        .collect();
    assert_eq!(sequences, [json!(2), json!(3)]);
    // No other test of this program makes the server forget anything.
    let counted = async {
        while [pruned(&app, "orders").await, pruned(&app, "requests").await] != [1, 2] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT, counted).await.expect("counted");
    assert_eq!(
        app.send(&message).await.json()["message"]["ack"]["status"],
        "ACK"
    );
    app.stop().await;
}
