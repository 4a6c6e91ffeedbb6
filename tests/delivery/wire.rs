//! One attempt against hosts that misbehave: what is sent, and the verdict on what comes back.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use beckn_bpp::delivery::guard;
use beckn_bpp::delivery::send::{Sender, Sent};
use beckn_bpp::delivery::verdict::{MAX_DETAIL_CHARS, Verdict};
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::AsyncWriteExt;

use crate::host::{Host, ack, answer};
use crate::setup::{BODY, network, patient, sender, settings, start};

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

/// The same with a deadline out of the way, for hosts that answer at once.
async fn said(bytes: Vec<u8>) -> Sent {
    let host = Host::saying([bytes]).await;
    sender(&patient())
        .send(&network(), &host.url, &BODY.into())
        .await
}

fn status(code: u16) -> Verdict {
    Verdict::Status {
        code,
        retry_after: None,
    }
}

async fn for_ever<F: Future<Output = std::io::Result<()>>>(
    piece: impl Fn() -> F,
) -> std::io::Result<()> {
    loop {
        piece().await?;
    }
}

#[tokio::test]
async fn the_stored_bytes_are_posted_with_a_signature_over_them() {
    let host = Host::saying([ack()]).await;
    let sent = sender(&patient())
        .send(&network(), &host.url, &BODY.into())
        .await;
    assert_eq!((sent.verdict, sent.status), (Verdict::Delivered, Some(200)));
    let seen = &host.seen()[0];
    assert!(
        seen.head.starts_with("POST /on_cancel HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.body, BODY.as_bytes());
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let ours = concat!("beckn-bpp/", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen.header("user-agent"), Some(ours));
    assert_eq!(seen.header("accept-encoding"), None);
    let signature = network()
        .settings
        .signer
        .authorization(&seen.body, start().timestamp());
    assert_eq!(seen.header("authorization"), Some(signature.as_str()));
}

#[tokio::test]
async fn a_restamped_body_is_signed_as_it_leaves() {
    let host = Host::saying([ack()]).await;
    let mut network = network();
    network.settings.restamp = true;
    sender(&patient())
        .send(&network, &host.url, &BODY.into())
        .await;
    let seen = &host.seen()[0];
    let expected = BODY.replace("2020-01-01T00:00:00.000Z", "2023-11-14T22:13:20.000Z");
    assert_eq!(seen.body, expected.as_bytes());
    let signature = network
        .settings
        .signer
        .authorization(&seen.body, start().timestamp());
    assert_eq!(seen.header("authorization"), Some(signature.as_str()));
}

#[tokio::test]
async fn acks_and_empty_2xx_are_delivered() {
    for bytes in [
        ack(),
        answer("200 OK", "", ""),
        answer("202 Accepted", "Content-Type: text/plain\r\n", "{}"),
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\n{}".to_vec(),
        [b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), ack()].concat(),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(said(bytes).await.verdict, Verdict::Delivered, "{shown}");
    }
}

#[tokio::test]
async fn a_nack_keeps_the_subscribers_error() {
    let body =
        r#"{"message":{"ack":{"status":"NACK"}},"error":{"code":"22502","message":"no\u0007"}}"#;
    let sent = said(answer("200 OK", "", body)).await;
    assert_eq!((sent.verdict, sent.status), (Verdict::Nack, Some(200)));
    assert!(sent.detail.contains("22502"), "{}", sent.detail);
    assert!(!sent.detail.contains('\u{7}'));
}

#[tokio::test]
async fn statuses_are_kept_with_retry_after() {
    let sent = said(answer("500 Oops", "", "try\x1b[2Jlater")).await;
    assert_eq!((sent.verdict, sent.status), (status(500), Some(500)));
    assert_eq!(sent.detail, "try\\u{1b}[2Jlater");
    let retry_after = Some(Duration::from_secs(7));
    let sent = said(answer("429 Slow Down", "Retry-After: 7\r\n", "")).await;
    assert_eq!(
        sent.verdict,
        Verdict::Status {
            code: 429,
            retry_after
        }
    );
    let date = "Retry-After: Tue, 14 Nov 2023 22:13:27 GMT\r\n";
    let sent = said(answer("503 Later", date, "")).await;
    assert_eq!(
        sent.verdict,
        Verdict::Status {
            code: 503,
            retry_after
        }
    );
    assert_eq!(
        said(answer("404 Not Found", "", "")).await.verdict,
        status(404)
    );
}

#[tokio::test]
async fn redirects_are_recorded_and_not_followed() {
    let inside = Host::saying([ack()]).await;
    for code in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}?\u{202e}{}\r\n", inside.url, "x".repeat(2_000));
        let sent = said(answer(&format!("{code} Moved"), &location, "")).await;
        assert_eq!((sent.verdict, sent.status), (Verdict::Redirect, Some(code)));
        assert!(
            sent.detail.starts_with("Location: http://127.0.0.1"),
            "{}",
            sent.detail
        );
        assert!(sent.detail.contains("\\u{202e}"));
        assert!(sent.detail.chars().count() <= MAX_DETAIL_CHARS);
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn what_is_not_json_is_not_delivered() {
    let page = said(answer("200 OK", "", "<html>captive portal</html>")).await;
    assert_eq!(page.verdict, Verdict::NotJson);
    assert_eq!(page.detail, "<html>captive portal</html>");
}

#[tokio::test]
async fn a_compressed_bomb_is_not_unpacked() {
    // The beginning of a gzip stream that would go on as one long run of zeros.
    let bomb = [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xec, 0xc1][..],
        &[0; 30_000],
    ]
    .concat();
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let sent = said(answer("200 OK", &header, &bomb)).await;
        assert_eq!(sent.verdict, Verdict::NotJson, "{encoding}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_limit_and_not_beyond() {
    let json = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let limit = patient().answer_bytes;
    assert_eq!(
        said(answer("200 OK", "", json(limit))).await.verdict,
        Verdict::Delivered
    );
    let sent = said(answer("200 OK", "", json(limit + 1))).await;
    assert_eq!(sent.verdict, Verdict::AnswerTooLarge);
    let sent = said(answer("200 OK", "", vec![b' '; 10_000_000])).await;
    assert_eq!(sent.verdict, Verdict::AnswerTooLarge);
    let sent = said(answer("500 Oops", "", vec![b'x'; 10_000_000])).await;
    assert_eq!(sent.verdict, status(500));
    assert_eq!(sent.detail.len(), MAX_DETAIL_CHARS);
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let host = Host::start(|_, mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await?;
        loop {
            stream.write_all(b"8\r\n        \r\n").await?;
        }
    })
    .await;
    let sent = sender(&patient())
        .send(&network(), &host.url, &BODY.into())
        .await;
    assert_eq!(sent.verdict, Verdict::AnswerTooLarge);
}

