//! What waits for the provider is decided order by order: a fault of ours in one of them costs the
//! others nothing.

use std::sync::Arc;
use std::time::Duration;

use beckn_bpp::domain::ids::{NetworkName, OrderId, OrderKey};
use beckn_bpp::engine::Engine;
use beckn_bpp::hook::Hook;
use beckn_bpp::overdue;
use beckn_bpp::store::Store;
use tokio::sync::watch;

use crate::setup::{install_tls, networks, sender, settings, start};
use crate::watched::{HANGS, PANICS, Watched};

/// Longer than anything here takes; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(30);

fn waiting(ids: [&str; 2]) -> (Arc<Watched>, Arc<Engine>) {
    install_tls();
    let store = Arc::new(Watched::default());
    let keys = ids.map(|id| OrderKey {
        network: NetworkName::parse("mobility").expect("a name"),
        id: OrderId::parse(id).expect("an id"),
    });
    store
        .to_decide
        .lock()
        .expect("not poisoned")
        .extend(keys.to_vec());
    let seam: Arc<dyn Store> = Arc::clone(&store) as _;
    (store, Arc::new(Engine::new(seam, None)))
}

fn times(read: &[String], id: &str) -> usize {
    read.iter().filter(|read| *read == id).count()
}

/// Returns once the order was read so often.
async fn read(store: &Watched, id: &str, count: usize) {
    let mut seen = store.read.subscribe();
    let often = seen.wait_for(|read| times(read, id) >= count);
    let often = tokio::time::timeout(LONG, often).await;
    often.expect("in time").expect("the store lives");
}

#[tokio::test]
async fn a_panic_about_one_order_does_not_end_the_questions_about_others() {
    let (store, engine) = waiting([PANICS, HANGS]);
    let asking = (sender(&settings()), None);
    let hook = Arc::new(Hook::new(engine, networks(), asking, start));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(hook.run(stopped));
    read(&store, PANICS, 3).await;
    assert_eq!(
        times(&store.read.borrow(), HANGS),
        1,
        "what was in hand goes on"
    );
    stop.send(true).expect("it listens");
    running.await.expect("it ends when told to");
}

#[tokio::test]
async fn a_panic_about_one_overdue_order_does_not_keep_the_others_from_being_decided() {
    let (store, engine) = waiting([PANICS, "good"]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(overdue::run(engine, networks(), start, stopped));
    read(&store, "good", 2).await;
    assert!(
        times(&store.read.borrow(), PANICS) >= 2,
        "it is tried again"
    );
    stop.send(true).expect("it listens");
    running.await.expect("it ends when told to");
}
