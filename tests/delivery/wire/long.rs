//! Answers that are too long, packed or without end: no more is taken than is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use beckn_bpp::delivery::verdict::{MAX_DETAIL_CHARS, Verdict};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::{said, status};
use crate::host::{Host, answer};
use crate::setup::{BODY, network, patient, sender, settings};

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
