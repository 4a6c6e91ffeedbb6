//! Many orders at once, one a line.
//!
//! Each line stands for itself: one that cannot be taken in keeps none of the others out. The
//! command that reads a file and shows its progress is tried with the command line.

use beckn_bpp::mock::orders::{O1, TRIP_1, TRIP_2};
use serde_json::{Value, json};

use super::{cancel, document, renamed};
use crate::app::{TestApp, answer};

async fn import(app: &TestApp, text: String) -> Vec<Value> {
    let request = app.http.post(app.admin_url("/orders"));
    let request = request.bearer_auth(&app.token).body(text);
    let answer = answer(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let lines = answer.text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_reported_by_its_number_and_the_rest_is_taken_in() {
    let app = TestApp::start().await;
    let mut unknown_network = document(&app, TRIP_2);
    unknown_network["booking"] = json!({"network": "parcels"});
    let lines = [
        document(&app, TRIP_1).to_string(),
        "{\"message\":".to_owned(),
        String::new(),
        "  \r".to_owned(),
        unknown_network.to_string(),
        format!("{}\r", document(&app, O1)),
        "{\"id\":\"B1\",\"booking\":{}}".to_owned(),
        "{\"booking\":{}}".to_owned(),
    ];
    let told = import(&app, lines.join("\n")).await;
    let numbers: Vec<u64> = told
        .iter()
        .filter_map(|line| line["line"].as_u64())
        .collect();
    assert_eq!(numbers, [1, 2, 5, 6, 7, 8]);
    assert_eq!(
        told[0],
        json!({"line": 1, "network": "mobility", "id": "trip_1", "result": "created"})
    );
    let results: Vec<_> = told.iter().map(|line| line["result"].as_str()).collect();
    let results: Vec<_> = results.into_iter().flatten().collect();
    assert_eq!(
        results,
        [
            "created", "refused", "refused", "created", "created", "refused"
        ]
    );
    assert!(
        told[2]["error"]
            .as_str()
            .is_some_and(|text| text.contains("parcels"))
    );
    let listed = app.get("/orders").await.body["orders"].clone();
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_changes_nothing_and_revives_nothing() {
    let app = TestApp::start().await;
    let text = format!("{}\n{}", document(&app, TRIP_1), document(&app, O1));
    import(&app, text.clone()).await;
    cancel(&app, "O1", json!({"by": "provider"})).await;
    app.settled().await;
    let before = app.kept().await;
    for line in import(&app, text).await {
        assert_eq!(line["result"], "unchanged");
    }
    let mut newer = document(&app, O1);
    newer["message"]["order"]["updated_at"] = json!("2026-03-03T00:00:00Z");
    let told = import(&app, newer.to_string()).await;
    assert_eq!(told[0]["result"], "refused");
    assert!(
        told[0]["error"]
            .as_str()
            .is_some_and(|text| text.contains("cancelled"))
    );
    assert_eq!(app.kept().await, before);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_lines_are_answered_in_their_order() {
    let app = TestApp::start().await;
    let line = |number: usize| renamed(&app, TRIP_1, &format!("r{number:03}")).to_string();
    let lines: Vec<String> = (0..300).map(line).collect();
    let told = import(&app, lines.join("\n")).await;
    for (number, line) in told.iter().enumerate() {
        assert_eq!(line["id"], format!("r{number:03}"));
        assert_eq!(line["result"], "created");
    }
    assert_eq!(told.len(), 300);
    // The same order on two lines of one import is one order.
    let twice = format!("{0}\n{0}", renamed(&app, TRIP_1, "twice"));
    let mut results: Vec<String> = import(&app, twice)
        .await
        .iter()
        .map(|line| line["result"].as_str().unwrap_or_default().to_owned())
        .collect();
    results.sort();
    assert_eq!(results, ["created", "unchanged"]);
    app.stop().await;
}