/// Writes the beginning, then blanks as long as they are taken, and counts them.
async fn flood(beginning: &'static str, piece: &'static [u8]) -> (Host, Arc<AtomicUsize>) {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let host = Host::start(move |_, mut stream| {
        let count = Arc::clone(&count);
        async move {
            stream.write_all(beginning.as_bytes()).await?;
            loop {
                stream.write_all(piece).await?;
                count.fetch_add(piece.len(), Ordering::SeqCst);
            }
        }
    });
    (host.await, written)
}

#[tokio::test]
async fn of_ten_gigabytes_and_of_a_chunk_that_never_ends_no_more_is_taken_than_is_looked_at() {
    const BLANKS: &[u8] = &[b' '; 4_096];
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (beginning, piece, verdict) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n".to_owned(),
            BLANKS,
            Verdict::AnswerTooLarge,
        ),
        (
            "HTTP/1.1 503 Busy\r\nContent-Length: 10000000000\r\n\r\n".to_owned(),
            BLANKS,
            status(503),
        ),
        (
            "HTTP/1.0 200 OK\r\n\r\n".to_owned(),
            BLANKS,
            Verdict::AnswerTooLarge,
        ),
        (
            format!("{chunked}fffffffffffffff\r\n"),
            BLANKS,
            Verdict::AnswerTooLarge,
        ),
        (format!("{chunked}1;x="), BLANKS, Verdict::Transport),
        (
            format!("{chunked}2\r\n{{}}\r\n0\r\nX: "),
            BLANKS,
            Verdict::Transport,
        ),
        (
            "HTTP/1.1 200 OK\r\nX: ".to_owned(),
            BLANKS,
            Verdict::Transport,
        ),
        (
            String::new(),
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            Verdict::Timeout,
        ),
    ] {
        let shown = beginning.clone();
        let (host, written) = flood(String::leak(beginning), piece).await;
        let began = Instant::now();
        let (settings, network, body) = (settings(), network(), Bytes::from(BODY));
        let sent = sender(&settings).send(&network, &host.url, &body).await;
        assert_eq!(sent.verdict, verdict, "{shown:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{shown:?}");
        // What the sockets of both sides may hold, far below what was offered.
        if verdict != Verdict::Timeout {
            let taken = written.load(Ordering::SeqCst);
            assert!(
                taken < 64 * 1024 * 1024,
                "{shown:?}: {taken} bytes were taken"
            );
        }
    }
}

#[tokio::test]
async fn giant_heads_are_refused() {
    let line = format!("X-Long: {}\r\n", "x".repeat(1_000_000));
    assert_eq!(
        said(answer("200 OK", &line, "{}")).await.verdict,
        Verdict::Transport
    );
    let many = "X-Many: 1\r\n".repeat(10_000);
    assert_eq!(
        said(answer("200 OK", &many, "{}")).await.verdict,
        Verdict::Transport
    );
}

#[tokio::test]
async fn broken_answers_are_transport_failures() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"+PONG\r\n",
    ] {
        let sent = said(bytes.to_vec()).await;
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(sent.verdict, Verdict::Transport, "{shown}");
        assert!(
            !sent.detail.is_empty() && !sent.detail.contains("127.0.0.1"),
            "{}",
            sent.detail
        );
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_an_answer_is_a_transport_failure() {
    let host = Host::start(|_, mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            .await?;
        stream.set_zero_linger()
    })
    .await;
    let sent = sender(&patient())
        .send(&network(), &host.url, &BODY.into())
        .await;
    assert_eq!(sent.verdict, Verdict::Transport);
}

#[tokio::test]
async fn nobody_listening_and_no_tls_are_transport_failures() {
    let gone = Host::tarpit().await;
    let url = gone.url.clone();
    drop(gone);
    // The listener closes once its task has been dropped.
    tokio::task::yield_now().await;
    let sent = sender(&patient())
        .send(&network(), &url, &BODY.into())
        .await;
    assert_eq!(sent.verdict, Verdict::Transport);
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback");
    let url = format!("https://{}/", plain.local_addr().expect("bound"));
    let answering = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
    });
    let sent = sender(&patient())
        .send(&network(), &url, &BODY.into())
        .await;
    assert_eq!(sent.verdict, Verdict::Transport);
    answering.await.expect("no panic").expect("written");
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
    crate::setup::install_tls();
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
