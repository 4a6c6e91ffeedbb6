//! `cancel`: a BAP by hand, against a running mock network.

use std::time::{Duration, Instant};

use beckn_bpp::mock::bap::{self, BapHandle};
use beckn_bpp::mock::registry;

use crate::app::{listener, signer};
use crate::process::{Ended, Running, eight_ports, run};

struct Network {
    running: Running,
    base: u16,
}

impl Network {
    fn start() -> Self {
        let base = eight_ports();
        let mut running = Running::start(&["mock-network", "--port", &base.to_string()]);
        running.line_with("Ctrl-C ends it");
        Self { running, base }
    }

    fn cancel(&self, arguments: &[&str]) -> Ended {
        let at = |offset| format!("127.0.0.1:{}", self.base + offset);
        let [to, registry] = [0, 2].map(|offset| format!("http://{}", at(offset)));
        let listen = at(4);
        let parties = ["--to", &to, "--registry", &registry, "--listen", &listen];
        run(&[&["cancel"], arguments, &parties].concat())
    }
}

#[test]
fn each_outcome_is_shown_and_only_a_refused_request_fails() {
    let mut network = Network::start();

    let priced = network
        .cancel(&["O3", "--reason", "001", "--soft", "--json"])
        .expect(0)
        .json();
    assert_eq!(priced["answer"]["status"], 200);
    assert_eq!(priced["on_cancel"]["verified"], true);
    let order = &priced["on_cancel"]["body"]["message"]["order"];
    assert_eq!(order["status"], "SOFT_CANCEL");
    let cancelled = network
        .cancel(&["O3", "--reason", "001", "--note", "Late"])
        .expect(0);
    assert!(cancelled.out.contains("CANCELLED"), "{}", cancelled.out);
    assert!(cancelled.out.contains("50"), "{}", cancelled.out);
    assert_eq!(cancelled.err, "");

    // The BPP's answer is that it cannot be: the exchange itself is as it should be.
    let refused = network.cancel(&["O2", "--reason", "001"]).expect(0);
    assert!(refused.out.contains("not cancelled: "), "{}", refused.out);
    let refused = network
        .cancel(&["O2", "--reason", "001", "--json"])
        .expect(0)
        .json();
    assert!(refused["on_cancel"]["body"]["error"]["code"].is_string());

    let old = [
        "trip_2",
        "--core-version",
        "0.9.1",
        "--domain",
        "mobility",
        "--json",
    ];
    let old = network.cancel(&old).expect(0).json();
    let order = &old["on_cancel"]["body"]["message"]["order"];
    assert_eq!(order["state"], "Cancelled");

    let unknown = network.cancel(&["nope", "--reason", "001"]).expect(1);
    assert!(unknown.err.contains("order_not_found"), "{unknown:?}");
    let unknown = network
        .cancel(&["nope", "--reason", "001", "--json"])
        .expect(1)
        .json();
    assert!(unknown["on_cancel"].is_null());

    assert_eq!(network.running.stop("INT"), Some(0));
}

#[test]
fn a_bpp_that_is_not_there_and_a_port_that_is_taken_are_sentences() {
    let free = ["--listen", "127.0.0.1:0"];
    let ended = run(&[&["cancel", "O3", "--to", "http://127.0.0.1:1"], &free[..]].concat());
    let ended = ended.fails(1, "http://127.0.0.1:1/cancel");
    assert!(ended.err.contains("is the server running?"), "{ended:?}");
    let taken = listener();
    let taken = taken.local_addr().expect("an address").to_string();
    run(&["cancel", "O3", "--listen", &taken]).fails(1, "choose another --listen");
}

/// A party that answers ACK to everything and never calls back: another BAP will do.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_does_not_come_is_not_waited_for_longer_than_asked() {
    // Fails when another test was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = registry::start(listener(), Vec::new()).expect("a registry");
    let key = include_str!("../../keys/bpp.signing");
    let deaf: BapHandle =
        bap::start(listener(), signer("deaf", key), &registry.url, "").expect("a party");
    let to = format!("{}on_cancel?", deaf.url);
    let began = Instant::now();
    let ended = run(&[
        "cancel",
        "O3",
        "--to",
        &to,
        "--listen",
        "127.0.0.1:0",
        "--wait",
        "1",
    ]);
    let ended = ended.expect(1);
    assert!(ended.err.contains("no on_cancel came"), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(8));
    deaf.stop().await;
    registry.stop().await;
}
