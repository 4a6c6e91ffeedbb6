//! What gets out of the real binary: its log at every level, its metrics, its lists and refusals.
//!
//! Personal data is marked with texts that occur nowhere else, and what strangers write with
//! characters that would end a line or move a cursor.

use std::path::Path;
use std::time::Duration;

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::bap::{self, Answer, BapHandle};
use beckn_bpp::mock::orders::O1;
use serde_json::{Value, json};
use url::Url;

use crate::bench::report;
use crate::connection::Connection;
use crate::process::{Addresses, Process};
use crate::surroundings::{Admin, BAP_KEYS, BPP, BPP_URL, Surroundings, listener, signer};

const BINARY: &str = env!("CARGO_BIN_EXE_beckn-bpp");
const WAIT: Duration = Duration::from_secs(30);
const BAP: &str = "bap.example.org";

/// Two tries, no breaker.
const DELIVERY: &str = "schedule = [\"0s\", \"20ms\"]\nnack_retries = 0\ntimeout = \"2s\"\nconnect_timeout = \"1s\"\n\
    breaker_failures = 1000000";

/// The server with its surroundings.
struct Town {
    around: Surroundings,
    bap: BapHandle,
    process: Process,
    at: Addresses,
    admin: Admin,
}

impl Town {
    /// Logging at this level.
    fn start(level: &str) -> Self {
        let around = Surroundings::new(DELIVERY).expect("surroundings");
        let by = signer(BAP, BAP_KEYS[0]).expect("a key");
        let port = listener().expect("a port");
        let bap = bap::start(port, by, &around.registry.url, "/beckn").expect("a BAP");
        around.register(&[(bap.signer(), &bap.url)]);
        let mut command = around.serve(Path::new(BINARY));
        command.env("BECKN_BPP__LOG__LEVEL", level);
        let process = Process::start(&mut command).expect("a process");
        let at = process.ready(WAIT).expect("ready");
        let admin = Admin::at(at.admin).expect("a client");
        Self {
            around,
            bap,
            process,
            at,
            admin,
        }
    }

    fn cancel_url(&self) -> Url {
        format!("http://{}/cancel", self.at.public)
            .parse()
            .expect("a URL")
    }

    /// A sample order under this id, as placed by the BAP.
    fn order(&self, id: &str) -> Value {
        let placed_by = (BAP, self.bap.url.as_str());
        let text = O1.placed_by(placed_by, (BPP, BPP_URL)).expect("a sample");
        let mut order: Value = serde_json::from_str(&text).expect("JSON");
        order["message"]["order"]["id"] = json!(id);
        order
    }

    /// A cancel of an order by the BAP.
    fn cancel(&self, id: &str) -> Value {
        let order = self.order(id);
        let mut context = order["context"].clone();
        context["action"] = json!("cancel");
        context["bpp_uri"] = json!(BPP_URL);
        context["message_id"] = json!(uuid::Uuid::new_v4().to_string());
        context["timestamp"] = json!(chrono::Utc::now().to_rfc3339());
        json!({"context": context, "message": {"order_id": id, "cancellation_reason_id": "001"}})
    }

    /// The text of the answer to these bytes, signed by the BAP.
    async fn send(&self, body: &str) -> String {
        let reply = self
            .bap
            .sign_and_post(&self.cancel_url(), body.to_owned())
            .await;
        String::from_utf8_lossy(&reply.expect("an answer").body).into_owned()
    }

    /// Ends the server well, and returns all that it has logged.
    async fn end(self) -> String {
        let ended = tokio::task::spawn_blocking(|| self.process.terminate(WAIT));
        let (status, log) = ended.await.expect("no panic").expect("it ends");
        assert!(status.success(), "{status}");
        self.bap.stop().await;
        self.around.registry.stop().await;
        log
    }
}

