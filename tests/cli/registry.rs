//! `registry lookup`.

use serde_json::json;

use crate::app::TestApp;
use crate::process::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_key_is_shown_as_the_server_sees_it() {
    let app = TestApp::start().await;
    let registry = app.registry.url.as_str();
    let at = |more: &[&str]| {
        let lookup = ["registry", "lookup", "--registry", registry];
        run(&[&lookup, more].concat())
    };
    let shown = at(&["bap.example.org", "k1"]).expect(0).out;
    let public = include_str!("../../keys/bap.public").trim();
    assert!(shown.contains(public) && shown.contains(app.bap.url.as_str()));
    let shown = at(&["bap.example.org", "k1", "--json"]).expect(0).json();
    assert_eq!(shown["types"], json!(["BAP"]));
    assert_eq!(shown["signing_public_key"], public);

    at(&["bap.example.org", "k2"]).fails(1, "does not list");
    for row in app.registry.rows.lock().expect("no panic").iter_mut() {
        row["status"] = json!("UNSUBSCRIBED");
    }
    at(&["bap.example.org", "k1"]).fails(1, "UNSUBSCRIBED");
    app.stop().await;
}

#[test]
fn a_registry_that_is_not_there_is_named_with_the_cause() {
    let there = "http://127.0.0.1:1/";
    let lookup = ["registry", "lookup", "--registry", there, "a.example", "k1"];
    let ended = run(&lookup).fails(1, there);
    assert!(ended.err.contains("refused"), "{ended:?}");
}
