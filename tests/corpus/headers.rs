//! Signature headers: the table of changes to a right one, as the server answers them, and as
//! `signature explain` does, in the same word.

use std::io::Write as _;
use std::process::{Command, Stdio};

use beckn_bpp::protocol::Dialect;
use serde_json::Value;

use crate::bench::Bench;
use crate::odd_headers::{BY_THE_SECOND, CHANGES, NO_HEADERS, OK, ON_THE_WIRE, changed};
use crate::refused::Wanted;

const MALFORMED: &str = "header_malformed";

/// What the server says of a change for which the grammar has this word.
fn answered(by: &str, word: &'static str) -> Wanted<'static> {
    let elsewhere = ON_THE_WIRE.iter().find(|(text, _)| *text == by);
    match elsewhere.map_or(word, |(_, word)| *word) {
        // A header that is taken leads to the order, which is not there.
        OK => Wanted::word("order_not_found").at("message.order_id"),
        "request_malformed" => Wanted {
            network: "none",
            ..Wanted::word("request_malformed")
        },
        "signer_is_not_caller" => Wanted::word("signer_is_not_caller").at("context.bap_id"),
        word => Wanted::word(word),
    }
}

/// The word that `signature explain` has for this header over this body; what it finds right is
/// what the server would go on with.
fn explained(bench: &Bench, header: &str, body: &str) -> String {
    let key = bench.app.bap.signer().key.verifying_key().to_base64();
    let mut command = Command::new(env!("CARGO_BIN_EXE_beckn-bpp"));
    let command = command.args(["signature", "explain", "--json", "--public-key", &key]);
    let command = command
        .arg(format!("--header={header}"))
        .arg("-")
        .env_clear();
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut input = running.stdin.take().expect("piped");
    input.write_all(body.as_bytes()).expect("read");
    drop(input);
    let output = running.wait_with_output().expect("it ends");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    match said["reason"].as_str() {
        Some(word) => word.to_owned(),
        None => "order_not_found".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_odd_signature_header_gets_its_word_and_changes_nothing() {
    let mut bench = Bench::set("signature headers", "").await;
    for (part, by, word) in CHANGES {
        if (*part, *by) == BY_THE_SECOND {
            continue;
        }
        let body = bench.probe().to_string();
        let right = bench.authorization(body.as_bytes());
        let odd = changed(&right, part, by);
        let request = Bench::request(&odd, body.as_bytes());
        let wanted = answered(by, word).in_dialect(Dialect::V1);
        let case = format!("{part:?} -> {by:?}");
        bench.refuses(&case, &request, &wanted).await;
        if wanted.word != "request_malformed" {
            assert_eq!(explained(&bench, &odd, &body), wanted.word, "{case}");
        }
    }
    for text in NO_HEADERS {
        let request = Bench::request(text, b"{}");
        bench
            .refuses(text, &request, &Wanted::word(MALFORMED))
            .await;
    }
    bench.ends_well(150).await;
}
