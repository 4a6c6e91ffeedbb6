//! A line of the log is one line, and ours, whatever is sent.

use beckn_bpp::mock::bap::Answer;
use serde_json::{Value, json};

use super::{Town, WAIT};
use crate::bench::report;
use crate::connection::Connection;

/// What would end a line, move a cursor or end a text, and what would look like a line of ours.
const EVIL: [&str; 7] = [
    "a\nb",
    "a\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "a\u{0}b",
    "a\u{85}b\u{2028}c\u{2029}",
    "\u{202e}txet",
    "\u{9b}31m",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_log_is_a_line_whatever_strangers_write() {
    let town = Town::start("debug");
    town.admin
        .hand_over(&[town.order("P-1")])
        .await
        .expect("taken in");
    let mut sent = 0;
    for evil in EVIL {
        for member in [
            "domain",
            "action",
            "version",
            "bap_id",
            "bap_uri",
            "bpp_id",
            "transaction_id",
            "message_id",
            "timestamp",
            "ttl",
        ] {
            let mut cancel = town.cancel("P-1");
            cancel["context"][member] = json!(evil);
            let answer = town.send(&cancel.to_string()).await;
            sent += usize::from(answer.contains("NACK"));
        }
        let mut cancel = town.cancel("P-1");
        cancel["message"]["order_id"] = json!(evil);
        cancel["message"][evil] = json!(evil);
        sent += usize::from(town.send(&cancel.to_string()).await.contains("NACK"));
        sent += usize::from(town.send(evil).await.contains("NACK"));
        sent += usize::from(
            town.send(&format!("{{{:?}:1,{:?}:2}}", evil, evil))
                .await
                .contains("NACK"),
        );
        // Headers and paths hold less, and are sent as bytes.
        let escaped: String = evil.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request =
            format!("POST /{escaped} HTTP/1.1\r\nHost: x\r\nUser-Agent: {escaped}\r\n\r\n");
        let mut connection = Connection::open(town.at.public).await.expect("connected");
        let answer = connection
            .exchange(request.as_bytes())
            .await
            .expect("an answer");
        assert_eq!(answer.status, 404);
        sent += 1;
        let key = format!(
            "bap\u{9b}{}|k1|ed25519",
            evil.replace(['\n', '\r', '\0'], "\t")
        );
        let request = format!(
            "POST /cancel HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: \
             Signature keyId=\"{key}\"\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let mut connection = Connection::open(town.at.public).await.expect("connected");
        let answer = connection
            .exchange(request.as_bytes())
            .await
            .expect("an answer");
        assert!(matches!(answer.status, 400 | 401), "{}", answer.status);
        sent += 1;
        // What the other parties answer, too.
        let body = evil.to_owned();
        town.bap.answer_next([Answer::Raw {
            status: 500,
            body: body.into(),
        }]);
        let nack = json!({"code": evil, "message": evil});
        town.bap.answer_next([Answer::Nack(nack)]);
        assert!(
            town.send(&town.cancel("P-1").to_string())
                .await
                .contains("\"ACK\"")
        );
    }
    town.admin.quiet(WAIT).await.expect("quiet");
    let noted = town.admin.text("/refusals").await.expect("refusals");
    assert!(
        !noted.contains(char::is_control),
        "refusals are shown escaped"
    );
    let log = town.end().await;
    let is_line = |line: &&str| {
        let read: Result<Value, _> = serde_json::from_str(line);
        read.is_ok_and(|line| line["timestamp"].is_string() && line["target"].is_string())
    };
    let strange: Vec<&str> = log.lines().filter(|line| !is_line(line)).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    assert!(
        !log.contains(|c: char| c.is_control() && c != '\n'),
        "a control character"
    );
    let refusals = log
        .lines()
        .filter(|line| line.contains("\"a request is refused\""));
    assert_eq!(refusals.count(), sent, "one line for each refusal");
    assert!(!log.contains("\"message\":\"forged\""));
    report("attempts to forge a line of the log", sent, 90);
}
