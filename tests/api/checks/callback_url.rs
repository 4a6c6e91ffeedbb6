//! Row 8: a callback goes only where the registry says the caller lives.

use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::mock::registry::row;
use serde_json::json;
use url::Url;

use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

impl Stage {
    /// The rightful BAP's registered URL with something replaced.
    fn bap_url(&self, part: &str, by: &str) -> String {
        let url = self.app.bap.url.as_str();
        assert!(url.contains(part), "{part} in {url}");
        url.replacen(part, by, 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_address_elsewhere_is_refused() {
    let stage = Stage::set().await;
    let port = stage.app.bap.url.port().expect("a port");
    let other_port = stage.app.other_bap.url.port().expect("a port");
    let elsewhere = [
        stage.app.other_bap.url.to_string(),
        stage.bap_url("127.0.0.1", "localhost"),
        stage.bap_url("127.0.0.1", "169.254.169.254"),
        stage.bap_url("127.0.0.1", "127.0.0.1.evil.example"),
        stage.bap_url("127.0.0.1", "127.0.0.2"),
        stage.bap_url("http://", "https://"),
        stage.bap_url("http://", "ftp://"),
        stage.bap_url("http://", "file://"),
        stage.bap_url("http://", "http://user@"),
        stage.bap_url("http://", "http://user:secret@"),
        stage.bap_url("http://", "http://127.0.0.1:1@"),
        stage.bap_url("127.0.0.1", "127.0.0.1:80@127.0.0.1"),
        stage.bap_url(&format!(":{port}"), &format!(":{other_port}")),
        stage.bap_url(&format!(":{port}"), ""),
        stage.bap_url("/beckn", ""),
        stage.bap_url("/beckn", "/"),
        stage.bap_url("/beckn", "/admin"),
        stage.bap_url("/beckn", "/beckn2"),
        stage.bap_url("/beckn", "/Beckn"),
        stage.bap_url("/beckn", "/beckn/.."),
        stage.bap_url("/beckn", "/beckn/../admin"),
        stage.bap_url("/beckn", "/beckn/%2e%2e/admin"),
        stage.bap_url("/beckn", "/beckn/x/%2E./../admin"),
        stage.bap_url("/beckn", "/beckn\\..\\admin"),
        stage.bap_url("/beckn", "/beckn?x=1"),
        stage.bap_url("/beckn", "/beckn#x"),
        "/beckn".to_owned(),
        "beckn".to_owned(),
        "javascript:alert(1)".to_owned(),
        String::new(),
    ];
    for (dialect, sample) in DIALECTS {
        for uri in &elsewhere {
            let knock = stage.signed(&stage.cancel_but(sample, "bap_uri", json!(uri)));
            let wanted = Wanted::word("callback_url_mismatch").in_dialect(dialect);
            stage.refuses(&knock, &wanted.at("context.bap_uri")).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registered_address_is_not_told_to_who_misses_it() {
    let stage = Stage::set().await;
    let elsewhere = json!("http://elsewhere.example.org/x");
    let knock = stage.signed(&stage.cancel_but(TRIP_1, "bap_uri", elsewhere));
    let answer = knock.send(&stage.app).await;
    assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_of_the_registered_address_are_the_same() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        for same in [
            stage.bap_url("/beckn", "/beckn/"),
            stage.bap_url("/beckn", "/beckn/v1"),
            stage.bap_url("/beckn", "/beckn/v1/../v2/"),
            stage.bap_url("/beckn", "/x/../beckn"),
            stage.bap_url("http://", "HTTP://"),
        ] {
            let mut message = stage.probe(sample);
            message["context"]["bap_uri"] = json!(same);
            stage.passes(&stage.signed(&message), dialect).await;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_goes_to_a_path_below_the_registered_one() {
    let stage = Stage::set().await;
    let root = stage.app.bap.url.join("/").expect("a URL");
    {
        let mut rows = stage.app.registry.rows.lock().expect("not poisoned");
        rows.retain(|row| row["subscriber_id"] != "bap.example.org");
        rows.push(row(stage.bap(), "BAP", &root));
    }
    // The BAP listens at /beckn, which is below what is registered now.
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_any_port_may_be_called_the_host_is_one_lane() {
    let app = Stage::set_with("callback_url = \"host\"").await.app;
    let held = app.admin("POST", "/callbacks/hold", None).await;
    assert_eq!(held.status, 200, "{}", held.text);
    let ports = [app.bap.url.port(), app.other_bap.url.port()].map(|port| port.expect("a port"));
    for ((_, sample), port) in DIALECTS.into_iter().zip(ports) {
        let mut message = app.cancel_of(sample);
        let registered = ports[0].to_string();
        message.bap_uri = message.bap_uri.replacen(&registered, &port.to_string(), 1);
        let reply = app.send(&message).await;
        assert_eq!(reply.json()["message"]["ack"]["status"], "ACK", "{reply:?}");
    }
    let waiting = app.get("/callbacks?state=pending").await.body;
    let waiting = waiting["callbacks"].as_array().expect("a list");
    assert_eq!(waiting.len(), 2);
    for (callback, port) in waiting.iter().zip(ports) {
        let url = callback["url"].as_str().expect("a URL");
        assert!(url.contains(&format!(":{port}/")), "{url}");
        assert_eq!(callback["lane"], "127.0.0.1");
    }
    app.stop_owing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_several_registered_addresses_will_do_but_only_for_its_domain() {
    let stage = Stage::set().await;
    let elsewhere: Url = "http://elsewhere.example.org/x".parse().expect("a URL");
    let mut other = row(stage.bap(), "BAP", &elsewhere);
    other["domain"] = json!("parcels");
    stage
        .app
        .registry
        .rows
        .lock()
        .expect("not poisoned")
        .push(other);
    for (dialect, sample) in DIALECTS {
        let uri = json!(elsewhere.as_str());
        let knock = stage.signed(&stage.cancel_but(sample, "bap_uri", uri));
        let wanted = Wanted::word("callback_url_mismatch").in_dialect(dialect);
        stage.refuses(&knock, &wanted.at("context.bap_uri")).await;
        stage
            .passes(&stage.signed(&stage.probe(sample)), dialect)
            .await;
    }
    stage.ends_well().await;
}
