//! One attempt against hosts that misbehave: what is sent, and the verdict on what comes back.

mod broken;
mod dialled;
mod long;
mod slow;

use std::time::Duration;

use beckn_bpp::delivery::send::Sent;
use beckn_bpp::delivery::verdict::{MAX_DETAIL_CHARS, Verdict};

use crate::host::{Host, ack, answer};
use crate::setup::{BODY, network, patient, sender, start};

/// What comes of one answer, with a deadline out of the way, for hosts that answer at once.
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
