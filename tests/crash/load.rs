//! Killed in the middle of much traffic: afterwards every message is there as a whole or not
//! at all, and those acknowledged are there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::outside::audit::audit;
use crate::outside::books::{Books, Request, digest};
use crate::outside::orders::Numbered;
use crate::town::{Running, Town, WAIT, is_ack};

const CLIENTS: usize = 32;

/// Enough that the clients never run out.
const ORDERS: u64 = 1_200;

/// The kill comes once this many ACKs have been read.
const ACKS: usize = 150;

struct Traffic {
    books: Mutex<Books>,
    next: AtomicU64,
    acks: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_has_kept_all_it_acknowledged_and_nothing_by_half() {
    let town = Town::new();
    let traffic = Traffic {
        books: Mutex::default(),
        next: AtomicU64::new(0),
        acks: AtomicUsize::new(0),
    };
    let running = town.start();
    town.hand_over(&running, 0..ORDERS).await;
    let orders = (0..ORDERS).map(Numbered);
    traffic
        .books
        .lock()
        .expect("no panic")
        .orders
        .extend(orders);

    let (killed, clients) = (tokio::sync::Notify::new(), 0..CLIENTS);
    let clients = clients.map(|_| client(&town, &running, &traffic, &killed));
    let all = futures_util::future::join_all(clients);
    let kill = async {
        killed.notified().await;
        running.process.signal("-KILL").expect("kill runs");
    };
    tokio::join!(all, kill);
    drop(running);

    let running = town.start();
    running.admin.quiet(WAIT).await.expect("quiet");
    let books = traffic.books.into_inner().expect("no panic");
    let report = audit(&running.admin, &books, &town.received()).await;
    let report = report.expect("the admin API answers");
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    assert!(report.cancelled >= ACKS && report.cancelled < books.orders.len());
}

/// Cancels one fresh order after the other until there is no answer any more.
async fn client(town: &Town, running: &Running, traffic: &Traffic, enough: &tokio::sync::Notify) {
    loop {
        let order = Numbered(traffic.next.fetch_add(1, Ordering::Relaxed));
        assert!(order.0 < ORDERS, "the kill comes before the orders end");
        let message = format!("message-{}", order.0);
        let request = Request {
            order,
            body: town.cancel(order, &message),
            message,
            is_foreign: false,
        };
        traffic.books.lock().expect("no panic").sent(&request);
        let Some(reply) = town.post(running, order, &request.body).await else {
            return;
        };
        assert!(is_ack(&reply), "{reply:?}");
        let digest = digest(request.body.as_bytes());
        traffic
            .books
            .lock()
            .expect("no panic")
            .acked(&request.message, digest);
        if traffic.acks.fetch_add(1, Ordering::Relaxed) + 1 == ACKS {
            enough.notify_one();
        }
    }
}