/// Marks for everything personal that an order or a cancel may hold.
const CANARIES: [&str; 10] = [
    "Canary-Name-Qz1",
    "9876501234",
    "canary.qz3@example.com",
    "4 Canary Street Qz4",
    "12.345678, 98.765432",
    "canary-otp-qz6",
    "canary note qz7",
    "canary@upi-qz8",
    "canary-unknown-qz9",
    "canary-patient-qz0",
];

/// The order with a mark at each place of a person.
fn marked(mut order: Value) -> Value {
    let [name, phone, mail, street, gps, otp, _, upi, other, patient] = CANARIES;
    let inner = &mut order["message"]["order"];
    inner["fulfillments"][0]["customer"] = json!({
        "person": {"name": name, "tags": [{"code": "x", "value": other}]},
        "contact": {"phone": phone, "email": mail},
    });
    inner["fulfillments"][0]["stops"][0]["location"] = json!({"gps": gps, "address": street});
    inner["fulfillments"][0]["stops"][0]["authorization"] = json!({"type": "OTP", "token": otp});
    inner["billing"] = json!({"name": name, "phone": phone, "email": mail, "address": street});
    inner["payments"][0]["params"] = json!({"virtual_payment_address": upi});
    inner["x_notes"] = json!(other);
    order["booking"] = json!({"patient": {"id": patient}});
    order
}

/// Messages that are refused each at another step, all full of marks.
fn refused(town: &Town) -> Vec<String> {
    let person = marked(town.order("P-1"))["message"]["order"]["billing"].clone();
    let right = |id: &str| {
        let mut cancel = town.cancel(id);
        cancel["message"]["billing"] = person.clone();
        cancel
    };
    let mut all = vec![right("no-such-order").to_string()];
    let mut stale = right("P-1");
    stale["context"]["timestamp"] = json!("2020-01-01T00:00:00Z");
    stale["context"]["ttl"] = json!("PT1S");
    all.push(stale.to_string());
    for canary in CANARIES {
        for (member, value) in [
            ("descriptor", json!(canary)),
            ("descriptor", json!({"short_desc": [canary]})),
            ("descriptor", json!({"code": {"x": canary}})),
            ("cancellation_reason_id", json!([canary])),
            ("order_id", json!({"id": canary})),
        ] {
            let mut cancel = right("P-1");
            cancel["message"][member] = value;
            all.push(cancel.to_string());
        }
        for (member, value) in [
            ("location", json!(canary)),
            ("location", json!({"city": canary, "gps": canary})),
            ("timestamp", json!(canary)),
            ("ttl", json!([canary])),
            ("max_callbacks", json!(canary)),
        ] {
            let mut cancel = right("no-such-order");
            cancel["context"][member] = value;
            all.push(cancel.to_string());
        }
        let text = right("P-1").to_string();
        let at = text.len() - 1;
        all.push(format!(
            "{},\"x\":\"{canary}\",\"x\":\"{canary}\"}}",
            &text[..at]
        ));
        all.push(format!("{},\"x\":\"{canary}\u{1}\"}}", &text[..at]));
        all.push(format!("{}\"{canary}\"", text));
        all.push(format!(
            "{},\"x\":{}\"{canary}\"{}}}",
            &text[..at],
            "[".repeat(70),
            "]".repeat(70)
        ));
    }
    all
}

