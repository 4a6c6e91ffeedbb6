//! Which address is dialled: the one that was checked, and none inside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use beckn_bpp::delivery::guard;
use beckn_bpp::delivery::send::{Sender, Sent};
use beckn_bpp::delivery::verdict::Verdict;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::host::{Host, ack};
use crate::setup::{BODY, install_tls, network, patient, start};

/// Says that every name lives at one address, and counts the questions.
struct Everywhere(SocketAddr, AtomicUsize);

impl Resolve for Everywhere {
    fn resolve(&self, _: Name) -> Resolving {
        self.1.fetch_add(1, Ordering::SeqCst);
        let found = vec![self.0];
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

async fn resolved(host: &Host, url: &str, open: bool) -> (Sent, usize) {
    install_tls();
    let resolver = Arc::new(Everywhere(
        host.lane.parse().expect("an address"),
        AtomicUsize::new(0),
    ));
    let asked: Arc<dyn Resolve> = Arc::clone(&resolver) as _;
    let sender = Sender::new(&patient(), start, asked).expect("a client");
    let mut network = network();
    network.settings.allow_http_callbacks = open;
    let sent = sender.send(&network, url, &Bytes::from(BODY)).await;
    (sent, resolver.1.load(Ordering::SeqCst))
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_dialled() {
    let host = Host::saying([ack()]).await;
    let port = host.lane.rsplit(':').next().expect("a port");
    let (sent, asked) = resolved(&host, &format!("http://bap.example.org:{port}/"), true).await;
    assert_eq!((sent.verdict, asked), (Verdict::Delivered, 1));
}

#[tokio::test]
async fn a_public_name_with_an_inside_address_is_not_dialled() {
    let host = Host::saying([ack()]).await;
    let port = host.lane.rsplit(':').next().expect("a port");
    let url = format!("https://bap.example.org:{port}/on_cancel");
    let (sent, asked) = resolved(&host, &url, false).await;
    assert_eq!((sent.verdict, asked), (Verdict::BlockedAddress, 1));
    assert_eq!(sent.detail, "127.0.0.1 is not a public address");
    assert!(host.seen().is_empty());
}

#[tokio::test]
async fn a_literal_inside_address_is_not_dialled() {
    let host = Host::saying([ack()]).await;
    let port = host.lane.rsplit(':').next().expect("a port");
    for name in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "①②⑦.⓪.⓪.①",
        "0",
    ] {
        let (sent, asked) = resolved(&host, &format!("https://{name}:{port}/"), false).await;
        assert_eq!((sent.verdict, asked), (Verdict::BlockedUrl, 0), "{name}");
    }
    let (sent, _) = resolved(&host, &host.url, false).await;
    assert_eq!(sent.detail, "callbacks need https, got http");
    assert!(host.seen().is_empty());
    assert!(guard::check(&host.url, guard::Reach::Anywhere).is_ok());
}
