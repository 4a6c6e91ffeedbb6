//! A second network and delivery as a test wants them, and waiting for what the admin API shows of it.
//!
//! Shared by the files here that watch callbacks leave; nothing sends anything by itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{TestApp, WAIT};

/// A second network of the same server at a path of its own, with its keys in this registry.
pub fn parcels(registry: &str) -> String {
    format!(
        r#"
[network.parcels]
kind = "beckn"
domains = ["parcels"]
subscriber_id = "bpp.example.org"
subscriber_url = "http://bpp.example.org/parcels"
key_id = "k1"
signing_key_file = "bpp.signing"
registry_url = "{registry}"
"#
    )
}

/// The line of the configuration that tests replace.
const SCHEDULE: &str = r#"schedule = ["0s", "20ms", "20ms", "20ms", "20ms"]"#;

/// A server that tries a callback once and `more` times again after `step`, and never spares a
/// host that fails.
pub async fn patient(more: usize, step: &str, config: &str) -> TestApp {
    let steps = vec![format!("{step:?}"); more].join(", ");
    let lines = format!("schedule = [\"0s\", {steps}]\nbreaker_failures = 1000000");
    let mut app = TestApp::start_with(config).await;
    app.reconfigure(|text| {
        assert!(text.contains(SCHEDULE), "{text}");
        text.replace(SCHEDULE, &lines)
    })
    .await;
    app
}

/// All callbacks that the query finds, oldest first.
pub async fn callbacks(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.get(&format!("/callbacks?limit=1000{query}")).await;
    answer.body["callbacks"].as_array().expect("a list").clone()
}

/// The callback that carries this message id, once it is as wanted.
pub async fn callback_when(app: &TestApp, message: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let all = callbacks(app, "").await;
            let found = all
                .into_iter()
                .find(|one| one["message"] == message && wanted(one));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(WAIT, looking).await;
    found.expect("the callback gets there in time")
}

/// The same, once it is in this state.
pub async fn callback_in(app: &TestApp, message: &str, state: &str) -> Value {
    // Copies for others carry the same message id, and may be in that state before it.
    let is_copy = |one: &Value| one["kind"] == "audit" || one["kind"] == "webhook";
    callback_when(app, message, |one| one["state"] == state && !is_copy(one)).await
}

/// The outcomes of a callback's attempts, oldest first.
pub fn outcomes(callback: &Value) -> Vec<&str> {
    let attempts = callback["attempts"].as_array().expect("a list");
    let outcome = |attempt: &'_ Value| attempt["outcome"] != json!(null);
    assert!(attempts.iter().all(outcome));
    attempts
        .iter()
        .filter_map(|attempt| attempt["outcome"].as_str())
        .collect()
}