fn assert_clean(what: &str, text: &str) {
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let from = text[..at]
                .char_indices()
                .rev()
                .nth(300)
                .map_or(0, |(at, _)| at);
            panic!("{canary} is in {what}: {}", &text[from..at + canary.len()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_gets_out_but_where_an_order_itself_is_asked_for() {
    let town = Town::start("trace");
    let mut answers = 0;
    let orders: Vec<Value> = ["P-1", "P-2"].map(|id| marked(town.order(id))).into();
    town.admin.hand_over(&orders).await.expect("taken in");
    let shown = town.admin.text("/orders/P-1").await.expect("the order");
    let shown_marks = CANARIES
        .iter()
        .filter(|canary| shown.contains(**canary))
        .count();
    assert_eq!(
        shown_marks,
        CANARIES.len() - 1,
        "all but the note are in the order"
    );
    for body in refused(&town) {
        let answer = town.send(&body).await;
        assert!(answer.contains("NACK"), "{body}: {answer}");
        assert_clean("a refusal", &answer);
        // And with a signature that does not hold.
        let (url, other) = (town.cancel_url(), format!("{body} "));
        let forged = town.bap.post(&url, other, "Signature x=\"y\"");
        let forged = forged.await.expect("an answer");
        assert_clean("a refusal", &String::from_utf8_lossy(&forged.body));
        answers += 2;
    }
    // A BAP that repeats what it was sent, as its error.
    let nack = json!({"code": "1", "message": CANARIES.join(" ")});
    let page = |status| Answer::Raw {
        status,
        body: CANARIES.join(" ").into(),
    };
    town.bap
        .answer_next([Answer::Nack(nack), page(500), page(200)]);
    for id in ["P-1", "P-2", "P-1"] {
        let mut cancel = town.cancel(id);
        cancel["message"]["descriptor"] = json!({"short_desc": CANARIES[6]});
        assert!(town.send(&cancel.to_string()).await.contains("\"ACK\""));
    }
    town.admin.quiet(WAIT).await.expect("quiet");
    for path in [
        "/orders",
        "/orders?state=Cancelled",
        "/events?after=0",
        "/refusals",
        "/networks",
        "/metrics",
        "/health/ready",
    ] {
        let mut text = town.admin.text(path).await.expect(path);
        if path.starts_with("/events") {
            // An event is for the provider, and holds the reason in the customer's words.
            text = text.replace(CANARIES[6], "");
        }
        assert_clean(path, &text);
    }
    let log = town.end().await;
    assert!(log.contains("\"TRACE\""), "every level is on");
    assert_clean("the log", &log);
    report("refusals with personal data", answers, 200);
}

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

/// How many ids are made up; the whole number is for a release build.
fn ids() -> usize {
    let asked = std::env::var("CORPUS_IDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_ids_make_no_series() {
    let town = Town::start("warn,beckn_bpp::app::server=info");
    let now = chrono::Utc::now().timestamp();
    let all = ids();
    let mut connection = Connection::open(town.at.public).await.expect("connected");
    for number in 0..all {
        let stranger = Signer {
            subscriber_id: format!("made-up-{number}.example.org"),
            ..town.bap.signer().clone()
        };
        let mut cancel = town.cancel(&format!("made-up-order-{number}"));
        // One in ten by the registered BAP, so that its order ids get to the end.
        let by = match number % 10 {
            0 => town.bap.signer(),
            _ => {
                cancel["context"]["bap_id"] = json!(stranger.subscriber_id);
                &stranger
            }
        };
        cancel["context"]["domain"] = match number % 7 {
            0 => json!(format!("made-up-domain-{number}")),
            _ => cancel["context"]["domain"].clone(),
        };
        let body = cancel.to_string();
        let age = if number % 3 == 0 { 400 } else { 0 };
        let path = match number % 11 {
            0 => format!("/made-up-{number}"),
            _ => "/cancel".to_owned(),
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nUser-Agent: \
             made-up-{number}\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
            by.authorization(body.as_bytes(), now - age),
            body.len()
        );
        let answer = connection
            .exchange(request.as_bytes())
            .await
            .expect("an answer");
        if answer.closes {
            connection = Connection::open(town.at.public).await.expect("connected");
        }
    }
    let metrics = town.admin.text("/metrics").await.expect("metrics");
    let series = metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let series = series.count();
    assert!(!metrics.contains("made-up"), "{metrics}");
    assert!(series <= 200, "{series} series");
    town.end().await;
    report("made-up ids in metrics", all, 2_000);
    println!("{:34} {series} series", "");
}
