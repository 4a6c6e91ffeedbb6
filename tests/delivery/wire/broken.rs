//! Answers that are none or break off, and hosts that are not there.

use beckn_bpp::delivery::verdict::Verdict;
use tokio::io::AsyncWriteExt;

use super::said;
use crate::host::Host;
use crate::setup::{BODY, network, patient, sender};

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
