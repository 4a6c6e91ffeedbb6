//! Hosts that say nothing, or little by little: one deadline for all of it.

use std::future::Future;
use std::time::{Duration, Instant};

use beckn_bpp::delivery::send::Sent;
use beckn_bpp::delivery::verdict::Verdict;
use tokio::io::AsyncWriteExt;

use super::status;
use crate::host::Host;
use crate::setup::{BODY, network, sender, settings};

/// What came of one attempt, which has to end soon after its deadline at the latest.
async fn sent_to(host: &Host) -> Sent {
    let began = Instant::now();
    let settings = settings();
    let sent = sender(&settings)
        .send(&network(), &host.url, &BODY.into())
        .await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "the deadline was not kept"
    );
    sent
}

async fn for_ever<F: Future<Output = std::io::Result<()>>>(
    piece: impl Fn() -> F,
) -> std::io::Result<()> {
    loop {
        piece().await?;
    }
}

#[tokio::test]
async fn a_host_that_never_answers_costs_one_deadline() {
    let host = Host::tarpit().await;
    let sent = sent_to(&host).await;
    assert_eq!((sent.verdict, sent.status), (Verdict::Timeout, None));
}

/// Writes the beginning, then the piece again and again, slowly.
async fn drip(beginning: &'static str, piece: &'static [u8]) -> Host {
    Host::start(move |_, mut stream| async move {
        stream.write_all(beginning.as_bytes()).await?;
        let stream = tokio::sync::Mutex::new(stream);
        for_ever(|| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.lock().await.write_all(piece).await
        })
        .await
    })
    .await
}

#[tokio::test]
async fn a_host_that_drips_costs_one_deadline() {
    let head = drip("HTTP/1.1 200 OK\r\nX-Slow: ", b"x").await;
    let hints = drip("", b"HTTP/1.1 103 Early Hints\r\n\r\n").await;
    let body = drip("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" ").await;
    let chunked = "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n";
    let failing = drip(chunked, b"1\r\nx\r\n").await;
    let (head, hints, body, failing) = tokio::join!(
        sent_to(&head),
        sent_to(&hints),
        sent_to(&body),
        sent_to(&failing)
    );
    assert_eq!(head.verdict, Verdict::Timeout);
    assert_eq!(hints.verdict, Verdict::Timeout);
    assert_eq!((body.verdict, body.status), (Verdict::Timeout, Some(200)));
    assert_eq!(failing.verdict, status(500), "the status was known");
}
