//! Addresses inside: a registered BAP whose registry entry and `bap_uri` both lead there.
//!
//! So only the guard stands between the server and the address: the cancel is right, and where it
//! is acknowledged its callback must die without anything being dialled. Something listens at the
//! port that every address names, on all of loopback, and hears nothing.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use beckn_bpp::delivery::guard::{self, Reach};
use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::row;
use chrono::Utc;
use serde_json::{Value, json};
use url::Url;

use crate::app::{WAIT, answer};
use crate::bench::{Bench, report};
use crate::odd_addresses::{HOSTS, TRICKS};

const GUARDED: &str = "allow_http_callbacks = false
registry_cache_ttl = \"1ms\"
registry_negative_ttl = \"1ms\"
registry_lookups_per_second = 100000";

/// Counts who connects to a port of any loopback address, IPv6 included where there is one.
fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"));
    let listener = listener.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let caught = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&caught);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, caught)
}

impl Bench {
    /// Cancels the order for a BAP that lives at this address; returns the callback's state and
    /// what came of its attempts, or the word of the refusal.
    async fn callback_to(&self, url: &str) -> String {
        let bap = self.app.bap.signer();
        let mut listed = row(bap, "BAP", &self.app.bap.url);
        listed["url"] = json!(url);
        self.app.registry.set_rows(vec![listed]);
        let mut message = self.app.cancel_of(O1).to_json();
        message["context"]["bap_uri"] = json!(url);
        let body = message.to_string();
        let request = self.app.http.post(self.app.url("/cancel"));
        let request = request.header("content-type", "application/json");
        let signature = bap.authorization(body.as_bytes(), Utc::now().timestamp());
        let said = answer(request.header("authorization", signature).body(body)).await;
        if let Some(error) = said.body["error"]["message"].as_str() {
            return error.split(": ").next().unwrap_or_default().to_owned();
        }
        assert_eq!(
            said.body["message"]["ack"]["status"], "ACK",
            "{}",
            said.text
        );
        let id = message["context"]["message_id"].as_str().expect("an id");
        let callback = tokio::time::timeout(WAIT, self.settled(id)).await;
        let callback = callback.unwrap_or_else(|_| panic!("{url} is still owed"));
        let attempts = callback["attempts"].as_array().expect("a list");
        assert_eq!(attempts.len(), 1, "{url}: {callback}");
        format!("{} {}", callback["state"], attempts[0]["outcome"]).replace('"', "")
    }

    async fn settled(&self, message: &str) -> Value {
        loop {
            let page = self.app.get("/callbacks?limit=1000").await.body;
            let all = page["callbacks"].as_array().expect("a list");
            let found = all.iter().find(|one| one["message"] == message);
            if let Some(found) = found.filter(|one| one["state"] != "pending") {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_inside_address_is_dialled_even_when_the_registry_lists_it() {
    let bench = Bench::set("callback addresses", GUARDED).await;
    let (port, caught) = trap();
    // Without a host the next part of the URL is the host, and that is nobody's inside.
    let named = || HOSTS.iter().filter(|host| !host.is_empty());
    let hosts = named().map(|host| format!("https://{host}:{port}/beckn"));
    let names = named().map(|host| format!("https://{host}/beckn"));
    // The server reads a URL before it keeps it; what is a public name after that is none of ours.
    let is_public = |url: &&&str| {
        let read = Url::parse(url);
        read.is_ok_and(|url| guard::check(url.as_str(), Reach::Public).is_ok())
    };
    let tricks = TRICKS.iter().filter(|url| !is_public(url));
    let tricks = tricks.map(|url| (*url).to_owned());
    let (mut refused, mut dead) = (0, 0);
    for url in hosts.chain(names).chain(tricks) {
        match bench.callback_to(&url).await.as_str() {
            "callback_url_mismatch" | "context_invalid" | "schema_mismatch" => refused += 1,
            "dead blocked_url" | "dead blocked_address" => dead += 1,
            other => panic!("{url}: {other}"),
        }
    }
    assert_eq!(caught.load(Ordering::SeqCst), 0, "something was dialled");
    // Not one of them is refused for its registry entry alone.
    assert!(dead >= 60, "{dead}");
    report("callback addresses", refused + dead, 160);
    println!(
        "{:34} {refused} refused, {dead} acknowledged and dead, 0 dialled",
        ""
    );
    bench.app.stop().await;
}
