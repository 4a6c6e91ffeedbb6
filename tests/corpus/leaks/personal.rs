//! Personal data is in what an order itself is asked for, and nowhere else.

use beckn_bpp::mock::bap::Answer;
use serde_json::{Value, json};

use super::{Town, WAIT};
use crate::bench::report;

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
