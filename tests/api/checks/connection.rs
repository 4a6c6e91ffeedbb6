//! Row 1, the connection itself: how many there are, and how long one may take over a head.
//!
//! What comes in before there is a request is noted under no network, and refused in full like
//! everything else.

use std::time::{Duration, Instant};

use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::protocol::Dialect;
use tokio::io::AsyncWriteExt as _;

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::{MANY_LOOKUPS, Stage};
use super::wire::Wire;
use crate::app::{TestApp, WAIT};

/// Refused before it was known for which network it was.
fn unread(word: &str) -> Wanted<'_> {
    Wanted {
        network: "none",
        ..Wanted::word(word)
    }
}

/// A whole request that is answered and leaves its connection open.
fn kept_open() -> String {
    "PUT /cancel HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()
}

const HASTY: &str = "[limits]\nhead_timeout = \"400ms\"\nkeep_alive = \"2s\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_in_time_is_given_up_the_second_like_the_first() {
    let stage = Stage::set_with(HASTY).await;
    let before = stage.app.kept().await;
    for first in [String::new(), kept_open()] {
        let mut wire = Wire::open(&stage.app).await;
        if !first.is_empty() {
            wire.write(first.as_bytes()).await;
            let answer = wire.answer().await;
            refused::check(&stage.app, &answer, &Wanted::word("method_not_allowed")).await;
        }
        let begun = Instant::now();
        wire.write(b"POST /cancel HTTP/1.1\r\nHost: x\r\n").await;
        let answer = wire.answer().await;
        assert!(begun.elapsed() >= Duration::from_millis(400));
        refused::check(&stage.app, &answer, &unread("head_timeout")).await;
        assert!(wire.is_closed().await);
    }
    assert_eq!(stage.app.kept().await, before);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_given_up_at_the_same_time() {
    let stage = Stage::set_with(HASTY).await;
    for first in [String::new(), kept_open()] {
        let mut wire = Wire::open(&stage.app).await;
        if !first.is_empty() {
            wire.write(first.as_bytes()).await;
            assert_eq!(wire.answer().await.status, 405);
        }
        wire.write(b"POST /cancel HTTP/1.1\r\nX: ").await;
        // Each byte is early enough for a deadline per byte; it would go on for ever.
        while !wire.is_answered_within(Duration::from_millis(30)).await {
            wire.write(b"x").await;
        }
        let answer = wire.answer().await;
        refused::check(&stage.app, &answer, &unread("head_timeout")).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_not_used_is_closed_without_a_word() {
    let more = "[limits]\nhead_timeout = \"300ms\"\nkeep_alive = \"600ms\"";
    let stage = Stage::set_with(more).await;
    let begun = Instant::now();
    let mut unused = Wire::open(&stage.app).await;
    let mut used = Wire::open(&stage.app).await;
    used.write(kept_open().as_bytes()).await;
    assert_eq!(used.answer().await.status, 405);
    assert!(unused.is_closed().await);
    assert!(used.is_closed().await);
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "it is kept for a while"
    );
    let noted = stage.app.get("/refusals").await.body;
    assert_eq!(noted["refusals"].as_array().map(Vec::len), Some(1));
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_takes_no_answer_is_let_go() {
    let stage = Stage::set_with("[limits]\nkeep_alive = \"500ms\"").await;
    let url = stage.app.url("/");
    let address = format!("127.0.0.1:{}", url.port().expect("a port"));
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small one");
    let address = address.parse().expect("an address");
    let mut deaf = socket.connect(address).await.expect("connected");
    let asking = async {
        // Until the answers fill what lies between, and the server has waited long enough.
        while deaf
            .write_all(kept_open().repeat(64).as_bytes())
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(3 * WAIT, asking)
        .await
        .expect("in time");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_on_one_connection_are_answered_in_their_order() {
    let stage = Stage::set().await;
    let knock = stage.signed(&stage.probe(O1));
    let head = format!(
        "POST /cancel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: {}\r\n",
        knock.authorization()
    );
    let body = String::from_utf8_lossy(&knock.body).into_owned();
    let length = body.len();
    let counted = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
    let stream = [counted.as_str(), &chunked, &kept_open(), &counted, &chunked].concat();
    // In one piece, and in pieces that cut every line.
    for size in [stream.len(), 7] {
        let mut wire = Wire::open(&stage.app).await;
        for piece in stream.as_bytes().chunks(size) {
            wire.write(piece).await;
        }
        for word in [
            "order_not_found",
            "order_not_found",
            "method_not_allowed",
            "order_not_found",
            "order_not_found",
        ] {
            let answer = wire.answer().await;
            let found = answer.text.contains(&format!("\"{word}: "));
            assert!(found, "{word}: {}", answer.text);
        }
        // What is wrong after them is told after them.
        wire.write(b"GET / HTTP/1.1\n").await;
        let answer = wire.answer().await;
        refused::check(&stage.app, &answer, &unread("request_malformed")).await;
        assert!(wire.is_closed().await);
    }
    stage.ends_well().await;
}

/// Opens connections until one is told this, as soon as it asks for something.
async fn told(app: &TestApp, word: &str) {
    let told = async {
        loop {
            let mut wire = Wire::open(app).await;
            wire.write(kept_open().as_bytes()).await;
            let answer = wire.answer().await;
            if answer.text.contains(&format!("\"{word}: ")) {
                refused::check(app, &answer, &unread(word)).await;
                return assert!(wire.is_closed().await);
            }
            assert!(
                answer.text.contains("\"method_not_allowed: "),
                "{}",
                answer.text
            );
        }
    };
    tokio::time::timeout(WAIT, told).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_to_come_again() {
    let more = "[limits]\nconnections = 3\nhead_timeout = \"60s\"\nkeep_alive = \"60s\"";
    let stage = Stage::set_with(more).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::open(&stage.app).await;
        wire.write(kept_open().as_bytes()).await;
        assert_eq!(wire.answer().await.status, 405);
        held.push(wire);
    }
    told(&stage.app, "overloaded").await;
    drop(held);
    told_nothing(&stage).await;
    stage.ends_well().await;
}

/// A connection is let in again, once the server has seen that others are gone.
async fn told_nothing(stage: &Stage) {
    let let_in = async {
        loop {
            let answer = Knock::unsigned("{}").send(&stage.app).await;
            if answer.text.contains("\"header_missing: ") {
                return;
            }
        }
    };
    tokio::time::timeout(WAIT, let_in).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_too_many_connections_is_told_so_and_a_proxys_are_not_counted() {
    let limit = "[limits]\nconnections_per_address = 2\nkeep_alive = \"60s\"";
    let mut stage = Stage::set_with(limit).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::open(&stage.app).await;
        wire.write(kept_open().as_bytes()).await;
        assert_eq!(wire.answer().await.status, 405);
        held.push(wire);
    }
    told(&stage.app, "rate_limited").await;
    drop(held);
    told_nothing(&stage).await;
    let trusting =
        |text: String| text.replace("[http]\n", "[http]\ntrusted_proxies = [\"127.0.0.0/8\"]\n");
    stage.app.reconfigure(trusting).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::open(&stage.app).await;
        wire.write(kept_open().as_bytes()).await;
        assert_eq!(wire.answer().await.status, 405);
        held.push(wire);
    }
    drop(held);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_given_up_long_before_its_deadline() {
    let more = "[limits]\nbody_per_second = \"100KB\"\nbody_timeout = \"60s\"";
    let stage = Stage::set_with(more).await;
    let begun = Instant::now();
    let mut wire = Wire::with_head(&stage.app, &[("Content-Length", "200000")]).await;
    wire.write(&[b' '; 1_000]).await;
    let answer = wire.answer().await;
    assert!(begun.elapsed() >= Duration::from_secs(2));
    refused::check(&stage.app, &answer, &Wanted::word("body_timeout")).await;
    assert!(
        answer.text.contains("expected 100000 bytes a second"),
        "{}",
        answer.text
    );
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_orders_that_are_not_there_is_slowed_and_its_own_are_still_cancelled() {
    let more = format!("{MANY_LOOKUPS}\n[limits]\nnot_found_per_minute = 30");
    let stage = Stage::set_with(&more).await;
    let begun = Instant::now();
    let mut probes = (0..31).map(|_| stage.signed(&stage.probe(O1)));
    for probe in probes.by_ref().take(30) {
        stage.passes(&probe, Dialect::V1).await;
    }
    let probe = stage.signed(&stage.probe(O1));
    // A place in thirty comes back every two seconds; on a slow machine some may have.
    let slowed = async {
        loop {
            let answer = probe.send(&stage.app).await;
            if answer.status == 429 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(WAIT, slowed).await.expect("in time");
    let wanted = Wanted::word("rate_limited").in_dialect(Dialect::V1);
    refused::check(&stage.app, &answer, &wanted).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
    // Another subscriber is not slowed, and neither are this one's orders that are there.
    let mut message = stage.cancel_but(TRIP_1, "bap_id", "other-bap.example.org".into());
    message["context"]["bap_uri"] = stage.app.other_bap.url.as_str().into();
    let other = Knock::signed(stage.app.other_bap.signer(), message.to_string());
    stage.passes(&other, Dialect::V0_9).await;
    stage.ends_well().await;
}
