//! The metrics do not grow with what strangers make up.

use beckn_bpp::crypto::signature::Signer;
use serde_json::json;

use super::Town;
use crate::bench::report;
use crate::connection::Connection;

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
