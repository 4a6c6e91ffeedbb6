//! Row 2, second half: the body's type, encoding, length and time.
//!
//! What no HTTP client would send goes over a bare connection. The bytes are signed wherever
//! they could be taken, so that it is this check that refuses them.

use std::time::{Duration, Instant};

use beckn_bpp::mock::orders::{O1, TRIP_1};
use beckn_bpp::protocol::Dialect;
use reqwest::Method;

use super::knock::Knock;
use super::refused::{self, Wanted};
use super::stage::Stage;
use super::wire::Wire;

const LIMIT: usize = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_taken_whatever_its_charset_says() {
    let stage = Stage::set().await;
    let right = stage.signed(&stage.probe(TRIP_1));
    for other in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/problem+json",
        "application",
        "json",
        "",
        ";application/json",
        "text/plain, application/json",
    ] {
        let knock = right.clone().with("content-type", other);
        stage
            .refuses(&knock, &Wanted::word("unsupported_media_type"))
            .await;
    }
    let untyped = right.clone().without("content-type");
    stage
        .refuses(&untyped, &Wanted::word("unsupported_media_type"))
        .await;
    for same in [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; charset=\"UTF-8\"",
    ] {
        let knock = right.clone().with("content-type", same);
        stage.passes(&knock, Dialect::V0_9).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused_even_when_its_bytes_are_signed() {
    let stage = Stage::set().await;
    let right = stage.signed(&stage.probe(O1));
    for encoding in [
        "gzip",
        "br",
        "deflate",
        "zstd",
        "identity, gzip",
        "GZIP",
        "x",
    ] {
        let knock = right.clone().with("content-encoding", encoding);
        stage
            .refuses(&knock, &Wanted::word("unsupported_encoding"))
            .await;
    }
    let both = right
        .clone()
        .with("content-encoding", "identity")
        .beside("content-encoding", "gzip");
    stage
        .refuses(&both, &Wanted::word("unsupported_encoding"))
        .await;
    let plain = right.with("content-encoding", "Identity");
    stage.passes(&plain, Dialect::V1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let stage = Stage::set().await;
    let mut text = stage.probe(TRIP_1).to_string();
    text.push_str(&" ".repeat(LIMIT - text.len()));
    let longest = Knock::signed(stage.bap(), text.clone());
    stage.passes(&longest, Dialect::V0_9).await;
    text.push(' ');
    let longer = Knock::signed(stage.bap(), text);
    stage
        .refuses(&longer, &Wanted::word("body_too_large"))
        .await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_over_the_limit_is_refused_before_the_body_is_sent() {
    let stage = Stage::set().await;
    for length in ["262145", "20000000", "18446744073709551615"] {
        let before = stage.app.kept().await;
        let mut wire = Wire::with_head(&stage.app, &[("Content-Length", length)]).await;
        let answer = wire.answer().await;
        refused::check(&stage.app, &answer, &Wanted::word("body_too_large")).await;
        assert_eq!(stage.app.kept().await, before);
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_counted_while_it_is_read() {
    let stage = Stage::set().await;
    let before = stage.app.kept().await;
    let mut wire = Wire::with_head(&stage.app, &[("Transfer-Encoding", "chunked")]).await;
    for _ in 0..4 {
        write_chunk(&mut wire, &vec![b' '; LIMIT / 4]).await;
    }
    write_chunk(&mut wire, b" ").await;
    let answer = wire.answer().await;
    refused::check(&stage.app, &answer, &Wanted::word("body_too_large")).await;
    assert_eq!(stage.app.kept().await, before);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_within_the_limit_is_taken() {
    let stage = Stage::set().await;
    let body = stage.probe(O1).to_string();
    let knock = Knock::signed(stage.bap(), body.clone());
    let headers = [
        ("Transfer-Encoding", "chunked"),
        ("Authorization", knock.authorization()),
    ];
    let mut wire = Wire::with_head(&stage.app, &headers).await;
    let (first, rest) = body.as_bytes().split_at(100);
    write_chunk(&mut wire, first).await;
    write_chunk(&mut wire, rest).await;
    wire.write(b"0\r\n\r\n").await;
    let wanted = Wanted::word("order_not_found").at("message.order_id");
    refused::check(&stage.app, &wire.answer().await, &wanted).await;
    stage.ends_well().await;
}

async fn write_chunk(wire: &mut Wire, bytes: &[u8]) {
    wire.write(format!("{:x}\r\n", bytes.len()).as_bytes())
        .await;
    wire.write(bytes).await;
    wire.write(b"\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let stage = Stage::set_with("[limits]\nbody_timeout = \"400ms\"").await;
    let before = stage.app.kept().await;
    for sent in ["", "{\"context\":"] {
        let begun = Instant::now();
        let mut wire = Wire::with_head(&stage.app, &[("Content-Length", "500")]).await;
        wire.write(sent.as_bytes()).await;
        let answer = wire.answer().await;
        assert!(begun.elapsed() >= Duration::from_millis(400));
        refused::check(&stage.app, &answer, &Wanted::word("body_timeout")).await;
        wire.end_writing().await;
        assert!(wire.is_closed().await, "the rest is not waited for");
    }
    assert_eq!(stage.app.kept().await, before);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_given_up_at_the_same_deadline() {
    let stage = Stage::set_with("[limits]\nbody_timeout = \"400ms\"").await;
    let mut wire = Wire::with_head(&stage.app, &[("Transfer-Encoding", "chunked")]).await;
    // Each byte is early enough for a deadline per byte; it would go on for ever.
    while !wire.is_answered_within(Duration::from_millis(30)).await {
        write_chunk(&mut wire, b" ").await;
    }
    let answer = wire.answer().await;
    refused::check(&stage.app, &answer, &Wanted::word("body_timeout")).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_is_refused() {
    let stage = Stage::set().await;
    let before = stage.app.kept().await;
    let mut cut = Wire::with_head(&stage.app, &[("Content-Length", "500")]).await;
    cut.write(b"{\"context\":").await;
    cut.end_writing().await;
    let answer = cut.answer().await;
    refused::check(&stage.app, &answer, &Wanted::word("body_incomplete")).await;

    let mut broken = Wire::with_head(&stage.app, &[("Transfer-Encoding", "chunked")]).await;
    broken.write(b"5\r\n{\"con\r\nno number\r\n").await;
    let answer = broken.answer().await;
    refused::check(&stage.app, &answer, &Wanted::word("body_incomplete")).await;
    assert_eq!(stage.app.kept().await, before);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_does_not_begin_the_next_request() {
    let stage = Stage::set().await;
    let cancel = stage.signed(&stage.cancel(TRIP_1));
    let before = stage.app.kept().await;
    // A whole signed cancel as the body of a request that is refused without reading it.
    let inner = format!(
        "POST /cancel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{}",
        cancel.authorization(),
        cancel.body.len(),
        String::from_utf8_lossy(&cancel.body)
    );
    let knock = Knock::unsigned(inner)
        .by(Method::PUT)
        .with("connection", "keep-alive");
    stage
        .refuses(&knock, &Wanted::word("method_not_allowed"))
        .await;
    stage
        .passes(&stage.signed(&stage.probe(TRIP_1)), Dialect::V0_9)
        .await;
    assert_eq!(stage.app.kept().await, before);
    stage.ends_well().await;
}
